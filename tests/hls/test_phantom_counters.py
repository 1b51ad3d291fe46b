"""phantom_counters: sums of random events, counting on and off, clearing, reads while it counts."""

from __future__ import annotations

import random
from typing import Any

import bench
import cocotb
import pytest
from cocotb.triggers import ClockCycles, RisingEdge
from streams import param, start


def rest(dut: Any) -> None:
    """Inputs at rest."""
    for name in ("clear_i", "count_i", "macs_i", "rd_req_i", "rd_index_i"):
        getattr(dut, name).value = 0
    for i in range(param("Events")):
        dut.events_i[i].value = 0
    for i in range(param("Counts")):
        dut.counts_i[i].value = 0


async def read(dut: Any, index: int) -> int:
    """Both halves of a counter."""
    halves = []
    for half in (0, 1):
        dut.rd_req_i.value, dut.rd_index_i.value = 1, 2 * index + half
        await RisingEdge(dut.clk_i)
        dut.rd_req_i.value, dut.rd_index_i.value = 0, random.getrandbits(6)
        acks = []
        for _ in range(3):
            await RisingEdge(dut.clk_i)
            acks.append(int(dut.rd_ack_o.value))
        assert acks == [0, 0, 1], "the answer comes three cycles later"
        halves.append(int(dut.rd_data_o.value))
    return halves[0] | halves[1] << 32


async def events(dut: Any, cycles: int, high: bool = False) -> list[int]:
    """Drive random (or with `high` the largest) events; return what has to be counted."""
    few, counts, most = param("Events"), param("Counts"), 2 ** param("MacW") - 1
    most_few = 2 ** param("EventW") - 1
    sums = [0] * (2 + few + counts)
    for _ in range(cycles):
        on = int(high or random.random() < 0.8)
        macs = most if high else random.randint(0, most)
        small = [most_few if high else random.randint(0, most_few) for _ in range(few)]
        numbers = [15 if high else random.randrange(16) for _ in range(counts)]
        dut.count_i.value, dut.macs_i.value = on, macs
        for i, number in enumerate(small):
            dut.events_i[i].value = number
        for i, number in enumerate(numbers):
            dut.counts_i[i].value = number
        for i, value in enumerate((1, macs, *small, *numbers)):
            sums[i] += on * value
        await RisingEdge(dut.clk_i)
    dut.count_i.value = 0
    await ClockCycles(dut.clk_i, 36)
    return sums


@cocotb.test()
async def counts_and_clears(dut) -> None:
    rest(dut)
    await start(dut)
    for cycles, high in ((1000, False), (64, True), (2, False), (500, True), (333, False)):
        dut.clear_i.value = 1
        await ClockCycles(dut.clk_i, 40)
        dut.clear_i.value = 0
        await ClockCycles(dut.clk_i, random.randrange(1, 40))
        want = await events(dut, cycles, high)
        want = [a + b for a, b in zip(want, await events(dut, 77), strict=True)]
        assert [await read(dut, i) for i in range(len(want))] == want


@cocotb.test()
async def carries_into_the_high_half(dut) -> None:
    rest(dut)
    await start(dut)
    dut.clear_i.value = 1
    await ClockCycles(dut.clk_i, 40)
    dut.clear_i.value = 0
    await ClockCycles(dut.clk_i, 4)
    while int(dut.slot2_q.value) in (1, 2, 31):  # not while this word is being written
        await RisingEdge(dut.clk_i)
    dut.total_mem[1].value = 2**32 - 5
    want = (await events(dut, 100))[1] + 2**32 - 5
    assert await read(dut, 1) == want


@pytest.mark.parametrize("width", [1, 2])
def test_phantom_counters(width: int) -> None:
    bench.run("phantom_counters", module=__name__, params={"Events": 10, "EventW": width, "Counts": 7, "MacW": 8})
