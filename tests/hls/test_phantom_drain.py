"""phantom_drain: every read, segment, change of parameters and bank that is given back, in the order of the output stream.

`random_program` and `places` (layers, and where their results come out) also serve the whole output side.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import bench
import cocotb
import numpy as np
from cocotb.triggers import RisingEdge
from streams import PROFILES, param, pauses, start
from structs import layer_structs, pack, unpack

from phantom.config import Config
from phantom.errors import ShapeError
from phantom.layer_registers import TABLE_DRAIN
from phantom.layout import Layout
from phantom.lower import lower
from phantom.network import Add, AnyLayer, Conv, FullyConnected, MaxPool, Network
from phantom.program import Program, compile_stage
from phantom.stage import Stage

Event = tuple[Any, ...]
Pool = tuple[int, int, bool]
# Windows, their step, and whether they are padded.
OVERLAPPING = ((3, 2, True), (2, 1, True))  # by a row that tiles may keep for one another
POOLS = ((2, 2, False), (3, 2, False), (3, 2, True), (3, 1, True), (2, 1, False), (2, 3, False), (3, 3, False))


def random_stage(kind: str, pool: Pool | None = None) -> Stage:
    """A stage of a kind.

    `flat`: a fully connected layer; `pool`: a convolution with a maximum pooling, given or any; `sum`: one whose result is added
    to its input; `plain`: one without either.
    """
    shape = (random.randint(1, 9), random.randint(3, 12), random.choice((3, 7, 16, 33, 64, 70, 130)))
    shape = (5, 3, 4) if kind == "flat" else shape
    filters, stride = random.choice((1, 7, 8, 17, 40, 100)), random.choice((1, 2))
    if kind == "sum":
        shape, stride = (filters, *shape[1:]), 1
    weights = np.ones((filters, int(np.prod(shape))) if kind == "flat" else (filters, shape[0], 3, 3), np.int8)
    zeros, ones = np.zeros(filters, np.int32), np.ones(filters, np.uint8)
    layers: list[AnyLayer] = []
    if kind == "flat":
        layers.append(FullyConnected("l", weights, zeros, ones, ones))
    else:
        layers.append(Conv("l", weights, zeros, ones, ones, stride=stride, padding=(1, 1, 1, 1)))
    if kind == "pool":
        size, step, padded = pool or random.choice(POOLS)
        padding = tuple(random.choice((0, 1, 1)) if padded else 0 for _ in range(4))
        layers.append(MaxPool("p", (size, size), step, padding))
    if kind == "sum":
        layers.append(Add("s", (1, 1), 1, 0, inputs=random.choice((("l", "input"), ("input", "l")))))
    (stage,) = lower(Network("drain", shape, np.dtype(np.uint8), layers))
    return stage


def compiled(stage: Stage) -> Program | None:
    """The stage for the mesh under test, with a random tiling; None where it does not fit, or would take long."""
    config = Config("drain", "test", 100.0, param("Rows"), param("Cols"), 8, 16, 512, 512, 16, 512, 12288, 2048, 1024, 1)
    layout = Layout.plain(stage.source.shape, np.dtype(np.uint8))
    try:
        program = compile_stage(stage, layout, config, rank=random.choice((0, 0, 3, 30, 100)))
    except ShapeError:
        return None
    reads = stage.filters * int(np.prod(stage.result.plane)) * (stage.pool.kernel[0] ** 2 if stage.pool else 1)
    small = program.strips * program.tiling.passes * program.tiling.slots * stage.filters < 4000
    return program if small and reads < 30_000 else None


def random_program(kind: str, pool: Pool | None = None) -> Program:
    """A compiled stage; what it computes does not matter here."""
    while True:
        try:
            program = compiled(random_stage(kind, pool))
        except ShapeError:  # a window larger than the image
            continue
        if program is not None:
            return program


@dataclass(frozen=True)
class Window:
    """What one result is read from, `sums`: (address, row and column in the plane of sums, which may lie in the padding, whether
    the tile above has kept it).
    """

    bit: int
    col: int  # of the result in its plane
    sums: tuple[tuple[int, int, int, bool], ...]


@dataclass(frozen=True)
class Place:
    """A slot of a core in one pass of one strip: its segments as (rows less one, xs, first row), each with its windows.

    half: of the filters, where two are a pair: 0 is kept, 1 written. kept: what is read for the tile below.
    """

    strip: int
    pass_: int
    core: tuple[int, int]
    chunk: int
    last: bool  # of the core
    half: int
    segments: tuple[tuple[tuple[int, int, int], tuple[Window, ...]], ...]
    kept: tuple[Window, ...]


def places(program: Program) -> Iterator[Place]:
    """All slots in the order of the drain, from the tiling and the pooling alone."""
    tiling, out, pool, flat = program.tiling, program.result.geometry, program.stage.pool, program.stage.flat
    pitch = program.registers["TILE"]["pitch"]
    size, step, (top, left, _, _) = (pool.kernel[0], pool.stride, pool.padding) if pool else (1, 1, (0,) * 4)
    segment_rows = 1 if flat else min(out.rows, tiling.tile_rows)
    keep = program.work.kept_rows
    slot_sums = ((tiling.tile_rows - 1) * step + size - keep) * pitch
    slots = 1 if flat else tiling.slots
    window = [(wy, wx) for wy in range(size) for wx in range(size)]
    for strip, pass_, group, tile in np.ndindex(program.strips, tiling.passes, tiling.groups, tiling.tiles):
        row, col0 = tiling.at(tile)
        y0, xs0 = strip * tiling.strip_rows + row, col0 // out.span
        end = 1 if flat else min(xs0 + tiling.tile_cols // out.span, out.columns)
        count = max(0, min(tiling.tile_rows, out.height - y0))
        for slot in range(slots):

            def read(
                first: int, rows: int, xs: int, high: int, slot: int = slot, y0: int = y0, col0: int = col0
            ) -> Iterator[Window]:
                for r, c in np.ndindex(rows, out.bounds(xs)[1] - out.bounds(xs)[0]):
                    x = out.bounds(xs)[0] + c
                    at = (first + r) * step, (x - col0) * step  # in the tile
                    sums = tuple(
                        (
                            (slot * slot_sums + (at[0] + wy) * pitch + at[1] + wx) % 256,
                            (y0 + first + r) * step - top + wy,
                            x * step - left + wx,
                            at[0] + wy < keep,
                        )
                        for wy, wx in window
                        if wy < high
                    )
                    yield Window((r * out.pitch + c) % 64, x, sums)

            segments = []
            for first in range(0, count, segment_rows):
                rows = min(segment_rows, count - first)
                for xs in range(xs0, end):
                    segments.append(((rows - 1, xs, y0 + first), tuple(read(first, rows, xs, size))))
            more = keep and count > 0 and y0 + count < out.height
            kept = tuple(read(count, 1, 0, 1)) if more else ()
            place = pass_ * tiling.groups + group
            chunk = place if flat else place * tiling.out_slots + slot // tiling.slots_each
            half = slot % tiling.slots_each
            yield Place(strip, pass_, tiling.place(tile, group), chunk, slot == slots - 1, half, tuple(segments), kept)


def expected(program: Program) -> Iterator[Event]:
    """What has to happen. A position that a window covers is cleared by the last read of all that are made of it."""
    flat, pairs, (_, height, width) = program.stage.flat, program.stage.residual is not None, program.stage.shape
    if flat:
        height, width = program.result.index.shape[1:]
    for place in places(program):
        yield ("swap",)
        segments: list[tuple[Any, tuple[Window, ...]]] = [*place.segments, *([(None, place.kept)] if place.kept else [])]
        reads = [(at, above) for _, windows in segments for window in windows for at, _, _, above in window.sums]
        last_read = {at: i for i, (at, above) in enumerate(reads) if not above}
        number = 0
        for segment, windows in segments:
            keep = segment is None or (pairs and place.half == 0)
            if not keep:
                yield "seg", *segment, place.chunk
            for n, window in enumerate(windows):
                if flat and n:
                    yield ("swap",)
                for i, (at, y, x, above) in enumerate(window.sums):
                    complete = i == len(window.sums) - 1
                    yield (
                        "read", place.core, at, window.bit, complete and n == len(windows) - 1, i == 0,
                        0 <= y < height and 0 <= x < width, complete, not above and last_read[at] == number,
                        keep, pairs and place.half == 1, above,
                        place.chunk % 8 << 6 | window.col if program.work.kept_rows else number % 128,
                    )  # fmt: skip
                    number += 1
        if place.last:
            yield "drained", place.core


@cocotb.test()
@cocotb.parametrize(kind=("plain", "flat", "sum"), idle=PROFILES, stall=PROFILES)
async def whole_layers(dut, kind: str, idle: str, stall: str) -> None:
    """`idle` is for parameters and cores, `stall` for the encoder's room."""
    await run(dut, random_program(kind), idle, stall)


