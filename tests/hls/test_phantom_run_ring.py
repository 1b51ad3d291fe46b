"""phantom_run_ring: release in order, room for what is on its way, wrap of both rings, run look-up, overflow is caught."""

from __future__ import annotations

import os
import random
from collections import deque

import bench
import cocotb
import pytest
from cocotb.triggers import RisingEdge
from streams import param, pauses, start, stream_test

OVERFLOW = "OVERFLOW" in os.environ
RUNS = 4  # entries of the run table a channel


def bits(*fields: tuple[int, int]) -> int:
    """Pack (value, width) pairs, the first one highest."""
    value = 0
    for field, width in fields:
        value = value << width | field & (1 << width) - 1
    return value


class Bench:
    """A filler whose steps arrive `distance` cycles after the room they rely on, and threads that move through the channels."""

    def __init__(self, dut, distance: int, cap: int) -> None:
        self.dut, self.threads, self.cap = dut, param("Threads"), cap
        self.flight: deque[tuple | None] = deque([None] * distance)
        self.plan: deque[tuple] = deque()  # steps of the channel that is being filled
        self.word = 0  # next word to be written
        self.ends: list[int] = []  # first word after each channel committed
        self.runs: dict[tuple[int, int], int] = {}  # (channel, run) of those in flight -> packed run
        self.oldest = [0] * self.threads
        self.tail = self.written = self.begun = 0
        self.look: tuple[int, int] | None = None
        self.had_room: bool | None = None
        dut.cfg_i.value = bits((0, 1), (0, 3), (2, 3), (2, 4), (cap, 7))
        dut.fill_i.value = 0
        for t in range(self.threads):
            dut.oldest_i[t].value = 0

    def channel(self, words: int) -> None:
        """Plan a channel of so many words, with random runs in between."""
        steps = [("word", self.word + i) for i in range(words)]
        for run in range(RUNS):
            steps.insert(random.randint(0, len(steps)), ("run", run, random.getrandbits(21)))
        self.plan.extend([*steps, ("commit",)])
        self.word += words
        self.begun += 1

    async def cycle(self, fill: bool, longest: int = 40) -> None:
        dut, room = self.dut, self.room()
        if not self.plan and fill:
            self.channel(random.choice((0, 0, 1, random.randint(0, longest))))
        step = self.plan.popleft() if fill and dut.room_o.value == 1 else None
        self.flight.append(step)
        step = self.flight.popleft()
        kind = step[0] if step else ""
        at, index, run = (step[1] % 512 if kind == "word" else 0), (step[1] if kind == "run" else 0), 0
        if kind == "run":
            run = step[2]
            self.runs[len(self.ends), index] = run
        elif kind == "word":
            self.written = step[1] + 1
        words = (int(kind == "word"), 1), (at, 9), (random.getrandbits(36), 36)
        dut.fill_i.value = bits(*words, (int(kind == "run"), 1), (index, 6), (run, 21), (int(kind == "commit"), 1))
        for t in range(self.threads):
            dut.oldest_i[t].value = self.oldest[t] % 256
        held = range(max(self.tail, len(self.ends) - 60), len(self.ends))
        look = (random.choice(held), random.randrange(RUNS)) if held else None
        dut.chan_i.value, dut.run_i.value = (look[0] % 256, look[1]) if look else (0, 0)
        await RisingEdge(dut.clk_i)
        assert dut.filled_o.value == len(self.ends) % 256
        assert self.had_room is None or dut.room_o.value == int(self.had_room), "room, as it was a cycle ago"
        self.had_room = room
        if self.look:
            assert dut.run_o.value == self.runs[self.look], f"run {self.look}"
        self.look = look
        if self.tail < min(*self.oldest, len(self.ends)):
            self.tail += 1  # one a cycle, in order
        if kind == "commit":
            self.ends.append(self.written)

    def move(self) -> None:
        """Let a thread go on, never beyond what is filled by more than it may look ahead."""
        t = random.randrange(self.threads)
        self.oldest[t] = min(self.oldest[t] + random.choice((0, 1, 1, 2, 5)), len(self.ends) + 3)

    def room(self) -> bool:
        used = self.written - (self.ends[self.tail - 1] if self.tail else 0)
        return used < 512 - 1 - param("Margin", 12) and len(self.ends) - self.tail < self.cap


@stream_test(skip=OVERFLOW)
async def channels_in_order(dut, idle: str, stall: str) -> None:
    """Threads at their own pace, three rounds of the ring; nothing overflows, and the room is what the model says."""
    b = Bench(dut, random.randint(0, 9), random.choice((3, 20, 62)))
    await start(dut)
    no_fill, no_move = pauses(idle), pauses(stall)
    for _ in range(1200):
        await b.cycle(not next(no_fill))
        if not next(no_move):
            b.move()
    for _ in range(100):
        await b.cycle(False)
    b.oldest = [len(b.ends)] * b.threads
    for _ in range(100):
        await b.cycle(False)
    assert b.tail == len(b.ends) > 0 and dut.room_o.value == 1
    if idle == stall == "none":
        assert b.written > 512 and len(b.ends) > 60


@cocotb.test(skip=OVERFLOW)
async def slowest_thread_holds(dut) -> None:
    """Nothing is released past the slowest thread, whatever the others do; channel numbers wrap at 256."""
    b = Bench(dut, 0, 62)
    await start(dut)
    for _ in range(6):
        b.oldest[1:] = [len(b.ends) + 100] * (b.threads - 1)
        for _ in range(600):
            await b.cycle(True, 3)
        assert len(b.ends) - b.oldest[0] == 62, "full, because of one thread"
        assert dut.room_o.value == 0 and b.tail == b.oldest[0]
        b.oldest[0] += 1
        for _ in range(3):
            await b.cycle(False)
        assert dut.room_o.value == 1
        b.oldest[0] = len(b.ends)
    assert len(b.ends) > 256


@cocotb.test(skip=not OVERFLOW)
async def ignoring_room(dut) -> None:
    b = Bench(dut, param("Margin", 12) + 1, 62)
    await start(dut)
    b.channel(600)
    for _ in range(700):
        await b.cycle(True)


PARAMS = {"Threads": 4}


def test_phantom_run_ring() -> None:
    bench.run("phantom_run_ring", module=__name__, params=PARAMS)


def test_phantom_run_ring_overflow_is_caught() -> None:
    with pytest.raises(AssertionError, match=r"ended early|tests failed"):
        bench.run("phantom_run_ring", module=__name__, params=PARAMS, extra_env={"OVERFLOW": "1"})
