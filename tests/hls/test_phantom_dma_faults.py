"""phantom_dma: error responses, refused transfers, packets too long, stops and resets in the middle."""

from __future__ import annotations

import random

import bench
import cocotb
import pytest
from axi_memory import DECERR, SLVERR
from cocotb.triggers import ClockCycles, RisingEdge
from dma_bench import (
    CR,
    DEC_ERR,
    ERR_IRQ,
    HALTED,
    IDLE,
    INT_ERR,
    IOC_IRQ,
    LENGTH,
    MM2S,
    RESET,
    RS,
    S2MM,
    SLV_ERR,
    SR,
    DmaBench,
    packet,
    place,
    words,
)
from streams import PROFILES, Monitor, Port, param

BIT_OF = {SLVERR: SLV_ERR, DECERR: DEC_ERR}


@cocotb.test()
@cocotb.parametrize(channel=[MM2S, S2MM])
async def misfits_are_refused(dut, channel: int) -> None:
    b = await DmaBench.make(dut, 5)
    for address, nbytes in ((0x1000, 0), (0x1004, 64), (0x1001, 64), (0x1000, 63), (0x1000, 4), (0x1000, 68)):
        await b.transfer(channel, address, nbytes)
        assert await b.wait(channel, HALTED) == HALTED | INT_ERR | ERR_IRQ, f"{address:#x}, {nbytes} bytes"
        await b.write(channel + CR, RS)
        assert await b.read(channel + SR) & HALTED, "only Reset recovers"
        await b.write(channel + LENGTH, 64)
        assert not b.memory.reads and not b.memory.writes
        await b.soft_reset(channel)
    await b.check_both()


@cocotb.test()
@cocotb.parametrize(response=[SLVERR, DECERR], profile=PROFILES)
async def read_errors(dut, response: int, profile: str) -> None:
    b = await DmaBench.make(dut, 15, memory=profile, stall=profile)
    for bad in (0, 15, 16, 70, 119, random.randrange(120)):
        data, address = words(120), 0x9000 - 8 * random.randrange(16)
        b.memory.errors = {address + 8 * bad: response}
        await b.send(address, data)
        status = await b.wait(MM2S, HALTED)
        assert status & ~IOC_IRQ == HALTED | BIT_OF[response] | ERR_IRQ, f"status {status:#x}"
        assert b.memory.outstanding == 0, "Halted must come after the last answer"
        assert b.sink.items == packet(data)[: len(b.sink.items)] and len(b.sink.items) <= bad
        assert await b.read(S2MM + SR) & HALTED == 0, "the other channel runs on"
        b.memory.errors = {}
        await b.soft_reset(MM2S)
        await b.check_both()


@cocotb.test()
@cocotb.parametrize(response=[SLVERR, DECERR], profile=PROFILES)
async def write_errors(dut, response: int, profile: str) -> None:
    b = await DmaBench.make(dut, 15, memory=profile, idle=profile)
    for bad in (0, 17, 119, random.randrange(120)):
        data, address = words(120), 0x9000 - 8 * random.randrange(16)
        b.memory.errors = {address + 8 * bad: response}
        b.source.send(packet(data))
        await b.transfer(S2MM, address, 8 * 120)
        status = await b.wait(S2MM, HALTED)
        assert status & ~IOC_IRQ == HALTED | BIT_OF[response] | ERR_IRQ, f"status {status:#x}"
        assert b.memory.outstanding == 0, "Halted must come after the last answer"
        await b.source.drain()  # the rest is swallowed: the source is not left hanging
        b.memory.errors = {}
        await b.soft_reset(S2MM)
        await b.check_both()


@cocotb.test()
@cocotb.parametrize(profile=PROFILES)
async def overflow(dut, profile: str) -> None:
    b = await DmaBench.make(dut, 10, memory=profile, idle=profile)
    for room, count in ((1, 2), (16, 17), (20, 90), (33, 34)):
        data, after = words(count), words(12)
        address = place(room)
        before = b.source.sent
        b.source.send(packet(data) + packet(after))
        await b.transfer(S2MM, address, 8 * room)
        status = await b.wait(S2MM, HALTED)
        assert status & ~IOC_IRQ == HALTED | INT_ERR | ERR_IRQ, f"status {status:#x}"
        assert b.memory.dump(address, room) == data[:room], "what has room is written"
        assert b.memory.dump(address + 8 * room, 4) == [None] * 4, "nothing lands behind the buffer"
        for _ in range(2000):
            if b.source.sent >= before + count:
                break
            await RisingEdge(dut.clk_i)
        await ClockCycles(dut.clk_i, 100)
        assert count <= b.source.sent - before <= count + 2, "the packet is swallowed, the next one waits"
        await b.soft_reset(S2MM)
        b.memory.words.clear()
        await b.check_both()


