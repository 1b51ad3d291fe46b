"""The weights of a stage as the threads see them: by channel of the stream and window.

A window is a tap. Where channels of both types meet in a stream each tap has two windows, one that takes the activations for
uint8 and one for int8; and a weight beyond 8 bits is split over copies of its window. Windows without a weight are left out.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np

from .errors import ShapeError
from .layout import Layout
from .stage import Stage
from .tiling import GeometryOf
from .views import MAX_WINDOWS, NO_VIEW, Geometry, View, Window, conv_geometry

MAX_FLAT_SEGMENTS = 4  # of a channel that a fully connected layer reads: views of the LAM
MAX_FIRST_COL = 127  # of a view
MOST = 127  # of a weight


@dataclass(frozen=True)
class StageWeights:
    """Nonzero weights, int64 [n] each: channel of the stream, window, filter, value.

    geometry_of: the geometry by the output columns of a tile. signed: of each window, whether its activations are int8.
    """

    channel: np.ndarray
    window: np.ndarray
    filters: np.ndarray
    value: np.ndarray
    geometry_of: GeometryOf
    signed: tuple[bool, ...]
    flat: bool


def stage_weights(stage: Stage, source: Layout, kept_rows: int = 0) -> StageWeights:
    """Weights of a stage whose input lies in `source`.

    kept_rows: of sums that a tile has from the one above it.

    Raises ShapeError when the core's tables are too small.
    """
    if stage.flat or (source.channel_order is None and source.logical == stage.source.shape):
        return _flat(stage, source)
    return _conv(stage, source, kept_rows)


def _conv(stage: Stage, source: Layout, kept_rows: int) -> StageWeights:
    # A folded input (`fold`) lies in the stream as the stage sees it.
    order = source.channel_order if source.logical == stage.source.shape else np.arange(stage.source.shape[0])
    assert order is not None
    where = np.full(stage.source.shape[0], -1)
    where[order[order >= 0]] = np.flatnonzero(order >= 0)
    in_cols = stage.source.shape[2]
    taps = len(stage.taps)
    copy, value, which = _split(stage)
    signs = stage.source.signed
    read = signs[stage.at]  # what nobody reads needs no window of its own
    mixed = bool(read.any() and not read.all())
    copies = int(copy.max(initial=0)) + 1
    # Windows: copy, then (where channels of both types meet) uint8 or int8, then tap.
    block = 2 * taps if mixed else taps
    window = copy * block + signs[stage.at[which]] * (taps if mixed else 0) + stage.tap[which]
    signed = tuple([False] * taps + [True] * taps if mixed else [bool(read.any())] * taps) * copies
    used, window = np.unique(window, return_inverse=True)
    used = used if len(used) else np.zeros(1, dtype=np.int64)
    signed = tuple(signed[i] for i in used)
    if len(used) > MAX_WINDOWS:
        raise ShapeError(f"layer {stage.name!r}: {len(used)} windows; the table holds {MAX_WINDOWS}")
    geometry_of = functools.partial(_geometry, stage, in_cols, kept_rows, tuple(int(i) % taps for i in used))
    geometry = geometry_of(stage.result.plane[1])
    meets = np.array([w.view != NO_VIEW for w in geometry.windows])[window]
    return StageWeights(
        where[stage.at[which]][meets], window[meets], stage.k[which][meets], value[meets], geometry_of, signed, False
    )


def _geometry(stage: Stage, in_cols: int, kept_rows: int, windows: tuple[int, ...], tile_cols: int) -> Geometry:
    """Geometry for tiles of so many columns of the result; `windows`: the tap of each."""
    pool = stage.pool
    step, left, top = (pool.stride, pool.padding[1], pool.padding[0]) if pool else (1, 0, 0)
    width = (tile_cols - 1) * step + (pool.kernel[1] if pool else 1)
    tiles = -(-stage.result.plane[1] // tile_cols)
    starts = range(-left, -left + tiles * tile_cols * step, tile_cols * step)
    geometry = conv_geometry(stage.name, stage.taps, stage.stride, in_cols, starts, width, kept_rows - top)
    return replace(geometry, windows=tuple(geometry.windows[tap] for tap in windows))


def _split(stage: Stage) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of at most 8 bits: (copy of the window, value, index of the weight that it is a part of)."""
    magnitude = np.abs(stage.value)
    # -128 is the one weight beyond -127 that fits.
    parts = np.where(stage.value == -MOST - 1, 1, -(-magnitude // MOST))
    which = np.repeat(np.arange(len(parts)), parts)
    copy = np.arange(len(which)) - np.repeat(np.cumsum(parts) - parts, parts)
    rest = magnitude[which] - copy * MOST
    value = np.where(parts[which] == 1, stage.value[which], np.sign(stage.value[which]) * np.minimum(rest, MOST))
    return copy, value, which


def _flat(stage: Stage, source: Layout) -> StageWeights:
    """A fully connected layer: every mask bit of a segment is a row of its own, and so is a window.

    A convolution over a tensor [C, 1, 1] is one, too: only its middle tap meets the input.
    """
    k, at, value = stage.k, stage.at, stage.value
    if not stage.flat:
        if source.logical[1:] != (1, 1) or stage.result.plane != (1, 1) or stage.pool is not None:
            raise ShapeError(f"layer {stage.name!r}: a convolution cannot follow a fully connected layer unless both are 1 x 1")
        middle = np.flatnonzero(np.array([tap == (0, 0) for tap in stage.taps]))
        here = np.isin(stage.tap, middle)
        k, at, value = k[here], at[here], value[here]
    size = int(np.prod(source.logical))
    read = stage.source.signed[at // (size // source.logical[0])]
    if read.any() and not read.all():
        raise ShapeError(f"layer {stage.name!r}: a fully connected layer cannot read int8 and uint8 tensors at a time")
    if np.abs(value).max(initial=0) > MOST + 1:
        raise ShapeError(f"layer {stage.name!r}: weights beyond 8 bits over single positions; they fit only over planes")
    cut = source.geometry
    first, _ = cut.starts(source.tile_rows)
    segments = len(first) * cut.columns
    if segments > MAX_FLAT_SEGMENTS:
        raise ShapeError(
            f"layer {stage.name!r}: {segments} segments a channel; a fully connected layer takes up to {MAX_FLAT_SEGMENTS}"
        )
    _, rows, cols = source.shape
    index = source.index.reshape(-1)
    element = np.flatnonzero(index >= 0)
    channel, y, x = element // (rows * cols), element // cols % rows, element % cols
    row = np.searchsorted(first, y, side="right") - 1
    segment, bit = row * cut.columns + x // cut.span, (y - first[row]) * cut.pitch + x % cut.span
    chan_of, window_of = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    logical = index[element]
    chan_of[logical], window_of[logical] = channel * segments + segment, bit
    bits = int(bit.max()) + 1
    begins = [i % cut.columns * cut.span for i in range(segments)]
    if max(begins) > MAX_FIRST_COL:
        raise ShapeError(
            f"layer {stage.name!r}: a segment begins at column {max(begins)}; a fully connected layer takes up to {MAX_FIRST_COL}"
        )
    # To the LAM a segment has one column, its own first one.
    views = tuple(View(py=0, first=0, runs=bits, run_base=0, col_first=x, cols=1, width=1) for x in begins)
    geometry = Geometry(views, tuple(Window(0, b, b, 0, 0) for b in range(bits)), (), 1)
    return StageWeights(chan_of[at], window_of[at], k, value, lambda _: geometry, (bool(read.any()),) * bits, True)
