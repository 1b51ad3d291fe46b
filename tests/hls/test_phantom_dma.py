"""phantom_dma: registers, data in both directions, bursts, interrupts, throughput, and the driver of pynq.

Errors, stops and resets are in test_phantom_dma_faults.py.
"""

from __future__ import annotations

import importlib.util
import random

import bench
import cocotb
import pytest
from axi_memory import SLVERR
from cocotb.triggers import ClockCycles, RisingEdge
from dma_bench import (
    ADDR,
    ADDR_MSB,
    CR,
    ERR_EN,
    ERR_IRQ,
    HALTED,
    IDLE,
    INT_ERR,
    IOC_EN,
    IOC_IRQ,
    LENGTH,
    MM2S,
    RESET,
    RS,
    S2MM,
    SR,
    DmaBench,
    packet,
    place,
    words,
)
from streams import PROFILES, param, stream_test

LENGTHS = (1, 2, 15, 16, 17, 31, 32, 33, 64, 100)


def built(channel: int) -> bool:
    return bool(param("HasMm2s" if channel == MM2S else "HasS2mm", 1))


@cocotb.test()
async def registers(dut) -> None:
    b = await DmaBench.make(dut, run=False)
    for channel in (MM2S, S2MM):
        expected = (0x0001_0002, HALTED) if built(channel) else (0, 0)
        assert (await b.read(channel + CR), await b.read(channel + SR)) == expected
        assert [await b.read(channel + offset) for offset in (ADDR, ADDR_MSB, LENGTH)] == [0, 0, 0]
        if not built(channel):
            await b.write(channel + CR, RS | RESET)
            await b.transfer(channel, 0x1000, 64)
            assert [await b.read(channel + offset) for offset in (CR, SR, ADDR, LENGTH)] == [0, 0, 0, 0]
            continue
        await b.write(channel + CR, 0xFFFF_FFFF & ~RESET)
        assert await b.read(channel + CR) == 0x0001_7003
        assert await b.read(channel + SR) == 0, "Halted follows RS; not idle before a transfer"
        await b.write(channel + CR, 0)
        assert await b.read(channel + SR) == HALTED
        await b.write(channel + ADDR, 0x89AB_CDE8)
        await b.write(channel + ADDR_MSB, 0xFFFF_FFFF)
        await b.write(channel + LENGTH, 0xFFFF_FFF8)  # halted: starts nothing
        assert await b.read(channel + ADDR) == 0x89AB_CDE8
        assert await b.read(channel + ADDR_MSB) == 0
        await ClockCycles(dut.clk_i, 30)
        assert await b.read(channel + SR) == HALTED and b.memory.outstanding == 0
        await b.bus.write(channel + ADDR, b"\x11\x22")  # not the whole word
        assert await b.read(channel + ADDR) == 0x89AB_CDE8
    for offset in (0x08, 0x10, 0x2C, 0x34 + 4, 0x5C, 0x7C):
        await b.write(offset, 0xFFFF_FFFF)
        assert await b.read(offset) == 0


@stream_test()
async def mm2s_random(dut, idle: str, stall: str) -> None:
    b = await DmaBench.make(dut, random.randint(0, 40), memory=idle, stall=stall)
    for count in random.sample(LENGTHS, 4):
        data = words(count)
        await b.send(place(count), data)
        await b.sink.expect(packet(data))
        assert await b.wait(MM2S) & ~IOC_IRQ == IDLE
        assert await b.read(MM2S + LENGTH) == 8 * count
    await b.sink.silence()


@stream_test()
async def s2mm_random(dut, idle: str, stall: str) -> None:
    b = await DmaBench.make(dut, random.randint(0, 40), memory=stall, idle=idle)
    for count in random.sample(LENGTHS, 4):
        await b.receive(place(count), words(count), count + random.choice((0, 0, 1, 16, 100)))


@cocotb.test()
async def every_length_and_offset(dut) -> None:
    b = await DmaBench.make(dut, 3)
    for count in (*range(1, 36), 511, 512, 513, 1100):
        address = 0x2000 - 8 * random.randrange(18)
        data = words(count)
        await b.send(address, data)
        await b.sink.expect(packet(data))
        await b.wait(MM2S)
        await b.receive(address, words(count))
    for bursts in (b.memory.reads, b.memory.writes):
        assert sum(beats for _, beats in bursts) == sum((*range(1, 36), 511, 512, 513, 1100))
        assert max(beats for _, beats in bursts) == 16


@cocotb.test()
async def short_packet_sets_length(dut) -> None:
    b = await DmaBench.make(dut, 5, idle="light")
    for count in range(1, 50, 3):
        await b.receive(0x3000 - 8 * random.randrange(20), words(count), 60)


@cocotb.test()
@cocotb.parametrize(profile=PROFILES)
async def repeat_sends_one_packet(dut, profile: str) -> None:
    b = await DmaBench.make(dut, 12, memory=profile, stall=profile)
    for count, repeat in ((1, 9), (5, 3), (16, 1), (17, 4), (40, 2), (3, 0)):
        data = words(count)
        await b.send(place(count), data, repeat)
        await b.sink.expect(packet(data * max(repeat, 1)))
        await b.wait(MM2S)
    await b.sink.silence()


@cocotb.test()
@cocotb.parametrize(profile=PROFILES)
async def both_directions_at_once(dut, profile: str) -> None:
    b = await DmaBench.make(dut, 20, memory=profile, idle=profile, stall=profile)
    for _ in range(3):
        sent, received = words(random.randint(60, 200)), words(random.randint(60, 200))
        await b.send(0x10_0000 + 8 * random.randrange(512), sent)
        await b.receive(0x20_0000 + 8 * random.randrange(512), received)
        await b.sink.expect(packet(sent))
        await b.wait(MM2S)