@cocotb.test()
@cocotb.parametrize(profile=["none", "light", "bursty"])
async def reset_in_the_middle(dut, profile: str) -> None:
    b = await DmaBench.make(dut, 25, memory=profile, idle=profile, stall=profile)
    for round_ in range(12):
        await b.send(0xA000 - 8 * random.randrange(20), words(200))
        b.source.send(packet(words(200)))
        await b.transfer(S2MM, 0xC000 - 8 * random.randrange(20), 1600)
        await ClockCycles(dut.clk_i, random.randrange(1, 120))
        await b.soft_reset(random.choice((MM2S, S2MM)))
        if round_ % 3 == 2:
            await b.check_both()


@cocotb.test()
async def reset_waits_for_the_memory(dut) -> None:
    b = await DmaBench.make(dut, 5)
    b.memory.frozen = True
    await b.send(0xA000, words(100))
    b.source.send(packet(words(100)))
    await b.transfer(S2MM, 0xC000, 800)
    await ClockCycles(dut.clk_i, 60)
    assert b.memory.outstanding_reads == param("Mm2sFifoDepth", 64) // 16 and b.memory.outstanding_writes > 0
    await b.write(MM2S + CR, RESET)
    for _ in range(30):
        assert await b.read(MM2S + CR) & RESET and await b.read(S2MM + CR) & RESET
        assert dut.soft_reset_o.value == 1
        await b.write(S2MM + CR, RS)  # of no effect while it lasts
    b.memory.frozen = False
    await b.soft_reset(S2MM)
    await b.check_both()


@cocotb.test()
@cocotb.parametrize(profile=["none", "light", "bursty"])
async def stop_and_go_on(dut, profile: str) -> None:
    """RS = 0 in a transfer halts; the packet that was cut is swallowed, later ones are whole."""
    b = await DmaBench.make(dut, 25, memory=profile, idle=profile)
    for _ in range(8):
        await b.transfer(S2MM, 0xC000, 1600)
        b.source.send(packet(cut := words(150)))
        before = b.source.sent
        while b.source.sent < before + random.randrange(5, 120):
            await RisingEdge(dut.clk_i)
        await b.write(S2MM + CR, 0)
        await b.wait(S2MM, HALTED)
        assert b.memory.outstanding == 0
        await b.source.drain()
        assert b.source.sent == before + len(cut)
        await b.write(S2MM + CR, RS)
        assert await b.read(S2MM + SR) & IDLE == 0
        await b.receive(0xE000, words(20))


@cocotb.test()
async def stop_while_the_sink_stalls(dut) -> None:
    b = await DmaBench.make(dut, 10)
    b.sink.stop()
    dut.m_axis_tready.value = 0
    await b.send(0xA000, words(100))
    await ClockCycles(dut.clk_i, 100)
    assert b.memory.max_outstanding_reads == param("Mm2sFifoDepth", 64) // 16 and b.memory.outstanding == 0
    assert await b.read(MM2S + SR) & (IDLE | HALTED) == 0
    await b.write(MM2S + CR, 0)
    assert await b.wait(MM2S, HALTED, polls=20) == HALTED
    await b.soft_reset(MM2S)
    await b.check_both()


@cocotb.test()
async def stop_leaves_a_stalled_end(dut) -> None:
    """The last word of a stopped transfer that still waits for the sink is not taken for the end of the next one."""
    b = await DmaBench.make(dut, 10)
    b.sink.stop()
    dut.m_axis_tready.value = 0
    first, second = words(1), words(9)
    await b.send(0xA000, first)
    await ClockCycles(dut.clk_i, 60)
    assert dut.m_axis_tvalid.value == 1 and dut.m_axis_tlast.value == 1
    await b.write(MM2S + CR, 0)
    await b.wait(MM2S, HALTED)
    await b.write(MM2S + CR, RS)
    await b.send(0xB000, second)
    dut.m_axis_tready.value = 1
    await RisingEdge(dut.clk_i)
    dut.m_axis_tready.value = 0
    await ClockCycles(dut.clk_i, 60)
    assert await b.read(MM2S + SR) & IDLE == 0
    b.sink = Monitor(Port(dut, "m_axis_t", ("data", "last")))
    await b.sink.expect(packet(second))
    await b.wait(MM2S)


@pytest.mark.parametrize("depth", [None, 16])
def test_phantom_dma_faults(depth: int | None) -> None:
    params = {} if depth is None else {"LengthWidth": 14, "Mm2sFifoDepth": depth, "S2mmFifoDepth": depth}
    bench.run("phantom_dma", module=__name__, params=params)
