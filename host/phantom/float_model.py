"""A float network in ONNX: reading it with errors that help, and finding its weights.

Needs the package onnx, which the board does without: import this where it is used, after `optional.require`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import google.protobuf.message
import numpy as np
import onnx
from onnx import numpy_helper

from .errors import FormatError, ShapeError
from .fold_batchnorm import fold

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
QUANTISED = ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "QGemm")


@dataclass(frozen=True)
class Weights:
    """Where the weights of a layer are: the node's name, its kind, and the initializer's name."""

    layer: str
    kind: str
    tensor: str


@dataclass
class FloatModel:
    """A float ONNX model with one input. `shape` is that of one example, without the batch; batch 0 means any."""

    path: str
    proto: Any  # onnx.ModelProto
    input: str
    batch: int
    shape: tuple[int, ...]
    weights: list[Weights]

    def arrays(self) -> dict[str, np.ndarray]:
        """The weights, float32, by initializer; a tensor that several layers share is there once."""
        tensors = {t.name: t for t in self.proto.graph.initializer}
        return {w.tensor: numpy_helper.to_array(tensors[w.tensor]) for w in self.weights}

    def replace(self, arrays: dict[str, np.ndarray]) -> None:
        """Put other values of the same shapes in place of weights."""
        for tensor in self.proto.graph.initializer:
            if tensor.name in arrays:
                tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(arrays[tensor.name], np.float32), tensor.name))


def load(path: str | os.PathLike[str]) -> FloatModel:
    """Read a float model, fold its BatchNormalizations, and check that it can be pruned and quantised.

    Raises FormatError (missing, no ONNX file, quantised already, nothing to quantise), ShapeError (not one float input).
    """
    proto = load_proto(path)
    found = next((node.op_type for node in proto.graph.node if node.op_type in QUANTISED), None)
    if found:
        raise FormatError(f"{path}: is quantised already (it has {found}); a float model is needed")
    lift_constants(proto)
    fold(proto)
    name_nodes(proto)
    weights = find_weights(proto)
    if not weights:
        raise FormatError(f"{path}: has no weights: no {', '.join(WEIGHTED)} with constant float32 weights")
    name, batch, shape = single_input(path, proto)
    return FloatModel(str(path), proto, name, batch, shape, weights)


def load_proto(path: str | os.PathLike[str]) -> Any:
    """The onnx.ModelProto in `path`, checked. Raises FormatError."""
    try:
        proto = onnx.load(os.fspath(path))
        if not proto.graph.node:
            raise FormatError(f"{path}: not an ONNX file, or one without layers")
        onnx.checker.check_model(proto)
    except FileNotFoundError:
        raise FormatError(f"{path}: there is no such file") from None
    except (OSError, google.protobuf.message.DecodeError, onnx.checker.ValidationError) as error:
        first = str(error).strip().splitlines() or ["no reason given"]
        raise FormatError(f"{path}: not an ONNX file, or damaged ({first[0]})") from None
    return proto


def lift_constants(proto: Any) -> None:
    """Turn Constant nodes into initializers: some exporters write weights and the limits of Clip so."""
    for node in [n for n in proto.graph.node if n.op_type == "Constant"]:
        value = next((a.t for a in node.attribute if a.name == "value"), None)
        if value is not None:
            tensor = proto.graph.initializer.add()
            tensor.CopyFrom(value)
            tensor.name = node.output[0]
            proto.graph.node.remove(node)


def name_nodes(proto: Any) -> None:
    """Give nodes without a name one: the kind and a number. What follows speaks of layers by name."""
    taken = {node.name for node in proto.graph.node}
    for i, node in enumerate(proto.graph.node):
        if not node.name:
            node.name = next(n for n in (f"{node.op_type}_{i}", f"{node.op_type}_{i}_") if n not in taken)
            taken.add(node.name)


def find_weights(proto: Any) -> list[Weights]:
    """The float32 constants that layers multiply their input by, in the order of the graph."""
    constants = {t.name for t in proto.graph.initializer if t.data_type == onnx.TensorProto.FLOAT and len(t.dims) >= 2}
    return [
        Weights(node.name, node.op_type, node.input[1])
        for node in proto.graph.node
        if node.op_type in WEIGHTED and len(node.input) > 1 and node.input[1] in constants
    ]


def single_input(path: str | os.PathLike[str], proto: Any) -> tuple[str, int, tuple[int, ...]]:
    """Name, batch (0: any) and shape without the batch of the only input. Raises ShapeError."""
    constants = {t.name for t in proto.graph.initializer}
    inputs = [i for i in proto.graph.input if i.name not in constants]
    if len(inputs) != 1:
        raise ShapeError(f"{path}: has the inputs {[i.name for i in inputs]}; it must have exactly one")
    kind = inputs[0].type.tensor_type
    if kind.elem_type != onnx.TensorProto.FLOAT:
        given = onnx.TensorProto.DataType.Name(kind.elem_type).lower()
        raise ShapeError(f"{path}: input {inputs[0].name!r} is {given}; it must be float (that is, float32)")
    dims = [d.dim_value for d in kind.shape.dim]
    if len(dims) < 2 or any(d < 1 for d in dims[1:]):
        raise ShapeError(f"{path}: input {inputs[0].name!r} has shape {dims} (0: any); all but the first axis must be fixed")
    return inputs[0].name, dims[0], tuple(dims[1:])
