"""The golden arithmetic: what every layer must compute, bit for bit. All models and devices are compared with this.

Products are summed by matrix multiplication in float64, which numpy does fast. That is exact: every operand and every
partial sum is an integer below 2**53 (a network's accumulators are proven to stay below 2**31), whatever the order of the
additions.
"""

from __future__ import annotations

import numpy as np

from .errors import ShapeError
from .network import Conv, FullyConnected, Layer, Network, Shape
from .quantise import requantise


def accumulate(layer: Layer, activations: np.ndarray) -> np.ndarray:
    """Accumulators of a layer, without bias: int64 [K, H, W] for uint8 or int8 activations [C, H, W]."""
    if activations.ndim != 3 or activations.dtype not in (np.dtype(np.uint8), np.dtype(np.int8)):
        raise ShapeError(
            f"layer {layer.name!r}: activations are {activations.dtype} of shape {activations.shape}; "
            f"they must be uint8 or int8 of shape [C, H, W]"
        )
    if isinstance(layer, FullyConnected):
        shape = layer.out_shape(_shape(activations))
        total = layer.weights.astype(np.float64) @ activations.reshape(-1).astype(np.float64)
        return total.astype(np.int64).reshape(shape)
    return _convolve(layer, activations)


def _shape(activations: np.ndarray) -> Shape:
    channels, height, width = activations.shape
    return channels, height, width


def _convolve(layer: Conv, activations: np.ndarray) -> np.ndarray:
    filters, height, width = layer.out_shape(_shape(activations))
    top, left, bottom, right = layer.padding
    padded = np.pad(activations.astype(np.float64), ((0, 0), (top, bottom), (left, right)))
    groups, stride = layer.channel_groups, layer.stride
    weights = layer.weights.reshape(groups, filters // groups, *layer.weights.shape[1:])
    # One matrix for each position of the kernel, contiguous, as the fast multiplication wants it.
    weights = np.ascontiguousarray(weights.transpose(3, 4, 0, 1, 2), dtype=np.float64)
    total = np.zeros((groups, filters // groups, height * width))
    for ky in range(weights.shape[0]):
        for kx in range(weights.shape[1]):
            window = padded[:, ky : ky + stride * height : stride, kx : kx + stride * width : stride]
            window = window[:, :height, :width].reshape(groups, -1, height * width)
            total += weights[ky, kx] @ window
    return total.astype(np.int64).reshape(filters, height, width)


def run_layer(layer: Layer, activations: np.ndarray) -> np.ndarray:
    """Output of a layer, of its out_dtype [K, H, W], for uint8 or int8 activations [C, H, W]."""
    acc = accumulate(layer, activations)
    bias, multiplier, sel = (a.reshape(-1, 1, 1) for a in (layer.bias, layer.multiplier, layer.sel))
    return requantise(acc, bias, multiplier, sel, *layer.limits).astype(layer.out_dtype)


def run(network: Network, image: np.ndarray) -> list[np.ndarray]:
    """Outputs of all layers for one input [C, H, W], in order."""
    network.check_input(image)
    outputs = []
    for layer in network.layers:
        image = run_layer(layer, image)
        outputs.append(image)
    return outputs
