"""phantom_core: whole passes against a model: fill, weights, banks, drain, soft reset, extremes, threads far ahead."""

from __future__ import annotations

import random
from collections import deque

import bench
import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge
from streams import pauses, reset, start, stream_test
from test_phantom_compute_engine import reads
from test_phantom_mesh import RUNS, Work


class Bench:
    """Drives the buses of a core, a few cycles away from its room signals, and drains pass after pass."""

    def __init__(self, dut, idle: str = "none", stall: str = "none") -> None:
        self.dut, self.idle, self.stall, self.distance = dut, idle, stall, random.randint(1, 5)
        self._tasks: list = []
        self.rest()

    def rest(self) -> None:
        for task in self._tasks:
            task.cancel()
        for name in ("wgt_valid", "fill", "drain_en", "drain_clear", "drain_scrub", "drained", "table"):
            getattr(self.dut, name + "_i").value = 0

    async def begin(self, work: Work, wait: int = 0) -> None:
        """Load the tables, clear the partial sums, and start the weights and, later, the fill."""
        dut = self.dut
        dut.cfg_i.value = work.cfg()
        for i in range(512):
            dut.drain_en_i.value, dut.drain_scrub_i.value, dut.drain_addr_i.value = 1, 1, i
            dut.drain_clear_i.value = 1
            dut.table_i.value = work.tables()[i] if i < 96 else 0
            await RisingEdge(dut.clk_i)
        dut.drain_en_i.value = dut.drain_scrub_i.value = 0
        await ClockCycles(dut.clk_i, 3)
        self._tasks = [cocotb.start_soon(self._weights(work)), cocotb.start_soon(self._fill(work, wait))]

    async def _weights(self, work: Work) -> None:
        dut, pause = self.dut, pauses(self.idle)
        queue, flight = deque(word for block in work.words() for word in block), deque([None] * (self.distance - 1))
        while True:
            able = queue and int(dut.wgt_room_o.value) >> queue[0][0] & 1
            flight.append(queue.popleft() if able and not next(pause) else None)
            word = flight.popleft()
            dut.wgt_valid_i.value = int(word is not None)
            dut.wgt_thread_i.value, dut.wgt_word_i.value = word or (0, random.getrandbits(60))
            await RisingEdge(dut.clk_i)

    async def _fill(self, work: Work, wait: int) -> None:
        dut, pause = self.dut, pauses(self.stall)
        queue, flight = deque(step for chan in work.fill() for step in chan), deque([0] * (self.distance - 1))
        await ClockCycles(dut.clk_i, wait)
        while True:
            able = queue and dut.fill_room_o.value == 1
            flight.append(queue.popleft() if able and not next(pause) else 0)
            dut.fill_i.value = flight.popleft()
            await RisingEdge(dut.clk_i)

    async def finish(self, work: Work) -> None:
        """Drain every pass as it ends, a read a cycle, the sums two cycles after each; compare."""
        dut, sums = self.dut, work.sums() & 0xFFFF_FFFF
        for number in range(work.passes):
            for _ in range(40_000):
                await RisingEdge(dut.clk_i)
                if dut.pass_done_o.value == 1:
                    break
            else:
                raise AssertionError(f"pass {number} never ended")
            pipe: deque[int | None] = deque([None, None])
            for at, clear in [*reads(range(256)), (None, False), (None, False)]:
                dut.drain_clear_i.value = int(clear)
                dut.drain_en_i.value, dut.drain_addr_i.value = int(at is not None), random.randrange(2) << 8 | (at or 0)
                pipe.append(at)
                await RisingEdge(dut.clk_i)
                if (now := pipe.popleft()) is not None:
                    have = [int(dut.drain_data_o[t].value) for t in range(work.threads)]
                    assert have == sums[number, :, now].tolist(), f"pass {number}, partial sum {now}"
            dut.drained_i.value = 1
            await RisingEdge(dut.clk_i)
            dut.drained_i.value = 0
            await RisingEdge(dut.clk_i)
        await ClockCycles(dut.clk_i, 20)
        assert dut.pass_done_o.value == 0 and dut.busy_o.value == 0


async def run(b: Bench, work: Work, wait: int = 0) -> None:
    await b.begin(work, wait)
    await b.finish(work)
    b.rest()


@stream_test()
async def random_passes(dut, idle: str, stall: str) -> None:
    b = Bench(dut, idle, stall)
    await start(dut)
    await run(b, Work(random.randint(1, 24), random.randint(1, 3), 60))


@cocotb.test()
async def many_channels(dut) -> None:
    """Channel numbers wrap at 256, the activation ring several times."""
    b = Bench(dut)
    await start(dut)
    await run(b, Work(150, 2, 400))


@cocotb.test()
async def full_ring_of_long_runs(dut) -> None:
    """A channel must stay until the last thread has read the last word of it: the fill is right behind."""
    b = Bench(dut)
    await start(dut)
    work = Work(30, 1, 0, 0)
    work.acts = [np.array([[0] * 250, range(250), random.choices(range(256), k=250)]) for _ in work.acts]
    work.runs = [[(0, 250)] * RUNS for _ in work.runs]
    work.weights = [{chan << work.bits: random.randint(1, 127) for chan in range(30)} for _ in work.weights]
    await run(b, work)


@cocotb.test()
async def soft_reset_in_the_middle(dut) -> None:
    b = Bench(dut)
    await start(dut)
    for cycles in (50, 150, 400):
        await b.begin(Work(20, 2, 150))
        await ClockCycles(dut.clk_i, cycles)
        b.rest()
        await reset(dut)
    await run(b, Work(20, 2, 150))


@cocotb.test()
async def zeros_side_by_side(dut) -> None:
    """Channels without activations, channels and threads without weights."""
    b = Bench(dut)
    await start(dut)
    for weights, entries in ((3, 30), (100, 0), (0, 30)):
        await run(b, Work(60, 2, weights, entries))
        await reset(dut)


@cocotb.test()
async def dense_extremes(dut) -> None:
    b = Bench(dut)
    await start(dut)
    for w in (-128, 127):
        work = Work(6, 2, 10_000, 200)
        work.weights = [dict.fromkeys(weights, w) for weights in work.weights]
        for act in work.acts:
            act[2] = random.choice((255, 128, 127))  # the values; -1, -128 and 127 if signed
        await run(b, work)
        await reset(dut)


@cocotb.test()
async def far_ahead_of_the_fill(dut) -> None:
    """Threads without weights for hundreds of channels must not take a later channel for one that is there."""
    for ahead in (130, 262, 300):
        b = Bench(dut)
        await start(dut)
        work = Work(340, 1, 0)
        for thread, weights in enumerate(work.weights):
            weights.update({0: 1} if thread else {})
            weights.update({(ahead + i) << work.bits: 5 + i for i in range(0, 40, 7)})
        await run(b, work, wait=800)


def test_phantom_core() -> None:
    bench.run("phantom_core", module=__name__, params={"Threads": 4})
