"""The integers of an addition: factors for both inputs, and one multiplier for their sum."""

from __future__ import annotations

import numpy as np

from .errors import RangeError
from .layers_plain import MAX_FACTOR
from .quantise import MAX_MULTIPLIER, MAX_SEL, multiplier_of

TOLERANCE = 2e-6  # of the larger ratio: half a thousandth of a step of a result of 255
WEIGHT = 127  # a factor takes as many multiplies as it has weights of at most this size


def clamped_multiplier_of(scale: float) -> tuple[int, int]:
    """`multiplier_of`, and beyond its range what gives the same results.

    With a scale of 2**10 or more every sum but 0 is clamped anyway; with one up to 2**-43 every 32-bit sum rounds to 0.
    """
    if scale >= MAX_MULTIPLIER / 2**14:
        return MAX_MULTIPLIER, 0
    if scale <= 2.0**-43:
        return 0, MAX_SEL
    return multiplier_of(scale)


def add_factors(a: float, b: float) -> tuple[tuple[int, int], float]:
    """Factors (fa, fb) and a scale so that scale * fa is near `a` and scale * fb is near `b`, both positive.

    Of all pairs with factors up to MAX_FACTOR whose error, relative to the larger of both, is within TOLERANCE, one with the
    fewest multiplies is taken; where there is none, the one with the smallest error. Among equals the error decides, then size.
    Raises RangeError unless a and b are positive numbers.
    """
    if not (np.isfinite(a) and np.isfinite(b) and a > 0 and b > 0):
        raise RangeError(f"the ratios of an addition's scales are {a} and {b}; they must be positive numbers")
    one = np.arange(1, MAX_FACTOR + 1)
    with np.errstate(over="ignore"):
        fa = np.concatenate([one, np.minimum(np.rint(one * a / b), MAX_FACTOR + 1)])
        fb = np.concatenate([np.minimum(np.rint(one * b / a), MAX_FACTOR + 1), one])
    fits = (fa <= MAX_FACTOR) & (fb <= MAX_FACTOR)
    fa, fb = fa[fits], fb[fits]
    top = max(a, b)
    ra, rb = a / top, b / top
    scale = (fa * ra + fb * rb) / (fa * fa + fb * fb)  # least squares
    error = (scale * fa - ra) ** 2 + (scale * fb - rb) ** 2
    weights = np.where(error <= TOLERANCE**2, np.ceil(fa / WEIGHT) + np.ceil(fb / WEIGHT), np.inf)
    exact = np.rint(error * 2**60)  # what float64 cannot tell apart counts as equal
    best = int(np.lexsort((fa + fb, exact, weights))[0])
    return (int(fa[best]), int(fb[best])), float(scale[best] * top)
