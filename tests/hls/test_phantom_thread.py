"""phantom_thread: sums of random runs of both types, collisions, extremes, draining meanwhile, channel tag, throughput."""

from __future__ import annotations

import random
from collections import deque

import bench
import cocotb
from cocotb.triggers import RisingEdge
from streams import Driver, Port, pauses, start, stream_test
from test_phantom_compute_engine import Job, Lists, Sums, reads


class Bench:
    """The thread with a buffer that grants by a profile and checks what is asked for, and a drain with gaps."""

    def __init__(self, dut, idle: str, stall: str) -> None:
        self.dut, self.model, self.lists = dut, Sums(), Lists()
        self.driver = Driver(Port(dut, "job", ("i",)), idle)
        self.jobs: deque[Job] = deque()  # those whose words have not all been fetched
        self.drains: deque[tuple[int, bool]] = deque()  # addresses to be drained, and whether they are cleared
        self.macs = self.cycle = self.drained = 0
        self.scrubbing = True
        dut.drain_en_i.value = dut.drain_clear_i.value = dut.rd_gnt_i.value = 0
        self._tasks = [cocotb.start_soon(self._buffer(stall)), cocotb.start_soon(self._drain())]

    @classmethod
    async def make(cls, dut, idle: str = "none", stall: str = "none") -> Bench:
        b = cls(dut, idle, stall)
        await start(dut)
        await b.drain(0, 512)  # the sums power up with anything
        b.scrubbing = False
        return b

    async def _buffer(self, stall: str) -> None:
        dut, words, granted = self.dut, [], False
        refuse = pauses("none" if stall == "halved" else stall)
        while True:
            await RisingEdge(dut.clk_i)
            self.cycle += 1
            data = random.getrandbits(36)
            if dut.rst_ni.value == 1:
                self.macs += int(dut.mac_o.value)
                if dut.rd_req_o.value == 1:
                    words = words or self.jobs[0].words()
                    assert dut.rd_addr_o.value == words[0], "wrong word of the run"
                    assert (dut.chan_valid_o.value, dut.chan_o.value) == (1, self.jobs[0].chan), "its channel must be held"
                    if granted:
                        data = self.lists.word(words.pop(0))
                        if not words:
                            self.jobs.popleft()
            dut.rd_data_i.value = data
            granted = not granted if stall == "halved" else not next(refuse)
            dut.rd_gnt_i.value = int(granted)

    async def _drain(self) -> None:
        dut, pause, pipe = self.dut, pauses("light"), [None, None]
        while True:
            await RisingEdge(dut.clk_i)
            read = pipe.pop(0)
            if read is not None:
                have, want = int(dut.drain_data_o.value), self.model.drain(*read)
                assert self.scrubbing or have == want, f"partial sum {read[0]:#x} is {have:#x}, expected {want:#x}"
                self.drained += 1
            on = bool(self.drains) and not next(pause)
            pipe.append(self.drains.popleft() if on else None)
            dut.drain_en_i.value = int(on)
            dut.drain_addr_i.value, dut.drain_clear_i.value = pipe[-1] or (random.getrandbits(9), random.getrandbits(1))

    def send(self, jobs: list[Job]) -> None:
        self.jobs.extend(jobs)
        self.driver.send([job.bits() for job in jobs])
        for job in jobs:
            self.model.run(self.lists, job)

    async def settle(self) -> None:
        """Wait until all jobs are done and all sums are written; check the number of products."""
        calm = 0
        for _ in range(60_000):
            await RisingEdge(self.dut.clk_i)
            calm = calm + 1 if not self.driver.queue and not self.drains and self.dut.idle_o.value == 1 else 0
            if calm == 4:
                break
        else:
            raise AssertionError("the thread never came to rest")
        assert not self.jobs and self.dut.chan_valid_o.value == 0
        assert self.macs == self.model.macs, f"{self.macs} multiplies, expected {self.model.macs}"

    async def drain(self, bank: int, count: int = 256) -> None:
        """Compare and clear one bank."""
        queue = reads(range(bank << 8, (bank << 8) + count))
        self.drained = 0
        self.drains.extend(queue)
        while self.drained < len(queue):
            await RisingEdge(self.dut.clk_i)


@stream_test()
async def random_runs(dut, idle: str, stall: str) -> None:
    b = await Bench.make(dut, idle, stall)
    for bank in (0, 1, 0):
        b.send([b.lists.job(bank, random.randrange(256)) for _ in range(10)])
        await b.drain(1 - bank)  # the sums of the pass before, meanwhile
        await b.settle()
    await b.drain(0)
    await b.drain(0)  # draining has cleared it


@cocotb.test()
@cocotb.parametrize(stall=("none", "light", "halved"))
async def colliding_runs(dut, stall: str) -> None:
    """Short runs over few partial sums: the next run needs the sum that the one before has not written yet."""
    b = await Bench.make(dut, "none", stall)
    b.lists.position[:] = [i % 3 for i in range(1024)]
    b.lists.edge[:] = 0
    pick = random.randint
    jobs = [Job(pick(-128, 127), pick(0, 1023), pick(1, 3), 7, 0, 5, signed=pick(0, 1) == 1) for _ in range(300)]
    b.send(jobs)
    await b.drain(1)
    await b.settle()
    await b.drain(0)


@cocotb.test()
@cocotb.parametrize(signed=(False, True))
async def maximum_values(dut, signed: bool) -> None:
    b = await Bench.make(dut)
    b.lists.position[:] = [i % 100 for i in range(1024)]
    b.lists.edge[:] = 0
    for value in (255, 128, 127):
        b.lists.value[:] = value
        for w in (-128, 127):
            b.send([Job(w, 100, 100, 200, 7, 0, signed) for _ in range(8)])
            await b.settle()
            await b.drain(0)


@cocotb.test()
async def edges_skip_whole_words(dut) -> None:
    """Runs of which nothing is left still come to their end, and cost a cycle a word at most."""
    b = await Bench.make(dut)
    b.lists.edge[:] = 3
    b.send([Job(1, random.randrange(1024), random.randint(1, 100), 0, random.randint(4, 7), 0) for _ in range(20)])
    await b.settle()
    assert b.macs == 0
    b.lists.edge[:] = [i % 3 for i in range(1024)]
    b.send([b.lists.job(0) for _ in range(20)])
    await b.settle()
    await b.drain(0)


@cocotb.test()
async def full_rate_with_half_of_the_port(dut) -> None:
    b = await Bench.make(dut, stall="halved")
    b.lists.position[:] = [i % 128 for i in range(1024)]
    jobs = [Job(random.randint(1, 127), random.randrange(0, 1024, 2), 100, 128 * (i % 2), 0, i) for i in range(30)]
    b.send(jobs)
    first = b.cycle
    await b.settle()
    rate = b.macs / (b.cycle - first)
    dut._log.info("products a cycle: %.3f", rate)
    assert b.macs == 3000 and rate >= 0.97
    await b.drain(0)


def test_phantom_thread() -> None:
    bench.run("phantom_thread", module=__name__)
