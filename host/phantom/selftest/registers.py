"""Who the device is, and whether its registers hold what is written: what can be known before anything moves."""

from __future__ import annotations

from typing import Any

from ..config import Config
from ..driver import MAGIC, MAJOR, PARAMETERS
from ..errors import DeviceError

PATTERNS = (0x00000000, 0xFFFFFFF8, 0x55555550, 0xAAAAAAA8, 0x12345678)  # multiples of 8: addresses of words
READS = 100  # of each identification register: a bus that is right nearly always is wrong
# In the address registers of the DMA engines, which no transfer is using now.
HOLDING = {"dma_act": ("MM2S_SA", "S2MM_DA"), "dma_wgt": ("MM2S_SA",), "dma_wgt1": ("MM2S_SA",)}


class Block:
    """The registers of a block of the overlay, by the names of its description. Raises DeviceError where there is none."""

    def __init__(self, overlay: Any, name: str) -> None:
        if not hasattr(overlay, name):
            raise DeviceError(f"the overlay has no {name}; it is not a Phantom overlay")
        self.name, self._ip = name, getattr(overlay, name)
        self._description = overlay.ip_dict[name]
        self.parameters = {key: str(value) for key, value in self._description.get("parameters", {}).items()}

    def _address(self, register: str) -> int:
        try:
            return int(self._description["registers"][register]["address_offset"])
        except KeyError:
            raise DeviceError(f"the description of {self.name} has no register {register}; it is of another version") from None

    def read(self, register: str) -> int:
        """The word in a register."""
        return int(self._ip.read(self._address(register)))

    def write(self, register: str, value: int) -> None:
        """Write a word."""
        self._ip.write(self._address(register), value)


def check_identity(overlay: Any, config: Config) -> str:
    """Identity, version and build parameters; these also against the description (.hwh) that was loaded with the bitstream."""
    control = Block(overlay, "phantom_0")
    magic, version = _steady(control, "ID"), _steady(control, "VERSION")
    if magic != MAGIC:
        raise DeviceError(f"phantom_0 identifies itself as 0x{magic:08X}; a Phantom would say 0x{MAGIC:08X}")
    if version >> 16 != MAJOR:
        raise DeviceError(f"the hardware has version {version >> 16} of the register map; this driver knows {MAJOR}")
    for name in PARAMETERS:
        built, wanted = _steady(control, name.upper()), getattr(config, name)
        if built != wanted:
            raise DeviceError(
                f"the hardware was built with {name} = {built}; configuration {config.name!r} has {wanted}: "
                f"load the bitstream of {config.name!r}, or give --config"
            )
        described = control.parameters.get("".join(part.capitalize() for part in name.split("_")))
        if described is not None and described != str(built):
            raise DeviceError(
                f"the hardware was built with {name} = {built}, and its description (.hwh) says {described}; "
                "the two files must be of one build"
            )
    size = f"{config.rows} x {config.cols} cores x {config.threads} threads"
    return f"version {version >> 16}.{version & 0xFFFF} of the register map, {config.name}: {size}"


def _steady(control: Block, register: str) -> int:
    """A register that never changes. Raises DeviceError when it does."""
    value = control.read(register)
    for _ in range(READS):
        other = control.read(register)
        if other != value:
            raise DeviceError(f"{register} read 0x{value:08X}, then 0x{other:08X}; it must never change: the bus is not reliable")
    return value


def check_registers(overlay: Any, config: Config) -> str:
    """Write patterns and read them again."""
    count = 0
    for engine, names in HOLDING.items():
        if engine == "dma_wgt1" and config.weight_ports < 2:
            continue  # at its address there is nothing
        block = Block(overlay, engine)
        for pattern in PATTERNS:
            written = {name: pattern ^ i << 4 for i, name in enumerate(names)}
            for name, value in written.items():  # all before any is read: one register must not answer for another
                block.write(name, value)
            for name, value in written.items():
                got = block.read(name)
                if got != value:
                    raise DeviceError(f"{engine} {name}: wrote 0x{value:08X}, read 0x{got:08X}")
                count += 1
    return f"{count} values"
