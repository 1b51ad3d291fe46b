"""Geometry of a layer as the LAM sees it: views of the input, kernel windows, and the columns of a tile.

A *view* is a phase of the input planes: all of them for stride 1, rows y = 2 yv + py and columns x = 2 xv + px for stride 2.
In its view every window (ky, kx) is a shift: output (yo, xo) takes the element (yo + qy, xo + qx). Rows of a window are a run
of the packed list; the shift of the columns goes into the offset of the partial sum.

A tile needs `tile_cols + reach - 1` columns of a view, and a window must not use those whose products would fall off the
tile. Up to three of these columns carry a code in the entry, by which windows skip them; what others yield falls into
gap columns between the rows of partial sums, which nobody reads.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ShapeError

MAX_WINDOWS = 64
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
    """Views and windows of a layer (window ky * kx_size + kx), edge columns, pitch from one row of a tile to the next."""

    views: tuple[View, ...]
    windows: tuple[Window, ...]
    edges: tuple[int, ...]
    pitch: int

    @property
    def runs(self) -> int:
        """Runs of a channel."""
        return sum(view.runs for view in self.views)


def conv_geometry(
    name: str,
    kernel: tuple[int, int],
    stride: int,
    top: int,
    left: int,
    in_cols: int,
    out_cols: int,
    tile_cols: int | None = None,
) -> Geometry:
    """Views and windows of a convolution.

    Args:
        name: of the layer, for errors. kernel: (rows, columns). stride: 1 or 2. top, left: padding.
        in_cols, out_cols: columns of input and output. tile_cols: output columns of a tile, all by default.

    Raises:
        ShapeError: more windows or runs than the core's tables hold.
    """
    rows, cols = kernel
    tile = out_cols if tile_cols is None else tile_cols
    if rows * cols > MAX_WINDOWS:
        raise ShapeError(f"layer {name!r}: a kernel of {rows} x {cols} has {rows * cols} windows; the table holds {MAX_WINDOWS}")
    shifts_y = [((ky - top) % stride, (ky - top) // stride) for ky in range(rows)]
    shifts_x = [((kx - left) % stride, (kx - left) // stride) for kx in range(cols)]
    views: list[View] = []
    view_of: dict[tuple[int, int], int] = {}
    # A convolution that meets nothing but padding still walks one view: its outputs are the biases.
    phases_x = sorted({p for p, _ in shifts_x if p < in_cols} or {0})
    for py in sorted({p for p, _ in shifts_y}):
        for px in phases_x:
            reach_y = [q for p, q in shifts_y if p == py]
            reach_x = [q for p, q in shifts_x if p == px] or [0]
            view_of[py, px] = len(views)
            views.append(
                View(
                    py=py,
                    first=min(reach_y),
                    runs=max(reach_y) - min(reach_y) + 1,
                    run_base=sum(view.runs for view in views),
                    col_first=min(reach_x) * stride + px,
                    cols=tile + max(reach_x) - min(reach_x),
                    width=(in_cols - px + stride - 1) // stride,
                )
            )
    if sum(view.runs for view in views) > MAX_RUNS:
        raise ShapeError(f"layer {name!r}: {sum(v.runs for v in views)} runs a channel; the run index has 6 bits")

    # (view, run, row, shift) of every window.
    found: list[tuple[int, int, int, int]] = []
    for py, qy in shifts_y:
        for px, qx in shifts_x:
            if px >= in_cols:  # a phase without columns
                found.append((NO_VIEW, 0, 0, 0))
                continue
            v = view_of[py, px]
            view = views[v]
            found.append((v, view.run_base + qy - view.first, qy - view.first, qx - (view.col_first - px) // stride))
    edges, gap = _edges(views, [(v, shift) for v, _, _, shift in found if v != NO_VIEW], stride, tile, out_cols)
    windows = []
    for v, run, row, shift in found:
        skip = sum(1 << i for i, col in enumerate(edges) if v != NO_VIEW and not 0 <= col - shift < tile)
        windows.append(Window(v, run, row, shift, skip))
    return Geometry(tuple(views), tuple(windows), edges, tile + gap)


def _edges(
    views: list[View], windows: list[tuple[int, int]], stride: int, tile: int, out_cols: int
) -> tuple[tuple[int, ...], int]:
    """The columns that get a code, those whose products would fall the furthest first; and the gap that the others need."""
    beyond: dict[int, int] = {}
    for x0 in range(0, out_cols, tile):
        for v, shift in windows:
            view = views[v]
            start = x0 + (view.col_first - view.col_first % stride) // stride  # column of the view that is column 0 of the tile
            for col in (*range(shift), *range(tile + shift, view.cols)):
                if 0 <= start + col < view.width:
                    distance = shift - col if col < shift else col - shift - tile + 1
                    beyond[col] = max(beyond.get(col, 0), distance)
    order = sorted(beyond, key=lambda col: (-beyond[col], col))
    return tuple(sorted(order[:EDGE_CODES])), max((beyond[col] for col in order[EDGE_CODES:]), default=0)
