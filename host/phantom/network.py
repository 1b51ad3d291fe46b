"""A quantised network: layers with integer weights, and the checks that make it safe to compile.

Activations are uint8 or int8 with zero-point 0. A layer computes acc = weights * activations, exactly, in 32 bits, and then
`quantise.requantise(acc, bias, multiplier, sel, *limits)` per output channel. Loading and saving: `network_file`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .errors import OverflowRisk, RangeError, ShapeError
from .quantise import MAX_MULTIPLIER, MAX_SEL, check_range

Shape = tuple[int, int, int]

ACT_DTYPES = (np.dtype(np.uint8), np.dtype(np.int8))
ACC_LIMIT = 2**31


def limits(dtype: np.dtype, relu: bool) -> tuple[int, int]:
    """Smallest and largest output value of a layer."""
    info = np.iinfo(dtype)
    return (0 if relu else int(info.min)), int(info.max)


def _as_array(layer: str, name: str, values: object, dtype: type, ndim: int, low: int, high: int) -> np.ndarray:
    """`values` as a read-only array, checked."""
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
class _Layer:
    """What both kinds of layer have in common. `K` is the number of filters."""

    name: str
    weights: np.ndarray  # int8
    bias: np.ndarray  # int32 [K]
    multiplier: np.ndarray  # uint32 [K], below 2**24
    sel: np.ndarray  # uint8 [K], 0..7
    relu: bool = field(default=True, kw_only=True)
    out_dtype: np.dtype = field(default=np.dtype(np.uint8), kw_only=True)

    _axes = 0

    def __post_init__(self) -> None:
        if not self.name or not isinstance(self.name, str):
            raise ShapeError(f"a layer needs a name, not {self.name!r}")

        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("weights", _as_array(self.name, "weights", self.weights, np.int8, self._axes, -128, 127))
        put("bias", _as_array(self.name, "bias", self.bias, np.int32, 1, -(2**31), 2**31 - 1))
        put("multiplier", _as_array(self.name, "multiplier", self.multiplier, np.uint32, 1, 0, MAX_MULTIPLIER))
        put("sel", _as_array(self.name, "sel", self.sel, np.uint8, 1, 0, MAX_SEL))
        put("out_dtype", np.dtype(self.out_dtype))
        if self.out_dtype not in ACT_DTYPES:
            raise ShapeError(f"layer {self.name!r}: out_dtype is {self.out_dtype}; it must be uint8 or int8")
        if 0 in self.weights.shape:
            raise ShapeError(f"layer {self.name!r}: weights of shape {self.weights.shape} are empty")
        for what in ("bias", "multiplier", "sel"):
            if len(getattr(self, what)) != self.filters:
                have = len(getattr(self, what))
                raise ShapeError(f"layer {self.name!r}: {what} has {have} elements for {self.filters} filters")

    @property
    def filters(self) -> int:
        """Number of filters, that is of output channels."""
        return int(self.weights.shape[0])

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest output value."""
        return limits(self.out_dtype, self.relu)

    def check_accumulators(self, in_dtype: np.dtype) -> None:
        """Prove that no input of `in_dtype` can overflow the accumulator of any filter, bias included.

        Raises OverflowRisk where sum |w| * max |a| + |bias| reaches 2**31.
        """
        info = np.iinfo(in_dtype)
        largest = max(-int(info.min), int(info.max))
        total = np.abs(self.weights.reshape(self.filters, -1).astype(np.int64)).sum(axis=1)
        worst = total * largest + np.abs(self.bias.astype(np.int64))
        if worst.max() >= ACC_LIMIT:
            k = int(np.argmax(worst >= ACC_LIMIT))
            raise OverflowRisk(
                f"layer {self.name!r}, filter {k}: sum |w| * max |a| + |bias| = {total[k]} * {largest} + "
                f"{abs(int(self.bias[k]))} = {worst[k]}; it must be below 2**31"
            )


