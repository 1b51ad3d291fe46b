"""Small quantised models, node by node, for what a quantiser does not write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Small:
    """A model in QDQ form under construction: input x [N, 4, 6, 6], quantised with scale 0.1; then what a test adds.

    `at` is the input after DequantizeLinear. Methods give the name of what they add.
    """

    def __init__(self, dtype: type = np.int8, zero: int = 0, opset: int = 13, shape: tuple[object, ...] = ("N", 4, 6, 6)) -> None:
        self.nodes: list[Any] = []
        self.arrays: list[Any] = []
        self.opset, self.shape, self.dtype = opset, shape, dtype
        self.at = self.pair("x", zero=zero)

    def constant(self, array: np.ndarray) -> str:
        name = f"k{len(self.arrays)}"
        self.arrays.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def op(self, op: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: Any) -> str:
        number = len(self.nodes)
        names = [f"t{number}" + (f"_{i}" if i else "") for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, f"n{number}", domain=domain, **attributes))
        return names[0]

    def pair(self, name: str, scale: float = 0.1, zero: int = 0, dtype: type | None = None) -> str:
        """QuantizeLinear and DequantizeLinear; the name of the latter's output."""
        s, z = self.constant(np.float32(scale)), self.constant(np.array(zero, dtype or self.dtype))
        return self.op("DequantizeLinear", self.op("QuantizeLinear", name, s, z), s, z)

    def weights(self, *shape: int, zero: int = 0, dtype: type = np.int8, scale: float = 0.02) -> str:
        values = np.random.default_rng(len(self.nodes)).integers(1, 100, shape).astype(dtype)
        return self.op(
            "DequantizeLinear", self.constant(values), self.constant(np.float32(scale)), self.constant(np.array(zero, dtype))
        )

    def conv(self, name: str, **attributes: Any) -> str:
        return self.op("Conv", name, self.weights(4, 4, 3, 3), **attributes)

    def save(self, path: Path, *outputs: str, inputs: int = 1) -> Path:
        kind = TensorProto.FLOAT
        given = [helper.make_tensor_value_info("x" if not i else f"x{i}", kind, self.shape) for i in range(inputs)]
        shown = [helper.make_tensor_value_info(name, kind, None) for name in outputs or (self.at,)]
        graph = helper.make_graph(self.nodes, "small", given, shown, self.arrays)
        sets = [helper.make_opsetid("", self.opset), helper.make_opsetid("com.microsoft", 1)]
        onnx.save(helper.make_model(graph, opset_imports=sets, ir_version=8), path)
        return path