@cocotb.test()
@cocotb.parametrize(idle=PROFILES, stall=PROFILES)
async def pooled_layers(dut, idle: str, stall: str) -> None:
    await run(dut, random_program("pool"), idle, stall)


@cocotb.test()
@cocotb.parametrize(pool=POOLS)
async def every_pooling(dut, pool: Pool) -> None:
    """Each of them over several rows of tiles side by side, and over segments side by side in a tile."""
    wanted = [lambda t: t.col_tiles > 1 and t.tile_rows > 1, lambda t: t.tile_cols > t.span]
    for fits in wanted:
        program = random_program("pool", pool)
        for _ in range(200):
            if fits(program.tiling):
                break
            program = random_program("pool", pool)
        await run(dut, program, "none", "none")


@cocotb.test()
@cocotb.parametrize(idle=("none", "bursty"), stall=("none", "heavy"))
async def rows_kept_for_the_tile_below(dut, idle: str, stall: str) -> None:
    for rows in (1, 2):
        await run(dut, kept_program(rows), idle, stall)


def kept_program(rows: int) -> Program:
    """A pooled stage whose tiles, of at least so many rows, keep a row for one another, over more than one strip."""
    while True:
        program = random_program("pool", random.choice(OVERLAPPING))
        if program.work.kept_rows and program.tiling.tile_rows >= rows and program.strips > 1:
            return program


