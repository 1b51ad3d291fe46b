"""A PYNQ device without a board: register accesses and buffers go to the simulated design.

pynq.Overlay, pynq.MMIO, pynq.allocate and pynq.lib.dma run on it unmodified. What a board does not have to tell, this
has to: how much time passes. Every register access takes a few cycles; a status register that says "still busy" is read
again inside the simulation, up to `poll_cycles` cycles, before Python sees it, so that a polling loop costs next to nothing.
When such a wait sees neither an end nor any memory traffic for `hang_cycles`, a real driver would hang for ever: here it
gets a DeviceTimeout.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pynq.buffer import PynqBuffer
from pynq.metadata.runtime_metadata_parser import RuntimeMetadataParser
from pynq.pl_server.device import Device
from pynqmetadata.frontends import Metadata

from phantom.errors import DeviceError, DeviceTimeout
from phantom.selftest.clock import Stopwatch
from phantom_sim import slcr
from phantom_sim.arena import Arena
from phantom_sim.rtl import Model
from phantom_sim.timing import Timing

DDR_BASE = 0x1000_0000
PL_BASE, PL_END = 0x43C0_0000, 0x43C4_0000
DMACR_RESET = 0x4
MEASURED_CYCLES = 50_000  # of a measurement of the clock, which the counters follow to 32 cycles
ENVIRONMENT = "PHANTOM_SIM"  # names the configuration that a probe offers as a device


@dataclass
class Watch:
    """A status register worth waiting on: it says "busy" while (value & mask) == waiting.

    `armed_by` is the register whose write starts the work; None: always worth waiting on. A DMA engine reads as "not
    idle" before its first transfer and after a reset, too, where waiting would be for nothing.
    """

    name: str
    mask: int
    waiting: int
    armed_by: int | None = None
    reset_by: int | None = None  # the register whose Reset bit ends the work
    armed: bool = False
    since: int = 0  # cycle in which the wait began
    traffic: int = 0  # memory beats when something last moved


def watches(ip_dict: dict[str, Any]) -> dict[int, Watch]:
    """The status registers of the control block and of the DMA engines in an overlay's description, by address."""
    result: dict[int, Watch] = {}
    for name, block in ip_dict.items():
        offset = {key: block["phys_addr"] + reg["address_offset"] for key, reg in block.get("registers", {}).items()}
        if "STATUS" in offset:
            result[offset["STATUS"]] = Watch(f"{name} STATUS", 0x1, 0x1, armed=True)  # busy
        for half in ("MM2S", "S2MM"):
            if f"{half}_DMASR" in offset:
                # Halted, idle and the error bits all 0: a transfer is under way.
                status = f"{half}_DMASR"
                result[offset[status]] = Watch(
                    f"{name} {status}", 0x73, 0x00, armed_by=offset[f"{half}_LENGTH"], reset_by=offset["MM2S_DMACR"]
                )
    return result


