"""Geometry of a layer as the LAM sees it: views of the input, kernel windows, and the columns of a tile.

A *view* is a phase of the input planes: all of them for stride 1, rows y = 2 yv + py and columns x = 2 xv + px for stride 2.
In its view every window is a shift (qy, qx): output (yo, xo) takes the element (yo + qy, xo + qx). Rows of a window are a run
of the packed list; the shift of the columns goes into the offset of the partial sum.

A tile needs `tile_cols + reach - 1` columns of a view, and a window must not use those whose products would fall off the
tile. Up to three of these columns carry a code in the entry, by which windows skip them; what others yield falls into
gap columns between the rows of partial sums, which nobody reads.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ShapeError

MAX_WINDOWS = 256
MAX_RUNS = 64
MAX_ROWS = 127
EDGE_CODES = 3
NO_VIEW = -1  # of a window that meets nothing but padding


@dataclass(frozen=True)
class View:
    """One phase of the input.

    py: row parity. first: first row relative to the first output row of a tile. runs: number of runs. run_base: index of the
    first one.
    col_first: first column of the input relative to the tile's first output column times the stride. cols: columns of a tile.
    width: columns of the whole view.
    """

    py: int
    first: int
    runs: int
    run_base: int
    col_first: int
    cols: int
    width: int


@dataclass(frozen=True)
class Window:
    """A kernel position: its view, its run, its column shift, and the edge columns that it must skip."""

    view: int
    run: int
    row: int  # qy - first of the view: rows from the view's first row to the tile's first output row
    shift: int  # columns from the view's first column to the tile's first output column
    skip: int  # bit i: edge column i


@dataclass(frozen=True)
class Geometry:
    """Views and windows of a layer, edge columns, pitch from one row of a tile to the next."""

    views: tuple[View, ...]
    windows: tuple[Window, ...]
    edges: tuple[int, ...]
    pitch: int

    @property
    def runs(self) -> int:
        """Runs of a channel."""
        return sum(view.runs for view in self.views)


def kernel_taps(kernel: tuple[int, int], top: int = 0, left: int = 0, dilation: int = 1) -> tuple[tuple[int, int], ...]:
    """Positions (dy, dx) of the input that a kernel looks at, relative to the output position times the stride."""
    return tuple((ky * dilation - top, kx * dilation - left) for ky in range(kernel[0]) for kx in range(kernel[1]))


def conv_geometry(
    name: str,
    taps: tuple[tuple[int, int], ...],
    stride: int,
    in_cols: int,
    starts: range,
    tile_cols: int,
    first_row: int = 0,
) -> Geometry:
    """Views and windows of a convolution; window i is tap i.

    Args:
        name: of the layer, for errors. taps: see `kernel_taps`. stride: 1 or 2. in_cols: columns of the input.
        starts: first output columns of the tiles side by side. tile_cols: output columns of each.
        first_row: output row of the first tile's first row.

    Raises:
        ShapeError: more windows or runs than the core's tables hold.
    """
    if len(taps) > MAX_WINDOWS:
        raise ShapeError(f"layer {name!r}: a kernel of {len(taps)} windows; the table holds {MAX_WINDOWS}")
    phase_of = [(dy % stride, dx % stride) for dy, dx in taps]
    # A phase without columns meets nothing; and a convolution that meets nothing but padding still walks one view: its outputs
    # are the biases.
    phases = list({(py, px) for py, px in phase_of if px < in_cols} or {(phase_of[0][0], 0)})
    # Those that begin further up come first: what lies above the first view of a tile, the LAM does not look at again.
    phases.sort(key=lambda phase: (min(dy for dy, _ in taps if dy % stride == phase[0]), phase[1]))
    views: list[View] = []
    for py, px in phases:
        rows = [dy // stride for dy, _ in taps if dy % stride == py]
        cols = [dx // stride for (dy, dx), phase in zip(taps, phase_of) if phase == (py, px)] or [0]
        views.append(
            View(
                py=py,
                first=min(rows) + first_row,
                runs=max(rows) - min(rows) + 1,
                run_base=sum(view.runs for view in views),
                col_first=(min(cols) + starts[0]) * stride + px,
                cols=tile_cols + max(cols) - min(cols),
                width=(in_cols - px + stride - 1) // stride,
            )
        )
    if sum(view.runs for view in views) > MAX_RUNS:
        raise ShapeError(f"layer {name!r}: {sum(v.runs for v in views)} runs a channel; the run index has 6 bits")

    # (view, run, row, shift) of every window.
    found: list[tuple[int, int, int, int]] = []
    for (dy, dx), (py, px) in zip(taps, phase_of):
        if px >= in_cols:
            found.append((NO_VIEW, 0, 0, 0))
            continue
        v = phases.index((py, px))
        view = views[v]
        row = dy // stride - (view.first - first_row)
        found.append((v, view.run_base + row, row, dx // stride + starts[0] - (view.col_first - px) // stride))
    edges, gap = _edges(views, [(v, shift) for v, _, _, shift in found if v != NO_VIEW], stride, starts, tile_cols)
    windows = []
    for v, run, row, shift in found:
        skip = sum(1 << i for i, col in enumerate(edges) if v != NO_VIEW and not 0 <= col - shift < tile_cols)
        windows.append(Window(v, run, row, shift, skip))
    return Geometry(tuple(views), tuple(windows), edges, tile_cols + gap)


def _edges(
    views: list[View], windows: list[tuple[int, int]], stride: int, starts: range, tile: int
) -> tuple[tuple[int, ...], int]:
    """The columns that get a code, those whose products would fall the furthest first; and the gap that the others need."""
    beyond: dict[int, int] = {}
    for x0 in starts:
        for v, shift in windows:
            view = views[v]
            start = x0 - starts[0] + view.col_first // stride  # column of the view that is column 0 of the tile
            for col in (*range(shift), *range(tile + shift, view.cols)):
                if 0 <= start + col < view.width:
                    distance = shift - col if col < shift else col - shift - tile + 1
                    beyond[col] = max(beyond.get(col, 0), distance)
    order = sorted(beyond, key=lambda col: (-beyond[col], col))
    return tuple(sorted(order[:EDGE_CODES])), max((beyond[col] for col in order[EDGE_CODES:]), default=0)
