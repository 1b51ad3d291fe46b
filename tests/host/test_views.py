"""Views and windows: for every kernel position, the elements that a run names are those that the convolution wants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from phantom.errors import ShapeError
from phantom.views import Geometry, conv_geometry, kernel_taps


def position(geometry: Geometry, window: int, col: int) -> int | None:
    """Position in its row of `pitch` to which column `col` of a tile is added; None where an edge code skips it."""
    w = geometry.windows[window]
    if any(w.skip >> i & 1 and col == edge for i, edge in enumerate(geometry.edges)):
        return None
    return col - w.shift


def sums(
    geometry: Geometry, window: int, stride: int, size: tuple[int, int], first: tuple[int, int], tile: tuple[int, int]
) -> set[tuple[int, int, int, int]]:
    """(output row, output column, input row, input column) of all products of a window in a tile that begins at `first`."""
    w = geometry.windows[window]
    view = geometry.views[w.view]
    got = set()
    for r in range(tile[0]):  # the run: rows of the view that this kernel row needs
        y = stride * (first[0] + view.first + w.row + r) + view.py
        if not 0 <= y < size[0]:
            continue
        for col in range(view.cols):
            x = stride * (first[1] + col) + view.col_first
            place = position(geometry, window, col)
            if not 0 <= x < size[1] or place is None:
                continue
            out_row, out_col = divmod(r * geometry.pitch + place, geometry.pitch)  # beyond its row, it must be in a gap
            if out_col < tile[1] and 0 <= out_row < tile[0]:
                got.add((first[0] + out_row, first[1] + out_col, y, x))
    return got


@settings(max_examples=300, deadline=None)
@given(
    kernel=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    stride=st.sampled_from([1, 2]),
    pads=st.tuples(*[st.integers(0, 3)] * 4),
    size=st.tuples(st.integers(7, 16), st.integers(7, 24)),
    col_tiles=st.integers(1, 4),
    dilation=st.integers(1, 3),
    early=st.tuples(st.integers(0, 2), st.integers(0, 2)),
)
def test_a_tile_sums_what_the_convolution_sums(
    kernel: tuple[int, int],
    stride: int,
    pads: tuple[int, int, int, int],
    size: tuple[int, int],
    col_tiles: int,
    dilation: int,
    early: tuple[int, int],
) -> None:
    """Do what the hardware does, with every position of the input instead of a value; gap columns are nobody's.

    With pooling behind it the first tile begins `early`, above and left of the first output.
    """
    top, left, bottom, right = pads
    reach = [(n - 1) * dilation + 1 for n in kernel]
    assume(reach[0] <= size[0] + top + bottom and reach[1] <= size[1] + left + right)
    rows, cols = (size[0] + top + bottom - reach[0]) // stride + 1, (size[1] + left + right - reach[1]) // stride + 1
    above, before = early
    width = -(-(cols + before) // col_tiles)
    starts = range(-before, cols, width)
    geometry = conv_geometry("t", kernel_taps(kernel, top, left, dilation), stride, size[1], starts, width, -above)
    assert geometry.pitch >= width and len(geometry.edges) <= 3
    first_row, tile_rows = 1 if rows > 2 else 0, min(2, rows)  # a tile that does not begin at the top
    for first_col in starts:
        for ky in range(kernel[0]):
            for kx in range(kernel[1]):
                tile = first_row + above, first_col + before
                got = sums(geometry, ky * kernel[1] + kx, stride, size, tile, (tile_rows, width))
                want = set()
                for yo in range(first_row, first_row + tile_rows):
                    for xo in range(first_col, min(cols, first_col + width)):
                        y, x = yo * stride + ky * dilation - top, xo * stride + kx * dilation - left
                        if 0 <= y < size[0] and 0 <= x < size[1]:
                            want.add((yo + above, xo + before, y, x))
                assert {place for place in got if place[1] < cols + before} == want, (first_col, ky, kx)


def test_a_whole_row_and_two_halves_need_no_gap() -> None:
    """What the three edge codes are for: no product of a 3 x 3 window is wasted when a row is one tile."""
    taps = kernel_taps((3, 3), 1, 1)
    assert conv_geometry("t", taps, 1, 28, range(1), 28).pitch == 28
    assert conv_geometry("t", taps, 2, 56, range(0, 28, 14), 14).pitch == 14
    assert conv_geometry("t", taps, 1, 56, range(0, 56, 28), 28).pitch == 29


def test_runs_of_all_views_are_numbered_without_gaps() -> None:
    geometry = conv_geometry("t", kernel_taps((5, 3), 2, 1), 2, 20, range(1), 10)
    assert [v.run_base for v in geometry.views] == [int(n) for n in np.cumsum([0] + [v.runs for v in geometry.views])[:-1]]
    assert sorted({(v.py, v.col_first % 2) for v in geometry.views}) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert {w.run for w in geometry.windows} == set(range(geometry.runs))


def test_limits() -> None:
    with pytest.raises(ShapeError, match=r"'big'.*272 windows; the table holds 256"):
        conv_geometry("big", kernel_taps((17, 16)), 1, 20, range(1), 13)
    assert len(conv_geometry("most", kernel_taps((16, 16)), 1, 20, range(1), 13).windows) == 256
