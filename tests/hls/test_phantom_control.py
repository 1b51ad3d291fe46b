"""phantom_control: reset, scrub, start, the end of a layer, every error, watchdog, soft reset."""

from __future__ import annotations

import random
from typing import Any

import bench
import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from streams import start

ROW_BUFFER, WATCHDOG = 4, 8
INPUTS = (
    "start_i",
    "soft_reset_i",
    "watchdog_i",
    "out_done_i",
    "act_ended_i",
    "wgt_ended_i",
    "act_error_i",
    "wgt_error_i",
    "row_stuck_i",
    "moved_i",
)


async def ready(dut: Any) -> None:
    """Reset with inputs at rest."""
    for name in INPUTS:
        getattr(dut, name).value = 0
    await start(dut)
    assert (dut.busy_o.value, dut.done_o.value, dut.open_o.value, dut.swallow_o.value) == (0, 0, 0, 0)


async def pulse(dut: Any, name: str) -> None:
    """One cycle of an input."""
    getattr(dut, name).value = 1
    await RisingEdge(dut.clk_i)
    getattr(dut, name).value = 0
    await RisingEdge(dut.clk_i)


async def until_open(dut: Any) -> dict[str, Any]:
    """Watch a start; return what happened before the streams were let in."""
    seen: dict[str, Any] = {"scrubbed": [], "reset": 0, "clear": 0, "starts": 0}
    for _ in range(800):
        await RisingEdge(dut.clk_i)
        assert dut.busy_o.value == 1
        seen["reset"] += dut.run_rst_no.value == 0
        seen["clear"] += dut.clear_o.value == 1
        seen["starts"] += dut.start_o.value == 1
        if dut.scrub_o.value == 1:
            assert dut.run_rst_no.value == 1 and dut.open_o.value == 0
            seen["scrubbed"].append(int(dut.scrub_addr_o.value))
        if dut.open_o.value == 1:
            await ClockCycles(dut.clk_i, 2)
            return seen
    raise AssertionError("the streams were never let in")


@cocotb.test()
async def a_whole_layer(dut) -> None:
    await ready(dut)
    for _ in range(3):
        await pulse(dut, "start_i")
        seen = await until_open(dut)
        assert sorted(set(seen["scrubbed"])) == list(range(512)), "every partial sum of both banks"
        assert seen["reset"] >= 32 and seen["clear"] >= 32 and seen["starts"] == 1
        ends = ["out_done_i", "act_ended_i", "wgt_ended_i"]
        random.shuffle(ends)
        for name in ends:
            assert dut.busy_o.value == 1 and dut.done_o.value == 0
            getattr(dut, name).value = 1
            await ClockCycles(dut.clk_i, random.randint(2, 9))
        assert dut.busy_o.value == 0 and dut.done_o.value == 1 and int(dut.error_o.value) == 0
        assert dut.open_o.value == 0 and dut.swallow_o.value == 0
        for name in ends:
            getattr(dut, name).value = 0


@cocotb.test()
@cocotb.parametrize(source=("act_error_i", "wgt_error_i", "row_stuck_i"))
async def errors_stop_and_swallow(dut, source: str) -> None:
    await ready(dut)
    await pulse(dut, "start_i")
    await until_open(dut)
    code = {"act_error_i": random.randint(1, 3), "wgt_error_i": random.randint(5, 7), "row_stuck_i": ROW_BUFFER}[source]
    if source == "row_stuck_i":
        for _ in range(4):  # a moment of it is no error
            dut.row_stuck_i.value = 1
            await ClockCycles(dut.clk_i, 20)
            dut.row_stuck_i.value = 0
            await ClockCycles(dut.clk_i, 2)
        assert dut.busy_o.value == 1
        dut.row_stuck_i.value = 1
        await ClockCycles(dut.clk_i, 80)
    else:
        getattr(dut, source).value = code
        await ClockCycles(dut.clk_i, 3)
    assert int(dut.error_o.value) == code and dut.busy_o.value == 0 and dut.done_o.value == 0
    assert dut.swallow_o.value == 1 and dut.open_o.value == 0
    for name in ("act_error_i", "wgt_error_i", "row_stuck_i"):
        getattr(dut, name).value = 0
    await ClockCycles(dut.clk_i, 20)
    assert int(dut.error_o.value) == code and dut.swallow_o.value == 1, "it stays until the next start"
    await pulse(dut, "start_i")
    assert int(dut.error_o.value) == 0 and dut.swallow_o.value == 0
    await until_open(dut)


@cocotb.test()
async def watchdog_counts_still_cycles(dut) -> None:
    await ready(dut)
    dut.watchdog_i.value = 2
    await pulse(dut, "start_i")
    await until_open(dut)
    for _ in range(3):
        await ClockCycles(dut.clk_i, 2000)
        assert dut.busy_o.value == 1
        await pulse(dut, "moved_i")
    await ClockCycles(dut.clk_i, 2060)
    assert int(dut.error_o.value) == WATCHDOG and dut.swallow_o.value == 1
    dut.watchdog_i.value = 0
    await pulse(dut, "start_i")
    await until_open(dut)
    await ClockCycles(dut.clk_i, 5000)
    assert dut.busy_o.value == 1, "0 turns it off"


@cocotb.test()
async def soft_reset_at_any_time(dut) -> None:
    await ready(dut)
    for delay in (1, 20, 60, 300, 580, 700):
        await pulse(dut, "start_i")
        await ClockCycles(dut.clk_i, delay)
        await pulse(dut, "soft_reset_i")
        assert dut.busy_o.value == 0 and dut.open_o.value == 0 and dut.done_o.value == 0
        await RisingEdge(dut.clk_i)
        assert dut.run_rst_no.value == 0
    dut.act_error_i.value = 1
    await pulse(dut, "start_i")
    await ClockCycles(dut.clk_i, 700)
    assert dut.swallow_o.value == 1
    await pulse(dut, "soft_reset_i")
    assert dut.swallow_o.value == 0 and int(dut.error_o.value) == 0


def test_phantom_control() -> None:
    bench.run("phantom_control", module=__name__)
