"""The driver: runs compiled layers on a loaded overlay, board or simulation alike. Only public parts of pynq are used."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from .config import Config
from .errors import DeviceError, DeviceTimeout, ShapeError
from .layout import Layout
from .program import Program

MAGIC = 0x5048544D  # "PHTM"
MAJOR = 1
MAX_TRANSFER = (1 << 26) - 8

ERRORS = {
    1: "activation stream: a packet header has a wrong kind or a field out of range",
    2: "activation stream: it ended before its END packet",
    3: "activation stream: END does not match the words before it",
    4: "row buffer: the rows of one strip do not fit",
    5: "weight stream: a packet header or thread number is wrong",
    6: "weight stream: it ended before its END packet",
    7: "weight stream: END does not match the words before it",
    8: "watchdog: nothing has moved for a long time",
}

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
)


@dataclass(frozen=True)
class Counters:
    """Events of one layer (see the register description); `sampled` are thread cycles by cause, scaled to all cores."""

    cycles: int
    macs: int
    act_words: int
    wgt_words: int
    out_words: int
    lam_starved: int
    lam_blocked: int
    row_buffer_full: int
    wgt_starved: int
    wgt_blocked: int
    drain_wait: int
    out_blocked: int
    sampled: Mapping[str, int]


class Accelerator:
    """A Phantom on a `pynq.Overlay` that has phantom_0, dma_act and dma_wgt.

    Args:
        overlay: the loaded overlay.
        config: what the hardware must have been built as; None takes it as it is.
        timeout: seconds that a layer may take.

    Raises:
        DeviceError: no Phantom there, another version, or other build parameters than `config`.
    """

    def __init__(self, overlay: Any, config: Config | None = None, timeout: float = 60.0) -> None:
        for name in ("phantom_0", "dma_act", "dma_wgt"):
            if not hasattr(overlay, name):
                raise DeviceError(f"the overlay has no {name}; it is not a Phantom overlay")
        self.overlay = overlay
        self.timeout = timeout
        self._ip = overlay.phantom_0
        self._registers = overlay.ip_dict["phantom_0"]["registers"]
        self._act, self._wgt = overlay.dma_act, overlay.dma_wgt
        self._identify(config)

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

    def configure(self, program: Program, watchdog: int = 4096) -> None:
        """Write registers and tables of a layer. `watchdog`: in units of 1024 cycles, 0 for none."""
        for register, values in program.registers.items():
            self._write_fields(f"LAYER_{register}", values)
        self._write_fields("LAYER_WATCHDOG", {"limit": watchdog})
        data = self._address("TABLE_DATA")
        position: tuple[int, int] | None = None
        for select, index, value in program.tables:
            if position != (select, index):
                self._write_fields("TABLE", {"select": select, "index": index})
            self._ip.write(data, int(value))
            position = (select, index + 1)

    def run_layer(self, program: Program, source: Any, source_words: int, weights: Any, result: Any) -> tuple[int, Counters]:
        """Run one layer: `source` (a buffer with `source_words` words of activation stream) to `result`.

        Args:
            weights: a buffer with the program's weight stream; it is read once a strip.
            result: a buffer of at least `program.result_words`.

        Returns:
            Words written to `result`, and the counters.

        Raises:
            DeviceError: the hardware found something wrong. DeviceTimeout: it did not come to an end.
            Either leaves it ready for the next run.
        """
        for name, words in (("input", source_words), ("weights", len(program.weights)), ("result", program.result_words)):
            if words * 8 > MAX_TRANSFER:
                raise DeviceError(f"layer {program.layer.name!r}: {name} of {words * 8} bytes; a transfer takes {MAX_TRANSFER}")
        self.configure(program)
        self._write_fields("CTRL", {"start": 1})
        try:
            self._act.recvchannel.transfer(result, nbytes=program.result_words * 8)
            self._wgt.sendchannel.transfer(weights, nbytes=len(program.weights) * 8)
            self._act.sendchannel.transfer(source, nbytes=source_words * 8)
            self._wait(program)
        except Exception:
            self.recover()
            raise
        self._act.recvchannel.wait()
        self._act.sendchannel.wait()
        self._wgt.sendchannel.wait()
        return int(self._act.recvchannel.transferred) // 8, self.counters()

    def _wait(self, program: Program) -> None:
        deadline = time.monotonic() + self.timeout
        where = f"layer {program.layer.name!r}"
        while True:
            status = self._read("STATUS")
            code = status >> 8 & 0xFF
            if code:
                raise DeviceError(f"{where}: error {code}, {ERRORS.get(code, 'unknown')}")
            if not status & 1:
                if not status & 2:
                    raise DeviceError(f"{where}: the hardware has stopped without finishing (STATUS = 0x{status:08X})")
                return
            for name, channel in (
                ("dma_act, activations", self._act.sendchannel),
                ("dma_act, results", self._act.recvchannel),
                ("dma_wgt, weights", self._wgt.sendchannel),
            ):
                if channel.error:
                    raise DeviceError(f"{where}: {name}: the memory answered with an error, or the transfer was too short")
            if time.monotonic() > deadline:
                raise DeviceTimeout(f"{where}: not finished after {self.timeout} s (STATUS = 0x{status:08X})")

    def recover(self) -> None:
        """Bring DMA engines and accelerator back to their state after reset."""
        self._write_fields("CTRL", {"soft_reset": 1})
        for dma, channels in (
            (self._act, (self._act.sendchannel, self._act.recvchannel)),
            (self._wgt, (self._wgt.sendchannel,)),
        ):
            dma.write(0x00, 4)
            for _ in range(10_000):
                if not dma.read(0x00) & 4:
                    break
            else:
                raise DeviceTimeout("a DMA engine does not come out of its reset; load the overlay again")
            for channel in channels:
                channel.start()

    def counters(self) -> Counters:
        """Counters of the last layer."""

        def read(name: str) -> int:
            address = self._address(f"COUNTERS_{name}")
            return int(self._ip.read(address)) | int(self._ip.read(address + 4)) << 32

        cores = self.parameters["rows"] * self.parameters["cols"]
        names = [field.name for field in fields(Counters) if field.name != "sampled"]
        causes = ("hazard", "fetch", "weight", "channel", "issue", "bank")
        return Counters(
            **{name: read(name.upper()) for name in names},
            sampled={cause: read(f"ST_{cause.upper()}") * cores for cause in causes},
        )

    def run(self, programs: list[Program], image: np.ndarray, keep: bool = True) -> tuple[list[np.ndarray], list[Counters]]:
        """Run a chain of layers on one input [C, H, W]; the results of all layers (of the last one unless `keep`)."""
        first = programs[0].source
        if image.shape != first.logical or image.dtype != first.dtype:
            raise ShapeError(f"the input is {image.dtype} of shape {image.shape}, not {first.dtype} of shape {first.logical}")
        words = first.compress(image)
        source, count = self.upload(words), len(words)
        source.flush()
        outputs, counters = [], []
        for program in programs:
            weights = self.upload(program.weights)
            weights.flush()
            result = self.allocate(program.result_words)
            count, events = self.run_layer(program, source, count, weights, result)
            counters.append(events)
            if keep or program is programs[-1]:
                result.invalidate()
                outputs.append(expand_result(program.result, result, count))
            source = result
        return outputs, counters


def expand_result(layout: Layout, buffer: Any, words: int) -> np.ndarray:
    """The tensor in the first `words` of a buffer."""
    return layout.expand(np.array(buffer[:words]))
