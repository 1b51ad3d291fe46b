"""Effectual multiplies: pairs of a nonzero weight with a nonzero activation, counted exactly. Padding counts for nothing.

No machine can do with fewer, so this is the numerator of every utilisation. No convolution is needed: a weight at
(channel, ky, kx) meets as many nonzeros as its window of the input has, whichever filter it belongs to. So the count is a
product of two small tables: filters with a nonzero weight there, and nonzero activations there. An addition multiplies each of
its inputs by a factor; maximum pooling and concatenation multiply nothing.
"""

from __future__ import annotations

import numpy as np

from .network import Add, AnyLayer, Conv, FullyConnected


def effectual_macs(layer: AnyLayer, activations: np.ndarray, *more: np.ndarray) -> int:
    """Pairs with both operands nonzero, for activations [C, H, W], and those of `more` inputs of a layer that has several.

    Raises ShapeError when they do not fit the layer.
    """
    if isinstance(layer, Add):
        both = zip(layer.factors, (activations, *more), strict=True)
        return sum(int(np.count_nonzero(values)) for factor, values in both if factor)
    if not isinstance(layer, Conv | FullyConnected):
        return 0
    channels, height, width = activations.shape
    layer.out_shape((channels, height, width))  # raises when they do not fit
    mask = activations != 0
    if not isinstance(layer, Conv):
        return int((layer.weights != 0).sum(axis=0) @ mask.reshape(-1).astype(np.int64))
    return pairs(layer.weights, mask, layer.stride, layer.padding, layer.dilation)


def pairs(
    weights: np.ndarray, mask: np.ndarray, stride: int, padding: tuple[int, int, int, int], dilation: int = 1
) -> int:
    """The same for plain arrays: weights [K, C / groups, rows, cols], nonzero activations bool [C, H, W]; padding top, left,
    bottom, right.
    """
    channels, height, width = mask.shape
    filters, per_group, kernel_rows, kernel_cols = weights.shape
    groups = channels // per_group
    table = (weights != 0).reshape(groups, filters // groups, per_group, kernel_rows, kernel_cols)
    counts = table.sum(axis=1).reshape(channels, kernel_rows, kernel_cols)
    top, left, bottom, right = padding
    rows = (height + top + bottom - dilation * (kernel_rows - 1) - 1) // stride + 1
    cols = (width + left + right - dilation * (kernel_cols - 1) - 1) // stride + 1
    padded = np.pad(mask, ((0, 0), (top, bottom), (left, right)))
    total = 0
    for ky in range(kernel_rows):
        for kx in range(kernel_cols):
            y, x = ky * dilation, kx * dilation
            window = padded[:, y : y + stride * (rows - 1) + 1 : stride, x : x + stride * (cols - 1) + 1 : stride]
            total += int(np.count_nonzero(window, axis=(1, 2)) @ counts[:, ky, kx])
    return total


def dense_macs(layer: AnyLayer, in_shape: tuple[int, int, int]) -> int:
    """Multiplies of a dense machine for an input of `in_shape` [C, H, W]: one a weight and output position, padding included."""
    if isinstance(layer, Add):
        return 2 * int(np.prod(in_shape))
    if not isinstance(layer, Conv | FullyConnected):
        return 0
    _, rows, cols = layer.out_shape(in_shape)
    return layer.weights.size * rows * cols
