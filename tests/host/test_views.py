"""Views and windows: for every kernel position, the elements that a run names are those that the convolution wants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantom.errors import ShapeError
from phantom.views import Geometry, conv_geometry


def outputs_of_column(geometry: Geometry, window: int, xv: int, tile_col: int) -> int | None:
    """Tile position (in its row of `pitch`) to which column `xv` of a view is added; None where an edge flag skips it."""
    w = geometry.windows[window]
    view = geometry.views[w.view]
    if (w.skip & 1 and xv == 0) or (w.skip & 2 and xv == view.last_col):
        return None
    return tile_col + xv - w.shift


@settings(max_examples=300, deadline=None)
@given(
    kernel=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    stride=st.sampled_from([1, 2]),
    pads=st.tuples(*[st.integers(0, 3)] * 4),
    size=st.tuples(st.integers(7, 16), st.integers(7, 24)),
)
def test_a_tile_sums_what_the_convolution_sums(
    kernel: tuple[int, int], stride: int, pads: tuple[int, int, int, int], size: tuple[int, int]
) -> None:
    """Do what the hardware does, with every position of the input instead of a value; gap columns are nobody's."""
    top, left, bottom, right = pads
    rows, cols = (size[0] + top + bottom - kernel[0]) // stride + 1, (size[1] + left + right - kernel[1]) // stride + 1
    geometry = conv_geometry("t", kernel, stride, top, left, size[1], cols)
    assert geometry.pitch >= cols
    first_row, tile_rows = 1 if rows > 2 else 0, min(2, rows)  # a tile that does not begin at the top
    for ky in range(kernel[0]):
        for kx in range(kernel[1]):
            window = geometry.windows[ky * kernel[1] + kx]
            view = geometry.views[window.view]
            got = set()
            for r in range(tile_rows):  # the run: rows of the view that this kernel row needs
                yv = first_row + view.first + window.row + r
                y = stride * yv + view.py
                if not 0 <= y < size[0]:
                    continue
                for xv in range(view.last_col + 1):
                    x = stride * xv + view.px
                    place = outputs_of_column(geometry, ky * kernel[1] + kx, xv, 0)
                    if x >= size[1] or place is None:
                        continue
                    flat = r * geometry.pitch + place  # beyond its row, it must be in a gap
                    out_row, out_col = divmod(flat, geometry.pitch)
                    if out_col < cols and 0 <= out_row < tile_rows:
                        got.add((first_row + out_row, out_col, y, x))
            want = set()
            for yo in range(first_row, first_row + tile_rows):
                for xo in range(cols):
                    y, x = yo * stride + ky - top, xo * stride + kx - left
                    if 0 <= y < size[0] and 0 <= x < size[1]:
                        want.add((yo, xo, y, x))
            assert got == want, (ky, kx)


def test_runs_of_all_views_are_numbered_without_gaps() -> None:
    geometry = conv_geometry("t", (5, 3), 2, 2, 1, 20, 10)
    assert [v.run_base for v in geometry.views] == [int(n) for n in np.cumsum([0] + [v.runs for v in geometry.views])[:-1]]
    assert sorted({(v.py, v.px) for v in geometry.views}) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert {w.run for w in geometry.windows} == set(range(geometry.runs))


def test_limits() -> None:
    with pytest.raises(ShapeError, match=r"'big'.*9 x 8 has 72 windows; the table holds 64"):
        conv_geometry("big", (9, 8), 1, 0, 0, 20, 13)
    assert len(conv_geometry("most", (8, 8), 1, 0, 0, 20, 13).windows) == 64
