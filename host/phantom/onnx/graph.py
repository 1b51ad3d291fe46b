"""A model file: read, checked, and with its batch fixed to 1."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FormatError
from ..optional import require
from ..shipped import shown
from .values import UnsupportedModel

MIN_OPSET = 13
DOMAINS = ("", "ai.onnx", "com.microsoft")
QUANTISED = ("QuantizeLinear", "DequantizeLinear", "QGemm")
QUANTISE = "phantom prune-quantize {} --calibration X.npy --sparsity 0 -o Q.onnx"
RECIPE = f"quantise all of the float model: {QUANTISE.format('FLOAT.onnx')}"


@dataclass(frozen=True)
class Node:
    """An operator: name (made up where the model gives none), type, inputs ('' where left out), outputs, attributes."""

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    proto: Any

    @property
    def where(self) -> str:
        """For messages."""
        return f"node {self.name!r} ({self.op})"

    def input(self, index: int) -> str:
        """Name of an input, '' where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else ""


@dataclass(frozen=True)
class Graph:
    """A model's graph. input_shape is without the batch; input_type is a numpy type."""

    name: str
    proto: Any  # the ModelProto, batch fixed
    opset: int
    nodes: tuple[Node, ...]
    constants: dict[str, np.ndarray]
    input_name: str
    input_shape: tuple[int, ...]
    input_type: np.dtype
    outputs: tuple[str, ...]


def packages() -> Any:
    """The package onnx. Raises PhantomError where it is not installed."""
    require("onnx")
    import onnx

    return onnx


def read(path: str | os.PathLike[str]) -> Graph:
    """Read and check a model.

    Raises:
        FormatError: there is no such file, or it is no model. UnsupportedModel: a float model, one of an old opset, or one with
        several inputs or a shape that is not known.
    """
    onnx = packages()
    try:
        model = onnx.load(os.fspath(path))
    except FileNotFoundError as error:
        other = "" if str(error.filename) == os.fspath(path) else f" ({error.filename or 'external data'})"
        raise FormatError(f"{path}: there is no such file{other}") from None
    except Exception as error:  # a protobuf parser's errors differ with its implementation
        raise FormatError(f"{path}: not an ONNX model, or damaged ({type(error).__name__})") from None
    if not model.HasField("graph") or not model.graph.node:
        raise FormatError(f"{path}: not an ONNX model, or one without nodes")
    # The file is what its owner named; the graph's own name is mostly an exporter's, the same for all: main_graph.
    return replace(graph_of(model, shown(path)), name=Path(path).stem)


def graph_of(model: Any, name: str) -> Graph:
    """The graph of a ModelProto, which is changed: its batch becomes 1. Raises UnsupportedModel."""
    onnx = packages()
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    if opset < MIN_OPSET:
        raise UnsupportedModel(f"{name}: opset {opset}; it must be {MIN_OPSET} at least (onnx.version_converter converts)")
    graph = model.graph
    constants = {}
    for tensor in graph.initializer:
        constants[tensor.name] = onnx.numpy_helper.to_array(tensor)
    nodes = tuple(_node(onnx, node, i) for i, node in enumerate(graph.node))
    if not any(node.op in QUANTISED or node.op.startswith("QLinear") for node in nodes):
        raise UnsupportedModel(f"{name}: is a float model; quantise it first: {QUANTISE.format(name)}")
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1:
        raise UnsupportedModel(f"{name}: has {len(inputs)} inputs ({[v.name for v in inputs]}); it must have one")
    shape, dtype = _fix_batch(onnx, inputs[0], name)
    outputs = tuple(dict.fromkeys(value.name for value in graph.output))
    if not outputs:
        raise UnsupportedModel(f"{name}: has no outputs")
    return Graph(graph.name or "model", model, opset, nodes, constants, inputs[0].name, shape, dtype, outputs)


def _node(onnx: Any, node: Any, index: int) -> Node:
    name = node.name or (node.output[0] if node.output else "") or f"{node.op_type}_{index}"
    if node.domain not in DOMAINS:
        raise UnsupportedModel(f"node {name!r}: operator {node.op_type} of domain {node.domain!r}; known are {DOMAINS[1:]}")
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    return Node(name, node.op_type, tuple(node.input), tuple(node.output), attributes, node)


def _fix_batch(onnx: Any, value: Any, name: str) -> tuple[tuple[int, ...], np.dtype]:
    tensor = value.type.tensor_type
    dims = list(tensor.shape.dim)
    shown = [d.dim_value if d.HasField("dim_value") else d.dim_param or "?" for d in dims]
    if len(dims) not in (2, 4):
        raise UnsupportedModel(f"{name}: input {value.name!r} has shape {shown}; it must be [N, C, H, W] or [N, C]")
    if any(not d.HasField("dim_value") or d.dim_value < 1 for d in dims[1:]):
        raise UnsupportedModel(f"{name}: input {value.name!r} has shape {shown}; only the batch, the first axis, may be open")
    if dims[0].HasField("dim_value") and dims[0].dim_value > 1:
        raise UnsupportedModel(f"{name}: input {value.name!r} has a batch of {dims[0].dim_value}; it must be 1 or open")
    dims[0].dim_value = 1
    return tuple(int(d.dim_value) for d in dims[1:]), np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
