"""phantom_encoder_lane: mask and packed bytes of one segment after the other, each read while the next is collected."""

from __future__ import annotations

import random

import bench
import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from streams import PROFILES, pauses


def rest(dut) -> None:
    """Inputs at rest."""
    for name in ("valid_i", "done_i", "bit_i", "value_i", "half_i", "rd_half_i", "rd_word_i"):
        getattr(dut, name).value = 0


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(idle=PROFILES)
async def packs_segments(dut, idle: str) -> None:
    rest(dut)
    dut.done_i.value = 1  # as in reset
    Clock(dut.clk_i, 10, unit="ns").start()
    await ClockCycles(dut.clk_i, 3)
    dut.done_i.value = 0
    pause, half, before = pauses(idle), 0, None
    for _ in range(25):
        density = random.choice((0.0, 0.1, 0.5, 1.0))
        bits = sorted(random.sample(range(64), random.choice((1, 8, 9, 40, 64))))
        values = [random.randint(1, 255) if random.random() < density else 0 for _ in bits]
        dut.half_i.value, dut.rd_half_i.value = half, 1 - half
        for bit, value in zip(bits, values, strict=True):
            while next(pause):
                await RisingEdge(dut.clk_i)
            dut.valid_i.value, dut.bit_i.value, dut.value_i.value = 1, 1 << bit, value
            await RisingEdge(dut.clk_i)
            dut.valid_i.value, dut.bit_i.value, dut.value_i.value = 0, 1 << random.randrange(64), random.getrandbits(8)
            if before is not None:
                await check(dut, before)
        dut.done_i.value = 1
        await RisingEdge(dut.clk_i)
        dut.done_i.value = 0
        await RisingEdge(dut.clk_i)
        before = list(zip(bits, values, strict=True))
        half ^= 1
        dut.half_i.value, dut.rd_half_i.value = half, 1 - half
        await check(dut, before)


async def check(dut, segment: list[tuple[int, int]]) -> None:
    """Mask, number of words, and one of the words at random."""
    packed = [value for _, value in segment if value]
    words = [bytes(packed[i : i + 8]).ljust(8, b"\0") for i in range(0, len(packed), 8)]
    at = random.randrange(max(1, len(words)))
    dut.rd_word_i.value = at
    await RisingEdge(dut.clk_i)
    assert int(dut.mask_o.value) == sum(1 << bit for bit, value in segment if value)
    assert int(dut.words_o.value) == len(words)
    if words:
        assert int(dut.rd_data_o.value) == int.from_bytes(words[at], "little")


def test_phantom_encoder_lane() -> None:
    bench.run("phantom_encoder_lane", module=__name__)
