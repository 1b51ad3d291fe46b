"""Layers without weights: maximum pooling, addition, concatenation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .errors import RangeError, ShapeError
from .layer import BaseLayer, Requantised, Shape
from .quantise import MAX_MULTIPLIER, MAX_SEL

MAX_FACTOR = 2032  # sixteen weights of 127


@dataclass(frozen=True, eq=False)
class MaxPool(BaseLayer):
    """Largest value of each window. Positions in the padding (top, left, bottom, right) are ignored: they never win."""

    kernel: tuple[int, int]
    stride: int = 1
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._put("kernel", tuple(int(k) for k in self.kernel))
        self._put("padding", tuple(int(p) for p in self.padding))
        if len(self.kernel) != 2 or min(self.kernel) < 1:
            raise ShapeError(f"layer {self.name!r}: kernel is {self.kernel}; it must be (rows, columns), both >= 1")
        if self.stride < 1:
            raise RangeError(f"layer {self.name!r}: stride is {self.stride}; it must be 1 at least")
        (ky, kx), (top, left, bottom, right) = self.kernel, self.padding if len(self.padding) == 4 else (-1,) * 4
        if min(top, left, bottom, right) < 0 or max(top, bottom) >= ky or max(left, right) >= kx:
            # A window that lies in the padding as a whole would have no value.
            raise RangeError(
                f"layer {self.name!r}: padding is {self.padding}; it must be (top, left, bottom, right), "
                f"each >= 0 and less than the kernel {ky} x {kx}"
            )

    def out_shape(self, shape: Shape) -> Shape:
        """Shape of the output for an input of `shape`. Raises ShapeError where it does not fit."""
        channels, height, width = shape
        (ky, kx), (top, left, bottom, right) = self.kernel, self.padding
        rows, columns = height + top + bottom - ky, width + left + right - kx
        if rows < 0 or columns < 0:
            raise ShapeError(f"layer {self.name!r}: its kernel {ky} x {kx} is larger than the padded input of shape {shape}")
        return channels, rows // self.stride + 1, columns // self.stride + 1


@dataclass(frozen=True, eq=False)
class Add(Requantised):
    """Sum of two inputs a and b of one shape: requantise(factors[0] * a + factors[1] * b), with one multiplier and no bias.

    The factors, of magnitude up to MAX_FACTOR, carry the ratio of the inputs' scales, the multiplier the rest
    (`factors.add_factors` finds all three).
    """

    factors: tuple[int, int]
    multiplier: int
    sel: int

    arity: ClassVar[tuple[int, int]] = (2, 2)

    def __post_init__(self, relu: bool) -> None:
        super().__post_init__(relu)
        self._put("factors", tuple(int(f) for f in self.factors))
        if len(self.factors) != 2 or max(abs(f) for f in self.factors) > MAX_FACTOR:
            raise RangeError(f"layer {self.name!r}: factors are {self.factors}; they must be two within +-{MAX_FACTOR}")
        for what, most in (("multiplier", MAX_MULTIPLIER), ("sel", MAX_SEL)):
            value = int(getattr(self, what))
            if not 0 <= value <= most:
                raise RangeError(f"layer {self.name!r}: {what} is {value}; it must be within 0..{most}")
            self._put(what, value)

    def out_shape(self, a: Shape, b: Shape) -> Shape:
        """Shape of the output. Raises ShapeError where the inputs differ in shape."""
        if a != b:
            raise ShapeError(f"layer {self.name!r} adds inputs of shapes {a} and {b}; they must be equal")
        return a


@dataclass(frozen=True, eq=False)
class Concat(BaseLayer):
    """Channels of all inputs, one after the other. The inputs must be on one scale; their types must be equal."""

    arity: ClassVar[tuple[int, int]] = (1, 1 << 16)

    def out_shape(self, *shapes: Shape) -> Shape:
        """Shape of the output. Raises ShapeError where the planes differ in shape."""
        if len({shape[1:] for shape in shapes}) != 1:
            raise ShapeError(f"layer {self.name!r} joins inputs of shapes {list(shapes)}; rows and columns must be equal")
        return sum(shape[0] for shape in shapes), shapes[0][1], shapes[0][2]

    def result_dtype(self, *dtypes: np.dtype) -> np.dtype:
        """Element type of the output. Raises ShapeError where the inputs differ in type."""
        if len(set(dtypes)) != 1:
            raise ShapeError(f"layer {self.name!r} joins inputs of types {[str(d) for d in dtypes]}; they must be equal")
        return dtypes[0]
