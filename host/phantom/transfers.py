"""The DMA transfers of a layer on the stock pynq.lib.dma.DMA; whatever goes wrong with one is a DeviceError."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from .errors import DeviceError, DeviceTimeout

WEIGHT_ENGINES = ("dma_wgt", "dma_wgt1")  # as many of them as there are weight ports
DMACR, DMASR, S2MM = 0x00, 0x04, 0x30  # offsets; the registers of S2MM lie 0x30 above those of MM2S
RESET = 0x4  # in DMACR: one channel's resets its whole engine
IDLE = 0x2  # in DMASR, as are these:
FAULTS = {
    0x10: "the engine refuses the transfer: a result was longer than its buffer, or a length or address is no multiple of 8",
    0x20: "the memory answered SLVERR; the buffer must be memory that the device may use",
    0x40: "the memory answered DECERR: there is none at this address; the buffer must come from Accelerator.allocate",
}
RESET_READS = 2_000


@dataclass(frozen=True)
class Transfer:
    """One direction of one engine. `dma`: the engine, `channel`: its pynq driver, `offset`: of its registers."""

    name: str
    engine: str
    dma: Any
    channel: Any
    offset: int

    def read_status(self) -> int:
        """DMASR."""
        return int(self.dma.read(self.offset + DMASR))

    def begin(self, buffer: Any, nbytes: int, start: int = 0) -> None:
        """Move `nbytes` of a buffer, from byte `start` on. Raises DeviceError when the engine is not ready for it."""
        try:
            self.channel.transfer(buffer, start=start, nbytes=nbytes)
        except (RuntimeError, ValueError) as error:
            raise DeviceError(
                f"{self}: no transfer of {nbytes} bytes can begin: {error} (DMASR = 0x{self.read_status():04X})"
            ) from None

    def check(self) -> int:
        """DMASR. Raises DeviceError when it has an error bit set."""
        status = self.read_status()
        for bit, meaning in FAULTS.items():
            if status & bit:
                raise DeviceError(f"{self}: {meaning} (DMASR = 0x{status:04X})")
        return status

    def finish(self, deadline: float) -> int:
        """Wait for the end, until `deadline` (of time.monotonic); bytes moved. Raises DeviceError, DeviceTimeout."""
        while not self.check() & IDLE:
            if time.monotonic() > deadline:
                raise DeviceTimeout(f"{self}: the layer is done, but the transfer does not end")
        self.channel.wait()
        return int(self.channel.transferred)

    def __str__(self) -> str:
        return f"{self.engine}, {self.name}"


class Transfers:
    """Input, weights and result of a layer, on an overlay's `dma_act` and the engines of its weight streams."""

    def __init__(self, overlay: Any, weight_ports: int) -> None:
        act = overlay.dma_act
        self.source = Transfer("activations", "dma_act", act, act.sendchannel, 0)
        self.result = Transfer("results", "dma_act", act, act.recvchannel, S2MM)
        engines = {name: getattr(overlay, name) for name in WEIGHT_ENGINES[:weight_ports]}
        self.weights = [Transfer("weights", name, dma, dma.sendchannel, 0) for name, dma in engines.items()]
        self.all = (self.source, self.result, *self.weights)

    def check(self) -> None:
        """Raise DeviceError for the first one that has failed."""
        for transfer in self.all:
            transfer.check()

    def reset(self) -> None:
        """Reset the engines and make them ready. Raises DeviceTimeout when one still waits for the memory."""
        engines = {transfer.engine: transfer.dma for transfer in self.all}
        for dma in engines.values():
            dma.write(DMACR, RESET)
        for name, dma in engines.items():
            for _ in range(RESET_READS):
                if not dma.read(DMACR) & RESET:
                    break
            else:
                raise DeviceTimeout(
                    f"{name} does not come out of its reset: the memory owes it an answer; the next run tries again, and if that "
                    "fails too, load the overlay again"
                )
        for transfer in self.all:
            transfer.channel.start()
