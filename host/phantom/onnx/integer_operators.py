"""QuantizeLinear and DequantizeLinear, and operators on integer tensors that carry scales and zero-points (QOperator form)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import PhantomError
from ..layer import ACT_DTYPES
from ..scales import Quantisation
from . import build
from .emit import Emitter
from .float_operators import Args, constant, is_constant
from .graph import Node
from .values import Constant, FloatInput, Host, IntegerInput, Quantised, QuantisedConstant, Real, UnsupportedModel, Value

Handler = Callable[[Node, Args, Emitter], Value]


def _quantisation(node: Node, args: Args, scale: int, zero: int, tensor: str) -> Quantisation:
    """Scale and zero-point of an activation, from the inputs with these indices. Raises UnsupportedModel."""
    scales = constant(node, args[scale], scale)
    given = len(args) > zero and args[zero] is not None
    zeros = constant(node, args[zero], zero) if given else np.zeros((), np.uint8)
    if scales.size != 1 or zeros.size != 1:
        raise UnsupportedModel(f"{node.where}: tensor {tensor!r} has {scales.size} scales; an activation must have one")
    if zeros.dtype not in ACT_DTYPES:
        raise UnsupportedModel(f"{node.where}: tensor {tensor!r} is quantised to {zeros.dtype}; it must be uint8 or int8")
    try:
        return Quantisation(float(scales.reshape(-1)[0]), int(zeros.reshape(-1)[0]), zeros.dtype)
    except PhantomError as error:
        raise UnsupportedModel(f"{node.where}: tensor {tensor!r}: {error}") from None


def _input(node: Node, args: Args, index: int, emitter: Emitter) -> Quantised:
    """The integer activation at `index`, followed by its scale and zero-point."""
    value, name = args[index], node.input(index)
    quantisation = _quantisation(node, args, index + 1, index + 2, name)
    if isinstance(value, IntegerInput):
        return emitter.take_input(value, quantisation, name)
    x = build.operand(node, value, index)
    if not isinstance(value, Quantised):
        raise UnsupportedModel(f"{node.where}: its input {name!r} is real; it must be integer")
    if x.quantisation != quantisation:
        raise UnsupportedModel(f"{node.where}: it reads {name!r} as {quantisation}; it was quantised as {x.quantisation}")
    return x


def _constant(node: Node, args: Args, index: int) -> QuantisedConstant:
    """Integer constant at `index`, followed by its scales and zero-points; these go along `axis` of weights."""
    integers = constant(node, args[index], index)
    scale = constant(node, args[index + 1], index + 1)
    zero = constant(node, args[index + 2], index + 2) if args[index + 2] is not None else np.zeros((), np.int64)
    return _dequantised(integers, scale, zero, 0 if integers.ndim == 4 or node.attributes.get("transB", 0) else integers.ndim - 1)


def _dequantised(integers: np.ndarray, scale: np.ndarray, zero: np.ndarray, axis: int) -> QuantisedConstant:
    kind: type = np.int16 if integers.dtype.itemsize == 1 else np.int64  # weights are many: no more bytes than they need
    zeros: Any = zero.astype(kind)
    if zeros.size > 1:
        zeros = zeros.reshape([-1 if i == axis else 1 for i in range(integers.ndim)])
    else:
        zeros = zeros.reshape(-1)[0]
    return QuantisedConstant(integers.astype(kind) - zeros, scale.astype(np.float32), axis)


def quantize(node: Node, args: Args, emitter: Emitter) -> Value:
    """QuantizeLinear: here operations become layers."""
    value, name = args[0], node.outputs[0]
    if isinstance(value, Host):
        return value
    if isinstance(value, Constant):
        return Constant(_quantised_constant(node, args, value.array))
    if "output_dtype" in node.attributes and (len(args) < 3 or args[2] is None):
        raise UnsupportedModel(f"{node.where}: output_dtype without a zero-point; give a zero-point of the type")
    quantisation = _quantisation(node, args, 1, 2, name)
    if isinstance(value, FloatInput):
        return emitter.take_input(value, quantisation, name)
    if isinstance(value, Real):
        return emitter.quantise(value, quantisation, name)
    build.operand(node, value, 0)
    raise UnsupportedModel(f"{node.where}: its input {node.input(0)!r} is integer already")


def _quantised_constant(node: Node, args: Args, values: np.ndarray) -> np.ndarray:
    """Weights that the model holds as real numbers and quantises itself."""
    scale = constant(node, args[1], 1).astype(np.float32)
    zero = constant(node, args[2], 2) if len(args) > 2 and args[2] is not None else np.zeros((), np.uint8)
    if scale.size > 1:
        axis = int(node.attributes.get("axis", 1)) % values.ndim
        form = [-1 if i == axis else 1 for i in range(values.ndim)]
        scale, zero = scale.reshape(form), zero.reshape(form)
    info = np.iinfo(zero.dtype)
    return np.clip(np.rint(values / scale) + zero.astype(np.int64), info.min, info.max).astype(zero.dtype)


def dequantize(node: Node, args: Args, emitter: Emitter) -> Value:
    """DequantizeLinear: of weights, or of a tensor that an operator is to read."""
    value = args[0]
    if isinstance(value, Host):
        return value
    if isinstance(value, Constant):
        if node.attributes.get("block_size", 0):
            raise UnsupportedModel(
                f"{node.where}: blocks of {node.attributes['block_size']}; scales must be per tensor or channel"
            )
        zero = constant(node, args[2], 2) if len(args) > 2 and args[2] is not None else np.zeros((), np.int64)
        axis = int(node.attributes.get("axis", 1)) % max(1, value.array.ndim)
        return _dequantised(value.array, constant(node, args[1], 1), zero, axis)
    x = _input(node, args, 0, emitter)
    return Real("identity", node.name, (x,), x.shape, x.flat)


def _bias(real: Real, node: Node, args: Args, index: int) -> Real:
    """`real` with the int32 bias at `index`, which is in the accumulators' unit."""
    if len(args) <= index or args[index] is None:
        return real
    bias = constant(node, args[index], index).reshape(-1)
    if bias.shape != (real.shape[0],):
        raise UnsupportedModel(f"{node.where}: bias of shape {bias.shape} for {real.shape[0]} filters")
    return replace(real, bias=bias.astype(np.float64))


