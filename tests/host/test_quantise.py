"""The rounding rule against exact fractions, and the choice of multipliers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantom.errors import RangeError
from phantom.quantise import multiplier_of, multipliers_of, requantise

INT32 = st.integers(-(2**31), 2**31 - 1)
MULTIPLIER = st.one_of(st.integers(0, 2**24 - 1), st.integers(0, 24).map(lambda b: min(1 << b, 2**24 - 1)))


def exact(acc: int, bias: int, multiplier: int, sel: int, lo: int, hi: int) -> int:
    """The rule in fractions; Python's round is half-even."""
    return max(lo, min(hi, round(Fraction((acc + bias) * multiplier, 2 ** (14 + 4 * sel)))))


@settings(max_examples=500)
@given(
    rows=st.lists(st.tuples(INT32, INT32, MULTIPLIER, st.integers(0, 7)), min_size=1, max_size=30),
    limits=st.sampled_from([(0, 255), (-128, 127), (0, 127), (-(2**60), 2**60)]),
)
def test_equals_exact_fractions(rows: list[tuple[int, int, int, int]], limits: tuple[int, int]) -> None:
    acc, bias, multiplier, sel = (np.array(column) for column in zip(*rows, strict=True))
    got = requantise(acc, bias, multiplier, sel, *limits)
    assert got.tolist() == [exact(*row, *limits) for row in rows]


def test_halves_go_to_the_even_neighbour() -> None:
    acc = np.arange(-9, 10, dtype=np.int32)
    assert requantise(acc, 0, 1 << 13, 0, -128, 127).tolist() == [round(Fraction(int(a), 2)) for a in acc]


@given(st.floats(2.0**-41, 1023.9))
def test_multiplier_is_the_nearest_and_the_largest(scale: float) -> None:
    multiplier, sel = multiplier_of(scale)
    error = abs(Fraction(multiplier, 2 ** (14 + 4 * sel)) - Fraction(scale))
    assert 0 < multiplier < 2**24
    assert error <= Fraction(1, 2 ** (15 + 4 * sel))
    if sel < 7:
        assert round(Fraction(scale) * 2 ** (18 + 4 * sel)) >= 2**24, "a larger multiplier would not fit"
        assert multiplier >= 2**20


def test_multiplier_at_the_limits() -> None:
    assert multiplier_of(1.0) == (1 << 22, 2)
    assert multiplier_of((2**24 - 1) / 2**14) == (2**24 - 1, 0)
    assert multiplier_of(2.0**-42) == (1, 7)
    assert [a.dtype for a in multipliers_of(np.array([0.5, 0.25]))] == [np.uint32, np.uint8]
    for scale in (0.0, -1.0, float("nan"), float("inf"), 1024.0, 2.0**-44):
        with pytest.raises(RangeError, match="scale ="):
            multiplier_of(scale)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((2**31, 0, 1, 0), "accumulator = 2147483648"),
        ((0, -(2**31) - 1, 1, 0), "bias"),
        ((0, 0, 2**24, 0), "multiplier"),
        ((0, 0, -1, 0), "multiplier"),
        ((0, 0, 1, 8), r"sel = 8; it must be within 0\.\.7"),
        ((0.5, 0, 1, 0), "must be integer"),
        (([0, 2**40], 0, 1, 0), r"at index \(1,\)"),
    ],
)
def test_arguments(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(RangeError, match=message):
        requantise(*arguments, 0, 255)  # type: ignore[arg-type]
