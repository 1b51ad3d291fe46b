"""Compile a layer: from weights and tiling to everything that the hardware needs to run it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .balance import assign
from .config import Config
from .errors import ShapeError
from .layout import Layout
from .network import Conv, FullyConnected, Layer, Network
from .segments import LANES, POSITIONS
from .tiling import GeometryOf, Tiling, Workload, choose
from .views import EDGE_CODES, NO_VIEW, Geometry, View, Window, conv_geometry
from .weight_stream import Params, WeightLayout, Weights, core_mask, encode_weights

MAX_FLAT_SEGMENTS = 4  # of a channel that a fully connected layer reads: views of the LAM
TABLE_WINDOW, TABLE_SLOT, TABLE_TILE, TABLE_DRAIN = range(4)
PROFILE_BLOCKS = 64  # blocks of channels in which the balance is watched
# Nonzero weights as (stream channel, window, filter, value), and the layer's geometry by the output columns of a tile.
_Nonzeros = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, GeometryOf]

BLOCK_WORDS = 8  # words of a thread in a block: half a weight queue, so that a block never waits for itself


@dataclass(frozen=True)
class Program:
    """A compiled layer.

    registers: field values by layer register. tables: (select, index, value). weights: weight stream for one strip.
    source, result: layouts of input and output streams. macs_dense: multiplies of a dense machine. tiling: how it is spread.
    """

    layer: Layer
    tiling: Tiling
    source: Layout
    result: Layout
    registers: Mapping[str, Mapping[str, int]]
    tables: tuple[tuple[int, int, int], ...]
    weights: np.ndarray
    macs_dense: int
    strips: int

    @property
    def result_words(self) -> int:
        """Words that the result stream can have at most."""
        cut = self.result.geometry
        strips = -(-cut.height // self.result.strip_rows)
        return strips * self.result.strip_packets * (1 + LANES * (1 + POSITIONS // 8)) + 1


def compile_network(
    network: Network, config: Config, densities: list[float] | None = None, rank: int = 0
) -> list[Program]:
    """Compile a chain of layers.

    Args:
        densities: of the input activations of each layer, expected (1.0 is always safe). rank: as for `compile_layer`.
    """
    programs: list[Program] = []
    layout = Layout.plain(network.input_shape, network.input_dtype)
    for i, layer in enumerate(network.layers):
        before_flat = i + 1 < len(network.layers) and isinstance(network.layers[i + 1], FullyConnected)
        program = compile_layer(layer, layout, config, 1.0 if densities is None else densities[i], rank, before_flat)
        programs.append(program)
        layout = program.result
    return programs


def compile_layer(
    layer: Layer, source: Layout, config: Config, density: float = 1.0, rank: int = 0, before_flat: bool = False
) -> Program:
    """Compile one layer.

    Args:
        source: how its input lies in the stream. density: of the input's activations, expected (1.0 is always safe).
        rank: take the tiling so many places behind the best. before_flat: a fully connected layer reads the result.

    Raises:
        ShapeError: it does not fit the configuration. OverflowRisk: its accumulators are not safe.
    """
    layer.check_accumulators(source.dtype)
    shape = layer.out_shape(source.logical)
    conv = layer if isinstance(layer, Conv) and source.channel_order is not None else None
    flat = conv is None
    nonzeros = _flat_weights(layer, source) if conv is None else _conv_weights(conv, source, shape)
    channel, window, filters, values, geometry_of = nonzeros
    geometry = geometry_of(shape[2])
    channels = source.index.shape[0]
    chans = channels * (len(geometry.views) if flat else 1)
    work = Workload(
        name=layer.name,
        filters=layer.filters,
        channels=chans,
        kernel=(1, 1) if conv is None else (conv.weights.shape[2], conv.weights.shape[3]),
        stride=1 if conv is None else conv.stride,
        top=0 if conv is None else conv.padding[0],
        out_rows=shape[1],
        out_cols=shape[2],
        weight_density=len(values) / max(1, layer.filters * chans * len(geometry.windows)),
        act_density=density,
        flat=flat,
        most_segments=MAX_FLAT_SEGMENTS if before_flat else 0,
    )
    tiling, geometry = choose(work, geometry_of, source, config, rank)
    lanes = tiling.groups * LANES
    load = np.bincount(filters, minlength=layer.filters)
    pass_, lane, slot = assign(load, lanes, tiling.passes, tiling.slots, _profile(filters, channel, layer.filters, chans))
    if not flat and tiling.view_chans:
        views = len(geometry.views)
        channel = channel * views + np.array([w.view for w in geometry.windows])[window]
        chans = channels * views

    slot_bits = (tiling.slots - 1).bit_length()
    window_bits = (len(geometry.windows) - 1).bit_length()
    weights = Weights(pass_[filters], lane[filters] // LANES, lane[filters] % LANES, channel, window, slot[filters], values)
    place = _Places(layer.filters, pass_, lane, slot, tiling)
    stream = encode_weights(
        weights,
        [place.params(layer, p, flat) for p in range(tiling.passes)],
        WeightLayout(
            threads=config.threads,
            window_bits=window_bits,
            slot_bits=slot_bits,
            block_ends=_blocks(weights, chans, tiling, config),
            # Small packets feed the groups evenly; where the port itself is the limit, headers cost more than that brings.
            packet_words=64 if flat else 8,
            core_masks=np.array([_group_mask(tiling, g) for g in range(tiling.groups)]),
        ),
    )
    result = place.layout(layer, shape, flat, tiling)
    strips = -(-shape[1] // tiling.strip_rows)
    return Program(
        layer=layer,
        tiling=tiling,
        source=source,
        result=result,
        registers=_registers(work, geometry, tiling, source, result, layer, config, strips, slot_bits, window_bits),
        tables=_tables(geometry, tiling, flat),
        weights=stream,
        macs_dense=layer.filters * int(np.prod(layer.weights.shape[1:])) * shape[1] * shape[2],
        strips=strips,
    )


def _profile(filters: np.ndarray, channel: np.ndarray, count: int, chans: int) -> np.ndarray:
    """Nonzero weights by filter and block of channels, int [count, blocks]."""
    size = max(1, chans // PROFILE_BLOCKS)
    blocks = -(-chans // size)
    return np.bincount(filters * blocks + channel // size, minlength=count * blocks).reshape(count, blocks)


def _conv_weights(
    layer: Conv, source: Layout, shape: tuple[int, int, int]
) -> _Nonzeros:
    """Nonzeros of a convolution."""
    if layer.channel_groups != 1:
        raise ShapeError(f"layer {layer.name!r}: {layer.channel_groups} channel groups; this compiler supports 1")
    order = source.channel_order
    assert order is not None
    where = np.full(source.logical[0], -1)
    where[order[order >= 0]] = np.flatnonzero(order >= 0)
    top, left, _, _ = layer.padding
    kernel = (layer.weights.shape[2], layer.weights.shape[3])
    geometry_of = functools.partial(
        conv_geometry, layer.name, kernel, layer.stride, top, left, source.logical[2], shape[2]
    )
    geometry = geometry_of(shape[2])
    meets = np.array([window.view != NO_VIEW for window in geometry.windows]).reshape(kernel)
    k, c, ky, kx = np.nonzero(layer.weights * meets)
    return where[c], ky * kernel[1] + kx, k, layer.weights[k, c, ky, kx], geometry_of


def _flat_weights(layer: Layer, source: Layout) -> _Nonzeros:
    """The same for a fully connected layer: every mask bit of a segment is a row of its own, and so is a window.

    A convolution over a tensor [C, 1, 1] is one, too: only its middle tap meets the input.
    """
    matrix = layer.weights
    if isinstance(layer, Conv):
        if source.logical[1:] != (1, 1) or layer.channel_groups != 1:
            raise ShapeError(f"layer {layer.name!r}: a convolution cannot follow a fully connected layer [{source.logical[0]}]")
        if layer.out_shape(source.logical)[1:] != (1, 1):
            raise ShapeError(f"layer {layer.name!r}: its output is larger than its input of shape {source.logical}")
        matrix = matrix[:, :, layer.padding[0], layer.padding[1]]
    cut = source.geometry
    first, _ = cut.starts(source.tile_rows)
    segments = len(first) * cut.columns
    if segments > MAX_FLAT_SEGMENTS:
        raise ShapeError(
            f"layer {layer.name!r}: {segments} segments a channel; a fully connected layer takes up to {MAX_FLAT_SEGMENTS}"
        )
    _, rows, cols = source.index.shape
    element = np.flatnonzero(source.index.reshape(-1) >= 0)
    channel, y, x = element // (rows * cols), element // cols % rows, element % cols
    row = np.searchsorted(first, y, side="right") - 1
    segment, bit = row * cut.columns + x // cut.span, (y - first[row]) * cut.pitch + x % cut.span
    size = int(np.prod(source.logical))
    chan_of, window_of = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    logical = source.index.reshape(-1)[element]
    chan_of[logical], window_of[logical] = channel * segments + segment, bit
    k, i = np.nonzero(matrix)
    bits = int(bit.max()) + 1
    views = tuple(View(py=0, first=0, runs=bits, run_base=0, col_first=0, cols=1, width=1) for _ in range(segments))
    windows = tuple(Window(0, b, b, 0, 0) for b in range(bits))
    geometry = Geometry(views, windows, (), 1)
    return chan_of[i], window_of[i], k, matrix[k, i], lambda _: geometry


class _Places:
    """Where each filter comes out: chunk and lane, and in a flat layer the position."""

    def __init__(self, filters: int, pass_: np.ndarray, lane: np.ndarray, slot: np.ndarray, tiling: Tiling) -> None:
        # filter_at[pass, group, slot, lane of the core]
        self.filter_at = np.full((tiling.passes, tiling.groups, tiling.slots, LANES), -1, dtype=np.int64)
        self.filter_at[pass_, lane // LANES, slot, lane % LANES] = np.arange(filters)
        self.tiles = tiling.tiles

    def params(self, layer: Layer, pass_: int, flat: bool) -> Params:
        """Parameters of a pass in drain order: group, tile, slot, lane (a flat layer has one tile)."""
        order = np.repeat(self.filter_at[pass_][:, None], self.tiles, axis=1).reshape(-1)
        there = order >= 0
        index = np.where(there, order, 0)
        return Params(*(np.where(there, a[index], 0) for a in (layer.bias, layer.multiplier, layer.sel)))

    def layout(self, layer: Layer, shape: tuple[int, int, int], flat: bool, tiling: Tiling) -> Layout:
        """Layout of the result."""
        _, rows, cols = shape
        at = self.filter_at
        if flat:  # a slot is a column
            index = at.transpose(0, 1, 3, 2).reshape(-1, 1, at.shape[2])
            return Layout(shape, index, 1, 1, layer.out_dtype)
        order = at.reshape(-1, 1, 1)
        plane = np.arange(rows * cols).reshape(rows, cols)
        index = np.where(order >= 0, order * rows * cols + plane, -1)
        return Layout(shape, index, tiling.strip_rows, tiling.tile_rows, layer.out_dtype, tiling.span)


def _group_mask(tiling: Tiling, group: int) -> int:
    cores = [tiling.place(tile, group) for tile in range(tiling.tiles)]
    return _mask(cores)


def _tile_mask(tiling: Tiling, tile: int) -> int:
    return _mask([tiling.place(tile, group) for group in range(tiling.groups)])


def _mask(cores: list[tuple[int, int]]) -> int:
    rows = sum(1 << r for r in {r for r, _ in cores})
    cols = sum(1 << c for c in {c for _, c in cores})
    return core_mask(rows, cols)


def _blocks(weights: Weights, chans: int, tiling: Tiling, config: Config) -> np.ndarray:
    """Block ends [passes, groups, blocks]: as many channels as keep every thread within BLOCK_WORDS words."""
    lane = (weights.pass_ * tiling.groups + weights.group) * config.threads + weights.thread
    lanes = tiling.passes * tiling.groups * config.threads
    count = np.bincount(lane * chans + weights.channel, minlength=lanes * chans).reshape(lanes, chans)
    total = np.concatenate([np.zeros((lanes, 1), dtype=np.int64), np.cumsum(count, axis=1)], axis=1)
    ends = [0]
    most = 4 * BLOCK_WORDS - 2  # room for the skip to the end of the block, and one more
    while ends[-1] < chans:
        start = ends[-1]
        fits = np.flatnonzero((total[:, start + 1 : start + 65] - total[:, start : start + 1]).max(axis=0) <= most)
        ends.append(start + 1 + (int(fits[-1]) if len(fits) else 0))
    return np.broadcast_to(np.array(ends[1:]), (tiling.passes, tiling.groups, len(ends) - 1))


def _tables(geometry: Geometry, tiling: Tiling, flat: bool) -> tuple[tuple[int, int, int], ...]:
    entries = []
    for i, window in enumerate(geometry.windows):
        offset = (window.row * geometry.pitch + window.shift) % 256
        entries.append((TABLE_WINDOW, i, window.skip << 14 | offset << 6 | window.run))
    for slot in range(tiling.slots):
        entries.append((TABLE_SLOT, slot, slot * tiling.tile_rows * geometry.pitch))
    for tile in range(tiling.tiles):
        entries.append((TABLE_TILE, tile, _tile_mask(tiling, tile)))
    for group in range(tiling.groups):
        for tile in range(tiling.tiles):
            row, col = tiling.place(tile, group)
            first = group if flat else group * tiling.slots
            index = group * tiling.tiles + tile
            first_row, first_col = tiling.at(tile)
            entries.append((TABLE_DRAIN, index, first_col // tiling.span << 24 | row << 20 | col << 16 | first << 8 | first_row))
    return tuple(entries)


def _registers(
    work: Workload,
    geometry: Geometry,
    tiling: Tiling,
    source: Layout,
    result: Layout,
    layer: Layer,
    config: Config,
    strips: int,
    slot_bits: int,
    window_bits: int,
) -> dict[str, dict[str, int]]:
    cut, out = source.geometry, result.geometry
    flat = work.flat
    chunk_bits, xs_bits = (cut.chunks - 1).bit_length(), (cut.columns - 1).bit_length()
    runs = max(view.runs for view in geometry.views) if flat else geometry.runs
    run_shift = (runs - 1).bit_length()
    low, high = layer.limits
    edges = (*geometry.edges, 0xFF, 0xFF, 0xFF)
    registers = {
        "INPUT": {
            "chunks": cut.chunks,
            "rows": cut.height,
            "last_xs": cut.columns - 1,
            "log2_pitch": 0 if flat else cut.pitch.bit_length() - 1,
            "flat": int(flat),
        },
        "DIRECTORY": {"xs_shift": chunk_bits, "row_shift": chunk_bits + xs_bits, "span": cut.span},
        "PRODUCER": {"strip_rows": source.strip_rows, "strip_packets": source.strip_packets},
        "LOOPS": {"strips": strips, "passes": tiling.passes},
        "TILE": {"rows": tiling.tile_rows, "pitch": geometry.pitch, "strip_rows": tiling.strip_rows},
        "LAM_LOOPS": {
            "chans": source.index.shape[0],
            "tiles": tiling.tiles,
            "views": len(geometry.views),
            "stride2": int(work.stride == 2),
            "view_chans": int(tiling.view_chans),
        },
        "LAM_COLS": {"last_tile_x": tiling.col_tiles - 1, "tile_step": 0 if flat else tiling.tile_cols * work.stride},
        "EDGES": {f"col{i + 1}": edges[i] for i in range(EDGE_CODES)},
        "LAM_NEED": {"step": tiling.strip_rows * work.stride, "above": work.top},
        "LAM_SPAN": {
            "span": cut.height if flat else max(1, (tiling.strip_rows - 1) * work.stride + work.kernel[0] - work.top)
        },
        "CORE": {
            "act_signed": int(source.dtype == np.int8),
            "slot_bits": slot_bits,
            "window_bits": window_bits,
            "run_shift": run_shift,
            "chan_cap": min(62, (config.run_depth >> run_shift) - 2),
        },
        "DRAIN": {
            "entries": tiling.groups * tiling.tiles,
            "slots": 1 if flat else tiling.slots,
            "seg_more_rows": 0 if flat else min(out.rows, tiling.tile_rows) - 1,
            "log2_pitch": out.pitch.bit_length() - 1,
            "flat": int(flat),
            "tile_last_xs": 0 if flat else tiling.tile_cols // tiling.span - 1,
        },
        "OUTPUT": {
            "rows": out.height,
            "span": out.span,
            "last_span": out.width - (out.columns - 1) * out.span,
            "last_xs": out.columns - 1,
        },
        "OUT_CHUNKS": {
            "chunks": out.chunks,
            "pass_chunks": tiling.groups * (1 if flat else tiling.slots),
            "slot_stride": tiling.tile_rows * geometry.pitch & 0xFF,
        },
        "CLAMP": {"low": low & 0x1FF, "high": high & 0x1FF},
    }
    for i in range(4):
        view = geometry.views[min(i, len(geometry.views) - 1)]
        registers[f"VIEW{i}"] = {
            "py": view.py,
            "first": view.first & 0x3F,
            "rows": tiling.tile_rows + view.runs - 1,
            "run_base": view.run_base,
        }
        registers[f"VIEW_COLS{i}"] = {"first": view.col_first & 0xFF, "span": (view.cols - 1) * work.stride}
    return registers
