"""What all kinds of layers have in common: a name, the names of what they read, the limits of what they write.

Activations are uint8 or int8 with zero-point 0. Every kind has

    arity                        how many inputs it takes: (least, most)
    out_shape(*shapes)           shape [C, H, W] of its output for inputs of these shapes
    result_dtype(*dtypes)        element type of its output for inputs of these types
    check_accumulators(*dtypes)  proof that no input of these types overflows 32 bits

The kinds are in `layers` (with weights) and `layers_plain` (without).
"""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from typing import Any, ClassVar

import numpy as np

from .errors import RangeError, ShapeError
from .quantise import check_range

Shape = tuple[int, int, int]

INPUT = "input"  # the network's input, where a layer names what it reads
ACT_DTYPES = (np.dtype(np.uint8), np.dtype(np.int8))
ACC_LIMIT = 2**31


def limits(dtype: np.dtype, relu: bool) -> tuple[int, int]:
    """Smallest and largest output value of a layer with or without ReLU."""
    info = np.iinfo(dtype)
    return (0 if relu else int(info.min)), int(info.max)


def largest(dtype: np.dtype) -> int:
    """Largest magnitude of an activation."""
    info = np.iinfo(dtype)
    return max(-int(info.min), int(info.max))


def as_array(layer: str, name: str, values: object, dtype: type, ndim: int, low: int, high: int) -> np.ndarray:
    """`values` as a read-only array of `dtype`. Raises ShapeError or RangeError naming layer and array."""
    array = np.asarray(values)
    if array.ndim != ndim:
        raise ShapeError(f"layer {layer!r}: {name} has shape {array.shape}; it must have {ndim} axes")
    try:
        check_range(name, array, low, high)
    except RangeError as error:
        raise RangeError(f"layer {layer!r}: {error}") from None
    array = np.ascontiguousarray(array, dtype=dtype).copy()
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False)
class BaseLayer:
    """Name and inputs. No inputs given means: the layer before, or the network's input for the first one."""

    name: str
    inputs: tuple[str, ...] = field(default=(), kw_only=True)

    arity: ClassVar[tuple[int, int]] = (1, 1)

    def __post_init__(self, *_: Any) -> None:
        if not self.name or not isinstance(self.name, str):
            raise ShapeError(f"a layer needs a name, not {self.name!r}")
        if self.name == INPUT:
            raise ShapeError(f"a layer cannot be called {INPUT!r}; that is the network's input")
        if isinstance(self.inputs, str):
            raise ShapeError(f"layer {self.name!r}: inputs is {self.inputs!r}; it must be a tuple of names")
        self._put("inputs", tuple(self.inputs))
        least, most = self.arity
        if self.inputs and not least <= len(self.inputs) <= most:
            count = f"{least}" if least == most else f"{least} to {most}"
            raise ShapeError(f"layer {self.name!r} reads {len(self.inputs)} inputs; it must be {count}")

    def _put(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def result_dtype(self, *dtypes: np.dtype) -> np.dtype:
        """Element type of the output: that of the input, where a layer only selects values."""
        return dtypes[0]

    def check_accumulators(self, *dtypes: np.dtype) -> None:
        """Raise OverflowRisk unless safe; a layer that only selects values is."""


@dataclass(frozen=True, eq=False)
class Requantised(BaseLayer):
    """A layer that computes and rounds: its outputs are clamped to `low`..`high`, which must lie within `out_dtype`.

    `relu` is the short form for both: True (low is 0) is the default, False leaves the whole range. It counts only where `low`
    is not given, and is not kept.
    """

    relu: InitVar[bool] = field(default=True, kw_only=True)
    out_dtype: np.dtype = field(default=np.dtype(np.uint8), kw_only=True)
    low: int | None = field(default=None, kw_only=True)
    high: int | None = field(default=None, kw_only=True)

    def __post_init__(self, relu: bool) -> None:
        super().__post_init__()
        self._put("out_dtype", np.dtype(self.out_dtype))
        if self.out_dtype not in ACT_DTYPES:
            raise ShapeError(f"layer {self.name!r}: out_dtype is {self.out_dtype}; it must be uint8 or int8")
        default = limits(self.out_dtype, bool(relu))
        self._put("low", default[0] if self.low is None else int(self.low))
        self._put("high", default[1] if self.high is None else int(self.high))
        low, high = self.limits
        least, most = limits(self.out_dtype, False)
        if not least <= low <= high <= most:
            raise RangeError(
                f"layer {self.name!r}: limits {low}..{high}; they must be in order, within {least}..{most} ({self.out_dtype})"
            )

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest output value."""
        assert self.low is not None and self.high is not None
        return self.low, self.high

    def result_dtype(self, *dtypes: np.dtype) -> np.dtype:
        """Element type of the output."""
        return self.out_dtype
