"""phantom_drain: every read, segment, change of parameters and bank that is given back, in the order of the output stream."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import bench
import numpy as np
from cocotb.triggers import RisingEdge
from streams import param, pauses, start, stream_test
from structs import layer_structs, pack, unpack

from phantom.config import Config
from phantom.errors import ShapeError
from phantom.layout import Layout
from phantom.network import Conv, FullyConnected
from phantom.program import TABLE_DRAIN, Program, compile_layer

Event = tuple[Any, ...]


def random_program(flat: bool) -> Program:
    """A compiled layer; what it computes does not matter here."""
    while True:
        shape = (random.randint(1, 9), random.randint(3, 12), random.choice((3, 7, 16, 33, 64, 70, 130)))
        shape = (5, 3, 4) if flat else shape
        filters = random.choice((1, 7, 8, 17, 40, 100))
        config = Config("drain", "test", 100.0, param("Rows"), param("Cols"), 8, 16, 512, 512, 16, 512, 12288, 2048, 1024)
        size = (filters, int(np.prod(shape))) if flat else (filters, shape[0], 3, 3)
        weights = np.ones(size, np.int8)
        zeros, ones = np.zeros(filters, np.int32), np.ones(filters, np.uint8)
        stride = random.choice((1, 2))
        layer = FullyConnected("l", weights, zeros, ones, ones) if flat else Conv(
            "l", weights, zeros, ones, ones, stride=stride, padding=(1, 1, 1, 1)
        )
        try:
            program = compile_layer(layer, Layout.plain(shape, np.dtype(np.uint8)), config, rank=random.choice((0, 0, 3, 30)))
        except ShapeError:
            continue
        if program.strips * program.tiling.passes * program.tiling.slots * filters < 4000:
            return program


def expected(program: Program, flat: bool) -> Iterator[Event]:
    """What has to happen, from the tiling alone."""
    tiling, out = program.tiling, program.result.geometry
    pitch = program.registers["TILE"]["pitch"]
    segment_rows = 1 if flat else min(out.rows, tiling.tile_rows)
    for strip in range(program.strips):
        for pass_ in range(tiling.passes):
            for group in range(tiling.groups):
                for tile in range(tiling.tiles):
                    core = tiling.place(tile, group)
                    row, col0 = tiling.at(tile)
                    y0, xs0 = strip * tiling.strip_rows + row, col0 // out.span
                    end = 1 if flat else min(xs0 + tiling.tile_cols // out.span, out.columns)
                    count = max(0, min(tiling.tile_rows, out.height - y0))
                    for slot in range(1 if flat else tiling.slots):
                        place = pass_ * tiling.groups + group
                        chunk = place if flat else place * tiling.slots + slot
                        if chunk >= out.chunks:
                            continue
                        yield ("swap",)
                        for first in range(0, count, segment_rows):
                            rows = min(segment_rows, count - first)
                            for xs in range(xs0, end):
                                yield "seg", rows - 1, xs, y0 + first, chunk
                                start, stop = out.bounds(xs)
                                cols = stop - start
                                for n, (row, col) in enumerate((r, c) for r in range(rows) for c in range(cols)):
                                    if flat and n:
                                        yield ("swap",)
                                    address = slot * tiling.tile_rows * pitch + (first + row) * pitch + start - col0 + col
                                    bit = (row * out.pitch + col) % 64
                                    yield "read", core, address % 256, bit, int(n == rows * cols - 1)
                    yield "drained", core


@stream_test()
async def whole_layers(dut, idle: str, stall: str) -> None:
    """`idle` is for parameters and cores, `stall` for the encoder's room; once plain, once fully connected."""
    for flat in (False, True):
        await run(dut, random_program(flat), flat, idle, stall)


async def run(dut: Any, program: Program, flat: bool, idle: str, stall: str) -> None:
    """Run the drain of one layer and compare all events in their order."""
    dut._log.info("%s", program.tiling)
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
    queue = expected(program, flat)
    count = loaded = 0

    def check(event: Event) -> None:
        want = next(queue, None)
        assert event == want, f"event {count}: {event}, expected {want}"

    await RisingEdge(dut.clk_i)
    for _ in range(400000):
        await RisingEdge(dut.clk_i)
        core = tuple(int(s.value).bit_length() - 1 for s in (dut.rows_o, dut.cols_o))
        if dut.en_o.value == 1:
            assert ready_in[core] == 0, f"core {core} is read before its pass is done"
            check(("read", core, int(dut.addr_o.value), int(dut.bit_o.value), int(dut.last_o.value)))
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
