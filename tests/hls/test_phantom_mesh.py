"""phantom_mesh: all buses reach exactly the cores of their mask, the drain selects one core, counters see all of them.

`Work` (random channels and weights, what the buses carry for them, the sums that come out) also serves the core.
"""

from __future__ import annotations

import copy
import random
from collections import deque

import bench
import cocotb
import numpy as np
import pytest
from cocotb.triggers import ClockCycles, RisingEdge
from streams import param, pauses, start, stream_test
from structs import pack
from test_phantom_compute_engine import reads

RUNS = 4  # runs a channel


def window_write(index: int, signed: int, skip: int, offset: int, run: int) -> int:
    """What writes an entry of the window table: table_write_t."""
    data = signed << 17 | skip << 14 | offset << 6 | run
    return pack("table_write_t", {"window_we": 1, "slot_we": 0, "index": index, "data": data})


def slot_write(index: int, data: int) -> int:
    """What writes an entry of the slot table: table_write_t."""
    return pack("table_write_t", {"window_we": 0, "slot_we": 1, "index": index, "data": data})


class Work:
    """Channels and weights of some passes. Channels are numbered through all passes, as the core does."""

    def __init__(self, chans: int, passes: int, weights: int, entries: int = 60) -> None:
        self.threads = param("Threads")
        self.chans, self.passes = chans, passes
        self.slot_bits, self.window_bits = random.choice(((0, 0), (1, 3), (2, 2), (3, 1), (0, 4)))
        self.bits = self.slot_bits + self.window_bits
        pick = random.randrange
        self.windows = [(pick(2), pick(8), pick(256), pick(RUNS)) for _ in range(64)]  # int8, skip, offset, run
        self.slots = [random.randrange(256) for _ in range(32)]
        self.draw_activations(entries)
        self.draw_weights(weights)

    def draw_activations(self, entries: int) -> None:
        self.acts, self.runs = [], []
        for _ in range(self.chans * self.passes):
            count = random.choice((0, 1, random.randint(0, entries)))
            at = np.array(sorted(random.sample(range(256), count)), dtype=np.int64)
            edge, value = (np.array([random.choice(c) for _ in at], dtype=np.int64) for c in ((0, 0, 1, 2, 3), range(256)))
            self.acts.append(np.stack((edge, at, value)))
            self.runs.append([sorted((random.randint(0, count), random.randint(0, count))) for _ in range(RUNS)])

    def draw_weights(self, count: int) -> None:
        """Weights of each thread: {index: weight}."""
        space = range(self.chans * self.passes << self.bits)
        picks = [sorted(random.sample(space, min(count, len(space)))) for _ in range(self.threads)]
        self.weights = [{lin: random.choice((-128, 127, *range(1, 100))) for lin in pick} for pick in picks]

    def cfg(self) -> int:
        bits = {"slot_bits": self.slot_bits, "window_bits": self.window_bits}
        return pack("core_cfg_t", bits | {"run_shift": 2, "chan_cap": 62})

    def tables(self) -> list[int]:
        windows = [window_write(i, *window) for i, window in enumerate(self.windows)]
        return windows + [slot_write(i, base) for i, base in enumerate(self.slots)]

    def sums(self) -> np.ndarray:
        """What the passes leave: int64 [passes, threads, 256]. Counts the products."""
        self.products = 0
        sums = np.zeros((self.passes, self.threads, 256), dtype=np.int64)
        for thread, weights in enumerate(self.weights):
            for lin, w in weights.items():
                chan = lin >> self.bits
                signed, skip, offset, run = self.windows[lin >> self.slot_bits & (1 << self.window_bits) - 1]
                base = self.slots[lin & (1 << self.slot_bits) - 1] - offset
                edge, at, value = self.acts[chan][:, slice(*self.runs[chan][run])]
                value = (value ^ 128) - 128 if signed else value
                self.products += int(np.sum(skip << 1 >> edge & 1 == 0))
                np.add.at(sums[chan // self.chans, thread], (base + at) % 256, w * value * (skip << 1 >> edge & 1 == 0))
        return sums

    def fill(self) -> list[list[int]]:
        """Steps of the fill bus, by channel."""
        result, word = [], 0
        for (edge, at, value), runs in zip(self.acts, self.runs, strict=True):
            packed = [int(x) for x in edge << 16 | at << 8 | value] + [random.getrandbits(18)] * (len(at) % 2)
            pairs = enumerate(zip(packed[::2], packed[1::2], strict=True), word)
            steps = [1 << 74 | i % 512 << 65 | high << 47 | low << 29 for i, (low, high) in pairs]
            for i, (begin, end) in enumerate(runs):
                first, last = (2 * word + begin) % 1024, (2 * word + end - 1) % 1024
                steps.append(1 << 28 | i << 22 | (begin == end) << 21 | first << 11 | last << 1)
            result.append([*steps, 1])
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
    """Drives the buses of a 2 x 2 mesh; a unit of work goes to the cores of its (rows, cols) mask."""

    def __init__(self, dut, idle: str, stall: str) -> None:
        self.dut, self.macs = dut, 0
        self.idle, self.stall = pauses(idle), pauses(stall)
        for name in ("drain_en", "drain_clear", "drain_scrub", "drained", "table", "watch_row", "watch_col"):
            getattr(dut, name + "_i").value = 0
        for lane in range(2):
            dut.fill_i[lane].value = 0
        for port in range(param("WeightPorts")):
            dut.wgt_valid_i[port].value = 0

    async def scrub(self, work: Work) -> None:
        """Load the tables of all cores and clear all partial sums."""
        dut, tables = self.dut, work.tables()
        dut.cfg_i.value = work.cfg()
        dut.drain_en_i.value = dut.drain_clear_i.value = dut.drain_scrub_i.value = 1
        for i in range(512):
            dut.drain_addr_i.value, dut.table_i.value = i, tables[i] if i < len(tables) else 0
            await RisingEdge(dut.clk_i)
        dut.drain_en_i.value = dut.drain_scrub_i.value = 0

    def _room(self, ports, masks: tuple[int, int], bit: int = 0) -> bool:
        return all(int(ports[r][c].value) >> bit & 1 for r in range(2) for c in range(2) if masks[0] >> r & masks[1] >> c & 1)

    async def feed(self, words: deque, steps: deque) -> None:
        """Drive the buses from queues of (mask, ...), each item when all of its cores have room.

        A weight bus carries what is meant for any of its own columns.
        """
        dut = self.dut
        ports = param("WeightPorts")
        own = [sum(1 << c for c in range(2) if c % ports == port) for port in range(ports)]
        queues = [deque(((m[0], m[1] & cols), *rest) for m, *rest in words if m[1] & cols) for cols in own]
        while True:
            for port, queue in enumerate(queues):
                go = queue and not next(self.idle) and self._room(dut.wgt_room_o, *queue[0][:2])
                mask, thread, word = queue.popleft() if go else ((3, 3), 0, random.getrandbits(60))
                dut.wgt_valid_i[port].value, dut.wgt_thread_i[port].value = int(bool(go)), thread
                dut.wgt_word_i[port].value = word
                dut.wgt_rows_i[port].value, dut.wgt_cols_i[port].value = mask
            go = steps and not next(self.stall) and self._room(dut.fill_room_o, steps[0][0])
            (rows, cols), step = steps.popleft() if go else ((3, 3), 0)
            dut.fill_rows_i.value = rows
            for lane in range(2):  # a row, and lane, that is not meant sees anything
                meant = rows >> lane & 1
                dut.fill_i[lane].value = step if meant else random.getrandbits(len(dut.fill_i[lane]))
                dut.fill_cols_i[lane].value = cols if meant else random.getrandbits(2)
            await RisingEdge(dut.clk_i)
            self.macs += int(dut.macs_o.value)

    async def drain(self, row: int, col: int, sums: np.ndarray) -> None:
        """Wait for the end of a core's pass; its sums come four cycles after their addresses."""
        dut = self.dut
        for left in range(20_000, 0, -1):
            await RisingEdge(dut.clk_i)
            if dut.pass_done_o[row][col].value == 1:
                break
            assert left > 1, f"the pass of core {row}, {col} never ended"
        dut.drain_rows_i.value, dut.drain_cols_i.value = 1 << row, 1 << col
        pipe: deque[int | None] = deque([None] * 4)
        for at, clear in [*reads(range(256)), *[(None, False)] * 4]:
            dut.drain_en_i.value, dut.drain_addr_i.value = int(at is not None), at or 0
            dut.drain_clear_i.value = int(clear)
            pipe.append(at)
            await RisingEdge(dut.clk_i)
            if (now := pipe.popleft()) is not None:
                have = [int(port.value) for port in dut.drain_data_o]
                assert have == sums[:, now].tolist(), f"core {row}, {col}, partial sum {now}"
        dut.drained_i.value = 1
        await RisingEdge(dut.clk_i)
        dut.drained_i.value = 0


def merge(lists: list[list]) -> list:
    """Mix lists at random; each stays in order."""
    order = [i for i, items in enumerate(lists) for _ in items]
    sources = [iter(items) for items in lists]
    return [next(sources[i]) for i in random.sample(order, len(order))]


@stream_test()
async def multicast(dut, idle: str, stall: str) -> None:
    """Activations by row and weights by column, the other way round, and all for one core at a time."""
    b = Bench(dut, idle, stall)
    base = Work(random.randint(2, 6), random.randint(1, 2), 0, 0)
    by = random.choice(("row", "col", "core"))
    masks = {"row": [(1, 3), (2, 3)], "col": [(3, 1), (3, 2)], "core": [(1, 1), (1, 2), (2, 1), (2, 2)]}
    tiles = [(mask, copy.copy(base)) for mask in masks[by]]
    groups = [(mask, copy.copy(base)) for mask in masks[{"row": "col", "col": "row", "core": "core"}[by]]]
    for _, work in tiles:
        work.draw_activations(40)
    for _, work in groups:
        work.draw_weights(12)
    await start(dut)
    await b.scrub(base)
    words = merge([[(m, *word) for block in work.words() for word in block] for m, work in groups])
    steps = merge([[(m, step) for chan in work.fill() for step in chan] for m, work in tiles])
    task = cocotb.start_soon(b.feed(deque(words), deque(steps)))
    cores, macs = [(r, c) for r in range(2) for c in range(2)], 0
    for number in range(base.passes):
        for row, col in random.sample(cores, 4):
            here = [[w for m, w in units if m[0] >> row & m[1] >> col & 1] for units in (tiles, groups)]
            work = copy.copy(here[0][0])
            work.weights = here[1][0].weights
            await b.drain(row, col, work.sums()[number] & 0xFFFF_FFFF)
            macs += work.products if number == 0 else 0  # of all passes
    await ClockCycles(dut.clk_i, 20)
    task.cancel()
    assert b.macs == macs, f"{b.macs} products counted, expected {macs}"
    assert dut.busy_o.value == 0 and [int(state.value) for state in dut.state_o] == [3] * base.threads  # no weight


@pytest.mark.parametrize("ports", [1, 2])
def test_phantom_mesh(ports: int) -> None:
    bench.run("phantom_mesh", module=__name__, params={"Rows": 2, "Cols": 2, "Threads": 2, "WeightPorts": ports})