class SimulatedDevice(Device):
    """The design in `library`, with its own memory and its own time."""

    _probe_priority_ = 900  # after every real device (the on-board one has 50)

    @classmethod
    def _probe_(cls) -> list[Device]:
        """Offer a device only when the environment asks for one, by the name of a configuration."""
        config = os.environ.get(ENVIRONMENT, "")
        if not config:
            return []
        from phantom_sim.overlay import make_device

        return [make_device(config)]

    def __init__(
        self,
        library: Path,
        timing: Timing | None = None,
        name: str = "phantom_sim",
        memory_bytes: int = 256 << 20,
        poll_cycles: int = 20_000,
        hang_cycles: int = 2_000_000,
        seed: int = 1,
        trace: Path | None = None,
    ) -> None:
        """Load the design and take it out of reset.

        Args:
            library: from verilate.build.
            timing: clock, memory latency and bandwidth.
            memory_bytes: room for buffers.
            poll_cycles: cycles that one read of a busy status register may take.
            hang_cycles: cycles of waiting without memory traffic that count as a hang.
            seed: of the noise that the design's memories start with.
            trace: write an FST trace there (the library must have been built for it).
        """
        super().__init__(name)
        self.name = name
        self.arch = "armv7l"
        self.capabilities = {"REGISTER_RW": True, "MEMORY_MAPPED": False, "CALLABLE": False}
        self.arena = Arena(DDR_BASE, memory_bytes)
        self.model = Model(library, self.arena, timing or Timing(), seed, trace)
        self.poll_cycles = poll_cycles
        self.hang_cycles = hang_cycles
        self._watches: dict[int, Watch] = {}  # from the .hwh, once it is loaded
        self._arms: dict[int, Watch] = {}

    @property
    def stopwatch(self) -> Stopwatch:
        """Time as the design has it: how fast the simulation is says nothing."""
        model, hertz = self.model, self.model.timing.clock_mhz * 1e6
        return Stopwatch(lambda: model.cycles / hertz, lambda t: model.step(round(t * hertz)), MEASURED_CYCLES / hertz)

    # ------------------------------------------------------------------------------------------------------ registers

    def read_registers(self, address: int, length: int) -> bytes:
        """Read `length` bytes (whole words) of registers.

        Raises:
            DeviceTimeout: no answer, or a status register that will not change any more.
            DeviceError: an error answer, or nothing at this address.
        """
        return b"".join(self._read(at).to_bytes(4, "little") for at in range(address, address + length, 4))

    def write_registers(self, address: int, data: bytes) -> None:
        """Write whole words; raises what `read_registers` raises."""
        for at in range(0, len(data), 4):
            self._write(address + at, int.from_bytes(data[at : at + 4], "little"))

    def _read(self, address: int) -> int:
        if slcr.contains(address):
            return slcr.read(address)
        self._must_be_in_pl(address)
        watch = self._watches.get(address)
        if watch is None or not watch.armed:
            return self.model.read(address)
        value, waiting = self.model.poll(address, watch.mask, watch.waiting, self.poll_cycles)
        if waiting:
            self._look_for_life(watch, value)
        else:
            watch.armed = watch.armed_by is None
            watch.since = 0
        return value

    def _write(self, address: int, value: int) -> None:
        if slcr.contains(address):
            return slcr.write(address, value)
        self._must_be_in_pl(address)
        self.model.write(address, value)
        for watch in self._watches.values():
            watch.since = 0  # the driver does something: no wait has lasted until now
            if address == watch.reset_by and value & DMACR_RESET:
                watch.armed = False
        if address in self._arms:
            self._arms[address].armed = True
        return None

    def _look_for_life(self, watch: Watch, value: int) -> None:
        """Raise DeviceTimeout when a wait has lasted for `hang_cycles` without memory traffic."""
        cycle, traffic = self.model.cycles, self.model.beats.total
        if watch.since == 0 or traffic != watch.traffic:
            watch.since, watch.traffic = cycle - self.poll_cycles, traffic
        if cycle - watch.since >= self.hang_cycles:
            raise DeviceTimeout(
                f"{watch.name} still reads 0x{value:08X} in cycle {cycle}, and for {cycle - watch.since} cycles nothing "
                f"moved on the memory ports ({self.model.beats}); the stream that it waits for has ended or never began"
            )

    @staticmethod
    def _must_be_in_pl(address: int) -> None:
        if not PL_BASE <= address < PL_END:
            raise DeviceError(f"no register block at 0x{address:08X}; the design has 0x{PL_BASE:08X} to 0x{PL_END - 1:08X}")

    # --------------------------------------------------------------------------------------------------------- memory

    def allocate(self, shape: Any, dtype: Any = "u4", cacheable: bool = True, **kwargs: Any) -> PynqBuffer:
        """A buffer that the device can reach, filled with whatever the memory holds there.

        Flush and invalidate it as on the board (see arena.py). Its memory is freed with the last reference to it.

        Raises:
            RangeError: the device's memory is full.
        """
        count = int(np.prod(shape, dtype=np.int64))
        nbytes = count * np.dtype(dtype).itemsize
        address = self.arena.take(nbytes)
        offset = address - self.arena.base
        memory = memoryview(self.arena.host_memory)[offset : offset + max(nbytes, 1)]
        buffer = PynqBuffer(
            shape, dtype, buffer=memory, device=self, device_address=address, bo=address, coherent=False, **kwargs
        )
        buffer.memory, buffer.pointer, buffer.return_to = self, address, self
        return buffer

    def return_pointer(self, address: int) -> None:
        """Called by a buffer that goes away."""
        self.arena.give_back(address)

    def flush(self, bo: int, offset: int, vaddr: int, nbytes: int) -> None:
        """Make what the processor wrote visible to the device."""
        self.arena.flush(vaddr, nbytes)

    def invalidate(self, bo: int, offset: int, vaddr: int, nbytes: int) -> None:
        """Make what the device wrote visible to the processor."""
        self.arena.invalidate(vaddr, nbytes)

    # -------------------------------------------------------------------------------------------------------- overlay

    def get_bitfile_metadata(self, bitfile_name: str) -> RuntimeMetadataParser:
        """Parse the .hwh beside the .bit.

        Raises:
            DeviceError: there is none.
        """
        description = Path(bitfile_name).with_suffix(".hwh")
        if not description.exists():
            raise DeviceError(f"{description} does not exist; PYNQ needs it beside {bitfile_name}")
        return RuntimeMetadataParser(Metadata(input=str(description)))

    def download(self, bitstream: Any, parser: Any = None) -> None:
        """Configure the device: everything in it starts from reset."""
        self.model.reset()
        self._watches = watches(parser.ip_dict) if parser is not None else {}
        self._arms = {watch.armed_by: watch for watch in self._watches.values() if watch.armed_by is not None}
        super().post_download(bitstream, parser, self.name)

    def gen_cache(self, bitstream: Any, parser: Any = None) -> None:
        """Nothing to cache."""

    def close(self) -> None:
        """End the simulation (and complete its trace). Buffers stay readable."""
        self.model.close()
