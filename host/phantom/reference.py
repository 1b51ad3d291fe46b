"""The golden arithmetic: what every layer must compute, bit for bit. All models and devices are compared with this.

Products are summed by matrix multiplication in float32, which numpy does fast, over blocks of at most BLOCK inputs; the sums of
blocks are added in float64. Both are exact, whatever the order of the additions: every operand, product and partial sum is an
integer, below 2**24 within a block (128 * 255 * BLOCK), and below 2**31 in all, as the network has proven.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import ShapeError
from .layer import ACT_DTYPES
from .network import Add, AnyLayer, Concat, Conv, FullyConnected, Layer, MaxPool, Network, Shape
from .quantise import requantise

BLOCK = 512  # 128 * 255 * 512 < 2**24


def accumulate(layer: Layer, activations: np.ndarray) -> np.ndarray:
    """Accumulators of a layer with weights, without bias: int64 [K, H, W] for uint8 or int8 activations [C, H, W]."""
    if activations.ndim != 3 or activations.dtype not in ACT_DTYPES:
        raise ShapeError(
            f"layer {layer.name!r}: activations are {activations.dtype} of shape {activations.shape}; "
            f"they must be uint8 or int8 of shape [C, H, W]"
        )
    if isinstance(layer, FullyConnected):
        shape = layer.out_shape(_shape(activations))
        total = _product(layer.weights, activations.reshape(-1, 1).astype(np.float32))
        return total.astype(np.int64).reshape(shape)
    return _convolve(layer, activations)


def _shape(activations: np.ndarray) -> Shape:
    channels, height, width = activations.shape
    return channels, height, width


def _product(weights: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Matrix product, exact: int8 [..., m, n] times integers in float32 [..., n, p], float64."""
    total = np.zeros((*weights.shape[:-1], inputs.shape[-1]))
    for first in range(0, weights.shape[-1], BLOCK):
        block = slice(first, first + BLOCK)
        total += weights[..., block].astype(np.float32) @ inputs[..., block, :]
    return total


def _convolve(layer: Conv, activations: np.ndarray) -> np.ndarray:
    filters, height, width = layer.out_shape(_shape(activations))
    groups, per_group = layer.channel_groups, layer.weights.shape[1]
    weights = layer.weights.reshape(groups, filters // groups, *layer.weights.shape[1:])
    # One matrix for each position of the kernel, contiguous, as the fast multiplication wants it.
    weights = np.ascontiguousarray(weights.transpose(3, 4, 0, 1, 2))
    total = np.zeros((groups, filters // groups, height * width))
    for (ky, kx), window in _windows(layer, activations.astype(np.float32), 0, (height, width), layer.dilation):
        if not weights[ky, kx].any():
            continue
        window = window.reshape(groups, per_group, height * width)
        # One channel a group needs no sum, and many tiny matrix products are slow.
        total += weights[ky, kx].astype(np.float32) * window if per_group == 1 else _product(weights[ky, kx], window)
    return total.astype(np.int64).reshape(filters, height, width)


def _windows(layer: Conv | MaxPool, values: np.ndarray, pad: int, size: tuple[int, int], dilation: int = 1) -> Any:
    """For each position (ky, kx) of the kernel, the values [C, H, W] that it meets; `pad` where that is padding."""
    kernel = layer.weights.shape[2:] if isinstance(layer, Conv) else layer.kernel
    (rows, columns), stride = size, layer.stride
    top, left, bottom, right = layer.padding
    padded = np.pad(values, ((0, 0), (top, bottom), (left, right)), constant_values=pad)
    for ky in range(kernel[0]):
        for kx in range(kernel[1]):
            y, x = ky * dilation, kx * dilation
            yield (ky, kx), padded[:, y : y + stride * (rows - 1) + 1 : stride, x : x + stride * (columns - 1) + 1 : stride]


def _max_pool(layer: MaxPool, values: np.ndarray) -> np.ndarray:
    shape = layer.out_shape(_shape(values))
    least = int(np.iinfo(values.dtype).min)  # every window meets a real value, which is at least this
    result = np.full(shape, least, values.dtype)
    for _, window in _windows(layer, values, least, shape[1:]):
        np.maximum(result, window, out=result)
    return result


def run_layer(layer: AnyLayer, *inputs: np.ndarray) -> np.ndarray:
    """Output of a layer [K, H, W] for uint8 or int8 inputs [C, H, W]. Raises ShapeError where they do not fit."""
    if isinstance(layer, MaxPool):
        return _max_pool(layer, *inputs)
    if isinstance(layer, Concat):
        layer.out_shape(*(_shape(values) for values in inputs))
        layer.result_dtype(*(values.dtype for values in inputs))
        return np.concatenate(inputs)
    bias: Any = 0
    multiplier: Any = layer.multiplier
    sel: Any = layer.sel
    if isinstance(layer, Add):
        layer.out_shape(*(_shape(values) for values in inputs))
        acc = sum(factor * values.astype(np.int64) for factor, values in zip(layer.factors, inputs, strict=True))
    else:
        acc = accumulate(layer, *inputs)
        bias, multiplier, sel = (a.reshape(-1, 1, 1) for a in (layer.bias, layer.multiplier, layer.sel))
    return requantise(np.asarray(acc), bias, multiplier, sel, *layer.limits).astype(layer.out_dtype)


def run(network: Network, image: np.ndarray) -> list[np.ndarray]:
    """Outputs of all layers for one input [C, H, W], in order."""
    network.check_input(image)
    outputs: list[np.ndarray] = []
    for layer, sources in zip(network.layers, network.sources(), strict=True):
        outputs.append(run_layer(layer, *(image if i < 0 else outputs[i] for i in sources)))
    return outputs
