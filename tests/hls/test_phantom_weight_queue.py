"""phantom_weight_queue: order of every thread's entries, look and pop apart, room with its margin, overflow is caught."""

from __future__ import annotations

import os
import random
from collections import deque

import bench
import cocotb
import pytest
from cocotb.triggers import RisingEdge
from streams import param, pauses, reset, start, stream_test

OVERFLOW = "OVERFLOW" in os.environ


class Bench:
    """A writer whose words arrive `distance` cycles after the `room_o` they rely on, a reader, and the queues as a model."""

    def __init__(self, dut, distance: int) -> None:
        self.dut = dut
        self.threads = param("Threads")
        self.model: list[deque[int]] = [deque() for _ in range(self.threads)]
        self.flight: deque[tuple[int, int] | None] = deque([None] * (distance - 1))
        dut.wr_valid_i.value = dut.pop_i.value = dut.rd_thread_i.value = 0

    def levels(self) -> list[int]:
        """Words that each queue holds, counting those begun."""
        return [-(-len(entries) // 4) for entries in self.model]

    async def cycle(self, write: bool, pop: bool, only: int | None = None) -> None:
        """One cycle: maybe send a word to a thread with room, maybe pop an entry, look at a third thread."""
        dut = self.dut
        room = int(dut.room_o.value)
        able = [t for t in range(self.threads) if room >> t & 1 and only in (None, t)]
        self.flight.append((random.choice(able), random.getrandbits(60)) if write and able else None)
        word = self.flight.popleft()
        dut.wr_valid_i.value = int(word is not None)
        dut.wr_thread_i.value, dut.wr_word_i.value = word or (random.randrange(self.threads), random.getrandbits(60))
        held = [t for t in range(self.threads) if self.model[t]]
        popped = random.choice(held) if pop and held else None
        dut.pop_i.value = int(popped is not None)
        dut.pop_thread_i.value = random.randrange(self.threads) if popped is None else popped
        look = random.randrange(self.threads) if popped is None else random.choice((popped, random.randrange(self.threads)))
        dut.rd_thread_i.value = look
        await RisingEdge(dut.clk_i)
        assert dut.filled_o.value == sum(1 << t for t in held), "filled_o"
        if self.model[look]:
            assert dut.rd_entry_o.value == self.model[look][0], f"head of thread {look}"
        if popped is not None:
            self.model[popped].popleft()
        if word is not None:
            self.model[word[0]].extend(word[1] >> 15 * i & 0x7FFF for i in range(4))


@stream_test(skip=OVERFLOW)
async def random_words(dut, idle: str, stall: str) -> None:
    b = Bench(dut, random.randint(1, param("Margin")))
    await start(dut)
    write, refuse = pauses(idle), pauses(stall)
    for _ in range(1000):
        await b.cycle(not next(write), not next(refuse))
    for _ in range(4 * param("Words") * b.threads + 20):
        await b.cycle(False, True)
    assert dut.filled_o.value == 0 and dut.room_o.value == (1 << b.threads) - 1


@cocotb.test(skip=OVERFLOW)
async def margin_is_exact(dut) -> None:
    """The farthest writer fills each queue to the last word and no further; a whole word has to leave to make room."""
    words, margin = param("Words") - 1, param("Margin")
    b = Bench(dut, margin)
    await start(dut)
    for thread in range(b.threads):
        for _ in range(words + margin + 5):
            await b.cycle(True, False, only=thread)
        assert b.levels()[thread] == words, "a writer that is far away must be able to use all of the memory"
    assert dut.room_o.value == 0
    while len(b.model[0]) > 4 * (words - margin - 1):
        assert int(dut.room_o.value) & 1 == 0, "room before there is any"
        await b.cycle(False, True)
    for _ in range(3):
        await b.cycle(False, False)
    assert int(dut.room_o.value) & 1 == 1
    await reset(dut)
    assert dut.filled_o.value == 0


@cocotb.test(skip=not OVERFLOW)
async def one_word_too_many(dut) -> None:
    b = Bench(dut, param("Margin") + 1)  # one cycle farther than the margin allows
    await start(dut)
    for _ in range(param("Words") + param("Margin") + 5):
        await b.cycle(True, False, only=1)


PARAMS = {"Threads": 4, "Words": 16, "Margin": 6}


def test_phantom_weight_queue() -> None:
    bench.run("phantom_weight_queue", module=__name__, params=PARAMS)


def test_phantom_weight_queue_overflow_is_caught() -> None:
    with pytest.raises(AssertionError, match=r"ended early|tests failed"):
        bench.run("phantom_weight_queue", module=__name__, params=PARAMS, extra_env={"OVERFLOW": "1"})
