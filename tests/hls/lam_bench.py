"""What surrounds phantom_lam in its test: row memory, directory, tile table and the cores' side of the fill bus."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from dataclasses import dataclass, replace
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge
from streams import param, pauses, start
from structs import layer_structs, pack, unpack

from phantom.config import Config
from phantom.errors import ShapeError
from phantom.layer_registers import TABLE_TILE
from phantom.layout import Layout
from phantom.lower import lower
from phantom.network import AnyLayer, Conv, FullyConnected, MaxPool, Network
from phantom.program import Program, compile_stage
from phantom.views import Geometry

Entries = list[tuple[int, int, int]]  # (position, value, edge columns)
MARGIN = 12  # words that the LAM may write after a core said that it has no room


@dataclass(frozen=True)
class Setup:
    """A compiled layer, its input planes and its geometry."""

    program: Program
    planes: np.ndarray
    geometry: Geometry
    flat: bool
    text: str

    def __str__(self) -> str:
        return f"{self.text}, {self.program.tiling}"


def compiled(
    shape: tuple[int, int, int],
    kernel: tuple[int, int] | None,
    stride: int,
    padding: tuple[int, ...],
    density: float,
    rows: int,
    cols: int,
    words: int,
    directory: int,
    pool: MaxPool | None = None,
    dilation: int = 1,
    depthwise: bool = False,
) -> Setup | None:
    """Compile a random layer (fully connected without a kernel), with a pooling behind it; None where it does not fit.

    A depthwise one is compiled so that every group of cores has channels of its own.
    """
    rng = np.random.default_rng(random.getrandbits(32))
    filters = shape[0] * random.choice((1, 1, 2)) if depthwise else random.choice((3, 8, 20))
    config = Config("lam", "test", 100.0, rows, cols, 8, 16, 512, 512, 16, 512, words, directory, 1024, 1)
    inputs = (1 if depthwise else shape[0], *kernel) if kernel else (int(np.prod(shape)),)
    weights = rng.integers(1, 9, (filters, *inputs)).astype(np.int8)
    zeros, ones = np.zeros(filters, np.int32), np.ones(filters, np.uint8)
    layers: list[AnyLayer]
    if kernel:
        groups = shape[0] if depthwise else 1
        layers = [Conv("l", weights, zeros, ones, ones, stride=stride, padding=padding, channel_groups=groups, dilation=dilation)]
    else:
        layers = [FullyConnected("l", weights, zeros, ones, ones)]
    if pool is not None:
        layers.append(pool)
    plain = Layout.plain(shape, np.dtype(np.uint8))
    # Rows cut into several segments, as another layer may have left them.
    layout = replace(plain, span=min(64, -(-shape[2] // random.choice((1, 1, 2, 3)))) if kernel else 0)
    try:
        (stage,) = lower(Network("lam", shape, np.dtype(np.uint8), layers))
        program = compile_stage(stage, layout, config, rank=random.choice((0, 1, 5, 20, 80)))
    except ShapeError:
        return None
    if depthwise and not program.tiling.own_chans:
        return None
    planes = np.where(rng.random(shape) < density, rng.integers(1, 256, shape), 0).astype(np.uint8)
    if len(program.source.compress(planes)) > words:  # all of it lies in the row memory at once here
        return None
    behind = f", pooled {pool.kernel} / {pool.stride}, padding {pool.padding}" if pool else ""
    return Setup(program, planes, program.geometry, kernel is None, f"{shape} * {kernel} / {stride}, padding {padding}{behind}")


def run_entries(setup: Setup, channel: int, v: int, first: int, first_col: int) -> dict[int, Entries]:
    """Entries of each run of a view for the tile whose first row and column of the result are `first` and `first_col`."""
    view, program = setup.geometry.views[v], setup.program
    pool, rows = program.stage.pool, program.tiling.tile_rows
    if pool is not None:  # from the result to the sums, without the row that the tile above keeps
        kept = program.registers["POOL"]["keep_row"]
        first, first_col, rows = first * pool.stride, first_col * pool.stride, (rows - 1) * pool.stride + pool.kernel[0] - kept
    stride = 2 if program.registers["LAM_LOOPS"]["stride2"] else 1
    plane, pitch = setup.planes[channel], setup.geometry.pitch
    runs = {}
    for run in range(view.runs):
        entries: Entries = []
        for row in range(run, run + rows):
            y = (first + view.first + row) * stride + view.py
            if 0 <= y < plane.shape[0]:
                for col in range(view.cols):
                    x = first_col * stride + view.col_first + col * stride
                    if 0 <= x < plane.shape[1] and plane[y, x]:
                        edge = setup.geometry.edges.index(col) + 1 if col in setup.geometry.edges else 0
                        entries.append(((row * pitch + col) % 256, int(plane[y, x]), edge))
        runs[view.run_base + run] = entries
    return runs


def flat_entries(setup: Setup, channel: int, v: int) -> dict[int, Entries]:
    """A fully connected layer: every bit of segment `v` is a run of its own."""
    view = setup.geometry.views[v]
    cut = setup.program.source.geometry
    bits = np.zeros(64, np.uint8)
    piece = setup.planes[channel, v * cut.rows : (v + 1) * cut.rows]
    for y in range(piece.shape[0]):
        bits[y * cut.pitch : y * cut.pitch + cut.width] = piece[y]
    return {b: [(b % 256, int(bits[b]), 0)] if bits[b] else [] for b in range(view.runs)}


class LamBench:
    """Make one, await `start`, then `channel` for every (channel, tile) in the order of the loops."""

    def __init__(self, dut: Any, setup: Setup, stall: str, rows: str) -> None:
        self.dut, self.setup = dut, setup
        self.memory: dict[int, int] = {}
        self.directory: dict[int, int] = {}
        self.commits: dict[tuple[int, int], deque[dict[int, Entries]]] = defaultdict(deque)
        self.stall, self.rows = pauses(stall), pauses(rows)
        s = layer_structs(setup.program.registers)
        dut.cfg_i.value = pack("lam_cfg_t", s["lam_cfg"])
        dut.in_cfg_i.value = pack("input_cfg_t", s["input_cfg"])
        for i, view in enumerate(s["views"]):
            dut.view_i[i].value = pack("view_t", view)
        self.input = s["input_cfg"]
        for name in (
            "start_i",
            "tile_we_i",
            "tile_index_i",
            "tile_cores_i",
            "rows_ready_i",
            "rows_coming_i",
            "chunks_ready_i",
            "dir_addr_i",
        ):
            getattr(dut, name).value = 0
        for word in range(2):
            dut.mem_data_i[word].value = 0
        self._sides((row, col) for row in range(param("Rows")) for col in range(param("Cols")))
        self._load()

    def _sides(self, cores: Any) -> None:
        self.cores = list(cores)
        for row, col in self.cores:
            self.dut.room_i[row][col].value = 1

    def _load(self) -> None:
        """Put the stream into a ring that wraps somewhere, packets in any order, and fill the directory."""
        cfg = self.input
        words = [int(w) for w in self.setup.program.source.compress(self.setup.planes)][:-1]
        packets = []
        while words:
            length = 9 + sum(words[0] >> 32 + 4 * i & 15 for i in range(8))
            packets.append(words[:length])
            words = words[length:]
        random.shuffle(packets)
        self.packets: list[tuple[int, list[int]]] = []  # (last row, addresses of its words)
        ring = self.dut.RowBufferWords.value.to_unsigned()
        assert sum(map(len, packets)) <= ring, "the test's input must fit"
        at = random.randrange(ring)
        for packet in packets:
            head = packet[0]
            y0, xs, chunk = head >> 12 & 0x3FF, head >> 22 & 15, head >> 4 & 0xFF
            for row in range(y0, y0 + (head >> 26 & 63) + 1):
                index = row << cfg["dir_row_shift"] | xs << cfg["dir_xs_shift"] | chunk
                self.directory[index % (1 << len(self.dut.dir_index_o))] = at
            places = [(at + i) % ring for i in range(len(packet))]
            self.memory.update(zip(places, packet, strict=True))
            self.packets.append((y0 + (head >> 26 & 63), places))
            at = (at + len(packet)) % ring

    async def start(self) -> None:
        """Reset, write the tile table, start."""
        dut = self.dut
        await start(dut)
        for select, index, value in self.setup.program.tables:
            if select == TABLE_TILE:
                dut.tile_we_i.value, dut.tile_index_i.value, dut.tile_cores_i.value = 1, index, value
                await RisingEdge(dut.clk_i)
        dut.tile_we_i.value = 0
        cocotb.start_soon(self._memories())
        cocotb.start_soon(self._cores())
        dut.start_i.value = 1
        await RisingEdge(dut.clk_i)
        dut.start_i.value = 0

    async def channel(self, tile: int) -> dict[int, Entries]:
        """The runs of the next channel of a tile, the same in all of its cores."""
        mask = next(v for s, i, v in self.setup.program.tables if (s, i) == (TABLE_TILE, tile))
        cores = [(row, col) for row, col in self.cores if mask >> row & 1 and mask >> 16 + col & 1]
        for _ in range(20000):
            if all(self.commits[core] for core in cores):
                first, *others = [self.commits[core].popleft() for core in cores]
                assert all(other == first for other in others), f"tile {tile}: its cores differ"
                return first
            await RisingEdge(self.dut.clk_i)
        raise AssertionError(f"tile {tile}: no channel was committed")

    async def quiet(self) -> None:
        """Nothing more comes, and the LAM is done."""
        for _ in range(100):
            await RisingEdge(self.dut.clk_i)
        assert self.dut.done_o.value == 1
        assert not any(self.commits.values()), "more channels than the layer has"

    async def _memories(self) -> None:
        dut, edge = self.dut, RisingEdge(self.dut.clk_i)
        late, ready, chunks, total = [0, 0], 0, 0, self.input["rows"]
        ring = self.dut.RowBufferWords.value.to_unsigned()
        coming = random.randint(1, total)
        while True:
            await edge
            dut.dir_addr_i.value = self.directory.get(int(dut.dir_index_o.value), random.getrandbits(8))
            for word in range(2):
                dut.mem_data_i[word].value = late[word]
            # What the LAM has given back is overwritten at once.
            row = int(dut.need_row_o.value)
            given = [place for last, places in self.packets if last < row for place in places]
            if given:
                self.packets = [packet for packet in self.packets if packet[0] >= row]
                self.memory.update((place, random.getrandbits(64)) for place in given)
            at = int(dut.mem_addr_o.value)
            # The ring turns between the two words, but an address itself lies in it.
            late = [self.memory.get((at + word) % ring if at < ring else -1, random.getrandbits(64)) for word in range(2)]
            if ready < total and not next(self.rows):  # rows come chunk by chunk
                chunks += 1
                if chunks > self.input["chunks"]:
                    ready, coming, chunks = coming, random.randint(coming, total), 0
            dut.rows_ready_i.value, dut.rows_coming_i.value, dut.chunks_ready_i.value = ready, coming, chunks

    async def _cores(self) -> None:
        """Collect what each core is filled with, and stop the fill at times; after that only MARGIN more words may come."""
        dut, edge = self.dut, RisingEdge(self.dut.clk_i)
        ring: dict[tuple[int, int], list[int]] = {core: [0] * 1024 for core in self.cores}
        runs: dict[tuple[int, int], dict[int, dict[str, int]]] = {core: {} for core in self.cores}
        lanes = len(dut.fill_o)
        closed = [0] * lanes
        while True:
            await edge
            rows = int(dut.fill_rows_o.value)
            for lane in range(lanes):
                fill = unpack("fill_t", int(dut.fill_o[lane].value))
                cols = int(dut.fill_cols_o[lane].value)
                for core in self.cores:
                    if core[0] * lanes // param("Rows") == lane and rows >> core[0] & 1 and cols >> core[1] & 1:
                        self._fill(core, fill, ring[core], runs[core])
                closed[lane] = closed[lane] + 1 if fill["word_we"] and dut.room_i[0][0].value == 0 else 0
                assert closed[lane] <= MARGIN, "more words than the margin after the cores had no room"
            pause = next(self.stall)
            for row, col in self.cores:
                dut.room_i[row][col].value = int(not pause)

    def _fill(self, core: tuple[int, int], fill: dict[str, Any], buffer: list[int], table: dict[int, dict[str, int]]) -> None:
        """One step of the fill bus that is meant for a core."""
        if fill["word_we"]:
            buffer[2 * fill["word_addr"]] = fill["word"] & 0x3FFFF
            buffer[2 * fill["word_addr"] + 1] = fill["word"] >> 18
        if fill["run_we"]:
            assert fill["run_index"] not in table, f"run {fill['run_index']} twice in a channel"
            table[fill["run_index"]] = fill["run"]
        if fill["commit"]:
            self.commits[core].append({r: self._entries(buffer, run) for r, run in table.items()})
            table.clear()

    @staticmethod
    def _entries(buffer: list[int], run: dict[str, int]) -> Entries:
        if run["empty"]:
            return []
        count = (run["last"] - run["first"]) % 1024 + 1
        taken = [buffer[(run["first"] + i) % 1024] for i in range(count)]
        return [(e >> 8 & 0xFF, e & 0xFF, e >> 16) for e in taken]
