"""The reference's new kinds of layers against independent implementations: torch, scipy, fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks_for_tests import random_conv, random_fc, random_input

from phantom.errors import ShapeError
from phantom.layers_plain import MAX_FACTOR
from phantom.network import Add, Concat, Conv, MaxPool, Network
from phantom.reference import accumulate, run, run_layer

DTYPES = st.sampled_from([np.uint8, np.int8])
SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS,
    dtype=DTYPES,
    groups=st.sampled_from([1, 2, 5, 10]),
    multiplier=st.integers(1, 3),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 4),
    padding=st.tuples(*[st.integers(0, 3)] * 4),
)
def test_convolution_against_torch(
    seed: int,
    dtype: type,
    groups: int,
    multiplier: int,
    kernel: tuple[int, int],
    stride: int,
    dilation: int,
    padding: tuple[int, int, int, int],
) -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    layer = random_conv(
        rng, groups * multiplier, 10, kernel, stride=stride, padding=padding, channel_groups=groups, dilation=dilation
    )
    image = random_input(rng, (10, 13, 14), dtype)
    top, left, bottom, right = padding
    padded = torch.nn.functional.pad(torch.from_numpy(image.astype(np.float64)), (left, right, top, bottom))
    weights = torch.from_numpy(layer.weights.astype(np.float64))
    want = torch.nn.functional.conv2d(padded[None], weights, stride=stride, dilation=dilation, groups=groups)[0].numpy()
    got = accumulate(layer, image)
    assert got.shape == want.shape == layer.out_shape((10, 13, 14)) and np.array_equal(got, want)


@pytest.mark.parametrize("groups", [1, 2])
def test_blocks_are_exact(groups: int) -> None:
    """More channels than a block, all products as large as can be: float32 alone could not hold the sums."""
    layer = random_conv(np.random.default_rng(0), 2, 2000, (1, 2), channel_groups=groups)
    object.__setattr__(layer, "weights", np.full(layer.weights.shape, -127, np.int8))
    image = np.full((2000, 3, 3), 253, np.uint8)
    image[::7] = 255
    per = 2000 // groups
    want = -127 * 2 * image.reshape(groups, per, 9)[:, :, 0].astype(int).sum(axis=1)
    assert accumulate(layer, image)[:, 0, 0].tolist() == np.resize(want, 2).tolist()
    full = random_fc(np.random.default_rng(1), 3, 5000)
    flat = random_input(np.random.default_rng(2), (5000, 1, 1), np.uint8)
    assert np.array_equal(accumulate(full, flat).reshape(-1), full.weights.astype(np.int64) @ flat.reshape(-1).astype(np.int64))


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, dtype=DTYPES, kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)), stride=st.integers(1, 4), data=st.data())
def test_maximum_pooling_against_scipy(seed: int, dtype: type, kernel: tuple[int, int], stride: int, data: st.DataObject) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    padding = tuple(data.draw(st.integers(0, k - 1)) for k in kernel * 2)
    layer = MaxPool("p", kernel, stride, padding)  # type: ignore[arg-type]
    image = random_input(np.random.default_rng(seed), (3, 9, 8), dtype)
    if data.draw(st.booleans()):
        image = np.minimum(image, -1 if dtype is np.int8 else 3).astype(dtype)  # all below zero: padding with zeros would win
    top, left, bottom, right = padding
    wide = np.pad(image.astype(np.int32), ((0, 0), (top, bottom), (left, right)), constant_values=-(10**6))
    # maximum_filter centres its window: its value at (y + k // 2) is that of the window that begins at y.
    rolled = ndimage.maximum_filter(wide, size=(1, *kernel), mode="constant", cval=-(10**6))
    rows, columns = wide.shape[1] - kernel[0] + 1, wide.shape[2] - kernel[1] + 1
    first = rolled[:, kernel[0] // 2 :, kernel[1] // 2 :][:, :rows:stride, :columns:stride]
    got = run_layer(layer, image)
    assert got.dtype == dtype and got.shape == layer.out_shape((3, 9, 8)) and np.array_equal(got, first)


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS,
    dtypes=st.tuples(DTYPES, DTYPES),
    factors=st.tuples(st.integers(-MAX_FACTOR, MAX_FACTOR), st.integers(-MAX_FACTOR, MAX_FACTOR)),
    multiplier=st.integers(0, 2**24 - 1),
    sel=st.integers(1, 5),
    out=st.sampled_from([(np.uint8, 0, 255), (np.uint8, 3, 90), (np.int8, -128, 127), (np.int8, -5, 0)]),
)
def test_addition_against_fractions(
    seed: int,
    dtypes: tuple[type, type],
    factors: tuple[int, int],
    multiplier: int,
    sel: int,
    out: tuple[type, int, int],
) -> None:
    rng = np.random.default_rng(seed)
    a, b = (random_input(rng, (2, 3, 4), dtype) for dtype in dtypes)
    dtype, low, high = out
    layer = Add("s", factors, multiplier, sel, out_dtype=np.dtype(dtype), low=low, high=high)
    got = run_layer(layer, a, b)
    assert got.dtype == dtype
    for x, y, z in zip(a.reshape(-1).tolist(), b.reshape(-1).tolist(), got.reshape(-1).tolist(), strict=True):
        exact = Fraction((factors[0] * x + factors[1] * y) * multiplier, 2 ** (14 + 4 * sel))
        assert z == min(max(round(exact), low), high)


def test_limits_of_a_convolution() -> None:
    layer = Conv("c", np.ones((1, 1, 1, 1), int), [0], [1 << 14], [0], low=-3, high=6, out_dtype=np.dtype(np.int8))
    image = np.arange(-8, 8, dtype=np.int8).reshape(1, 4, 4)
    assert run_layer(layer, image).reshape(-1).tolist() == np.clip(np.arange(-8, 8), -3, 6).tolist()


def test_a_graph_hands_on_what_was_named() -> None:
    rng = np.random.default_rng(1)
    a = random_conv(rng, 4, 3, (3, 3), padding=(1, 1, 1, 1))
    object.__setattr__(a, "name", "a")
    b = random_conv(rng, 4, 4, (1, 1))
    object.__setattr__(b, "inputs", ("a",))
    add = Add("s", (5, 3), 1 << 20, 2, inputs=("a", "conv"))
    join = Concat("j", inputs=("s", "a", "s"))
    network = Network("n", (3, 6, 6), np.uint8, [a, b, add, join])
    image = random_input(rng, (3, 6, 6), np.uint8)
    one, two, three, four = run(network, image)
    assert np.array_equal(two, run_layer(b, one)) and np.array_equal(three, run_layer(add, one, two))
    assert not np.array_equal(three, run_layer(add, two, one)), "the order matters here"
    assert np.array_equal(four, np.concatenate([three, one, three]))
    with pytest.raises(ShapeError, match="adds inputs of shapes"):
        run_layer(add, one, two[:2])
    with pytest.raises(ShapeError, match="joins inputs of types"):
        run_layer(join, one, two.astype(np.int8))
