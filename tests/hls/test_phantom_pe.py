"""phantom_pe: two threads over one buffer and one read port, filled while they read; both at full rate on long runs."""

from __future__ import annotations

import random

import bench
import cocotb
from cocotb.triggers import RisingEdge
from streams import stream_test
from test_phantom_compute_engine import RING, Engine, Job


@stream_test()
async def fill_while_reading(dut, idle: str, stall: str) -> None:
    """The halves of the buffer take turns: one is read by both threads while the other is filled."""
    b = Engine(dut, 2, idle)
    await b.begin()
    for half in (0, 1, 0):
        b.lists.fill(half * RING // 2, (half + 1) * RING // 2)
        await b.fill(range(half * 256, (half + 1) * 256), stall)
        await b.settle()
        for thread in range(2):
            b.send(thread, [b.lists.job(random.randrange(2)) for _ in range(6)])
    await b.settle()
    for bank in (0, 1):
        await b.drain(bank)


@cocotb.test()
async def unequal_threads(dut) -> None:
    """A thread without work costs the other one nothing; the same run in both gives each its own sums."""
    b = Engine(dut, 2)
    await b.begin()
    for alone in (0, 1):
        b.send(alone, [b.lists.job(0) for _ in range(20)])
        await b.settle()
    same = [b.lists.job(1) for _ in range(20)]
    for thread in range(2):
        b.send(thread, same)
    await b.settle()
    for bank in (0, 1):
        await b.drain(bank)


@cocotb.test()
async def both_near_one_multiply_a_cycle(dut) -> None:
    b = Engine(dut, 2)
    await b.begin()
    b.lists.fill(0, 100, longest=100)
    b.lists.position[:100] = range(100)
    await b.fill(range(50))
    for odd in (0, 1):  # run of whole words; then one with half a word at both ends
        before, cycles = b.macs.sum(), 0
        for thread in range(2):
            b.send(thread, [Job(random.randint(1, 127), odd, 100 - 2 * odd, 100 * (i % 2), 0, 0) for i in range(20)])
        count = 2 * 20 * (100 - 2 * odd)
        while b.macs.sum() < before + count:
            await RisingEdge(dut.clk_i)
            cycles += 1
            assert cycles < 3 * count
        dut._log.info("products a cycle in two threads: %.3f", count / cycles)
        assert count / cycles >= (1.96 if not odd else 1.92)
        await b.settle()
    await b.drain(0)


def test_phantom_pe() -> None:
    bench.run("phantom_pe", module=__name__)
