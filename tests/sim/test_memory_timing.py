"""The memory model is as fast as it says: latency, bandwidth and outstanding bursts, measured in clock cycles."""

from __future__ import annotations

import dataclasses

import numpy as np
import pynq
import pytest
from pynq import Overlay

from phantom_sim.timing import Timing

WORDS = 8192


def cycles_of_read(board: Overlay, words: int, **timing: float) -> int:
    """Cycles that dma_wgt takes for a buffer of `words`, from the register write on; its sink is always ready."""
    model = board.device.model
    model.set_timing(dataclasses.replace(Timing(access_gap=0), **timing))
    source = pynq.allocate((words,), np.uint64)
    board.dma_wgt.sendchannel.transfer(source)
    start = model.cycles
    while not board.device.model.read(0x43C2_0004) & 2:
        pass
    return model.cycles - start


@pytest.mark.parametrize("clock_mhz, bytes_per_cycle", [(125.0, 6.4), (100.0, 8.0), (200.0, 4.0)])
def test_bandwidth_is_800_mb_per_s_of_a_port(loop: Overlay, clock_mhz: float, bytes_per_cycle: float) -> None:
    """With enough bursts under way to hide the latency, the bucket is the limit, within 2 %."""
    cycles = cycles_of_read(loop, WORDS, clock_mhz=clock_mhz)
    ideal = WORDS * 8 / bytes_per_cycle
    assert ideal <= cycles <= ideal * 1.02 + 60


def test_latency_adds_to_a_single_beat(loop: Overlay) -> None:
    """One word: the difference between two latencies is exact, but for the grain of polling."""
    fast = cycles_of_read(loop, 1, latency=10)
    slow = cycles_of_read(loop, 1, latency=510)
    assert abs(slow - fast - 500) <= 8


def test_one_outstanding_burst_shows_the_latency_each_time(loop: Overlay) -> None:
    """With a single burst under way, 16 words take the latency and themselves."""
    cycles = cycles_of_read(loop, 1024, outstanding=1, latency=100, clock_mhz=100.0)
    bursts = 1024 // 16
    assert bursts * 116 <= cycles <= bursts * (116 + 6)


def test_each_direction_has_a_port_of_its_own(loop: Overlay) -> None:
    """A loop reads each word through one port and writes it through another."""
    model = loop.device.model
    model.set_timing(Timing(clock_mhz=125.0, access_gap=0))
    source, result = pynq.allocate((WORDS,), np.uint64), pynq.allocate((WORDS,), np.uint64)
    loop.dma_act.recvchannel.transfer(result)
    start = model.cycles
    loop.dma_act.sendchannel.transfer(source)
    loop.dma_act.recvchannel.wait()
    ideal = WORDS * 8 / 6.4
    assert ideal <= model.cycles - start <= ideal * 1.02 + 3 * 100
