"""What surrounds ``phantom_dma`` in its tests: register access, memory, both streams."""

from __future__ import annotations

import random
from typing import Any

from axi_memory import AxiMemory
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiLiteBus, AxiLiteMaster
from streams import Driver, Monitor, Port, start

MM2S, S2MM = 0x00, 0x30
CR, SR, ADDR, ADDR_MSB, LENGTH = 0x00, 0x04, 0x18, 0x1C, 0x28
RS, RESET, IOC_EN, ERR_EN = 1 << 0, 1 << 2, 1 << 12, 1 << 14
HALTED, IDLE, INT_ERR, SLV_ERR, DEC_ERR, IOC_IRQ, ERR_IRQ = 1 << 0, 1 << 1, 1 << 4, 1 << 5, 1 << 6, 1 << 12, 1 << 14


def words(count: int) -> list[int]:
    """Return random 64-bit words."""
    return [random.getrandbits(64) for _ in range(count)]


def place(count: int) -> int:
    """Return a byte address for ``count`` words, as often as not close before a 4 KB boundary."""
    page = random.randrange(1, 1 << 18) * 4096
    return page - 8 * random.randint(0, count) if random.random() < 0.6 else page + 8 * random.randrange(512)


def packet(data: list[int], last: bool = True) -> list[tuple[int, int]]:
    """Return the words of a packet with their TLAST."""
    return [(word, int(last and i == len(data) - 1)) for i, word in enumerate(data)]


class DmaBench:
    """The engine in its surroundings; make one with ``await DmaBench.make(dut, ...)``."""

    def __init__(self, dut: Any, latency: int, memory: str, idle: str, stall: str) -> None:
        self.dut = dut
        dut.mm2s_repeat_i.value = 0
        self.bus = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk_i)
        self.bus.write_if.log.setLevel("WARNING")
        self.bus.read_if.log.setLevel("WARNING")
        self.memory = AxiMemory(dut, "m_axi", latency, memory)
        self.idle, self.stall = idle, stall
        self.source = Driver(Port(dut, "s_axis_t", ("data", "last")), idle)
        self.sink = Monitor(Port(dut, "m_axis_t", ("data", "last")), stall)

    @classmethod
    async def make(
        cls, dut: Any, latency: int = 10, memory: str = "none", idle: str = "none", stall: str = "none", run: bool = True
    ) -> DmaBench:
        """Reset the design and, with ``run``, set RS in both channels."""
        bench = cls(dut, latency, memory, idle, stall)
        await start(dut)
        if run:
            for channel in (MM2S, S2MM):
                await bench.write(channel + CR, RS)
        return bench

    async def write(self, offset: int, value: int) -> None:
        """Write a register."""
        await self.bus.write_dword(offset, value)

    async def read(self, offset: int) -> int:
        """Read a register."""
        return await self.bus.read_dword(offset)

    async def transfer(self, channel: int, address: int, nbytes: int) -> None:
        """Start a transfer, in the order of the driver's writes."""
        await self.write(channel + ADDR, address)
        await self.write(channel + ADDR_MSB, 0)
        await self.write(channel + LENGTH, nbytes)

    async def wait(self, channel: int, bits: int = IDLE, polls: int = 4000) -> int:
        """Poll DMASR until one of ``bits`` is set; return it."""
        for _ in range(polls):
            status = await self.read(channel + SR)
            if status & bits:
                return status
        raise AssertionError(f"channel {channel:#x}: status stays {status:#x}, waiting for {bits:#x}")

    async def send(self, address: int, data: list[int], repeat: int = 0) -> None:
        """Put data into memory and start MM2S on it."""
        self.memory.load(address, data)
        self.dut.mm2s_repeat_i.value = repeat
        await self.transfer(MM2S, address, 8 * len(data))
        self.dut.mm2s_repeat_i.value = random.getrandbits(16)  # is sampled, later values do not matter

    async def receive(self, address: int, data: list[int], room: int | None = None) -> None:
        """Stream a packet into S2MM, wait, and compare memory, guard words and the reported length."""
        before = self.memory.dump(address - 64, 8), self.memory.dump(address + 8 * len(data), 24)
        await self.transfer(S2MM, address, 8 * (room or len(data)))
        self.source.send(packet(data))
        status = await self.wait(S2MM)
        assert status & ~IOC_IRQ == IDLE, f"status {status:#x}"
        assert await self.read(S2MM + LENGTH) == 8 * len(data), "LENGTH must read the bytes received"
        assert self.memory.dump(address, len(data)) == data
        assert (self.memory.dump(address - 64, 8), self.memory.dump(address + 8 * len(data), 24)) == before

    async def soft_reset(self, channel: int) -> int:
        """Reset the engine and the source, restart both channels; return how many polls the reset took."""
        self.source.stop()
        self.sink.stop()  # its stream is cut
        await self.write(channel + CR, RESET)
        polls = 1
        while await self.read(channel + CR) & RESET:
            polls += 1
            assert polls < 2000, "Reset stays 1"
        assert self.memory.outstanding == 0, "Reset must not end before the last answer"
        await ClockCycles(self.dut.clk_i, 2)
        self.sink = Monitor(Port(self.dut, "m_axis_t", ("data", "last")), self.stall)
        self.source = Driver(Port(self.dut, "s_axis_t", ("data", "last")), self.idle)
        for other in (MM2S, S2MM):
            assert await self.read(other + SR) == HALTED
            assert await self.read(other + CR) == 0x0001_0002
            await self.write(other + CR, RS)
            assert await self.read(other + SR) == 0, "running, not idle before the first transfer"
        return polls

    async def check_both(self) -> None:
        """Run one transfer each way and compare."""
        sent, received = words(45), words(37)
        await self.send(0x4_0F90, sent)
        await self.receive(0x5_0FB8, received)
        await self.sink.expect(packet(sent))
        await self.wait(MM2S)
        await self.sink.silence(40)
