"""Effectual multiplies against the convolution of masks, and against counting one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks_for_tests import random_conv, random_fc, random_input

from phantom import reference
from phantom.effectual import dense_macs, effectual_macs
from phantom.errors import ShapeError
from phantom.network import Conv, Layer


def by_reference(layer: Layer, x: np.ndarray) -> int:
    """The golden arithmetic on ones and zeros counts the same pairs."""
    ones = np.ones(layer.filters)
    rest = {}
    if isinstance(layer, Conv):
        rest = {"stride": layer.stride, "padding": layer.padding, "channel_groups": layer.channel_groups}
    mask = type(layer)("mask", (layer.weights != 0).astype(np.int8), *(ones.astype(int),) * 3, **rest)  # type: ignore[arg-type]
    return int(reference.accumulate(mask, (x != 0).astype(np.uint8)).sum())


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.sampled_from([1, 2]),
    padding=st.tuples(*[st.integers(0, 3)] * 4),
    groups=st.sampled_from([1, 2, 4]),
)
def test_convolution(seed: int, kernel: tuple[int, int], stride: int, padding: tuple[int, int, int, int], groups: int) -> None:
    rng = np.random.default_rng(seed)
    layer = random_conv(rng, 8, 4, kernel, stride=stride, padding=padding, channel_groups=groups)
    x = random_input(rng, (4, int(rng.integers(5, 10)), int(rng.integers(5, 10))), np.int8)
    assert effectual_macs(layer, x) == by_reference(layer, x)


def test_one_by_one() -> None:
    rng = np.random.default_rng(7)
    layer = random_conv(rng, 3, 2, (3, 2), stride=2, padding=(1, 0, 2, 1))
    x = random_input(rng, (2, 5, 6), np.uint8)
    _, rows, cols = layer.out_shape((2, 5, 6))
    count = 0
    for _, c, ky, kx in np.argwhere(layer.weights):
        for y in range(rows):
            for column in range(cols):
                at = 2 * y + ky - 1, 2 * column + kx
                count += bool(0 <= at[0] < 5 and 0 <= at[1] < 6 and x[c, at[0], at[1]])
    assert count > 0 and effectual_macs(layer, x) == count


def test_fully_connected() -> None:
    rng = np.random.default_rng(8)
    layer, x = random_fc(rng, 5, 24), random_input(rng, (2, 3, 4), np.uint8)
    layer = type(layer)("fc", np.where(rng.random((5, 24)) < 0.5, 0, 3), layer.bias, layer.multiplier, layer.sel)
    assert effectual_macs(layer, x) == by_reference(layer, x)


def test_bounds() -> None:
    rng = np.random.default_rng(9)
    layer = random_conv(rng, 4, 3, (1, 1))
    dense = Conv("dense", np.ones((4, 3, 1, 1)).astype(np.int8), layer.bias, layer.multiplier, layer.sel)
    full = np.full((3, 6, 7), 9, np.uint8)
    assert effectual_macs(layer, np.zeros((3, 6, 7), np.uint8)) == 0
    assert effectual_macs(dense, full) == dense_macs(dense, (3, 6, 7)) == 4 * 3 * 6 * 7


def test_wrong_shape() -> None:
    with pytest.raises(ShapeError, match="3 channels"):
        effectual_macs(random_conv(np.random.default_rng(1), 4, 3, (1, 1)), np.zeros((2, 4, 4), np.uint8))
