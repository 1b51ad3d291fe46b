"""The one rounding rule: from a 32-bit accumulator to an 8-bit activation (docs/stream-format.md, PRM).

It is y = clamp(round_half_even((acc + bias) * multiplier / 2**(14 + 4 * sel)), lo, hi).
"""

from __future__ import annotations

import math

import numpy as np

from .errors import RangeError

MULTIPLIER_BITS = 24
MAX_MULTIPLIER = 2**MULTIPLIER_BITS - 1
MAX_SEL = 7


def shift_of(sel: np.ndarray | int) -> np.ndarray:
    """The right shift, 14..42 bits, that `sel` (0..7) stands for; int64."""
    return 14 + 4 * np.asarray(sel, dtype=np.int64)


def requantise(
    acc: np.ndarray,
    bias: np.ndarray | int,
    multiplier: np.ndarray | int,
    sel: np.ndarray | int,
    lo: int,
    hi: int,
) -> np.ndarray:
    """Apply the rounding rule. All arguments broadcast against each other.

    Args:
        acc: integer accumulators within int32.
        bias: int32. multiplier: 0..2**24 - 1. sel: 0..7.
        lo, hi: limits of the result, for instance 0 and 255 or -128 and 127.

    Returns:
        int64. Exact: |acc + bias| <= 2**32 and multiplier < 2**24 leave the product below 2**57.

    Raises:
        RangeError: an argument does not fit its field.
    """
    acc, bias, multiplier, sel = (np.asarray(a) for a in (acc, bias, multiplier, sel))
    for name, value, low, high in (
        ("accumulator", acc, -(2**31), 2**31 - 1),
        ("bias", bias, -(2**31), 2**31 - 1),
        ("multiplier", multiplier, 0, MAX_MULTIPLIER),
        ("sel", sel, 0, MAX_SEL),
    ):
        check_range(name, value, low, high)
    shift = shift_of(sel)
    product = (acc.astype(np.int64) + bias.astype(np.int64)) * multiplier.astype(np.int64)
    # floor((p + half - 1 + lsb) / 2**shift), with lsb the lowest bit that stays, rounds halves to the even neighbour.
    rounded = (product + ((np.int64(1) << (shift - 1)) - 1) + ((product >> shift) & 1)) >> shift
    return np.clip(rounded, lo, hi)


def check_range(name: str, values: np.ndarray, low: int, high: int) -> None:
    """Raise RangeError unless `values` are integers within low..high; the message gives the first one that is not."""
    values = np.asarray(values)
    if values.dtype.kind not in "iu":
        raise RangeError(f"{name} must be integer, not {values.dtype}")
    if values.size and (int(values.min()) < low or int(values.max()) > high):
        bad = np.argwhere((values < low) | (values > high))[0]
        where = f" at index {tuple(int(i) for i in bad)}" if values.ndim else ""
        raise RangeError(f"{name} = {values[tuple(bad)]}{where}; it must be within {low}..{high}")


def multiplier_of(scale: float) -> tuple[int, int]:
    """The (multiplier, sel) nearest to `scale` = multiplier / 2**(14 + 4 * sel), with the largest multiplier possible.

    The largest multiplier is the most precise one: for 2**-22 <= scale < 2**10 it is at least 2**20, so that the relative
    error is at most 2**-21.

    Raises:
        RangeError: scale is not a positive number below 2**10, or so small that the multiplier would be 0.
    """
    if not math.isfinite(scale) or scale <= 0:
        raise RangeError(f"scale = {scale}; it must be a positive number")
    for sel in range(MAX_SEL, -1, -1):
        multiplier = round(math.ldexp(scale, int(shift_of(sel))))
        if multiplier <= MAX_MULTIPLIER:
            if multiplier == 0:
                raise RangeError(f"scale = {scale} is too small; the smallest multiplier is 2**-{int(shift_of(MAX_SEL))}")
            return multiplier, sel
    raise RangeError(f"scale = {scale} is too large; it must be below 2**{MULTIPLIER_BITS - int(shift_of(0))}")


def multipliers_of(scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`multiplier_of` for an array [K] of scales: (uint32 [K], uint8 [K])."""
    pairs = [multiplier_of(float(s)) for s in np.asarray(scales).reshape(-1)]
    return np.array([p[0] for p in pairs], dtype=np.uint32), np.array([p[1] for p in pairs], dtype=np.uint8)