def conv(node: Node, args: Args, emitter: Emitter) -> Value:
    """QLinearConv."""
    real = build.convolution(node, _input(node, args, 0, emitter), _constant(node, args, 3))
    out = _quantisation(node, args, 6, 7, node.outputs[0])
    return emitter.quantise(_bias(real, node, args, 8), out, node.outputs[0])


def gemm(node: Node, args: Args, emitter: Emitter) -> Value:
    """QGemm: without scale and zero-point of the output, that is real."""
    if node.attributes.get("transA", 0):
        raise UnsupportedModel(f"{node.where}: transA = 1; it must be 0")
    alpha = float(node.attributes.get("alpha", 1.0))
    if alpha != 1.0:
        raise UnsupportedModel(f"{node.where}: alpha = {alpha}; it must be 1")
    x = _input(node, args, 0, emitter)
    real = _bias(build.matrix(node, x, _constant(node, args, 3), bool(node.attributes.get("transB", 0))), node, args, 6)
    if len(args) <= 7 or args[7] is None:
        return real
    return emitter.quantise(real, _quantisation(node, args, 7, 8, node.outputs[0]), node.outputs[0])


def matmul(node: Node, args: Args, emitter: Emitter) -> Value:
    """QLinearMatMul."""
    if not is_constant(args[3]):
        raise UnsupportedModel(
            f"{node.where}: its weights {node.input(3)!r} are computed from the model's input; they must be constant"
        )
    real = build.matrix(node, _input(node, args, 0, emitter), _constant(node, args, 3), transposed=False)
    return emitter.quantise(real, _quantisation(node, args, 6, 7, node.outputs[0]), node.outputs[0])


def add(node: Node, args: Args, emitter: Emitter) -> Value:
    """QLinearAdd, of two tensors or of a tensor and a constant for each channel."""
    real = None
    for i, other in ((0, 3), (3, 0)):
        if is_constant(args[i]):
            x = _input(node, args, other, emitter)
            whole = Real("identity", node.name, (x,), x.shape, x.flat)
            offset = build.per_channel(node, _constant(node, args, i).real(), x)
            real = build.affine(node, whole, np.ones(x.shape[0]), offset)
    if real is None:
        real = build.addition(node, _input(node, args, 0, emitter), _input(node, args, 3, emitter))
    return emitter.quantise(real, _quantisation(node, args, 6, 7, node.outputs[0]), node.outputs[0])


def concat(node: Node, args: Args, emitter: Emitter) -> Value:
    """QLinearConcat: scale and zero-point of the output come first."""
    real = build.concatenation(node, [_input(node, args, i, emitter) for i in range(2, len(args), 3)])
    return emitter.quantise(real, _quantisation(node, args, 0, 1, node.outputs[0]), node.outputs[0])


def pool(node: Node, args: Args, emitter: Emitter) -> Value:
    """QLinearAveragePool and QLinearGlobalAveragePool."""
    if node.attributes.get("channels_last", 0):
        raise UnsupportedModel(f"{node.where}: channels_last = 1; it must be 0")
    real = build.average_pool(node, _input(node, args, 0, emitter), everything="Global" in node.op)
    return emitter.quantise(real, _quantisation(node, args, 3, 4, node.outputs[0]), node.outputs[0])


HANDLERS: dict[str, Handler] = {
    "QuantizeLinear": quantize,
    "DequantizeLinear": dequantize,
    "QLinearConv": conv,
    "QGemm": gemm,
    "QLinearMatMul": matmul,
    "QLinearAdd": add,
    "QLinearConcat": concat,
    "QLinearAveragePool": pool,
    "QLinearGlobalAveragePool": pool,
}
