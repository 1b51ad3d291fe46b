"""Geometry of a layer as the LAM sees it: views of the input, kernel windows, and the pitch of a tile.

A *view* is a phase of the input planes: all of them for stride 1, rows y = 2 yv + py and columns x = 2 xv + px for stride 2.
In its view every window (ky, kx) is a shift: output (yo, xo) takes the element (yo + qy, xo + qx). Rows of a window are a run
of the packed list; the shift of the columns goes into the offset of the partial sum.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ShapeError

MAX_WINDOWS = 64
MAX_RUNS = 64
MAX_ROWS = 127
NO_VIEW = -1  # of a window that meets nothing but padding


@dataclass(frozen=True)
class View:
    """One phase: parities, first row relative to the first output row of a tile, number of runs, index of the first run."""

    py: int
    px: int
    first: int
    runs: int
    run_base: int
    last_col: int


@dataclass(frozen=True)
class Window:
    """A kernel position: its view, its run, its column shift, the edge columns whose elements it must skip."""

    view: int
    run: int
    row: int  # qy - first of the view: rows from the view's first row to the tile's first output row
    shift: int  # qx
    skip: int  # bit 0: first column, bit 1: last column


@dataclass(frozen=True)
class Geometry:
    """All views and windows of a layer (window ky * kx_size + kx), and the pitch from one row of a tile to the next."""

    views: tuple[View, ...]
    windows: tuple[Window, ...]
    pitch: int

    @property
    def runs(self) -> int:
        """Runs of a channel."""
        return sum(view.runs for view in self.views)


def conv_geometry(
    name: str, kernel: tuple[int, int], stride: int, top: int, left: int, in_cols: int, out_cols: int
) -> Geometry:
    """Views and windows of a convolution.

    Args:
        name: of the layer, for errors. kernel: (rows, columns). stride: 1 or 2. top, left: padding.
        in_cols, out_cols: columns of input and output.

    Raises:
        ShapeError: more windows or runs than the core's tables hold.
    """
    rows, cols = kernel
    if rows * cols > MAX_WINDOWS:
        raise ShapeError(f"layer {name!r}: a kernel of {rows} x {cols} has {rows * cols} windows; the table holds {MAX_WINDOWS}")
    shifts_y = [((ky - top) % stride, (ky - top) // stride) for ky in range(rows)]
    shifts_x = [((kx - left) % stride, (kx - left) // stride) for kx in range(cols)]
    views: list[View] = []
    # A convolution that meets nothing but padding still walks one view: its outputs are the biases.
    phases_x = sorted({p for p, _ in shifts_x if p < in_cols} or {0})
    for py in sorted({p for p, _ in shifts_y}):
        for px in phases_x:
            reach = [q for p, q in shifts_y if p == py]
            base = sum(view.runs for view in views)
            last_col = max(0, (in_cols - 1 - px) // stride)
            views.append(View(py, px, min(reach), max(reach) - min(reach) + 1, base, last_col))
    windows = []
    gap = 0
    for py, qy in shifts_y:
        for px, qx in shifts_x:
            if px >= in_cols:  # a phase without columns
                windows.append(Window(NO_VIEW, 0, 0, 0, 0))
                continue
            v = next(i for i, view in enumerate(views) if (view.py, view.px) == (py, px))
            view = views[v]
            over_left, over_right = qx, view.last_col - qx - (out_cols - 1)
            skip = (over_left > 0) | (over_right > 0) << 1
            # One column on each side is skipped exactly; what else falls off lands in gap columns between the rows.
            gap = max(gap, over_left - 1, over_right - 1)
            windows.append(Window(v, view.run_base + qy - view.first, qy - view.first, qx, skip))
    if sum(view.runs for view in views) > MAX_RUNS:
        raise ShapeError(f"layer {name!r}: {sum(v.runs for v in views)} runs a channel; the run index has 6 bits")
    return Geometry(tuple(views), tuple(windows), out_cols + gap)
