"""Layers with weights: convolution and fully connected.

acc = weights * activations, exactly, in 32 bits, and then `quantise.requantise(acc, bias, multiplier, sel, *limits)` per output
channel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import OverflowRisk, RangeError, ShapeError
from .layer import ACC_LIMIT, Requantised, Shape, as_array, largest
from .quantise import MAX_MULTIPLIER, MAX_SEL

MAX_STRIDE = 4
MAX_DILATION = 4


@dataclass(frozen=True, eq=False)
class Weighted(Requantised):
    """What both kinds have in common. `K` is the number of filters."""

    weights: np.ndarray  # int8
    bias: np.ndarray  # int32 [K]
    multiplier: np.ndarray  # uint32 [K], below 2**24
    sel: np.ndarray  # uint8 [K], 0..7

    _axes = 0

    def __post_init__(self, relu: bool) -> None:
        super().__post_init__(relu)
        self._put("weights", as_array(self.name, "weights", self.weights, np.int8, self._axes, -128, 127))
        self._put("bias", as_array(self.name, "bias", self.bias, np.int32, 1, -(2**31), 2**31 - 1))
        self._put("multiplier", as_array(self.name, "multiplier", self.multiplier, np.uint32, 1, 0, MAX_MULTIPLIER))
        self._put("sel", as_array(self.name, "sel", self.sel, np.uint8, 1, 0, MAX_SEL))
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

    def check_accumulators(self, *dtypes: np.dtype) -> None:
        """Prove that no input of `dtypes[0]` can overflow the accumulator of any filter, bias included.

        Raises OverflowRisk where sum |w| * max |a| + |bias| reaches 2**31.
        """
        most = largest(dtypes[0])
        total = np.abs(self.weights.reshape(self.filters, -1).astype(np.int16)).sum(axis=1, dtype=np.int64)
        worst = total * most + np.abs(self.bias.astype(np.int64))
        if worst.max() >= ACC_LIMIT:
            k = int(np.argmax(worst >= ACC_LIMIT))
            error = OverflowRisk(
                f"layer {self.name!r}, filter {k}: sum |w| * max |a| + |bias| = {total[k]} * {most} + "
                f"{abs(int(self.bias[k]))} = {worst[k]}; it must be below 2**31"
            )
            error.blame(self.name)
            raise error


@dataclass(frozen=True, eq=False)
class Conv(Weighted):
    """Convolution. Weights int8 [K, C / channel_groups, ky, kx]; channel_groups = C is a depthwise convolution.

    `padding` is (top, left, bottom, right), in zeros. `stride` and `dilation` are those of both axes.
    """

    stride: int = 1
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    channel_groups: int = 1
    dilation: int = 1

    _axes = 4

    def __post_init__(self, relu: bool) -> None:
        super().__post_init__(relu)
        for what, most in (("stride", MAX_STRIDE), ("dilation", MAX_DILATION)):
            value = getattr(self, what)
            if value not in range(1, most + 1):
                raise RangeError(f"layer {self.name!r}: {what} is {value}; it must be 1 to {most}")
        self._put("padding", tuple(int(p) for p in self.padding))
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
        rows = height + top + bottom - (ky - 1) * self.dilation - 1
        columns = width + left + right - (kx - 1) * self.dilation - 1
        if rows < 0 or columns < 0:
            spread = "" if self.dilation == 1 else f" (dilation {self.dilation})"
            kernel = f"{ky} x {kx}{spread}"
            raise ShapeError(f"layer {self.name!r}: its kernel {kernel} is larger than the padded input of shape {shape}")
        return self.filters, rows // self.stride + 1, columns // self.stride + 1


@dataclass(frozen=True, eq=False)
class FullyConnected(Weighted):
    """Fully connected layer. Weights int8 [K, C * H * W] with the input in the order C, H, W; the output is [K, 1, 1]."""

    _axes = 2

    def out_shape(self, shape: Shape) -> Shape:
        """Shape of the output for an input of `shape`. Raises ShapeError where it does not fit."""
        if int(np.prod(shape)) != self.weights.shape[1]:
            raise ShapeError(f"layer {self.name!r} takes {self.weights.shape[1]} inputs; its input has shape {shape}")
        return self.filters, 1, 1
