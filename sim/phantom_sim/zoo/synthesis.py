"""Weights and biases of a network, layer by layer, so that weights and activations have the densities asked for.

Weights: normal, as He et al. draw them, each filter with a scale of its own (log-normal, FILTER_SPREAD), so that pruning the
smallest magnitudes of the layer leaves filters of different density, as it does in trained networks. Pruning is exact: the
layer's density is the one asked for to a weight. No filter becomes empty, and a weight that stays is never so small that
quantisation makes it zero. Then each filter is scaled so that what it computes has standard deviation 1 over the images, which
is what a folded BatchNorm does and keeps values in range however deep the network is.

Biases: each output channel gets a density of its own, spread around the layer's (CHANNEL_SPREAD, in logits; equal densities
would be easier on the load balance than real ones), and then the bias at which so large a share of its values, after pooling,
is above half a step of the quantised activation. Fully connected layers have one value a channel: there one bias for all does
the same. Layers without activation get those of a folded BatchNorm.

Activations of the images are kept for as long as a later layer needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from phantom.progress import progress
from phantom.prune import keep_largest
from phantom_sim.workloads.spread import channel_densities

from .densities import Density
from .layers import INPUT, Architecture, Layer, Pool, sizes

FILTER_SPREAD = 0.2
CHANNEL_SPREAD = 0.5
SMALLEST = 0.05  # magnitude of a weight before scaling; half a step of the int8 weights is about 0.02
STEPS = 255


@dataclass(frozen=True)
class Parameters:
    """weights: float32 as in `sizes`; bias: float32 [K]."""

    weights: np.ndarray
    bias: np.ndarray


def synthesise(
    architecture: Architecture,
    densities: Mapping[str, Density],
    images: np.ndarray,
    take: Callable[[Layer, Parameters], None],
    seed: int = 0,
) -> None:
    """Make the parameters of every layer and hand them to `take`, in order; float32 `images` [N, C, H, W] calibrate them."""
    values = {INPUT: images}
    shapes = sizes(architecture)
    for index, layer in enumerate(progress(architecture.layers, f"{architecture.name}: weights")):
        rng = np.random.default_rng([seed, index])
        weights = draw_weights(rng, shapes[layer.name].weights, densities[layer.name].weights)
        sums = convolve(values[layer.source], weights, layer)
        scale = 1 / np.maximum(sums.std(axis=(0, 2, 3) if not layer.connected else None), 1e-6)
        weights *= scale.reshape(-1, *[1] * (weights.ndim - 1)).astype(np.float32)
        sums *= scale.reshape(-1, 1, 1).astype(np.float32)
        if layer.shortcut:
            sums += values[layer.shortcut]
        sums = pooled(sums, layer.pool) if layer.pool and layer.pool.kernel else sums
        if layer.activation:
            bias = biases(rng, sums, densities[layer.name].activations, layer)
            np.clip(sums + bias.reshape(-1, 1, 1), 0, ceiling(layer), out=sums)
        else:
            bias = linear_biases(rng, sums, layer)
            sums += bias.reshape(-1, 1, 1)
        values[layer.name] = sums.mean(axis=(2, 3), keepdims=True) if layer.pool and not layer.pool.kernel else sums
        take(layer, Parameters(weights, bias))
        for name in set(values) - {n for later in architecture.layers[index + 1 :] for n in (later.source, later.shortcut)}:
            del values[name]


def draw_weights(rng: np.random.Generator, shape: tuple[int, ...], density: float) -> np.ndarray:
    """float32 of `shape` with exactly round(density * size) nonzeros, but one a filter at least."""
    weights = rng.standard_normal(shape, np.float32)
    weights *= np.exp(rng.normal(0, FILTER_SPREAD, (shape[0], *[1] * (len(shape) - 1)))).astype(np.float32)
    small = np.abs(weights) < SMALLEST
    weights[small] = np.copysign(np.float32(SMALLEST), weights[small])
    if density < 1:
        magnitudes = np.abs(weights)
        rows = magnitudes.reshape(shape[0], -1)
        rows[np.arange(shape[0]), rows.argmax(axis=1)] = np.inf
        weights *= keep_largest(magnitudes, max(round(density * weights.size), shape[0]))
    return weights * np.float32(np.sqrt(2 / max(1, round(density * weights[0].size))))


def ceiling(layer: Layer) -> float:
    """Largest value of the layer's activation."""
    return 6.0 if layer.activation == "relu6" else np.inf


