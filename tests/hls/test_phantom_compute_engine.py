"""phantom_compute_engine: jobs reach the thread they are for, all threads share one fill, every thread drains its own sums.

`Job`, `Lists`, `Sums` and `Engine` (jobs, a buffer of packed lists, the model, a bench) also serve the PE and the thread.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass

import bench
import cocotb
import numpy as np
from cocotb.triggers import RisingEdge
from streams import param, pauses, start, stream_test

RING = 1024  # entries of the activation buffer


@dataclass(frozen=True)
class Job:
    w: int
    first: int
    length: int
    base: int  # {bank, base}
    skip: int
    chan: int
    signed: bool = False  # the activations are int8

    def bits(self) -> int:
        value, last = 0, (self.first + self.length - 1) % RING
        fields = ((self.w, 8), (self.first, 10), (last, 10), (self.base, 9), (self.skip, 3), (self.signed, 1), (self.chan, 8))
        for field, width in fields:
            value = value << width | int(field) & (1 << width) - 1
        return value

    def words(self) -> list[int]:
        """Addresses of the buffer words that hold the run."""
        return [(self.first // 2 + i) % (RING // 2) for i in range((self.first % 2 + self.length + 1) // 2)]


class Lists:
    """A buffer of packed lists, (start, length) each: positions rise inside a list, values and edge codes are random."""

    def __init__(self, longest: int = 100) -> None:
        self.edge, self.position, self.value = (np.zeros(RING, dtype=np.int64) for _ in range(3))
        self.lists: list[tuple[int, int]] = []
        self.fill(37, RING + 37, longest)

    def fill(self, start: int, stop: int, longest: int = 100) -> None:
        """Replace the lists by new ones in [start, stop), modulo the ring."""
        self.lists = []
        while start < stop:
            length = min(random.randint(1, longest), stop - start)
            where = np.arange(start, start + length) % RING
            self.position[where] = sorted(random.sample(range(256), length))
            self.value[where] = [random.randrange(256) for _ in where]
            self.edge[where] = [random.choice((0, 0, 0, 1, 2, 3)) for _ in where]
            self.lists.append((start, length))
            start += length

    def word(self, address: int) -> int:
        low, high = (int(self.edge[i] << 16 | self.position[i] << 8 | self.value[i]) for i in (2 * address, 2 * address + 1))
        return high << 18 | low

    def job(self, bank: int, chan: int = 0) -> Job:
        """A random weight on a random part of a random list; half of the time on all of it."""
        start, length = random.choice(self.lists)
        first = random.choice((0, random.randrange(length)))
        count = random.choice((length - first, random.randint(1, length - first)))
        w = random.choice((-128, 127, random.randint(-127, 126)))
        base, signed = bank << 8 | random.randrange(256), random.random() < 0.5
        return Job(w, (start + first) % RING, count, base, random.randrange(8), chan, signed)


class Sums:
    """The partial sums of one thread, as a model."""

    def __init__(self) -> None:
        self.sums = np.zeros((2, 256), dtype=np.int64)
        self.macs = 0

    def run(self, lists: Lists, job: Job) -> None:
        index = (job.first + np.arange(job.length)) % RING
        index = index[job.skip << 1 >> lists.edge[index] & 1 == 0]
        value = (lists.value[index] ^ 128) - 128 if job.signed else lists.value[index]
        np.add.at(self.sums[job.base >> 8], (job.base + lists.position[index]) % 256, job.w * value)
        self.macs += len(index)

    def drain(self, address: int, clear: bool = True) -> int:
        """Return what stands at {bank, address}, as 32 bits, and clear it or not."""
        value = int(self.sums[address >> 8, address & 255])
        if clear:
            self.sums[address >> 8, address & 255] = 0
        return value & 0xFFFF_FFFF


def reads(addresses: range) -> list[tuple[int, bool]]:
    """Reads that leave all addresses cleared, (address, whether it clears): some are read before without being cleared."""
    return [(a, clear) for a in addresses for clear in random.choice(((True,), (False, True), (False, False, True)))]


class Engine:
    """Bench of several threads behind one job bus: one job at a time, for a thread whose pending slot is empty."""

    def __init__(self, dut, threads: int, idle: str = "none") -> None:
        self.dut, self.threads = dut, threads
        self.lists = Lists()
        self.models = [Sums() for _ in range(threads)]
        self.jobs: list[deque[Job]] = [deque() for _ in range(threads)]
        self.idle = pauses(idle)
        self.macs = np.zeros(threads, dtype=np.int64)
        for name in ("job_valid", "fill_en", "drain_en", "drain_clear"):
            getattr(dut, name + "_i").value = 0
        self._tasks = [cocotb.start_soon(self._dispatch())]

    async def begin(self) -> None:
        """Reset, clear the partial sums (they power up with anything), fill the buffer."""
        await start(self.dut)
        self.dut.drain_clear_i.value = 1
        for address in range(512):
            self.dut.drain_en_i.value, self.dut.drain_addr_i.value = 1, address
            await RisingEdge(self.dut.clk_i)
        self.dut.drain_en_i.value = 0
        await self.fill(range(512))

    async def fill(self, words: range, idle: str = "none") -> None:
        dut, pause = self.dut, pauses(idle)
        for address in words:
            while next(pause):
                dut.fill_en_i.value, dut.fill_data_i.value = 0, random.getrandbits(36)
                await RisingEdge(dut.clk_i)
            dut.fill_en_i.value, dut.fill_addr_i.value = 1, address
            dut.fill_data_i.value = self.lists.word(address)
            await RisingEdge(dut.clk_i)
        dut.fill_en_i.value = 0

    async def _dispatch(self) -> None:
        dut, offered = self.dut, -1
        while True:
            await RisingEdge(dut.clk_i)
            if dut.rst_ni.value == 0:
                continue
            self.macs += [int(dut.mac_o.value) >> t & 1 for t in range(self.threads)]
            ready = int(dut.job_ready_o.value)
            able = [t for t in range(self.threads) if ready >> t & 1 and t != offered and self.jobs[t]]
            offered = random.choice(able) if able and not next(self.idle) else -1
            dut.job_valid_i.value = 1 << offered if able and offered >= 0 else 0
            dut.job_i.value = self.jobs[offered].popleft().bits() if offered >= 0 else random.getrandbits(49)

    def send(self, thread: int, jobs: list[Job]) -> None:
        self.jobs[thread].extend(jobs)
        for job in jobs:
            self.models[thread].run(self.lists, job)

    async def settle(self) -> None:
        """Wait until every thread is idle; check the number of products."""
        calm = 0
        for _ in range(60_000):
            await RisingEdge(self.dut.clk_i)
            done = not any(self.jobs) and int(self.dut.idle_o.value) == (1 << self.threads) - 1
            calm = calm + 1 if done else 0
            if calm == 4:
                break
        else:
            raise AssertionError("the threads never came to rest")
        assert self.macs.tolist() == [model.macs for model in self.models], "products"

    async def drain(self, bank: int, idle: str = "none") -> None:
        """Compare and clear one bank of all threads: a read a cycle, the sums one cycle after each."""
        dut, pause, before = self.dut, pauses(idle), None
        queue: deque[tuple[int, bool] | None] = deque([*reads(range(bank << 8, (bank + 1) << 8)), None])
        while queue:
            now = None if next(pause) and len(queue) > 1 else queue.popleft()
            dut.drain_en_i.value = int(now is not None)
            dut.drain_addr_i.value, dut.drain_clear_i.value = now or (random.getrandbits(9), random.getrandbits(1))
            await RisingEdge(dut.clk_i)
            if before is not None:
                have = [int(dut.drain_data_o[t].value) for t in range(self.threads)]
                assert have == [model.drain(*before) for model in self.models], f"partial sums at {before[0]:#x}"
            before = now


@stream_test()
async def random_jobs(dut, idle: str, stall: str) -> None:
    b = Engine(dut, param("Threads"), idle)
    await b.begin()
    for bank in (0, 1):
        for thread in range(b.threads):
            b.send(thread, [b.lists.job(bank) for _ in range(4)])
        await b.drain(1 - bank, stall)  # the other bank, meanwhile
        await b.settle()
        await b.drain(bank)
        await b.drain(bank)  # cleared


def test_phantom_compute_engine() -> None:
    bench.run("phantom_compute_engine", module=__name__, params={"Threads": 4})
