"""Small models with an operator that the hardware lacks: at the beginning, in the middle, at the end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from small_models import Small


def conv(model: Small, name: str, scale: float = 0.4, **attributes: object) -> str:
    """A quantised convolution that keeps the planes."""
    return model.pair(model.op("Conv", name, model.weights(4, 4, 3, 3), pads=[1] * 4, **attributes), scale=scale)


def sigmoid(model: Small) -> str:
    return conv(model, model.pair(model.op("Sigmoid", conv(model, model.at)), scale=1 / 127))


def hard_swish(model: Small) -> str:
    """What joins a tensor of the host with one of the accelerator that comes from it: one segment."""
    swish = model.pair(model.op("HardSwish", conv(model, model.at)))
    return model.pair(model.op("Add", conv(model, swish), swish))


def resize(model: Small) -> str:
    sizes = model.constant(np.array([1, 1, 2, 2], np.float32))
    return conv(model, model.pair(model.op("Resize", conv(model, model.at), "", sizes)))


def softmax(model: Small) -> str:
    flat = model.op("Flatten", conv(model, model.at))
    return model.op("Softmax", model.pair(model.op("Gemm", flat, model.weights(144, 10)), scale=5.0))


def average(model: Small) -> str:
    """Windows of several sizes."""
    pooled = model.op("AveragePool", conv(model, model.at), kernel_shape=[2, 2], pads=[1, 0, 0, 0])
    return conv(model, model.pair(pooled))


def large_pool(model: Small) -> str:
    """An operator that the importer takes and the hardware does not."""
    return conv(model, model.pair(model.op("MaxPool", conv(model, model.at), kernel_shape=[4, 4])))


def gate(model: Small) -> str:
    """Channels that are weighted by what they hold: a tensor of the accelerator is wanted again, on the host."""
    start = conv(model, model.at)
    mean = model.pair(model.op("GlobalAveragePool", start))
    weight = model.pair(model.op("Sigmoid", conv(model, mean, 0.3)), scale=1 / 127)
    return conv(model, model.pair(model.op("Mul", start, weight), scale=0.3))


def two_sides(model: Small) -> str:
    """An addition of two segments' tensors, which goes to the host."""
    start = conv(model, model.at)
    return conv(model, model.pair(model.op("Add", model.pair(model.op("Tanh", start)), start)))


def tanh_first(model: Small) -> str:
    return conv(model, model.pair(model.op("Tanh", "x"), scale=1 / 127))


Maker = Callable[[Small], str]
# The maker, and for each segment the operators that it computes on the host, or how many layers it has on the accelerator.
MODELS: dict[str, tuple[Maker, list[object]]] = {
    "sigmoid": (sigmoid, [1, ["Sigmoid"], 1]),
    "hard_swish": (hard_swish, [1, ["HardSwish"], 2]),
    "resize": (resize, [1, ["Resize"], 1]),
    "softmax": (softmax, [2, ["Softmax"]]),
    "average": (average, [1, ["AveragePool"], 1]),
    "large_pool": (large_pool, [1, ["MaxPool"], 1]),
    "gate": (gate, [3, ["Sigmoid", "Mul"], 1]),
    "two_sides": (two_sides, [1, ["Tanh", "Add"], 1]),
    "tanh_first": (tanh_first, [["Tanh"], 1]),
}
OPSET = 14  # HardSwish