def biases(rng: np.random.Generator, sums: np.ndarray, density: float, layer: Layer) -> np.ndarray:
    """float32 [K] for `sums` [N, K, H, W], to which the bias is still to be added, so that `density` of them stay nonzero."""
    channels = sums.shape[1]
    if layer.connected or sums[0, 0].size == 1:
        bias = np.full(channels, -np.quantile(sums, 1 - density))
    else:
        columns = np.sort(sums.transpose(1, 0, 2, 3).reshape(channels, -1), axis=1)
        bias = np.empty(channels)
        left = 0.0  # what earlier channels could not take over, because many of their values are equal
        for channel, share in enumerate(channel_densities(rng, density, channels, CHANNEL_SPREAD)):
            wanted = share * columns.shape[1] + left
            threshold, kept = threshold_for(columns[channel], wanted)
            bias[channel], left = -threshold, wanted - kept
    largest = min(float((sums.max(axis=(0, 2, 3)) + bias).max()), ceiling(layer))
    return (bias + largest / STEPS / 2).astype(np.float32)


def linear_biases(rng: np.random.Generator, sums: np.ndarray, layer: Layer) -> np.ndarray:
    """float32 [K] for a layer without activation: as a BatchNorm's, which takes the mean away and adds something small."""
    mean = sums.mean() if layer.connected else sums.mean(axis=(0, 2, 3))
    return (0.1 * rng.standard_normal(layer.filters) - mean).astype(np.float32)


def threshold_for(ordered: np.ndarray, wanted: float) -> tuple[float, int]:
    """A threshold halfway between two different values of `ordered` (rising) so that about `wanted` are above, and how many are.

    Equal values are common: a depthwise filter gives the same wherever its input is zero. They all go to the nearer side, since
    on the threshold itself rounding would decide.
    """
    count = len(ordered)
    cut = min(max(round(count - wanted), 0), count)  # the values from here on stay
    if 0 < cut < count and ordered[cut - 1] == ordered[cut]:
        first, last = (int(np.searchsorted(ordered, ordered[cut], side)) for side in ("left", "right"))
        cut = first if cut - first <= last - cut else last
    below = ordered[cut - 1] if cut > 0 else ordered[0] - 0.1
    above = ordered[cut] if cut < count else ordered[-1] + 0.1
    return (float(below) + float(above)) / 2, count - cut


def convolve(values: np.ndarray, weights: np.ndarray, layer: Layer) -> np.ndarray:
    """float32 [N, K, H, W]: `layer` without bias on float32 [N, C, H, W]."""
    if layer.connected:
        return np.ascontiguousarray(values.reshape(len(values), -1) @ weights.T)[:, :, None, None]
    attributes: dict[str, Any] = {"strides": [layer.stride] * 2, "pads": [layer.pad] * 4, "group": layer.groups}
    return _run("Conv", {"x": values, "w": weights}, attributes)


def pooled(values: np.ndarray, pool: Pool) -> np.ndarray:
    """float32 [N, K, H, W]: maxima over windows."""
    attributes = {"kernel_shape": [pool.kernel] * 2, "strides": [pool.stride] * 2, "pads": [pool.pad] * 4}
    return _run("MaxPool", {"x": values}, attributes)


def _run(kind: str, inputs: dict[str, np.ndarray], attributes: dict[str, Any]) -> np.ndarray:
    """One operator of onnxruntime, image by image, on one thread: so the result is the same bits at every run."""
    described = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in inputs]
    graph = helper.make_graph(
        [helper.make_node(kind, list(inputs), ["y"], **attributes)],
        "one",
        described,
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    images = inputs.pop("x")
    return np.concatenate([session.run(None, {"x": images[i : i + 1], **inputs})[0] for i in range(len(images))])