async def run(dut: Any, program: Program, idle: str, stall: str) -> None:
    """Run the drain of one stage and compare all events in their order."""
    dut._log.info("%s, %s", program.stage.pool, program.tiling)
    dut.cfg_i.value = pack("drain_cfg_t", layer_structs(program.registers)["drain_cfg"])
    for name in ("start_i", "entry_we_i", "entry_index_i", "entry_i", "prm_valid_i", "seg_ready_i"):
        getattr(dut, name).value = 0
    cores = [(r, c) for r in range(param("Rows")) for c in range(param("Cols"))]
    for r, c in cores:
        dut.pass_done_i[r][c].value = 0
    await start(dut)
    for select, index, value in program.tables:
        if select == TABLE_DRAIN:
            dut.entry_we_i.value, dut.entry_index_i.value, dut.entry_i.value = 1, index, value
            await RisingEdge(dut.clk_i)
    dut.entry_we_i.value = 0
    dut.start_i.value = 1
    await RisingEdge(dut.clk_i)
    dut.start_i.value = 0

    ready_in = {core: random.randint(0, 40) for core in cores}  # cycles until its pass is done
    prm_pause, seg_pause = pauses(idle), pauses(stall)
    queue = expected(program)
    count = loaded = 0

    def check(event: Event) -> None:
        want = next(queue, None)
        assert event == want, f"event {count}: {event}, expected {want}"

    await RisingEdge(dut.clk_i)
    for _ in range(600000):
        await RisingEdge(dut.clk_i)
        core = tuple(int(s.value).bit_length() - 1 for s in (dut.rows_o, dut.cols_o))
        if dut.en_o.value == 1:
            assert ready_in[core] == 0, f"core {core} is read before its pass is done"
            flags = (dut.last_o, dut.first_o, dut.real_o, dut.complete_o, dut.clear_o, dut.keep_o, dut.partner_o)
            flags = (*flags, dut.above_o)
            read = *(flag.value == 1 for flag in flags), int(dut.place_o.value)
            check(("read", core, int(dut.addr_o.value), int(dut.bit_o.value), *read))
            count += 1
        if dut.drained_o.value == 1:
            check(("drained", core))
            ready_in[core] = random.choice((5, 30))
        if dut.prm_valid_i.value == 1 and dut.prm_ready_o.value == 1:
            assert int(dut.prm_lane_o.value) == loaded, "lanes are loaded in order"
            loaded += 1
        if dut.prm_swap_o.value == 1:
            assert loaded == 8, f"new parameters come into force after {loaded} of 8"
            loaded = 0
            check(("swap",))
        if dut.seg_valid_o.value == 1 and dut.seg_ready_i.value == 1:
            seg = unpack("segment_t", int(dut.seg_o.value))
            check(("seg", seg["more_rows"], seg["xs"], seg["y0"], seg["chunk"]))
        dut.prm_valid_i.value = int(not next(prm_pause))
        dut.seg_ready_i.value = int(not next(seg_pause))
        for r, c in cores:
            ready_in[r, c] = max(0, ready_in[r, c] - 1)
            dut.pass_done_i[r][c].value = int(ready_in[r, c] == 0)
        if dut.done_o.value == 1:
            break
    assert dut.done_o.value == 1, f"not done after {count} reads"
    assert next(queue, None) is None, "done too early"


def test_phantom_drain() -> None:
    bench.run("phantom_drain", module=__name__, params={"Rows": 2, "Cols": 2})
