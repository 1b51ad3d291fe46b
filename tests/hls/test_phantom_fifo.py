"""phantom_fifo: order, fill level, throughput, reset."""

from __future__ import annotations

import random

import bench
import cocotb
import pytest
from cocotb.triggers import ClockCycles, RisingEdge
from streams import Driver, Monitor, Port, param, reset, start, stream_test


def words(count: int) -> list[int]:
    return [random.getrandbits(param("Width")) for _ in range(count)]


@stream_test()
async def keeps_order(dut, idle: str, stall: str) -> None:
    driver = Driver(Port(dut, "in"), idle)
    monitor = Monitor(Port(dut, "out"), stall)
    await start(dut)
    sent = words(8 * param("Depth") + 40)
    driver.send(sent)
    await monitor.expect(sent)
    await monitor.silence()
    assert dut.level_o.value == 0


@cocotb.test()
async def level_counts_and_full_stops(dut) -> None:
    depth = param("Depth")
    driver = Driver(Port(dut, "in"))
    dut.out_ready_i.value = 0
    await start(dut)
    sent = words(depth + 3)
    driver.send(sent)
    last = 0
    for _ in range(depth + 10):
        await RisingEdge(dut.clk_i)
        level = int(dut.level_o.value)
        assert level in (last, last + 1) and level <= depth
        assert int(dut.in_ready_o.value) == (level < depth)
        last = level
    assert last == depth and driver.sent == depth, "it must take exactly Depth words"
    monitor = Monitor(Port(dut, "out"))
    await monitor.expect(sent)


@cocotb.test()
async def latency_one_and_full_rate(dut) -> None:
    driver = Driver(Port(dut, "in"))
    monitor = Monitor(Port(dut, "out"))
    await start(dut)
    await ClockCycles(dut.clk_i, 3)
    driver.send(sent := words(200))
    entry = monitor.cycle + 2  # offered after the next edge, accepted by the one after
    while len(monitor.items) < 200:
        await RisingEdge(dut.clk_i)
        assert monitor.cycle < entry + 210
    assert monitor.cycles[0] == entry + 1, "a word must be at the output one cycle after it went in"
    assert monitor.cycles[-1] - monitor.cycles[0] == 199, "one word a cycle"
    await monitor.expect(sent)


@cocotb.test()
async def reset_empties(dut) -> None:
    driver = Driver(Port(dut, "in"))
    dut.out_ready_i.value = 0
    await start(dut)
    driver.send(words(3))
    await ClockCycles(dut.clk_i, 6)
    driver.stop()
    await reset(dut)
    assert dut.out_valid_o.value == 0 and dut.level_o.value == 0
    driver, monitor = Driver(Port(dut, "in")), Monitor(Port(dut, "out"))
    driver.send(sent := words(5))
    await monitor.expect(sent)
    await monitor.silence()


@pytest.mark.parametrize(("width", "depth"), [(64, 32), (9, 4), (1, 2)])
def test_phantom_fifo(width: int, depth: int) -> None:
    bench.run("phantom_fifo", module=__name__, params={"Width": width, "Depth": depth})