@dataclass(frozen=True, eq=False)
class Conv(_Layer):
    """Convolution. Weights int8 [K, C / channel_groups, ky, kx]; channel_groups = C is a depthwise convolution.

    `padding` is (top, left, bottom, right), in zeros.
    """

    stride: int = 1
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    channel_groups: int = 1

    _axes = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stride not in (1, 2):
            raise RangeError(f"layer {self.name!r}: stride is {self.stride}; it must be 1 or 2")
        object.__setattr__(self, "padding", tuple(int(p) for p in self.padding))
        if len(self.padding) != 4 or min(self.padding) < 0:
            raise RangeError(f"layer {self.name!r}: padding is {self.padding}; it must be (top, left, bottom, right), all >= 0")
        if self.channel_groups < 1 or self.filters % self.channel_groups:
            raise ShapeError(f"layer {self.name!r}: {self.channel_groups} channel groups do not divide {self.filters} filters")

    def out_shape(self, shape: Shape) -> Shape:
        """Shape of the output [K, H, W] for an input of `shape`. Raises ShapeError where it does not fit."""
        channels, height, width = shape
        _, per_group, ky, kx = self.weights.shape
        if channels != per_group * self.channel_groups:
            raise ShapeError(f"layer {self.name!r} takes {per_group * self.channel_groups} channels; its input has shape {shape}")
        top, left, bottom, right = self.padding
        rows, columns = height + top + bottom - ky, width + left + right - kx
        if rows < 0 or columns < 0:
            raise ShapeError(f"layer {self.name!r}: its kernel {ky} x {kx} is larger than the padded input of shape {shape}")
        return self.filters, rows // self.stride + 1, columns // self.stride + 1


@dataclass(frozen=True, eq=False)
class FullyConnected(_Layer):
    """Fully connected layer. Weights int8 [K, C * H * W] with the input in the order C, H, W; the output is [K, 1, 1]."""

    _axes = 2

    def out_shape(self, shape: Shape) -> Shape:
        """Shape of the output for an input of `shape`. Raises ShapeError where it does not fit."""
        if int(np.prod(shape)) != self.weights.shape[1]:
            raise ShapeError(f"layer {self.name!r} takes {self.weights.shape[1]} inputs; its input has shape {shape}")
        return self.filters, 1, 1


Layer = Conv | FullyConnected


@dataclass(frozen=True, eq=False)
class Network:
    """A chain of layers. Making one checks everything that can be checked without data.

    Raises ShapeError or OverflowRisk naming the layer.
    """

    name: str
    input_shape: Shape  # C, H, W
    input_dtype: np.dtype
    layers: Sequence[Layer]

    def __post_init__(self) -> None:
        object.__setattr__(self, "input_shape", tuple(int(n) for n in self.input_shape))
        object.__setattr__(self, "input_dtype", np.dtype(self.input_dtype))
        object.__setattr__(self, "layers", tuple(self.layers))
        if len(self.input_shape) != 3 or min(self.input_shape) < 1:
            raise ShapeError(f"network {self.name!r}: input_shape is {self.input_shape}; it must be (C, H, W)")
        if self.input_dtype not in ACT_DTYPES:
            raise ShapeError(f"network {self.name!r}: input_dtype is {self.input_dtype}; it must be uint8 or int8")
        if not self.layers:
            raise ShapeError(f"network {self.name!r} has no layers; it needs one at least")
        names = [layer.name for layer in self.layers]
        if len(set(names)) != len(names):
            raise ShapeError(f"network {self.name!r}: the names {names} are not distinct")
        self.shapes()
        for layer, dtype in zip(self.layers, self.input_dtypes(), strict=True):
            layer.check_accumulators(dtype)

    def shapes(self) -> list[Shape]:
        """Output shape of every layer."""
        result = []
        shape = self.input_shape
        for layer in self.layers:
            shape = layer.out_shape(shape)
            result.append(shape)
        return result

    def input_dtypes(self) -> list[np.dtype]:
        """Element type of the input of every layer."""
        return [self.input_dtype, *(layer.out_dtype for layer in self.layers[:-1])]

    def check_input(self, image: np.ndarray) -> None:
        """Raise ShapeError unless `image` is an input of this network."""
        if image.shape != self.input_shape or image.dtype != self.input_dtype:
            raise ShapeError(
                f"network {self.name!r} takes {self.input_dtype} of shape {self.input_shape}, "
                f"not {image.dtype} of shape {image.shape}"
            )
