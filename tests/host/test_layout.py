"""A layout is a permutation with holes: what goes into a stream comes out again, wherever it lay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks_for_tests import random_input

from phantom.errors import FormatError
from phantom.expand import expand
from phantom.layout import Layout


def permuted(shape: tuple[int, int, int], holes: int, seed: int, dtype: type = np.uint8) -> Layout:
    """Channels in any order, with `holes` channels of nothing between them."""
    channels, rows, cols = shape
    order = np.random.default_rng(seed).permutation(np.append(np.arange(channels), np.full(holes, -1)))
    plane = np.arange(rows * cols).reshape(rows, cols)
    index = np.where(order[:, None, None] >= 0, order[:, None, None] * rows * cols + plane, -1)
    return Layout(shape, index, rows, rows, np.dtype(dtype))


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 20), st.integers(1, 9), st.sampled_from([1, 3, 8, 13, 64, 65, 70])),
    holes=st.integers(0, 9),
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from([np.uint8, np.int8]),
)
def test_round_trip(shape: tuple[int, int, int], holes: int, seed: int, dtype: type) -> None:
    layout = permuted(shape, holes, seed, dtype)
    x = random_input(np.random.default_rng(seed), shape, dtype)
    words = layout.compress(x)
    assert np.array_equal(layout.expand(words), x)
    planes = expand(words, *layout.index.shape, np.dtype(dtype))
    assert np.count_nonzero(planes) == np.count_nonzero(x), "holes are zero"
    order = layout.channel_order
    assert order is not None
    assert np.array_equal(planes[order >= 0], x[order[order >= 0]])


def test_plain() -> None:
    layout = Layout.plain((20, 8, 16), np.dtype(np.uint8))
    assert layout.strip_rows == 4, "rows of a segment: 64 / 16"
    assert layout.strip_packets == 3, "chunks of 8 channels"
    assert np.array_equal(layout.channel_order, np.arange(20))


def test_packets_of_a_strip() -> None:
    """Tiles of 3 rows of 16 columns take one segment each, although 4 rows would fit."""
    layout = Layout((8, 12, 16), np.arange(8 * 12 * 16).reshape(8, 12, 16), 6, 3, np.dtype(np.uint8))
    assert layout.strip_packets == 2
    wide = Layout.plain((8, 4, 130), np.dtype(np.uint8), 2)
    assert wide.strip_packets == 2 * 3, "two rows of three segments"


def test_moved_positions_have_no_channel_order() -> None:
    index = np.arange(24).reshape(4, 1, 6)
    assert Layout((24, 1, 1), index, 1, 1, np.dtype(np.uint8)).channel_order is None
    turned = np.arange(24).reshape(4, 2, 3)[:, ::-1]
    assert Layout((4, 2, 3), turned, 2, 2, np.dtype(np.uint8)).channel_order is None


def test_damage_is_noticed() -> None:
    layout = Layout.plain((3, 4, 5), np.dtype(np.uint8))
    words = layout.compress(np.ones((3, 4, 5), np.uint8))
    words[1] ^= np.uint64(1)
    with pytest.raises(FormatError):
        layout.expand(words)
