"""How near a half a result was before rounding: only there may two roundings of one sum differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from phantom import reference
from phantom.compare import own_outputs
from phantom.layers_plain import Add, Concat, MaxPool
from phantom.onnx import Imported

EPSILON = 2.0**-17  # a multiplier has 20 bits at least, float32 has 24, and sums of float32 lose some more


@dataclass
class Tally:
    """Values of a kind of layer: how many there are, how many differ, and how many of these lay on a half exactly."""

    values: int = 0
    differ: int = 0
    ties: int = 0


def unrounded(imported: Imported, layer: Any, inputs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What a layer rounds, float64, and by how much ONNX Runtime's may lie apart from it."""
    if isinstance(layer, Add):
        products = [factor * values.astype(np.float64) for factor, values in zip(layer.factors, inputs, strict=True)]
        unit = layer.multiplier / 2.0 ** (14 + 4 * layer.sel)
        scales = {tensor.layer: tensor.quantisation.scale for tensor in imported.tensors}
        out = scales[layer.name]
        ratios = [scales[name] / out for name in layer.inputs]
        apart = sum(
            abs(factor * unit - ratio) * np.abs(values.astype(np.float64))
            for factor, ratio, values in zip(layer.factors, ratios, inputs, strict=True)
        )
        return sum(products) * unit, apart + EPSILON * (1 + sum(abs(p) for p in products) * unit)
    weights = np.abs(layer.weights.astype(np.int16)).clip(max=127).astype(np.int8)
    positive = type(layer)(**{**vars(layer), "weights": weights, "name": "abs"})
    unit = (layer.multiplier / 2.0 ** (14 + 4 * layer.sel.astype(int))).reshape(-1, 1, 1)
    bias = layer.bias.astype(np.float64).reshape(-1, 1, 1)
    size = reference.accumulate(positive, np.abs(inputs[0].astype(np.int16)).astype(np.uint8)) + np.abs(bias)
    apart = EPSILON * (1 + size * unit)
    if imported.kinds[layer.name] == "scale and offset":
        weight = np.abs(layer.weights.astype(int)).reshape(-1, 1, 1)
        apart = apart + unit * weight / 128  # its offset is a fraction with a denominator up to 127
    return (reference.accumulate(layer, *inputs) + bias) * unit, apart


def check_rounding(imported: Imported, image: np.ndarray, expected: dict[str, np.ndarray], tallies: dict[str, Tally]) -> None:
    """Each layer, from ONNX Runtime's inputs, equals ONNX Runtime but for sums next to a half; those differ by 1 at most."""
    network = imported.network
    own = own_outputs(imported, image, expected)
    names: dict[str, str] = {}
    for tensor in imported.tensors:
        names.setdefault(tensor.layer, tensor.name)
    given = {"input": expected[names["input"]].reshape(image.shape).astype(image.dtype)}
    before: dict[str, tuple[np.ndarray, np.ndarray]] = {}  # of layers without a tensor
    assert np.array_equal(given["input"], image)
    for layer, sources in zip(network.layers, network.sources(), strict=True):
        inputs = [network.layers[i].name if i >= 0 else "input" for i in sources]
        values = [given[name] for name in inputs]
        if isinstance(layer, Concat):
            parts = [before.get(name, (given[name], np.full(given[name].shape, -1.0))) for name in inputs]
            exact, apart = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        elif isinstance(layer, MaxPool):
            exact, apart = own[layer.name].astype(np.float64), np.full(own[layer.name].shape, -1.0)
        else:
            exact, apart = unrounded(imported, layer, values)
        if layer.name not in names:
            given[layer.name], before[layer.name] = own[layer.name], (exact, apart)
            continue
        right = expected[names[layer.name]].reshape(own[layer.name].shape)
        off = np.abs(own[layer.name].astype(np.int64) - right)
        tally = tallies.setdefault(imported.kinds[layer.name], Tally())
        tally.values += off.size
        if off.any():
            distance = np.abs(exact - np.floor(exact) - 0.5)
            where = off > 0
            assert off.max() == 1, f"{layer.name}: differs by {off.max()}"
            assert (distance[where] <= apart[where]).all(), f"{layer.name}: {distance[where].max()} from a half"
            tally.differ += int(where.sum())
            tally.ties += int((distance[where] == 0).sum())
        given[layer.name] = right.astype(own[layer.name].dtype)
