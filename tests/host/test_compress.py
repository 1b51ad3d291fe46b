"""The compressor against the word-by-word model; and that it takes any memory layout."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stream_model import packets_of, random_tensor, stream_of

from phantom.compress import compress, expand
from phantom.errors import RangeError, ShapeError

SHAPES = st.tuples(st.integers(1, 20), st.integers(1, 40), st.one_of(st.integers(1, 20), st.integers(21, 200)))


@settings(max_examples=150, deadline=None)
@given(
    shape=SHAPES,
    strip=st.one_of(st.none(), st.integers(1, 12)),
    span=st.one_of(st.just(0), st.integers(13, 64)),
    density=st.sampled_from([0.0, 0.03, 0.3, 0.9, 1.0]),
    signed=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@example(shape=(9, 14, 14), strip=4, span=7, density=0.3, signed=True, seed=0)
@example(shape=(8, 100, 1), strip=None, span=0, density=0.5, signed=False, seed=0)
@example(shape=(3, 5, 65), strip=2, span=0, density=0.5, signed=False, seed=0)
@example(shape=(16, 7, 7), strip=3, span=1, density=1.0, signed=True, seed=0)
def test_equals_the_model_and_comes_back(
    shape: tuple[int, int, int], strip: int | None, span: int, density: float, signed: bool, seed: int
) -> None:
    tensor = random_tensor(np.random.default_rng(seed), shape, density, signed)
    words = compress(tensor, strip, span)
    assert np.array_equal(words, stream_of(packets_of(tensor, strip, span)))
    back = expand(words, *shape, tensor.dtype, span)
    assert back.dtype == tensor.dtype
    assert np.array_equal(back, tensor)


def test_known_words() -> None:
    tensor = np.zeros((1, 2, 3), dtype=np.int8)
    tensor[0, 0, 2] = -1
    tensor[0, 1, 0] = 7
    words = [int(w) for w in compress(tensor)]
    assert words[0] == 1 << 32 | 1 << 26 | 1  # n0 = 1, two rows (pitch 4), chunk 0
    assert words[1:3] == [1 << 2 | 1 << 4, 0xFF | 7 << 8]
    assert words[3:10] == [0] * 7
    assert words[10] & 0xFFFFFFFF == 10 << 4 | 0xE
    assert len(words) == 11


def test_any_memory_layout() -> None:
    big = random_tensor(np.random.default_rng(0), (16, 9, 40), 0.4, False)
    for view in (big[::2, ::3, 1::2], big.transpose(2, 1, 0), np.asfortranarray(big)):
        assert np.array_equal(compress(view), compress(view.copy()))
        assert np.array_equal(expand(compress(view), *view.shape), view)


def test_largest_fields() -> None:
    for shape in ((2048, 1, 1), (1, 1024, 1), (1, 1, 1024)):
        tensor = np.zeros(shape, dtype=np.uint8)
        tensor[-1, -1, -1] = 255
        assert np.array_equal(expand(compress(tensor), *shape), tensor)


@pytest.mark.parametrize("shape", [(2049, 1, 1), (1, 1025, 1), (1, 1, 1025), (0, 1, 1), (1, 0, 1)])
def test_too_large(shape: tuple[int, int, int]) -> None:
    with pytest.raises(RangeError):
        compress(np.zeros(shape, dtype=np.uint8))
    with pytest.raises(RangeError):
        expand(np.zeros(1, np.uint64), *shape)


def test_wrong_tensors() -> None:
    for wrong in (np.zeros((2, 2), np.uint8), np.zeros((1, 2, 2), np.int16), np.zeros((1, 2, 2), bool)):
        with pytest.raises(ShapeError):
            compress(wrong)
    with pytest.raises(ShapeError):
        expand(np.zeros(1, np.uint64), 1, 1, 1, np.int16)
    with pytest.raises(RangeError):
        compress(np.zeros((1, 2, 2), np.uint8), 0)
