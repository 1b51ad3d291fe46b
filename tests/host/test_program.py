"""Compiled layers, decoded: every nonzero weight arrives once, where its filter is, and nothing else does."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from graphs_for_tests import random_graph
from hypothesis import event, given, settings
from hypothesis import strategies as st
from networks_for_tests import random_conv, random_fc, random_input
from programs_for_tests import computed, cores_reached, filter_places, received, table, taps_of

from phantom import reference
from phantom.config import Config, load_config
from phantom.errors import OverflowRisk, ShapeError
from phantom.layer_registers import TABLE_DRAIN, TABLE_SLOT, TABLE_TILE, TABLE_WINDOW
from phantom.layout import Layout
from phantom.lower import lower
from phantom.network import Conv, FullyConnected, Network
from phantom.program import compile_layer, compile_network, compile_stage
from phantom.weight_decode import decode_params

SMALL = load_config("small")
TALL = dataclasses.replace(load_config("middle"), weight_ports=1)  # three rows of it do not divide the channels of a chunk
UINT8 = np.dtype(np.uint8)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    filters=st.integers(1, 80),
    channels=st.integers(1, 40),
    kernel=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    stride=st.sampled_from([1, 2]),
    size=st.tuples(st.integers(7, 20), st.integers(7, 30)),
)
def test_convolution(seed: int, filters: int, channels: int, kernel: tuple[int, int], stride: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    pad = kernel[0] // 2, kernel[1] // 2
    layer = random_conv(rng, filters, channels, kernel, stride=stride, padding=pad * 2)
    program = compile_layer(layer, Layout.plain((channels, *size), UINT8), SMALL)
    wanted = taps_of(program)
    t = program.tiling
    per_group: dict[int, list[np.ndarray]] = {group: [] for group in range(t.groups)}
    cores = received(program, SMALL.threads)
    for tile in range(t.tiles):
        for group in range(t.groups):
            rows = cores[t.place(tile, group)].copy()
            if t.view_chans:
                views = program.registers["LAM_LOOPS"]["views"]
                rows[:, 1] //= views
                rows = rows[np.lexsort(rows.T[::-1])]
            per_group[group].append(rows)
    for copies in per_group.values():
        assert all(np.array_equal(copies[0], copy) for copy in copies), "cores of a group hold the same weights"
    together = np.concatenate([copies[0] for copies in per_group.values()])
    assert np.array_equal(together[np.lexsort(together.T[::-1])], wanted), "each weight once, and only those"
    assert cores_reached(program) <= set(cores)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    filters=st.integers(1, 90),
    channels=st.integers(1, 20),
    size=st.tuples(st.integers(1, 12), st.integers(1, 16)),
)
def test_fully_connected(seed: int, filters: int, channels: int, size: tuple[int, int]) -> None:
    """A weight meets the element at (channel, segment, mask bit) of the stream that it belongs to."""
    rng = np.random.default_rng(seed)
    source = Layout.plain((channels, *size), UINT8)
    layer = random_fc(rng, filters, channels * size[0] * size[1])
    program = compile_layer(layer, source, SMALL)
    cut = source.geometry
    segments = -(-size[0] // cut.rows)
    found = np.zeros_like(layer.weights, dtype=np.int64)
    hits = np.zeros_like(found)
    for rows in received(program, SMALL.threads).values():
        for k, channel, bit, w in rows:
            c, segment = divmod(channel, segments)
            y, x = segment * cut.rows + bit // cut.pitch, bit % cut.pitch
            element = (c * size[0] + y) * size[1] + x
            found[k, element] += w
            hits[k, element] += 1
    assert hits.max(initial=0) <= 1
    assert np.array_equal(found, layer.weights)


def test_every_filter_is_drained_once_with_its_own_parameters() -> None:
    rng = np.random.default_rng(5)
    layer = random_conv(rng, 77, 6, (3, 3), padding=(1, 1, 1, 1))
    program = compile_layer(layer, Layout.plain((6, 12, 15), UINT8), SMALL)
    places = filter_places(program)
    assert sorted(places[places >= 0].tolist()) == list(range(77))
    for pass_, params in enumerate(decode_params(program.weights)):
        # In drain order: group, tile, slot, lane.
        order = np.repeat(places[pass_][:, None], program.tiling.tiles, axis=1).reshape(-1)
        held = order >= 0
        assert len(params.bias) == len(order)
        for name in ("bias", "multiplier", "sel"):
            assert np.array_equal(getattr(params, name)[held], getattr(layer, name)[order[held]])


def test_tables() -> None:
    rng = np.random.default_rng(6)
    layer = random_conv(rng, 40, 6, (3, 5), padding=(1, 2, 1, 2))
    program = compile_layer(layer, Layout.plain((6, 12, 15), UINT8), SMALL)
    t, pitch = program.tiling, program.registers["TILE"]["pitch"]
    assert sorted(table(program, TABLE_WINDOW)) == list(range(15))
    assert table(program, TABLE_SLOT) == {s: s * t.tile_rows * pitch for s in range(t.slots)}
    assert t.slots * t.tile_rows * pitch <= 256
    members = [v for _, v in sorted(table(program, TABLE_TILE).items())]
    for tile, mask in enumerate(members):
        cores = {t.place(tile, group) for group in range(t.groups)}
        assert cores == {(r, c) for r in range(16) for c in range(16) if mask >> r & 1 and mask >> 16 + c & 1}
    assert len(table(program, TABLE_DRAIN)) == t.groups * t.tiles == program.registers["DRAIN"]["entries"]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    channels=st.sampled_from([8, 16, 40, 64, 72]),
    each=st.integers(1, 3),
    stride=st.sampled_from([1, 2]),
    rank=st.sampled_from([0, 1, 3, 20]),
    config=st.sampled_from([SMALL, TALL]),
)
def test_depthwise(seed: int, channels: int, each: int, stride: int, rank: int, config: Config) -> None:
    """Groups have channels of their own; the tiles of a group, one core each, are a rectangle of the mesh."""
    rng = np.random.default_rng(seed)
    layer = random_conv(rng, channels * each, channels, (3, 3), stride=stride, padding=(1,) * 4, channel_groups=channels)
    program = compile_layer(layer, Layout.plain((channels, 14, 14), UINT8), config, rank=rank)
    t = program.tiling
    views = program.registers["LAM_LOOPS"]["views"] if t.view_chans else 1
    cores = received(program, config.threads)
    rows = np.concatenate([cores[t.place(0, group)] for group in range(t.groups)])
    rows[:, 1] //= views
    assert np.array_equal(rows[np.lexsort(rows.T[::-1])], taps_of(program)), "each weight once, and only those"
    assert cores_reached(program) <= set(cores)
    if t.own_chans:
        masks = table(program, TABLE_TILE)
        for group in range(t.groups):
            for tile in range(t.tiles):
                row, col = t.place(tile, group)
                assert masks[group * t.tiles + tile] == 1 << row | 1 << 16 + col
                assert row // (t.rows // t.lanes) == (group * t.tiles + tile) % t.lanes
    event(f"own: {t.own_chans > 0}, passes {min(3, t.passes)}, tiles {t.tiles}")


def test_chained_layers_share_a_layout() -> None:
    rng = np.random.default_rng(7)
    layers = [
        named(random_conv(rng, 20, 3, (3, 3), padding=(1, 1, 1, 1)), "a"),
        named(random_conv(rng, 16, 20, (3, 3), stride=2, padding=(1, 1, 1, 1)), "b"),
        named(random_fc(rng, 10, 16 * 25), "c"),
    ]
    programs = compile_network(Network("net", (3, 10, 10), UINT8, layers), SMALL)
    for before, after in itertools.pairwise(programs):
        assert after.source is before.result
    assert [p.name for p in programs] == ["a", "b", "c"]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rank=st.sampled_from([0, 1, 5, 50]))
def test_programs_of_a_graph(seed: int, rank: int) -> None:
    """Stages as the hardware is told them: carried tensors, two ranges, both types, weights in parts, pooling."""
    network = random_graph(seed, most=4)
    image = random_input(np.random.default_rng(seed), network.input_shape, network.input_dtype.type)
    right = dict(zip((layer.name for layer in network.layers), reference.run(network, image), strict=True))
    right["input"] = image
    for program in compile_network(network, SMALL, rank=rank):
        if program.stage.flat or program.source.channel_order is None:
            continue
        source = np.concatenate([right[part.name].view(np.uint8) for part in program.stage.source.parts])
        order = program.source.channel_order
        planes = np.where(order[:, None, None] >= 0, source[order], np.uint8(0))
        for name, got in program.stage.result.split(computed(program, planes, SMALL.threads)).items():
            assert np.array_equal(got, right[name]), (program.name, name)


def test_result_words_are_enough_for_a_dense_result() -> None:
    rng = np.random.default_rng(8)
    program = compile_layer(random_conv(rng, 20, 3, (3, 3)), Layout.plain((3, 20, 20), UINT8), SMALL)
    full = np.full(program.result.logical, 255, np.uint8)
    assert len(program.result.compress(full)) <= program.result_words


def test_what_cannot_run_is_refused() -> None:
    rng = np.random.default_rng(9)
    plain = Layout.plain((8, 12, 12), UINT8)
    with pytest.raises(ShapeError, match="289 windows"):
        compile_layer(random_conv(rng, 8, 8, (17, 17), padding=(3,) * 4), plain, SMALL)
    with pytest.raises(ShapeError, match="segments a channel"):
        compile_layer(random_fc(rng, 4, 2 * 40 * 40), Layout.plain((2, 40, 40), UINT8), SMALL)
    with pytest.raises(ShapeError, match="5 segments a channel"):
        compile_layer(random_fc(rng, 4, 2 * 300), Layout.plain((2, 1, 300), UINT8), SMALL)
    heavy = FullyConnected("fc", np.full((1, 1100 * 64), 127, np.int8), [0], [1], [0])
    with pytest.raises(OverflowRisk):
        compile_layer(heavy, Layout.plain((1100, 8, 8), UINT8), SMALL)


@pytest.mark.parametrize(("padding", "fits"), [(128, True), (129, False)])
def test_a_padding_that_reaches_too_far_is_refused(padding: int, fits: bool) -> None:
    layer = random_conv(np.random.default_rng(3), 4, 2, (1, 40), dilation=4, padding=(0, padding, 0, 28))
    source = Layout.plain((2, 8, 8), UINT8)
    if fits:
        program = compile_layer(layer, source, SMALL)
        assert program.registers["VIEW_COLS0"]["first"] == 256 - padding
    else:
        with pytest.raises(ShapeError, match="first column of a view -129 from the output"):
            compile_layer(layer, source, SMALL)


def named(layer: Conv | FullyConnected, name: str) -> Conv | FullyConnected:
    return dataclasses.replace(layer, name=name)


def test_the_estimate_knows_which_channels_the_weights_meet() -> None:
    """Channels that hardly any weight reads, as dense as they may be, make no multiplies."""
    rng = np.random.default_rng(4)
    layer = random_conv(rng, 8, 16, (1, 1))
    layer = dataclasses.replace(layer, weights=np.where(np.arange(16).reshape(-1, 1, 1) < 8, 1, np.zeros_like(layer.weights)))
    (stage,) = lower(Network("n", (16, 10, 10), UINT8, [layer]))
    turned = Layout((16, 10, 10), np.arange(16)[::-1].copy(), 5, 5, UINT8)
    dense_last = np.repeat([0.2, 1.0], 8)
    program = compile_stage(stage, turned, SMALL, 0.6, channels=(dense_last, None))
    assert program.work.met == pytest.approx(0.2 / 0.6)
    assert compile_stage(stage, turned, SMALL, 0.6).work.met == 1.0
    assert program.work.act_density == 0.6, "the LAM meets them all"
