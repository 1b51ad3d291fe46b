"""An overlay made of dictionaries: what the driver writes is kept, what it reads can be set, and its DMA moves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from phantom.config import Config
from phantom.driver import MAGIC, PARAMETERS
from phantom.program import Program

COUNTERS = ("CYCLES", "MACS", "ACT_WORDS", "WGT_WORDS", "OUT_WORDS", "LAM_STARVED", "LAM_BLOCKED", "ROW_BUFFER_FULL")
COUNTERS += ("WGT_STARVED", "WGT_BLOCKED", "DRAIN_WAIT", "OUT_BLOCKED")
COUNTERS += ("ST_HAZARD", "ST_FETCH", "ST_WEIGHT", "ST_CHANNEL", "ST_ISSUE", "ST_BANK")
DONE = 2
WIDTH = 24  # of every field of a layer's registers


class Block:
    """Registers of one block. `log` has every write, in order, by name."""

    def __init__(self, registers: Mapping[str, Any]) -> None:
        self.registers = registers
        self.names = {entry["address_offset"]: name for name, entry in registers.items()}
        self.values: dict[str, int] = {}
        self.log: list[tuple[str, int]] = []

    def read(self, address: int) -> int:
        """The value that was set for it; the high half of a counter is 1."""
        name = self.names.get(address)
        return self.values.get(name, 0) if name else 1

    def write(self, address: int, value: int) -> None:
        self.log.append((self.names[address], value))

    def written(self, name: str) -> list[int]:
        """All values that a register was given."""
        return [value for register, value in self.log if register == name]


class Channel:
    """One direction of a DMA engine."""

    def __init__(self) -> None:
        self.error = 0
        self.busy = self.refuses = False
        self.transferred = 0
        self.transfers: list[int] = []
        self.begins: list[int] = []
        self.starts = 0

    @property
    def status(self) -> int:
        """DMASR: idle, with the bits of `error`."""
        return self.error | (0 if self.busy else 2)

    def transfer(self, buffer: Any, start: int, nbytes: int) -> None:
        if self.refuses:
            raise RuntimeError("DMA channel not idle")
        self.transfers.append(nbytes)
        self.begins.append(start)

    def wait(self) -> None:
        pass

    def start(self) -> None:
        self.starts += 1


class Dma:
    """An engine whose reset ends at once, or never (`stuck`)."""

    def __init__(self) -> None:
        self.sendchannel, self.recvchannel = Channel(), Channel()
        self.resets = 0
        self.stuck = False

    def read(self, address: int) -> int:
        if address in (0x04, 0x34):
            return (self.sendchannel if address == 0x04 else self.recvchannel).status
        return 4 if self.stuck else 0

    def write(self, address: int, value: int) -> None:
        self.resets += (address, value) == (0, 4)


class FakeOverlay:
    """What `Accelerator` needs, for a configuration; done at once unless told otherwise."""

    def __init__(self, config: Config, program: Program | None = None) -> None:
        names: dict[str, dict[str, tuple[int, int]]] = {name: {} for name in ("ID", "VERSION", "STATUS", "TABLE_DATA")}
        names |= {name.upper(): {} for name in PARAMETERS}
        names |= {"CTRL": {"start": (0, 1), "soft_reset": (1, 1)}, "TABLE": {"select": (16, 2), "index": (0, 6)}}
        layer = dict(program.registers) if program else {}
        for register, values in {**layer, "WATCHDOG": {"limit": 0}}.items():
            names[f"LAYER_{register}"] = {field: (WIDTH * i, WIDTH) for i, field in enumerate(values)}
        registers = {}
        for i, (name, fields) in enumerate(names.items()):
            described = {field: {"bit_offset": at, "bit_width": width} for field, (at, width) in fields.items()}
            registers[name] = {"address_offset": 4 * i, "fields": described}
        registers |= {f"COUNTERS_{name}": {"address_offset": 0x400 + 8 * i, "fields": {}} for i, name in enumerate(COUNTERS)}
        self.phantom_0 = Block(registers)
        self.phantom_0.values = {"ID": MAGIC, "VERSION": 1 << 16 | 3, "STATUS": DONE}
        self.phantom_0.values |= {name.upper(): getattr(config, name) for name in PARAMETERS}
        self.ip_dict = {"phantom_0": {"registers": registers}}
        self.dma_act, self.dma_wgt, self.dma_wgt1 = Dma(), Dma(), Dma()