@cocotb.test()
async def packets_queue_up_between_transfers(dut) -> None:
    """A packet that is offered early waits, whole, for the transfer that follows."""
    b = await DmaBench.make(dut, 8)
    packets = [words(random.randint(1, 30)) for _ in range(8)]
    for data in packets:
        b.source.send(packet(data))
    for data in packets:
        await b.transfer(S2MM, 0x7000, 256)
        await b.wait(S2MM)
        assert await b.read(S2MM + LENGTH) == 8 * len(data)
        assert b.memory.dump(0x7000, len(data)) == data
        await ClockCycles(dut.clk_i, random.randrange(20))


@cocotb.test(skip=param("LengthWidth", 26) > 14)  # takes too long there; the narrow build does it
async def longest_transfer(dut) -> None:
    count = 2 ** (param("LengthWidth") - 3) - 1
    b = await DmaBench.make(dut, 10)
    data = words(count)
    await b.send(0x6000 - 8 * 5, data)
    await b.sink.expect(packet(data))
    await b.wait(MM2S)
    await b.receive(0x6000 - 8 * 5, words(count))


@cocotb.test()
async def interrupts(dut) -> None:
    b = await DmaBench.make(dut, 5)
    for channel, irq in ((MM2S, dut.mm2s_irq_o), (S2MM, dut.s2mm_irq_o)):
        for enable in (0, ERR_EN, IOC_EN):
            await b.write(channel + CR, RS | enable)
            if channel == MM2S:
                await b.send(0x1000, words(3))
            else:
                await b.receive(0x1000, words(3))
            assert await b.wait(channel) == IDLE | IOC_IRQ
            assert irq.value == int(enable == IOC_EN)
            await b.write(channel + SR, ERR_IRQ | 0xFFF)
            assert await b.read(channel + SR) == IDLE | IOC_IRQ, "only a one in its own place clears it"
            await b.write(channel + SR, IOC_IRQ)
            assert await b.read(channel + SR) == IDLE and irq.value == 0
        await b.write(channel + CR, RS | ERR_EN)
        await b.write(channel + LENGTH, 0)
        assert await b.wait(channel, HALTED) == HALTED | INT_ERR | ERR_IRQ
        assert irq.value == 1
        await b.write(channel + SR, ERR_IRQ)
        assert await b.read(channel + SR) == HALTED | INT_ERR and irq.value == 0, "the cause stays until Reset"
        await b.soft_reset(channel)


@cocotb.test(skip=param("Mm2sFifoDepth", 64) < 64)  # a shallow FIFO cannot hide it
async def throughput_at_30_cycles_latency(dut) -> None:
    b = await DmaBench.make(dut, 30)
    count = 1000
    data = words(count)
    await b.send(0x1_0000, data)
    while len(b.sink.items) < count:
        await RisingEdge(dut.clk_i)
    reads = (count - 1) / (b.sink.cycles[-1] - b.sink.cycles[0])
    await b.sink.expect(packet(data))
    await b.wait(MM2S)
    await b.transfer(S2MM, 0x2_0000, 8 * count)
    watch = b.source.sent
    b.source.send(packet(words(count)))
    cycles = 0
    while b.source.sent < watch + count:
        await RisingEdge(dut.clk_i)
        cycles += 1
    await b.wait(S2MM)
    dut._log.info("beats a cycle: %.3f read, %.3f written", reads, count / cycles)
    assert reads >= 0.95 and count / cycles >= 0.95


@cocotb.test(skip=importlib.util.find_spec("pynq") is None)
async def stock_driver_of_pynq(dut) -> None:
    """The channel class of pynq, unchanged, moves data both ways and raises on an error."""
    from pynq.lib.dma import DMA_TYPE_RX, DMA_TYPE_TX, _SDMAChannel

    b = await DmaBench.make(dut, 10, run=False)
    sent, received = words(70), words(50)
    b.memory.load(0x3_0000, sent)

    class Mmio:
        read = staticmethod(cocotb.task.resume(b.read))
        write = staticmethod(cocotb.task.resume(b.write))

    class Buffer:
        def __init__(self, address: int, nbytes: int) -> None:
            self.physical_address, self.nbytes = address, nbytes

        def flush(self) -> None: ...

        invalidate = flush

    def script() -> tuple[int, int]:
        tx = _SDMAChannel(Mmio, 2**26 - 1, 8, DMA_TYPE_TX, False)
        rx = _SDMAChannel(Mmio, 2**26 - 1, 8, DMA_TYPE_RX, False)
        rx.transfer(Buffer(0x4_0000, 800))
        tx.transfer(Buffer(0x3_0000, 560))
        tx.wait()
        rx.wait()
        moved = tx.transferred, rx.transferred
        rx.stop()
        rx.start()
        b.memory.errors, b.memory.latency = {0x5_0000: SLVERR}, 400  # the driver has to be waiting already
        tx.transfer(Buffer(0x5_0000, 800))
        with pytest.raises(RuntimeError, match="Slave Error"):
            tx.wait()
        return moved

    b.source.send(packet(received))
    assert await cocotb.task.bridge(script)() == (560, 400)
    await b.sink.expect(packet(sent))
    assert b.memory.dump(0x4_0000, 50) == received


def test_phantom_dma() -> None:
    bench.run("phantom_dma", module=__name__)


def test_phantom_dma_narrow() -> None:
    params = {"LengthWidth": 14, "Mm2sFifoDepth": 16, "S2mmFifoDepth": 16}
    bench.run("phantom_dma", module=__name__, params=params)


@pytest.mark.parametrize("absent", ["HasMm2s", "HasS2mm"])
def test_phantom_dma_one_way(absent: str) -> None:
    bench.run("phantom_dma", module=__name__, params={absent: 0}, testcase="registers")
