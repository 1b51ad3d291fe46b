"""Operators on real tensors, between DequantizeLinear and QuantizeLinear.

Each handler takes the node and the values of its inputs (None where one is left out) and gives the value of its first output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from . import build
from .graph import Node
from .values import Constant, FloatInput, Host, IntegerInput, Quantised, QuantisedConstant, Real, UnsupportedModel, Value

Args = list[Any]  # of Value | None
Handler = Callable[[Node, Args], Value]


def constant(node: Node, value: Value | None, index: int) -> np.ndarray:
    """A constant operand, real. Raises UnsupportedModel where it is none."""
    if isinstance(value, Constant):
        return value.array
    if isinstance(value, QuantisedConstant):
        return value.real()
    raise UnsupportedModel(f"{node.where}: its input {node.input(index)!r} must be a constant")


def is_constant(value: Value | None) -> bool:
    """Whether the model knows it."""
    return isinstance(value, Constant | QuantisedConstant)


def _real(node: Node, value: Value | None, index: int = 0) -> Real:
    """A real tensor, possibly not yet quantised."""
    if isinstance(value, Real):
        return value
    x = build.operand(node, value, index)
    raise UnsupportedModel(f"{node.where}: it reads the integers of {x.name!r}; there must be a DequantizeLinear between")


def _bias(node: Node, real: Real, value: Value | None) -> Real:
    if value is None:
        return real
    return build.with_bias(real, build.per_channel(node, constant(node, value, 2), _channels(real)))


def _channels(real: Real) -> Real:
    """For a bias [K], which a convolution adds along the channels."""
    return replace(real, shape=(real.shape[0], 1, 1), flat=True)


def conv(node: Node, args: Args) -> Value:
    """Convolution."""
    x = build.operand(node, args[0], 0)
    return _bias(node, build.convolution(node, x, build.weights_of(node, args[1], 1)), args[2] if len(args) > 2 else None)


def gemm(node: Node, args: Args) -> Value:
    """Alpha * x * weights + beta * bias."""
    if node.attributes.get("transA", 0):
        raise UnsupportedModel(f"{node.where}: transA = 1; it must be 0")
    x = build.operand(node, args[0], 0)
    real = build.matrix(node, x, build.weights_of(node, args[1], 1), bool(node.attributes.get("transB", 0)))
    alpha, beta = float(node.attributes.get("alpha", 1.0)), float(node.attributes.get("beta", 1.0))
    if alpha != 1.0:
        real = build.affine(node, real, np.full(real.shape[0], alpha), np.zeros(real.shape[0]))
    if len(args) > 2 and args[2] is not None:
        real = build.with_bias(real, beta * build.per_channel(node, constant(node, args[2], 2), real))
    return real


def matmul(node: Node, args: Args) -> Value:
    """Multiply by a matrix of weights."""
    return build.matrix(node, build.operand(node, args[0], 0), build.weights_of(node, args[1], 1), transposed=False)


def add(node: Node, args: Args) -> Value:
    """Of two tensors, or of a tensor and a constant for each channel."""
    for i in (0, 1):
        if is_constant(args[i]):
            real = _real(node, args[1 - i], 1 - i)
            offset = build.per_channel(node, constant(node, args[i], i), real)
            return build.affine(node, real, np.ones(real.shape[0]), offset)
    return build.addition(node, build.operand(node, args[0], 0), build.operand(node, args[1], 1))


def batch_normalization(node: Node, args: Args) -> Value:
    """A factor and an offset for each channel."""
    real = _real(node, args[0])
    gamma, beta, mean, variance = (constant(node, args[i], i).astype(np.float64).reshape(-1) for i in range(1, 5))
    gain = gamma / np.sqrt(variance + float(node.attributes.get("epsilon", 1e-5)))
    return build.affine(node, real, gain, beta - mean * gain)


def relu(node: Node, args: Args) -> Value:
    """No less than 0."""
    return build.clamp(_real(node, args[0]), 0.0, np.inf)


def clip(node: Node, args: Args) -> Value:
    """Between two constants, each of which may be left out."""
    low, high = (
        float(constant(node, args[i], i).reshape(-1)[0]) if len(args) > i and args[i] is not None else default
        for i, default in ((1, -np.inf), (2, np.inf))
    )
    return build.clamp(_real(node, args[0]), low, high)


def max_pool(node: Node, args: Args) -> Value:
    """On real or integer tensors; it commutes with the limits that an activation before it has set."""
    value = args[0]
    if isinstance(value, Real) and value.kind == "identity":
        source = replace(value.inputs[0], shape=value.shape, flat=value.flat)
        return build.max_pool(node, source, value.low, value.high)
    return build.max_pool(node, build.operand(node, value, 0))


def average_pool(node: Node, args: Args) -> Value:
    """Mean over a kernel."""
    return build.average_pool(node, build.operand(node, _real(node, args[0]), 0), everything=False)


def global_average_pool(node: Node, args: Args) -> Value:
    """Mean of each channel."""
    return build.average_pool(node, build.operand(node, _real(node, args[0]), 0), everything=True)


def concat(node: Node, args: Args) -> Value:
    """Along the channels."""
    return build.concatenation(node, [build.operand(node, arg, i) for i, arg in enumerate(args)])


def same(node: Node, args: Args) -> Value:
    """Nothing changes: Identity, and Dropout, which is for training."""
    value: Value = args[0]
    return value


def reshape(node: Node, args: Args) -> Value:
    """Flatten, Reshape, Squeeze and Unsqueeze, on real or integer tensors."""
    value = args[0]
    if isinstance(value, Host):
        return value
    if not isinstance(value, Quantised | Real):
        value = build.operand(node, value, 0)
    return build.reshape(node, value, _target(node, args, build.model_shape(value)))


def _target(node: Node, args: Args, shape: list[int]) -> list[int]:
    if node.op == "Flatten":
        axis = int(node.attributes.get("axis", 1)) % (len(shape) + 1)
        return [int(np.prod(shape[:axis])), int(np.prod(shape[axis:]))]
    wanted = constant(node, args[1], 1).reshape(-1).tolist() if len(args) > 1 and args[1] is not None else None
    if node.op == "Squeeze":
        axes = [a % len(shape) for a in wanted] if wanted is not None else [i for i, n in enumerate(shape) if n == 1 and i]
        return [n for i, n in enumerate(shape) if i not in axes or n != 1]
    assert wanted is not None
    if node.op == "Unsqueeze":
        rank = len(shape) + len(wanted)
        ones, rest = {a % rank for a in wanted}, iter(shape)
        return [1 if i in ones else next(rest) for i in range(rank)]
    if not node.attributes.get("allowzero", 0):
        wanted = [shape[i] if n == 0 and i < len(shape) else n for i, n in enumerate(wanted)]
    known = int(np.prod([n for n in wanted if n != -1]))
    return [int(np.prod(shape)) // max(1, known) if n == -1 else int(n) for n in wanted]


def shape_of(node: Node, args: Args) -> Value:
    """The shape of a tensor, which is known."""
    value = args[0]
    if isinstance(value, Quantised | Real):
        return Constant(np.array(build.model_shape(value), np.int64))
    if isinstance(value, FloatInput | IntegerInput):
        return Constant(np.array([1, int(np.prod(value.shape))] if value.flat else [1, *value.shape], np.int64))
    raise UnsupportedModel(f"{node.where}: the shape of {node.input(0)!r} is not known")


def host(node: Node, args: Args) -> Value:
    """What the host computes from the network's output."""
    value = args[0]
    if isinstance(value, Host):
        return Host((*value.operators, f"{node.op} {node.name!r}"), value.source)
    return Host((f"{node.op} {node.name!r}",), build.operand(node, value, 0))


HOST = ("Softmax", "LogSoftmax", "ArgMax", "TopK", "QLinearSoftmax")
SHAPES = ("Flatten", "Reshape", "Squeeze", "Unsqueeze")
PENDING = ("Relu", "Clip", "MaxPool", "Identity", "Dropout", *SHAPES)  # take what an activation leaves, before it is quantised

HANDLERS: dict[str, Handler] = {
    "Conv": conv,
    "Gemm": gemm,
    "MatMul": matmul,
    "Add": add,
    "BatchNormalization": batch_normalization,
    "Relu": relu,
    "Clip": clip,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": global_average_pool,
    "Concat": concat,
    "Identity": same,
    "Dropout": same,
    "Shape": shape_of,
    **dict.fromkeys(SHAPES, reshape),
    **dict.fromkeys(HOST, host),
}
