"""phantom_core: whole passes against a model: fill, weights, banks, drain, soft reset, extremes, threads far ahead of the fill.

`Work` (random channels and weights, what the buses carry for them, the sums that come out) also serves the mesh.
"""

from __future__ import annotations

import random
from collections import deque

import bench
import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge
from streams import param, pauses, reset, start, stream_test

RUNS = 4  # runs a channel


class Work:
    """Channels and weights of some passes. Channels are numbered through all passes, as the core does."""

    def __init__(self, chans: int, passes: int, weights: int, entries: int = 60, threads: int | None = None) -> None:
        self.threads = param("Threads") if threads is None else threads
        self.chans, self.passes = chans, passes
        self.signed = random.random() < 0.5
        self.slot_bits, self.window_bits = random.choice(((0, 0), (1, 3), (2, 2), (3, 1), (0, 4)))
        self.bits = self.slot_bits + self.window_bits
        self.windows = [(random.randrange(4), random.randrange(256), random.randrange(RUNS)) for _ in range(64)]
        self.slots = [random.randrange(256) for _ in range(32)]
        self.acts, self.runs = [], []
        for _ in range(chans * passes):
            count = random.choice((0, 1, random.randint(0, entries)))
            at = np.array(sorted(random.sample(range(256), count)), dtype=np.int64)
            edge, value = (np.array([random.choice(c) for _ in at], dtype=np.int64) for c in ((0, 0, 1, 2, 3), range(256)))
            self.acts.append(np.stack((edge, at, value)))
            self.runs.append([sorted((random.randint(0, count), random.randint(0, count))) for _ in range(RUNS)])
        # [thread]: {index: weight}
        space = range(chans * passes << self.bits)
        picks = [sorted(random.sample(space, min(weights, len(space)))) for _ in range(self.threads)]
        self.weights = [{lin: random.choice((-128, 127, *range(1, 100))) for lin in pick} for pick in picks]

    def cfg(self) -> int:
        return int(self.signed) << 17 | self.slot_bits << 14 | self.window_bits << 11 | 2 << 7 | 62

    def tables(self) -> list[int]:
        windows = [1 << 23 | i << 16 | skip << 14 | offset << 6 | run for i, (skip, offset, run) in enumerate(self.windows)]
        return windows + [1 << 22 | i << 16 | base for i, base in enumerate(self.slots)]

    def sums(self) -> np.ndarray:
        """What the passes leave: int64 [passes, threads, 256]."""
        sums = np.zeros((self.passes, self.threads, 256), dtype=np.int64)
        for thread, weights in enumerate(self.weights):
            for lin, w in weights.items():
                chan = lin >> self.bits
                skip, offset, run = self.windows[lin >> self.slot_bits & (1 << self.window_bits) - 1]
                base = self.slots[lin & (1 << self.slot_bits) - 1] - offset
                edge, at, value = self.acts[chan][:, slice(*self.runs[chan][run])]
                value = (value ^ 128) - 128 if self.signed else value
                np.add.at(sums[chan // self.chans, thread], (base + at) % 256, w * value * (edge & skip == 0))
        return sums

    def fill(self) -> list[list[int]]:
        """Steps of the fill bus, by channel."""
        result, word = [], 0
        for (edge, at, value), runs in zip(self.acts, self.runs, strict=True):
            packed = [int(x) for x in edge << 16 | at << 8 | value] + [random.getrandbits(18)] * (len(at) % 2)
            steps = []
            for i in range(0, len(packed), 2):
                steps.append(1 << 74 | (word + i // 2) % 512 << 65 | packed[i + 1] << 47 | packed[i] << 29)
            for i, (begin, end) in enumerate(runs):
                first, last = (2 * word + begin) % 1024, (2 * word + end - 1) % 1024
                steps.append(1 << 28 | i << 22 | (begin == end) << 21 | first << 11 | last << 1)
            result.append(steps + [1])
            word += len(packed) // 2
        return result

    def words(self) -> list[list[tuple[int, int]]]:
        """(thread, word) of each block of channels, in the order of docs/stream-format.md."""
        result, begin = [], 0
        while begin < len(self.acts):
            end, stop = begin + 1, (begin // self.chans + 1) * self.chans
            while end < min(stop, begin + 64) and max(len(self._of(t, begin, end + 1)) for t in range(self.threads)) <= 14:
                end += 1
            queues = [deque(self._block(t, begin, end, end == stop)) for t in range(self.threads)]
            result.append([])
            while any(queues):
                result[-1] += [(t, queue.popleft()) for t, queue in enumerate(queues) if queue]
            begin = end
        return result

    def _of(self, thread: int, begin: int, end: int) -> list[int]:
        return [lin for lin in self.weights[thread] if begin <= lin >> self.bits < end]

    def _block(self, thread: int, begin: int, end: int, close: bool) -> list[int]:
        lin, entries = (begin << self.bits) - 1, []
        for target in self._of(thread, begin, end):
            if target - lin > 127:
                entries.append(((target >> self.bits) - 1 - (lin >> self.bits)) << 8)
                lin = (target >> self.bits << self.bits) - 1
            entries.append(target - lin << 8 | self.weights[thread][target] & 255)
            lin = target
        entries.append((end - 1 - (lin >> self.bits)) << 8)
        entries += [127 << 8] * close
        entries += [0] * (-len(entries) % 4)
        return [sum(entry << 15 * k for k, entry in enumerate(entries[i : i + 4])) for i in range(0, len(entries), 4)]


class Bench:
    """Drives the buses of a core, a few cycles away from its room signals, and drains pass after pass."""

    def __init__(self, dut, idle: str = "none", stall: str = "none") -> None:
        self.dut, self.idle, self.stall, self.distance = dut, idle, stall, random.randint(1, 5)
        self._tasks: list = []
        self.rest()

    def rest(self) -> None:
        for task in self._tasks:
            task.cancel()
        for name in ("wgt_valid", "fill", "drain_en", "drain_scrub", "drained", "table"):
            getattr(self.dut, name + "_i").value = 0

    async def begin(self, work: Work, wait: int = 0) -> None:
        """Load the tables, clear the partial sums, and start the weights and, later, the fill."""
        dut = self.dut
        dut.cfg_i.value = work.cfg()
        for i in range(512):
            dut.drain_en_i.value, dut.drain_scrub_i.value, dut.drain_addr_i.value = 1, 1, i
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
        """Drain every pass as it ends, an address a cycle, the sums two cycles after each; compare."""
        dut, sums = self.dut, work.sums() & 0xFFFF_FFFF
        for number in range(work.passes):
            for _ in range(40_000):
                await RisingEdge(dut.clk_i)
                if dut.pass_done_o.value == 1:
                    break
            else:
                raise AssertionError(f"pass {number} never ended")
            pipe: deque[int | None] = deque([None, None])
            for at in [*range(256), None, None]:
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
            act[2] = random.choice((255, 128, 127))
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
