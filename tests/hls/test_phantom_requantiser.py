"""phantom_requantiser against quantise.requantise: every shift, ties, both clamps, the extremes of the product."""

from __future__ import annotations

import random
from collections import deque
from typing import NamedTuple

import bench
import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from phantom.quantise import requantise

LATENCY = 7
INT32 = -(2**31), 2**31 - 1
TOP = 2**24 - 1
Limits = tuple[tuple[int, int], tuple[int, int]]  # the two ranges
LIMITS = (
    ((0, 255), (-128, 127)),
    ((-128, 127), (0, 127)),
    ((0, 127), (-128, 255)),
    ((-128, 255), (-3, 5)),
    ((-3, 5), (7, 7)),
    ((7, 7), (0, 255)),
)


class Case(NamedTuple):
    """Arguments of the rounding rule."""

    acc: int
    bias: int
    multiplier: int
    sel: int


def split(total: int) -> tuple[int, int]:
    """Two int32 of a sum of 33 bits."""
    low, high = max(INT32[0], total - INT32[1]), min(INT32[1], total - INT32[0])
    acc = random.choice((low, high, random.randint(low, high)))
    return acc, total - acc


def near(quotient: float, sel: int) -> Case:
    """A case whose exact result is as near to `quotient` as its multiplier allows."""
    multiplier = max(1, random.getrandbits(random.randint(1, 24)))
    total = round(quotient * 2 ** (14 + 4 * sel) / multiplier) + random.randint(-1, 1)
    return Case(*split(max(2 * INT32[0], min(2 * INT32[1], total))), multiplier, sel)


def ties(sel: int) -> list[Case]:
    """Exact halves, and the nearest neighbours of them: the product is a power of two times an odd number."""
    cases = []
    shift = 14 + 4 * sel
    for target in (*range(-131, 131), *range(250, 260)):
        power = random.randint(max(0, shift - 1 - 23), min(23, shift - 1))
        total = (2 * target + 1) << shift - 1 - power
        for off in (-1, 0, 1):
            if abs(total + off) < 2**32 - 1:
                cases.append(Case(*split(total + off), 1 << power, sel))
    return cases


def extremes() -> list[Case]:
    edges = (INT32[0], INT32[0] + 1, -(2**16), -(2**16) - 1, -1, 0, 1, 2**16 - 1, 2**16, INT32[1] - 1, INT32[1])
    factors = (0, 1, 2, 2**14, 2**23, TOP - 1, TOP)
    return [Case(a, b, m, s) for a in edges for b in edges for m in factors for s in range(8)]


async def check(dut, cases: list[Case], limits: Limits) -> None:
    """Send a case a cycle, each with one of the two ranges, and compare 7 cycles later."""
    columns = [np.array(c, dtype=np.int64) for c in zip(*cases, strict=True)]
    which = np.array([random.getrandbits(1) for _ in cases])
    want = np.where(which, requantise(*columns, *limits[1]), requantise(*columns, *limits[0]))
    (dut.low0_i.value, dut.high0_i.value), (dut.low1_i.value, dut.high1_i.value) = limits
    flight: deque[tuple[Case, int, int]] = deque()
    for item in [*zip(cases, which, want, strict=True), *[None] * (LATENCY + 1)]:
        if item is not None:
            dut.acc_i.value, dut.bias_i.value = item[0].acc, item[0].bias
            dut.multiplier_i.value, dut.sel_i.value = item[0].multiplier, item[0].sel
            dut.clamp_i.value = int(item[1])
            flight.append((item[0], int(item[1]), int(item[2])))
        if item is None or len(flight) > LATENCY + 1:
            case, clamp, value = flight.popleft()
            got = int(dut.y_o.value)
            assert got == value & 0xFF, f"{case} within {limits[clamp]}: {got:#x}, expected {value & 0xFF:#x}"
        await RisingEdge(dut.clk_i)


@cocotb.test()
@cocotb.parametrize(limits=LIMITS)
async def random_cases(dut, limits: Limits) -> None:
    Clock(dut.clk_i, 10, unit="ns").start()
    cases = []
    for _ in range(1200):
        sel = random.randrange(8)
        low, high = random.choice(limits)
        cases.append(near(random.uniform(low - 3, high + 3), sel))
        cases.append(Case(random.randint(*INT32), random.randint(*INT32), random.getrandbits(24), sel))
    await check(dut, cases, limits)


@cocotb.test()
@cocotb.parametrize(sel=range(8))
async def ties_go_to_even(dut, sel: int) -> None:
    Clock(dut.clk_i, 10, unit="ns").start()
    await check(dut, ties(sel) + ties(sel), ((-128, 127), (0, 255)))


@cocotb.test()
@cocotb.parametrize(limits=LIMITS[:4])
async def extremes_of_the_product(dut, limits: Limits) -> None:
    Clock(dut.clk_i, 10, unit="ns").start()
    cases = extremes()
    random.shuffle(cases)
    await check(dut, cases[: len(cases) // 2], limits)


@cocotb.test()
async def the_smallest_part_of_a_half_counts(dut) -> None:
    """One in the lowest bit of the product decides a tie, however far below."""
    Clock(dut.clk_i, 10, unit="ns").start()
    cases = []
    for sel in range(8):
        shift = 14 + 4 * sel
        for off in (-3, -2, -1, 1, 2, 3) * 8:
            while True:  # an odd factor has an inverse, so that any residue of the product can be had
                factor = random.getrandbits(7 + max(0, shift - 32)) | 1
                total = (2 ** (shift - 1) + off) * pow(factor, -1, 2**shift) % 2**shift
                if total < 2**32 - 1:
                    break
            cases += [Case(*split(total), factor, sel), Case(*split(-total), factor, sel)]
    await check(dut, cases, ((-128, 127), (0, 255)))


def test_phantom_requantiser() -> None:
    bench.run("phantom_requantiser", module=__name__)
