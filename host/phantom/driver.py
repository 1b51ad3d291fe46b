"""The driver: runs compiled layers on a loaded overlay, board or simulation alike. Only public parts of pynq are used."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from .config import Config
from .counters import CAUSES, Counters
from .error_codes import explain
from .errors import DeviceError, DeviceTimeout, ShapeError
from .executable import Executable
from .layout import Layout
from .transfers import WEIGHT_ENGINES, Transfers

CONTROL_VLNV = "phantom.org:phantom:control:1.0"  # what the .hwh calls the control block
MAGIC = 0x5048544D  # "PHTM"
MAJOR = 1
MAX_TRANSFER = (1 << 26) - 8

WATCHDOG = 1024  # units of 1024 cycles: about 10 ms, which no layer is still for
PARAMETERS = (
    "rows",
    "cols",
    "threads",
    "lf",
    "act_words",
    "psum_depth",
    "weight_queue_words",
    "run_depth",
    "row_buffer_words",
    "directory_depth",
    "param_depth",
    "weight_ports",
)


class Accelerator:
    """A Phantom on a `pynq.Overlay` that has phantom_0, dma_act, dma_wgt (and dma_wgt1, with two weight ports).

    Args:
        overlay: the loaded overlay.
        config: what the hardware must have been built as; None takes it as it is.
        timeout: seconds that a layer may take.
        watchdog: units of 1024 cycles in which something has to move, 0 for no such limit.

    Raises:
        DeviceError: no Phantom there, another version, or other build parameters than `config`.
    """

    def __init__(self, overlay: Any, config: Config | None = None, timeout: float = 60.0, watchdog: int = WATCHDOG) -> None:
        for name in ("phantom_0", "dma_act", "dma_wgt"):
            if not hasattr(overlay, name):
                raise DeviceError(f"the overlay has no {name}; it is not a Phantom overlay")
        self.overlay = overlay
        self.timeout, self.watchdog = timeout, watchdog
        self._ip = overlay.phantom_0
        self._registers = overlay.ip_dict["phantom_0"]["registers"]
        self._clean = False  # who knows what was here before
        self._identify(config)
        ports = self.parameters["weight_ports"]
        if not 1 <= ports <= len(WEIGHT_ENGINES) or not all(hasattr(overlay, name) for name in WEIGHT_ENGINES[:ports]):
            raise DeviceError(
                f"the hardware has {ports} weight ports, but the overlay not as many of {', '.join(WEIGHT_ENGINES)}; its "
                "description is of another build"
            )
        self._transfers = Transfers(overlay, ports)

    # --- registers ---------------------------------------------------------------------------------------------------

    def _address(self, register: str) -> int:
        try:
            return int(self._registers[register]["address_offset"])
        except KeyError:
            raise DeviceError(f"the overlay's description has no register {register}; it is of another version") from None

    def _read(self, register: str) -> int:
        return int(self._ip.read(self._address(register)))

    def _write_fields(self, register: str, values: Mapping[str, int]) -> None:
        description = self._registers[register]["fields"]
        word = 0
        for name, value in values.items():
            offset, width = int(description[name]["bit_offset"]), int(description[name]["bit_width"])
            if not 0 <= value < 1 << width:
                raise DeviceError(f"{register}.{name} = {value} does not fit its {width} bits")
            word |= value << offset
        self._ip.write(self._address(register), word)

    def _identify(self, config: Config | None) -> None:
        magic = self._read("ID")
        if magic != MAGIC:
            raise DeviceError(f"phantom_0 identifies itself as 0x{magic:08X}; a Phantom would say 0x{MAGIC:08X}")
        version = self._read("VERSION") >> 16
        if version != MAJOR:
            raise DeviceError(f"the hardware has version {version} of the register map; this driver knows {MAJOR}")
        self.parameters = {name: self._read(name.upper()) for name in PARAMETERS}
        if config is None:
            return
        for name, built in self.parameters.items():
            wanted = getattr(config, name)
            if built != wanted:
                raise DeviceError(
                    f"the hardware was built with {name} = {built}; configuration {config.name!r} has {wanted}: "
                    f"load the bitstream of {config.name!r}, or compile for the one that is loaded"
                )

    # --- layers ------------------------------------------------------------------------------------------------------

    def allocate(self, words: int) -> Any:
        """A buffer of 64-bit words that the hardware can reach."""
        from pynq import allocate

        return allocate(shape=(max(1, words),), dtype=np.uint64, target=self.overlay.device)

    def upload(self, words: np.ndarray) -> Any:
        """A buffer with these words in it."""
        buffer = self.allocate(len(words))
        buffer[: len(words)] = words
        return buffer

    def configure(self, program: Executable) -> None:
        """Write registers and tables of a layer."""
        for register, values in program.registers.items():
            self._write_fields(f"LAYER_{register}", values)
        self._write_fields("LAYER_WATCHDOG", {"limit": self.watchdog})
        data = self._address("TABLE_DATA")
        position: tuple[int, int] | None = None
        for select, index, value in program.tables:
            if position != (select, index):
                self._write_fields("TABLE", {"select": select, "index": index})
            self._ip.write(data, int(value))
            position = (select, index + 1)

    def run_layer(self, program: Executable, source: Any, source_words: int, weights: Any, result: Any) -> tuple[int, Counters]:
        """Run one layer: `source` (a buffer with `source_words` words of activation stream) to `result`.

        Args:
            weights: a buffer with the program's weight streams; they are read once a strip.
            result: a buffer of at least `program.result_words`.

        Returns:
            Words written to `result`, and the counters.

        Raises:
            ShapeError: a buffer is too small. DeviceError: the hardware found something wrong. DeviceTimeout: it did not come to
            an end. The message names the layer and has the state of the registers. Nothing uses the buffers any more, and
            the next run begins anew (it is refused with a DeviceTimeout while a DMA engine still waits for the memory).
        """
        where = f"layer {program.name!r}"
        sizes = {"input": source_words, "weights": len(program.weights), "result": program.result_words}
        ports = self.parameters["weight_ports"]
        if len(program.weight_words) != ports:
            raise DeviceError(f"{where}: compiled for {len(program.weight_words)} weight ports; the hardware has {ports}")
        moves = {"input": source_words, "weights": max(program.weight_words), "result": program.result_words}
        for (name, words), buffer in zip(sizes.items(), (source, weights, result)):
            if not 0 < moves[name] * 8 <= MAX_TRANSFER:
                raise DeviceError(f"{where}: {name} of {moves[name] * 8} bytes; a transfer takes 8 to {MAX_TRANSFER}")
            if buffer.nbytes < words * 8:
                raise ShapeError(f"{where}: {name} of {words * 8} bytes in a buffer of {buffer.nbytes}; it must hold all of them")
        ends = [start + words - 1 for start, words in program.weight_streams]
        if any(int(weights[end]) != int(program.weights[end]) for end in ends):
            raise DeviceError(f"{where}: the buffer of weights does not hold the layer's stream; it must hold program.weights")
        if not self._clean:
            try:
                self.recover()
            except DeviceTimeout as error:
                raise DeviceTimeout(f"{where}, before its start: {error}") from error
        self._clean = False
        deadline = time.monotonic() + self.timeout
        try:
            self.configure(program)
            # The streams are shut until the start: no time between these lines counts for the watchdog.
            self._transfers.result.begin(result, sizes["result"] * 8)
            for transfer, (start, words) in zip(self._transfers.weights, program.weight_streams):
                transfer.begin(weights, words * 8, start * 8)
            self._transfers.source.begin(source, sizes["input"] * 8)
            self._write_fields("CTRL", {"start": 1})
            self._wait(program, deadline)
            self._transfers.source.finish(deadline)
            for transfer in self._transfers.weights:
                transfer.finish(deadline)
            nbytes = self._transfers.result.finish(deadline)
        except DeviceError as error:
            kind = DeviceTimeout if isinstance(error, DeviceTimeout) else DeviceError
            state = self._state(source_words, sum(program.weight_words) * program.strips)
            raise kind(f"{where}: {error} [{state}]{self._try_to_recover()}") from error
        except BaseException:
            self._try_to_recover()
            raise
        self._clean = True
        return nbytes // 8, self.counters()

    def _wait(self, program: Executable, deadline: float) -> None:
        while True:
            status = self._read("STATUS")
            self._transfers.check()  # first: an error of the memory has others in its wake
            code = status >> 8 & 0xFF
            if code:
                raise DeviceError(explain(code, program))
            if not status & 1:
                if not status & 2:
                    raise DeviceError("the hardware has stopped without finishing; was it reset, or used by somebody else?")
                return
            if time.monotonic() > deadline:
                raise DeviceTimeout(f"not finished after {self.timeout} s")

    def _state(self, source_words: int, weight_words: int) -> str:
        """Registers in words, for a message; ? for what cannot be read."""

        def look(form: str, read: Callable[..., int], *arguments: str) -> str:
            try:
                return form.format(read(*arguments))
            except DeviceError:
                return "?"

        moved = {"activations": ("ACT_WORDS", f" of {source_words}"), "results": ("OUT_WORDS", "")}
        moved["weights"] = ("WGT_WORDS", f" of {weight_words}")
        parts = [f"STATUS = {look('0x{:08X}', self._read, 'STATUS')}"]
        for name, (counter, total) in moved.items():
            status = [look("0x{:04X}", transfer.read_status) for transfer in self._transfers.all if transfer.name == name]
            parts.append(f"{name}: {look('{}', self._count, counter)}{total} words, DMASR = {', '.join(status)}")
        return "; ".join([*parts, f"cycles: {look('{}', self._count, 'CYCLES')}"])

    def _try_to_recover(self) -> str:
        """Recover now, for the DMA must let go of the buffers; a remark for the message if that fails."""
        try:
            self.recover()
        except DeviceError as error:
            return f"; {error}"
        return ""

    def recover(self) -> None:
        """Bring DMA engines and accelerator back to their state after reset. A run does it by itself when it has to.

        Raises:
            DeviceTimeout: a DMA engine does not come out of its reset.
        """
        self._write_fields("CTRL", {"soft_reset": 1})
        self._transfers.reset()
        self._clean = True

    def _count(self, name: str) -> int:
        address = self._address(f"COUNTERS_{name}")
        return int(self._ip.read(address)) | int(self._ip.read(address + 4)) << 32

    def counters(self) -> Counters:
        """Counters of the last layer."""
        cores = self.parameters["rows"] * self.parameters["cols"]
        names = [field.name for field in fields(Counters) if field.name != "sampled"]
        return Counters(
            **{name: self._count(name.upper()) for name in names},
            sampled={cause: self._count(f"ST_{cause.upper()}") * cores for cause in CAUSES},
        )


def expand_result(layout: Layout, buffer: Any, words: int) -> np.ndarray:
    """The tensor in the first `words` of a buffer."""
    return layout.expand(np.array(buffer[:words]))
