"""phantom_block_fifo: order, depth, full rate, reset."""

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
    driver, monitor = Driver(Port(dut, "in"), idle), Monitor(Port(dut, "out"), stall)
    await start(dut)
    sent = words(8 * param("Depth") + 40)
    driver.send(sent)
    await monitor.expect(sent)
    await monitor.silence()


@cocotb.test()
async def holds_its_depth(dut) -> None:
    driver = Driver(Port(dut, "in"))
    dut.out_ready_i.value = 0
    await start(dut)
    driver.send(sent := words(param("Depth") + 8))
    await ClockCycles(dut.clk_i, param("Depth") + 30)
    assert param("Depth") <= driver.sent <= param("Depth") + 3, "the memory, and what lies behind it"
    await Monitor(Port(dut, "out")).expect(sent)


@cocotb.test()
async def full_rate(dut) -> None:
    driver, monitor = Driver(Port(dut, "in")), Monitor(Port(dut, "out"))
    await start(dut)
    driver.send(sent := words(200))
    while len(monitor.items) < 200:
        await RisingEdge(dut.clk_i)
        assert monitor.cycle < 300
    assert monitor.cycles[-1] - monitor.cycles[0] == 199, "one word a cycle"
    await monitor.expect(sent)


@cocotb.test()
async def reset_empties(dut) -> None:
    driver = Driver(Port(dut, "in"))
    dut.out_ready_i.value = 0
    await start(dut)
    driver.send(words(5))
    await ClockCycles(dut.clk_i, 9)
    driver.stop()
    await reset(dut)
    assert dut.out_valid_o.value == 0
    driver, monitor = Driver(Port(dut, "in")), Monitor(Port(dut, "out"))
    driver.send(sent := words(5))
    await monitor.expect(sent)
    await monitor.silence()


@pytest.mark.parametrize(("width", "depth"), [(59, 16), (8, 4)])
def test_phantom_block_fifo(width: int, depth: int) -> None:
    bench.run("phantom_block_fifo", module=__name__, params={"Width": width, "Depth": depth})
