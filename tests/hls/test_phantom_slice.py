"""phantom_slice: order, latency, throughput, and no path from one side to the other."""

from __future__ import annotations

import random

import bench
import cocotb
import pytest
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge, Timer
from streams import Driver, Monitor, Port, param, reset, start, stream_test


def words(count: int) -> list[int]:
    return [random.getrandbits(param("Width")) for _ in range(count)]


@stream_test()
async def keeps_order(dut, idle: str, stall: str) -> None:
    driver = Driver(Port(dut, "in"), idle)
    monitor = Monitor(Port(dut, "out"), stall)
    await start(dut)
    driver.send(sent := words(200))
    await monitor.expect(sent)
    await monitor.silence()


@cocotb.test()
async def latency_one_and_full_rate(dut) -> None:
    driver, taken = Driver(Port(dut, "in")), Monitor(Port(dut, "in"), drive=False)
    monitor = Monitor(Port(dut, "out"))
    await start(dut)
    await ClockCycles(dut.clk_i, 3)
    driver.send(sent := words(100))
    while len(monitor.items) < 100:
        await RisingEdge(dut.clk_i)
    assert [out - into for out, into in zip(monitor.cycles, taken.cycles, strict=True)] == [1] * 100
    assert monitor.cycles[-1] - monitor.cycles[0] == 99
    await monitor.expect(sent)


@cocotb.test()
async def no_combinational_path(dut) -> None:
    """Inputs that change in the middle of a cycle move no output, empty, half full or full."""
    dut.in_valid_i.value = 0
    dut.in_data_i.value = 0
    dut.out_ready_i.value = 0
    await start(dut)
    outputs = (dut.in_ready_o, dut.out_valid_o, dut.out_data_o)
    for filled in range(3):
        await Timer(2, "ns")
        seen = set()
        for code in range(8):
            dut.in_valid_i.value = code & 1
            dut.out_ready_i.value = code >> 1 & 1
            dut.in_data_i.value = code >> 2
            await ReadOnly()
            seen.add(tuple(str(signal.value) for signal in outputs))
            await Timer(100, "ps")
        assert len(seen) == 1, f"with {filled} words held, an input shows through: {seen}"
        assert dut.in_ready_o.value == int(filled < 2), "two words deep"
        dut.in_valid_i.value = 1
        dut.out_ready_i.value = 0
        await RisingEdge(dut.clk_i)


@cocotb.test()
async def reset_empties(dut) -> None:
    driver = Driver(Port(dut, "in"))
    dut.out_ready_i.value = 0
    await start(dut)
    driver.send(words(2))
    await ClockCycles(dut.clk_i, 5)
    assert dut.in_ready_o.value == 0
    driver.stop()
    await reset(dut)
    assert dut.out_valid_o.value == 0 and dut.in_ready_o.value == 1


@pytest.mark.parametrize("width", [64, 1])
def test_phantom_slice(width: int) -> None:
    bench.run("phantom_slice", module=__name__, params={"Width": width})
