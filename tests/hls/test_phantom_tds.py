"""phantom_tds: index arithmetic, jobs, refusals (channel not there, bank not drained), dropped runs, banks, release."""

from __future__ import annotations

import random
from collections import deque

import bench
from cocotb.triggers import RisingEdge
from streams import param, pauses, start, stream_test
from structs import pack
from test_phantom_compute_engine import Job
from test_phantom_mesh import slot_write, window_write

END, HOP = 127, 126  # deltas with w == 0


class Thread:
    """The weight index of one thread, by the rules of docs/stream-format.md, and the entries that wait for it."""

    def __init__(self, window_bits: int, slot_bits: int) -> None:
        self.bits, self.slot_bits = window_bits + slot_bits, slot_bits
        self.lin, self.bank, self.pass_done, self.oldest = -1, 0, False, 0
        self.entries: deque[tuple[int, int]] = deque()  # (delta, w)

    def feed(self) -> None:
        """A few more entries, mostly weights; an end of pass comes behind the end of a channel."""
        kind = random.random()
        if kind < 0.7:
            self.entries.append((random.choice((1, random.randint(1, 8), random.randint(1, 127))), random.randint(1, 255)))
        elif kind < 0.85:
            self.entries.append((random.choice((0, random.randint(0, 4), random.randint(0, 125))), 0))
        elif kind < 0.95:
            self.entries.append((HOP, 0))
        else:
            self.entries.extend([(random.randint(0, 2), 0), (END, 0)])

    def target(self) -> tuple[str, int]:
        """What the first entry is, and where it leads."""
        delta, w = self.entries[0]
        if w or delta == HOP:
            return "weight" if w else "move", self.lin + delta
        if delta == END:
            return "end", self.lin
        return "move", ((self.lin >> self.bits) + delta + 1 << self.bits) - 1


