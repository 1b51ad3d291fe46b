"""Between real values and integers: what an integer tensor of a model stands for.

A model's tensor holds q = clamp(round_half_even(x / scale) + zero_point) of its own type. Inside a network every zero is a real
zero, so there the same value is v = q - zero_point, of whichever 8-bit type holds it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .errors import RangeError, ShapeError
from .layer import ACT_DTYPES


@dataclass(frozen=True)
class Quantisation:
    """Scale (float32), zero-point and type (uint8 or int8) of a model's tensor. Raises RangeError where they make no sense."""

    scale: float
    zero_point: int = 0
    dtype: np.dtype = ACT_DTYPES[0]

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", float(np.float32(self.scale)))
        object.__setattr__(self, "dtype", np.dtype(self.dtype))
        if not math.isfinite(self.scale) or self.scale <= 0:
            raise RangeError(f"scale is {self.scale}; it must be a positive number")
        if self.dtype not in ACT_DTYPES:
            raise ShapeError(f"quantised type is {self.dtype}; it must be uint8 or int8")
        info = np.iinfo(self.dtype)
        if not info.min <= self.zero_point <= info.max:
            raise RangeError(f"zero-point is {self.zero_point}; it must be within {info.min}..{info.max} ({self.dtype})")

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest v = q - zero_point."""
        info = np.iinfo(self.dtype)
        return int(info.min) - self.zero_point, int(info.max) - self.zero_point

    def quantise(self, values: np.ndarray) -> np.ndarray:
        """v, int64, for real values of any shape, in float32 as ONNX Runtime does it. Raises RangeError for NaN."""
        values = np.asarray(values, dtype=np.float32)
        check_numbers(values)
        with np.errstate(over="ignore"):
            return np.clip(np.rint(values / np.float32(self.scale)), *self.limits).astype(np.int64)

    def real(self, values: np.ndarray) -> np.ndarray:
        """Real values, float32, for v."""
        return np.asarray(values).astype(np.float32) * np.float32(self.scale)


def check_numbers(values: np.ndarray) -> None:
    """Raise RangeError naming the first NaN."""
    if np.isnan(values).any():
        where = tuple(int(i) for i in np.argwhere(np.isnan(values))[0])
        raise RangeError(f"the value at index {where} is NaN; values must be numbers")


def type_of(low: int, high: int, preferred: np.dtype) -> np.dtype | None:
    """The 8-bit type that holds every value within low..high: the preferred one where both do, None where neither does."""
    for dtype in sorted(ACT_DTYPES, key=lambda dtype: dtype != preferred):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return dtype
    return None
