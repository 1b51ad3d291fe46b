"""Tilings keep every limit of the hardware, use each core for one (tile, group), and leave out nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from phantom.config import Config, load_config
from phantom.errors import ShapeError
from phantom.layout import Layout
from phantom.tiling import BANK, MAX_CORES, MAX_PACKETS, MAX_SLOTS, RING_MARGIN, GeometryOf, Tiling, Workload, need_rows
from phantom.tiling_choice import Choice, choose
from phantom.tiling_estimate import Estimate
from phantom.views import Geometry, conv_geometry, kernel_taps

CONFIGS = [load_config(name) for name in ("tiny", "small", "pynq_z2")]


def a_case(
    filters: int,
    channels: int,
    kernel: int,
    stride: int,
    size: tuple[int, int],
    density: float = 1.0,
    pool: tuple[int, int, int] = (1, 1, 0),
    sharers: int = 0,
) -> tuple[Workload, GeometryOf, Layout]:
    pad = kernel // 2
    rows, cols = ((n + 2 * pad - kernel) // stride + 1 for n in size)
    window, step, top = pool
    # A pooling whose last window lies inside as a whole.
    rows, cols = ((n + top - window) // step + 1 for n in (rows, cols))
    reach = -pad, kernel - 1 - pad
    work = Workload("t", filters, channels, reach, stride, rows, cols, 0.3, density, pool=pool, sharers=sharers)
    taps = kernel_taps((kernel, kernel), pad, pad)

    def geometry_of(tile_cols: int) -> Geometry:
        starts = range(-top, cols * step - top, tile_cols * step)
        return conv_geometry("t", taps, stride, size[1], starts, (tile_cols - 1) * step + window, -top)

    return work, geometry_of, Layout.plain((channels, *size), np.dtype(np.uint8))


def chosen(case: tuple[Workload, GeometryOf, Layout], config: Config, rank: int = 0) -> tuple[Tiling, Geometry]:
    work, geometry_of, layout = case
    return choose(Choice(work, geometry_of, config), layout.cut, rank)


def check(tiling: Tiling, work: Workload, geometry: Geometry, layout: Layout, config: Config) -> None:
    """Limits, worked out anew from what the hardware holds."""
    t = tiling
    assert t.rows <= config.rows and t.cols <= config.cols and t.tiles * t.groups == t.rows * t.cols
    cores = {t.place(tile, group) for tile in range(t.tiles) for group in range(t.groups)}
    assert cores == {(r, c) for r in range(t.rows) for c in range(t.cols)}, "each core has one (tile, group)"
    assert t.slots * work.sum_rows(t.tile_rows) * geometry.pitch <= BANK and t.slots <= MAX_SLOTS
    assert t.passes * t.groups * config.threads * t.slots >= work.filters, "a place for every filter"
    if t.own_chans:
        assert t.own_chans % 8 == 0 and t.passes * t.own_chans >= work.channels
        assert -(-t.own_chans // t.groups) * work.sharers <= config.threads * t.slots, "a place for every filter of a group"
        assert work.channels - (t.passes - 1) * t.own_chans >= t.groups, "no group without a channel"
    # A core mask is a product of rows and columns.
    sets = [[t.place(tile, group) for group in range(t.groups)] for tile in range(t.tiles)]
    for members in map(set, zip(*sets) if t.own_chans else sets):
        assert len(members) == len({r for r, _ in members}) * len({c for _, c in members})
    covered = {divmod(i, t.span) for i in range(work.out_cols)}
    assert t.tile_cols % t.span == 0 and t.span <= 64 and len({xs for xs, _ in covered}) <= 16
    assert (t.col_tiles - 1) * t.tile_cols < work.out_cols <= t.col_tiles * t.tile_cols, "tiles cover the columns, none is empty"
    assert {t.at(i) for i in range(t.tiles)} == {
        (r * t.tile_rows, c * t.tile_cols) for r in range(t.tiles // t.col_tiles) for c in range(t.col_tiles)
    }
    columns = [(work.sum_rows(t.tile_rows) + v.runs - 1) * min(v.cols, v.width) for v in geometry.views]
    assert (max if t.view_chans else sum)(columns) <= 2 * config.act_words - RING_MARGIN, "a dense channel fits the ring"
    cut = layout.geometry
    for strip in range(-(-work.out_rows // t.strip_rows)):
        first, end = need_rows(t, work, layout.cut, strip)
        window, step, top = work.pool
        wanted = [
            (y * step - top + p) * work.stride + dy
            for y in range(strip * t.strip_rows, (strip + 1) * t.strip_rows)
            for p in range(window)
            for dy in range(work.reach[0], work.reach[1] + 1)
        ]
        height = layout.index.shape[1]
        assert all(first <= y < end for y in wanted if 0 <= y < height), "all rows of the strip are asked for"
        packets = -(-(end - first) // cut.rows) * cut.columns
        assert packets <= MAX_PACKETS
        words = (end - first) / cut.rows * (9 + 8 * work.act_density * cut.rows * cut.span / 8) * cut.chunks * cut.columns
        assert words <= config.row_buffer_words


@settings(max_examples=80, deadline=None)
@given(
    config=st.sampled_from(CONFIGS),
    filters=st.integers(1, 300),
    channels=st.integers(1, 96),
    kernel=st.integers(1, 7),
    stride=st.sampled_from([1, 2]),
    size=st.tuples(st.integers(7, 40), st.integers(7, 70)),
    pool=st.sampled_from([(1, 1, 0), (2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 0)]),
    rank=st.sampled_from([0, 0, 1, 7, 40, 10**6]),
    sharers=st.sampled_from([0, 0, 1, 2]),
)
def test_limits(
    config: Config,
    filters: int,
    channels: int,
    kernel: int,
    stride: int,
    size: tuple[int, int],
    pool: tuple[int, int, int],
    rank: int,
    sharers: int,
) -> None:
    if sharers:
        filters = channels * sharers
    case = a_case(filters, channels, kernel, stride, size, pool=pool, sharers=sharers)
    try:
        tiling, geometry = chosen(case, config, rank)
    except ShapeError as error:
        assert config.name in str(error) and "hold" in str(error)
        assert channels * size[1] > 400 or kernel * size[1] > 300, "only large layers may be refused"
        return
    assert tiling.cycles > 0
    check(tiling, case[0], geometry, case[2], config)


def test_all_cores_are_used_where_there_is_work_for_them() -> None:
    config = load_config("pynq_z2")
    tiling, _ = chosen(a_case(128, 64, 3, 1, (28, 28)), config)
    assert tiling.rows * tiling.cols == config.cores


@pytest.mark.parametrize("mesh", [(16, 8), (12, 7), (4, 16), (16, 16)])
def test_no_more_cores_than_the_drain_table_has_entries(mesh: tuple[int, int]) -> None:
    config = dataclasses.replace(load_config("pynq_z2"), name="large", rows=mesh[0], cols=mesh[1])
    case = a_case(512, 64, 3, 1, (28, 28))
    for rank in (0, 10, 10**6):
        tiling, _ = chosen(case, config, rank)
        assert tiling.groups * tiling.tiles == tiling.rows * tiling.cols <= MAX_CORES == 64
    best, _ = chosen(case, config)
    assert best.rows * best.cols > 0.75 * MAX_CORES, "but nearly all of them"


@settings(max_examples=10, deadline=None)
@given(
    channels=st.sampled_from([16, 64, 128]),
    size=st.sampled_from([(14, 14), (28, 28), (40, 56)]),
    kernels=st.tuples(st.sampled_from([1, 3]), st.sampled_from([1, 3])),
    sharers=st.sampled_from([0, 1]),
)
def test_an_eye_to_the_layer_behind(channels: int, size: tuple[int, int], kernels: tuple[int, int], sharers: int) -> None:
    """Both layers together are never slower than with the best tiling for the first one alone."""
    config = load_config("pynq_z2")
    work, geometry_of, layout = a_case(channels, channels, kernels[0], 1, size, sharers=sharers)
    first = Choice(work, geometry_of, config)
    behind = Choice(*a_case(64, channels, kernels[1], 1, size)[:2], config)
    alone, together = choose(first, layout.cut)[0], choose(first, layout.cut, behind=behind)[0]
    assert together.cycles >= alone.cycles

    def both(tiling: Tiling) -> float:
        return tiling.cycles + behind.least(first.result_cut(tiling))

    assert both(together) <= both(alone)
    event(f"differ: {together != alone}")


def test_refused_with_the_reason() -> None:
    small = dataclasses.replace(load_config("tiny"), row_buffer_words=256)
    with pytest.raises(
        ShapeError, match=r"layer 't' does not fit configuration 'tiny': \d+ words a strip; the row buffer holds 192"
    ):
        chosen(a_case(8, 64, 3, 1, (16, 64)), small)


def test_a_sparse_input_needs_less_room() -> None:
    small = dataclasses.replace(load_config("tiny"), row_buffer_words=512)
    with pytest.raises(ShapeError):
        chosen(a_case(8, 24, 3, 1, (16, 64)), small)
    assert chosen(a_case(8, 24, 3, 1, (16, 64), density=0.3), small)[0].tiles >= 1


def test_a_thread_with_a_single_heavy_filter_drifts() -> None:
    """Beside one that is only carried it has nothing that makes up for it; two heavy ones make up for each other."""
    config = load_config("pynq_z2")
    work, geometry_of, layout = a_case(128, 128, 3, 1, (56, 56), density=0.6)
    even, uneven = (dataclasses.replace(work, weight_density=0.1, heavy=heavy) for heavy in (1.0, 0.5))
    longer = {2: 0, 4: 0}
    for tiling, geometry in Choice(work, geometry_of, config).tilings:
        if tiling.slots in longer:
            before, after = (Estimate(case, layout.cut, config)(tiling, geometry) for case in (even, uneven))
            assert after >= before
            longer[tiling.slots] += after > 1.1 * before
    assert longer[2] > 5 and longer[4] == 0
