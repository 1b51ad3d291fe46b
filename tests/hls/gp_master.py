"""GP0 of the PS7 as seen from the logic: an AXI3 master of 32 bits with 12-bit IDs, which holds the slave to the rules."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from cocotb.triggers import RisingEdge
from streams import Driver, Monitor, Port

FIXED, INCR, WRAP, RESERVED = range(4)
OKAY, EXOKAY, SLVERR, DECERR = range(4)
ADDRESS = ("id", "addr", "len", "size", "burst")


@dataclass
class Burst:
    """A burst of `beats` beats of 2**`size` bytes; a write has (data, strobes) of each beat in `payload`."""

    id: int
    addr: int
    beats: int
    size: int = 2
    burst: int = INCR
    payload: list[tuple[int, int]] = field(default_factory=list)

    @property
    def request(self) -> tuple[int, ...]:
        """The payload of the address channel."""
        return self.id, self.addr, self.beats - 1, self.size, self.burst

    def addresses(self) -> list[int]:
        """Byte address of each beat, as AXI3 (A3.4.1) defines it."""
        width = 1 << self.size
        if self.burst == FIXED:
            return [self.addr] * self.beats
        if self.burst == WRAP:
            total = width * self.beats
            low = self.addr // total * total
            return [low + (self.addr - low + i * width) % total for i in range(self.beats)]
        return [self.addr] + [self.addr // width * width + i * width for i in range(1, self.beats)]

    @property
    def legal(self) -> bool:
        """Whether AXI3 allows it on 32 bits."""
        whole = self.beats in (2, 4, 8, 16) and self.addr % (1 << self.size) == 0
        return self.size < 3 and self.burst != RESERVED and (self.burst != WRAP or whole)

    def lanes(self) -> list[int]:
        """The strobes that a master may set in each beat."""
        width = 1 << self.size
        spans = [range(address, address - address % width + width) for address in self.addresses()]
        return [sum(1 << lane for lane in {byte % 4 for byte in span}) for span in spans]


class GpMaster:
    """Sends bursts one after the other and collects the answers, each channel pausing by a profile of its own.

    Write data comes before, with or after its address, as the channels pause; the data of two bursts is never interleaved.
    What is checked of the slave: answers in order with the ID of their burst, no beats of two bursts mixed, RLAST with the last
    beat and only there.
    """

    def __init__(self, dut: Any, idle: str = "none", stall: str = "none") -> None:
        self.aw = Driver(Port(dut, "gp_aw", ADDRESS), idle)
        self.w = Driver(Port(dut, "gp_w", ("id", "data", "strb", "last")), idle)
        self.ar = Driver(Port(dut, "gp_ar", ADDRESS), idle)
        self.b = Monitor(Port(dut, "gp_b", ("id", "resp")), stall)
        self.r = Monitor(Port(dut, "gp_r", ("id", "data", "resp", "last")), stall)
        self.clk = dut.clk_i
        self._written: deque[Burst] = deque()
        self._read: deque[Burst] = deque()

    def send_write(self, burst: Burst) -> None:
        """Queue a write."""
        assert len(burst.payload) == burst.beats
        self._written.append(burst)
        self.aw.send([burst.request])
        self.w.send([(burst.id, data, strb, int(i == burst.beats - 1)) for i, (data, strb) in enumerate(burst.payload)])

    def send_read(self, burst: Burst) -> None:
        """Queue a read."""
        self._read.append(burst)
        self.ar.send([burst.request])

    async def answer_to_write(self) -> int:
        """The response of the oldest write that has not been answered yet."""
        burst = self._written.popleft()
        ((got, response),) = await self.b.collect(1, 20_000)
        assert got == burst.id, f"BID {got:#x} for the write {burst}"
        return int(response)

    async def answer_to_read(self) -> list[tuple[int, int]]:
        """(data, response) of each beat of the oldest read that has not been answered yet."""
        burst = self._read.popleft()
        beats = await self.r.collect(burst.beats, 20_000)
        for i, (got, _, _, last) in enumerate(beats):
            assert got == burst.id, f"RID {got:#x} in beat {i} of {burst}"
            assert last == (i == burst.beats - 1), f"RLAST {last} in beat {i} of {burst}"
        return [(data, response) for _, data, response, _ in beats]

    async def write_dword(self, address: int, value: int) -> None:
        """A single write, as a register access is; it must succeed."""
        self.send_write(Burst(random.getrandbits(12), address, 1, payload=[(value, 0xF)]))
        response = await self.answer_to_write()
        assert response == OKAY, f"write to {address:#x}: response {response}"

    async def read_dword(self, address: int) -> int:
        """A single read, which must succeed."""
        self.send_read(Burst(random.getrandbits(12), address, 1))
        ((data, response),) = await self.answer_to_read()
        assert response == OKAY, f"read of {address:#x}: response {response}"
        return int(data)

    async def silence(self, cycles: int = 50) -> None:
        """Nothing that was not asked for arrives."""
        for _ in range(cycles):
            await RisingEdge(self.clk)
        assert not self.b.items and not self.r.items
