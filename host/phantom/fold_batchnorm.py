"""Fold each BatchNormalization of a float ONNX model into the convolution before it, as exporters mostly have done already.

y = (conv(x) + b - mean) * g + beta, with g = scale / sqrt(variance + epsilon), is a convolution with weights w * g and bias
(b - mean) * g + beta: zeros among the weights stay zeros. One that does not follow a convolution with constant weights, or whose
convolution others read, too, stays. Needs the package onnx: import this where it is used, after `optional.require`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import numpy_helper


def fold(proto: Any) -> int:
    """Fold what can be folded, in place, and return how many."""
    graph = proto.graph
    constants = {t.name: t for t in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    uses: dict[str, int] = {output.name: 1 for output in graph.output}
    for node in graph.node:
        for name in node.input:
            uses[name] = uses.get(name, 0) + 1
    folded = []
    for norm in graph.node:
        conv = makers.get(norm.input[0]) if norm.op_type == "BatchNormalization" else None
        if conv is None or conv.op_type != "Conv" or uses[norm.input[0]] != 1 or len(norm.output) != 1:
            continue
        parameters = [*conv.input[1:], *norm.input[1:]]
        if any(name not in constants for name in parameters) or any(uses[name] != 1 for name in conv.input[1:]):
            continue
        _fold_one(graph, conv, norm, {name: numpy_helper.to_array(constants[name]) for name in parameters})
        folded.append(norm)
    for norm in folded:
        graph.node.remove(norm)
    read = {name for node in graph.node for name in node.input}
    for tensor in [t for t in graph.initializer if t.name not in read and uses.get(t.name)]:
        graph.initializer.remove(tensor)
    return len(folded)


def _fold_one(graph: Any, conv: Any, norm: Any, values: dict[str, np.ndarray]) -> None:
    epsilon = next((a.f for a in norm.attribute if a.name == "epsilon"), 1e-5)
    scale, beta, mean, variance = (values[name].astype(np.float64) for name in norm.input[1:5])
    gain = scale / np.sqrt(variance + epsilon)
    weights = values[conv.input[1]]
    bias = values[conv.input[2]].astype(np.float64) if len(conv.input) > 2 else np.zeros(len(gain))
    results = {
        conv.input[1]: weights * gain.reshape(-1, *[1] * (weights.ndim - 1)),
        conv.input[2] if len(conv.input) > 2 else f"{conv.input[1]}.folded_bias": (bias - mean) * gain + beta,
    }
    for name, value in results.items():
        tensor = next((t for t in graph.initializer if t.name == name), None) or graph.initializer.add()
        tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float32), name))
    conv.input[:] = [conv.input[0], *results]
    conv.output[0] = norm.output[0]
