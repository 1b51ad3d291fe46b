"""Effectual multiplies: pairs of a nonzero weight with a nonzero activation, counted exactly. Padding counts for nothing.

No machine can do with fewer, so this is the numerator of every utilisation. No convolution is needed: a weight at
(channel, ky, kx) meets as many nonzeros as its window of the input has, whichever filter it belongs to. So the count is a
product of two small tables: filters with a nonzero weight there, and nonzero activations there. An addition multiplies each of
its inputs by a factor; maximum pooling and concatenation multiply nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .network import Add, AnyLayer, Conv, FullyConnected

COUNT = np.dtype(np.uint32)


@dataclass(frozen=True)
class Demand:
    """What a layer multiplies, without its weights.

    dense: multiplies of a dense machine. filters: how many filters have a nonzero weight, unsigned: of a convolution
    [C, ky, kx]; of a fully connected layer [C * H * W]; of an addition [2], 1 where the input's factor is not zero; else [0].
    stride, dilation, padding: of a convolution.
    """

    dense: int
    filters: np.ndarray
    stride: int = 1
    dilation: int = 1
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    def effectual(self, *inputs: np.ndarray) -> int:
        """Pairs with both operands nonzero, for the layer's inputs [C, H, W]."""
        filters = self.filters.astype(np.int64)
        if filters.ndim == 3:
            return self._sliding(filters, inputs[0] != 0)
        if len(filters) == len(inputs) == 2:
            return sum(int(np.count_nonzero(values)) for factor, values in zip(filters, inputs) if factor)
        return int(filters @ (inputs[0] != 0).reshape(-1).astype(np.int64)) if len(filters) else 0

    def _sliding(self, filters: np.ndarray, mask: np.ndarray) -> int:
        top, left, bottom, right = self.padding
        padded = np.pad(mask, ((0, 0), (top, bottom), (left, right)))
        step, spread = self.stride, self.dilation
        rows, cols = (
            (size - (kernel - 1) * spread - 1) // step for size, kernel in zip(padded.shape[1:], filters.shape[1:])
        )
        total = 0
        for ky in range(filters.shape[1]):
            for kx in range(filters.shape[2]):
                y, x = ky * spread, kx * spread
                window = padded[:, y : y + step * rows + 1 : step, x : x + step * cols + 1 : step]
                total += int(np.count_nonzero(window, axis=(1, 2)) @ filters[:, ky, kx])
        return total


def demand(layer: AnyLayer, in_shape: tuple[int, int, int]) -> Demand:
    """What a layer multiplies for inputs of `in_shape` [C, H, W]. Raises ShapeError where they do not fit."""
    dense = dense_macs(layer, in_shape)
    if isinstance(layer, Add):
        return Demand(dense, np.array([factor != 0 for factor in layer.factors], COUNT))
    if isinstance(layer, FullyConnected):
        return Demand(dense, np.count_nonzero(layer.weights, axis=0).astype(COUNT))
    if not isinstance(layer, Conv):
        return Demand(dense, np.zeros(0, COUNT))
    return Demand(dense, filters_at(layer.weights, layer.channel_groups), layer.stride, layer.dilation, layer.padding)


def filters_at(weights: np.ndarray, groups: int) -> np.ndarray:
    """Filters of a convolution with a nonzero weight at each place: [C, ky, kx] for weights [K, C / groups, ky, kx]."""
    _, per_group, rows, cols = weights.shape
    by_group = weights.reshape(groups, -1, per_group, rows, cols)
    return np.count_nonzero(by_group, axis=1).reshape(groups * per_group, rows, cols).astype(COUNT)


def effectual_macs(layer: AnyLayer, activations: np.ndarray, *more: np.ndarray) -> int:
    """Pairs with both operands nonzero, for activations [C, H, W], and those of `more` inputs of a layer that has several.

    Raises ShapeError when they do not fit the layer.
    """
    channels, height, width = activations.shape
    return demand(layer, (channels, height, width)).effectual(activations, *more)


def dense_macs(layer: AnyLayer, in_shape: tuple[int, int, int]) -> int:
    """Multiplies of a dense machine for an input of `in_shape` [C, H, W]: one a weight and output position, padding included."""
    if isinstance(layer, Add):
        return 2 * int(np.prod(in_shape))
    if not isinstance(layer, Conv | FullyConnected):
        return 0
    _, rows, cols = layer.out_shape(in_shape)
    return layer.weights.size * rows * cols