class Bench:
    """Mapper, queues and run table around the TDS; everything it does is compared stage by stage."""

    def __init__(self, dut, window_bits: int, slot_bits: int) -> None:
        self.dut, self.slot_bits, self.bits = dut, slot_bits, window_bits + slot_bits
        self.threads = [Thread(window_bits, slot_bits) for _ in range(param("Threads"))]
        pick = random.randrange
        self.windows = [(pick(2), pick(8), pick(256), pick(64)) for _ in range(256)]  # int8, skip, offset, run
        self.slots = [random.randrange(256) for _ in range(32)]
        self.runs: dict[tuple[int, int], tuple[int, int, int]] = {}
        self.filled = self.jobs = self.parks = self.waits = self.idle_before = 0
        self.popped = None  # the thread whose entry the last cycle has taken
        self.busy: set[int] = set()
        self.pipe: deque = deque([None] * 4)  # what stands in S2..S5
        dut.cfg_i.value = pack("core_cfg_t", {"slot_bits": slot_bits, "window_bits": window_bits, "run_shift": 0, "chan_cap": 0})
        dut.sel_valid_i.value = dut.drained_i.value = dut.table_i.value = 0

    async def load_tables(self) -> None:
        for i in range(256):
            self.dut.table_i.value = window_write(i, *self.windows[i])
            await RisingEdge(self.dut.clk_i)
            self.dut.table_i.value = slot_write(i, random.getrandbits(10) << 8 | self.slots[i % 32])
            await RisingEdge(self.dut.clk_i)
        self.dut.table_i.value = 0

    async def cycle(self, select: bool, drained: bool) -> None:
        dut = self.dut
        able = [t for t in range(len(self.threads)) if t not in self.busy]
        t = random.choice(able) if select and able else None
        if t is not None:
            self.busy.add(t)
            while len(self.threads[t].entries) < 4:
                self.threads[t].feed()
        delta, w = self.threads[t].entries[0] if t is not None else (random.randrange(128), random.randrange(256))
        dut.sel_valid_i.value, dut.sel_entry_i.value = int(t is not None), delta << 8 | w
        dut.sel_thread_i.value = t if t is not None else random.randrange(len(self.threads))
        idle = random.getrandbits(len(self.threads))
        dut.filled_i.value, dut.idle_i.value, dut.drained_i.value = self.filled % 256, idle, int(drained)
        job = self.pipe[3]
        run = (self.runs[job["run"]] if job and "run" in job else None) or (random.randrange(2), 1, 2)
        dut.run_i.value = run[0] << 20 | run[1] << 10 | run[2]
        await RisingEdge(dut.clk_i)
        for t_, thread in enumerate(self.threads):
            assert int(dut.chan_o[t_].value) == thread.oldest % 256, f"lowest channel of thread {t_}"
            assert int(dut.pass_done_o.value) >> t_ & 1 == thread.pass_done
        self._decide(self.pipe[1], self.idle_before, drained)
        self.idle_before = idle  # registered on its way in
        if (s4 := self.pipe[2]) and "run" in s4:
            assert (int(dut.run_chan_o.value), int(dut.run_index_o.value)) == (s4["run"][0], s4["run"][1])
        self._finish(job, run)
        self.pipe.pop()
        self.pipe.appendleft({"thread": t} if t is not None else None)

    def _decide(self, s3, idle: int, drained: bool) -> None:
        """S3: what the rules say about the entry, and what the design did with it."""
        go = False
        ended = None
        if s3:
            t = s3["thread"]
            thread = self.threads[t]
            kind, lin = thread.target()
            chan = lin >> self.bits
            go = bool(idle >> t & 1) and not thread.pass_done if kind == "end" else chan < self.filled
            s3["park"] = kind != "end" and not go
            self.waits += kind == "end" and not go
            past_it = kind == "end" or (kind == "move" and thread.entries[0][0] != HOP)
            if go or kind != "end":
                thread.oldest = chan + 1 if past_it else chan
            if go:
                _, w = thread.entries.popleft()
                thread.lin = lin
                if kind == "weight":
                    window = lin >> self.slot_bits & (1 << self.bits - self.slot_bits) - 1
                    signed, skip, offset, run = self.windows[window]
                    base = thread.bank << 8 | (self.slots[lin & (1 << self.slot_bits) - 1] - offset) % 256
                    s3.update(run=(chan % 256, run), w=w, base=base, skip=skip, signed=signed)
                    first, last = random.randrange(1024), random.randrange(1024)
                    self.runs.setdefault((chan % 256, run), (random.random() < 0.3, first, last))
                elif kind == "end":
                    thread.bank, ended = 1 - thread.bank, thread
        popped, self.popped = self.popped, t if go else None  # S4 says what S3 took
        assert self.dut.pop_o.value == int(popped is not None)
        assert popped is None or self.dut.pop_thread_o.value == popped
        if drained:
            for thread in self.threads:
                thread.pass_done = False
        if ended:
            ended.pass_done = True

    def _finish(self, s5, run: tuple[int, int, int]) -> None:
        dut = self.dut
        assert dut.done_o.value == int(s5 is not None)
        if s5:
            self.busy.remove(s5["thread"])
            assert (dut.done_thread_o.value, dut.done_park_o.value) == (s5["thread"], int(s5["park"]))
            self.parks += s5["park"]
        offered = s5 is not None and "run" in s5 and not run[0]
        assert dut.job_valid_o.value == (1 << s5["thread"] if offered else 0)
        if offered:
            job = Job(s5["w"], run[1], (run[2] - run[1]) % 1024 + 1, s5["base"], s5["skip"], s5["run"][0], s5["signed"])
            assert int(dut.job_o.value) == job.bits(), f"job {int(dut.job_o.value):#x}, expected {job.bits():#x}"
            self.jobs += 1


@stream_test()
async def random_entries(dut, idle: str, stall: str) -> None:
    slot_bits, window_bits = random.choice(((0, 0), (5, 8), (0, 8), (5, 0), (3, 4), (random.randint(0, 5), random.randint(0, 8))))
    b = Bench(dut, window_bits, slot_bits)
    await start(dut)
    await b.load_tables()
    no_select, no_fill = pauses(idle), pauses(stall)
    for _ in range(1200):
        await b.cycle(not next(no_select), random.random() < 0.02)
        if not next(no_fill) and b.filled < min(t.oldest for t in b.threads) + 62:
            b.filled += random.random() < 0.5
    dut._log.info("%d+%d bits: %d jobs, %d parks, %d bank waits", window_bits, slot_bits, b.jobs, b.parks, b.waits)
    assert b.jobs > 5 and b.parks > 5


def test_phantom_tds() -> None:
    bench.run("phantom_tds", module=__name__, params={"Threads": 4})
