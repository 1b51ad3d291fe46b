"""A layer as the cycle models see it: two masks and the geometry between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from phantom.effectual import Demand, filters_at
from phantom.errors import ShapeError


@dataclass(frozen=True, eq=False)
class LayerMasks:
    """Nonzero weights bool [K, C / groups, R, S] and nonzero activations bool [C, H, W] of one layer and image.

    A fully connected layer (`connected`) is a convolution whose kernel is as large as the plane. padding: top, left, bottom,
    right. out_size, out_density: what it hands on, after pooling: elements, and the share of nonzeros, for the traffic; the size
    is that of the output without pooling where 0 is given. assumed: no publication gives the density of its input.

    Raises ShapeError where the arrays do not fit together.
    """

    name: str
    weights: np.ndarray
    activations: np.ndarray
    stride: int = 1
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1
    dilation: int = 1
    connected: bool = False
    out_size: int = 0
    out_density: float = 1.0
    assumed: bool = False

    def __post_init__(self) -> None:
        where = f"layer {self.name!r}"
        for what, array, axes in (("weights", self.weights, 4), ("activations", self.activations, 3)):
            if array.dtype != np.bool_ or array.ndim != axes or not array.size:
                raise ShapeError(f"{where}: {what} is {array.dtype} {array.shape}; it must be bool with {axes} axes, not empty")
        if self.weights.shape[1] * self.groups != self.activations.shape[0] or self.filters % self.groups:
            raise ShapeError(
                f"{where}: weights {self.weights.shape} in {self.groups} groups do not fit activations {self.activations.shape}"
            )
        if min(self.plane) < 1:
            raise ShapeError(f"{where}: its kernel is larger than the padded input {self.activations.shape}")
        if self.connected and self.plane != (1, 1):
            raise ShapeError(f"{where}: fully connected, but its kernel {self.weights.shape[2:]} leaves {self.plane} positions")
        if not self.out_size:
            object.__setattr__(self, "out_size", self.filters * self.plane[0] * self.plane[1])

    @property
    def filters(self) -> int:
        """K."""
        return self.weights.shape[0]

    @property
    def depthwise(self) -> bool:
        """Whether each filter looks at a single channel of several."""
        return self.groups > 1 and self.weights.shape[1] == 1

    @property
    def kind(self) -> str:
        """For people: fc, conv 3x3, dw 3x3/2."""
        if self.connected:
            return "fc"
        rows, cols = self.weights.shape[2:]
        return f"{'dw' if self.depthwise else 'conv'} {rows}x{cols}{f'/{self.stride}' if self.stride > 1 else ''}"

    @cached_property
    def plane(self) -> tuple[int, int]:
        """Rows and columns of the output, before pooling."""
        top, left, bottom, right = self.padding
        _, height, width = self.activations.shape
        rows, cols = self.weights.shape[2:]
        return (
            (height + top + bottom - self.dilation * (rows - 1) - 1) // self.stride + 1,
            (width + left + right - self.dilation * (cols - 1) - 1) // self.stride + 1,
        )

    @property
    def positions(self) -> int:
        """Output positions of a filter."""
        return self.plane[0] * self.plane[1]

    @property
    def macs_dense(self) -> int:
        """Multiplies of a dense machine: one a weight and output position, those with padding included."""
        return self.weights.size * self.positions

    @cached_property
    def macs_effectual(self) -> int:
        """Pairs of a nonzero weight and a nonzero activation: no machine can do with fewer."""
        filters = filters_at(self.weights, len(self.activations) // self.weights.shape[1])
        return Demand(self.macs_dense, filters, self.stride, self.dilation, self.padding).effectual(self.activations)

    @property
    def weight_density(self) -> float:
        """Share of nonzero weights, as it is in the mask."""
        return float(np.count_nonzero(self.weights)) / self.weights.size

    @property
    def act_density(self) -> float:
        """Share of nonzero activations, as it is in the mask."""
        return float(np.count_nonzero(self.activations)) / self.activations.size

    @cached_property
    def padded(self) -> np.ndarray:
        """Activations with their padding: bool [C, H', W']."""
        top, left, bottom, right = self.padding
        return np.pad(self.activations, ((0, 0), (top, bottom), (left, right)))

    def window(self, row: int, col: int) -> np.ndarray:
        """Activations that kernel position (row, col) meets: bool [C, rows, cols of the output], a view."""
        rows, cols = self.plane
        y, x, step = row * self.dilation, col * self.dilation, self.stride
        return self.padded[:, y : y + step * (rows - 1) + 1 : step, x : x + step * (cols - 1) + 1 : step]

    def group(self, number: int) -> LayerMasks:
        """One group of channels as a layer of its own."""
        filters, channels = self.filters // self.groups, self.weights.shape[1]
        return LayerMasks(
            f"{self.name}.{number}",
            self.weights[number * filters : (number + 1) * filters],
            self.activations[number * channels : (number + 1) * channels],
            self.stride,
            self.padding,
            1,
            self.dilation,
            out_density=self.out_density,
        )
