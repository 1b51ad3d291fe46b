"""Small float ONNX models: one with a layer of each kind, and a builder for odd ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Node = tuple[str, list[str], str, dict[str, Any]]  # kind, inputs, output, attributes

NODES: list[Node] = [
    ("Conv", ["x", "w1", "b1"], "c1", {"pads": [1] * 4}),
    ("Relu", ["c1"], "r1", {}),
    ("MaxPool", ["r1"], "p1", {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ("Conv", ["p1", "w2", "b2"], "c2", {"pads": [1] * 4, "group": 8}),
    ("Add", ["c2", "p1"], "a2", {}),
    ("Relu", ["a2"], "r2", {}),
    ("GlobalAveragePool", ["r2"], "g", {}),
    ("Flatten", ["g"], "f", {}),
    ("Gemm", ["f", "w3", "b3"], "y", {"transB": 1}),
]


def constants(seed: int = 0) -> dict[str, np.ndarray]:
    """Of NODES: 3 channels to 8, depthwise, 8 to 4 classes."""
    rng = np.random.default_rng(seed)
    shapes = {"w1": (8, 3, 3, 3), "b1": (8,), "w2": (8, 1, 3, 3), "b2": (8,), "w3": (4, 8), "b3": (4,)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def model(
    nodes: Sequence[Node] = NODES,
    values: dict[str, np.ndarray] | None = None,
    shape: Sequence[Any] = (1, 3, 8, 8),
    outputs: Sequence[str] = ("y",),
    inputs: Sequence[str] = ("x",),
    kind: int = TensorProto.FLOAT,
) -> Any:
    """An onnx.ModelProto; nodes are named after their outputs."""
    rank = 2 if nodes[-1][0] == "Gemm" else 4
    graph = helper.make_graph(
        [helper.make_node(op, sources, [output], output, **attributes) for op, sources, output, attributes in nodes],
        "test",
        [helper.make_tensor_value_info(name, kind, shape) for name in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * rank) for name in outputs],
        [numpy_helper.from_array(v, name) for name, v in (constants() if values is None else values).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def examples(count: int = 4, shape: tuple[int, ...] = (3, 8, 8), seed: int = 1) -> np.ndarray:
    """Float32 [count, *shape] around zero."""
    return np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32)


def write(folder: Path, proto: Any, name: str = "f.onnx") -> str:
    """The model in a file; its path."""
    onnx.save(proto, folder / name)
    return str(folder / name)
