"""A quantised ONNX model in QDQ form: which integers stand for which float tensor, and running it for those integers.

Needs onnx and onnxruntime: import this where it is used, after `optional.require`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from .calibration import batches
from .errors import FormatError
from .float_model import WEIGHTED
from .static_quantise import session

_SUFFIX = "_QuantizeLinear_Input"  # what onnxruntime appends to the name of a graph's output in front of its quantisation


@dataclass(frozen=True)
class Integers:
    """Tensor `name` holds integers i that stand for (i - zero_point) * scale."""

    name: str
    dtype: np.dtype
    scale: np.ndarray  # float32, one element, or one a channel along `axis`
    zero_point: np.ndarray
    axis: int = 0

    def real(self, integers: np.ndarray) -> np.ndarray:
        """float32 of the same shape."""
        shape = [1] * integers.ndim
        if self.scale.size > 1:
            shape[self.axis] = -1
        wide = integers.astype(np.int32) - self.zero_point.astype(np.int32).reshape(shape if self.scale.size > 1 else ())
        return np.asarray(wide * self.scale.reshape(shape if self.scale.size > 1 else ()), np.float32)

    def nonzero(self, integers: np.ndarray) -> int:
        """How many of them stand for something else than zero. The zero-point must be one for all."""
        return int(np.count_nonzero(integers != self.zero_point.reshape(-1)[0]))


def activations(proto: Any) -> dict[str, Integers]:
    """For each float tensor that is quantised, by the name it has in the float model, its integers."""
    constants = {t.name: t for t in proto.graph.initializer}
    return {
        float_name(node.input[0]): _integers(node, node.output[0], constants)
        for node in proto.graph.node
        if node.op_type == "QuantizeLinear"
    }


def float_name(tensor: str) -> str:
    """The name in the float model of a tensor that is about to be quantised."""
    return tensor.removesuffix(_SUFFIX)


def weights(proto: Any) -> dict[str, tuple[np.ndarray, Integers]]:
    """For each layer, by the name of its Conv, Gemm or MatMul: constant weights as integers, and what these stand for."""
    constants = {t.name: t for t in proto.graph.initializer}
    sources = {node.output[0]: node for node in proto.graph.node if node.op_type == "DequantizeLinear"}
    result = {}
    for node in proto.graph.node:
        source = sources.get(node.input[1]) if node.op_type in WEIGHTED else None
        if source is not None and source.input[0] in constants:
            result[node.name] = numpy_helper.to_array(constants[source.input[0]]), _integers(source, source.input[0], constants)
    return result


def _integers(node: Any, name: str, constants: dict[str, Any]) -> Integers:
    if len(node.input) < 3 or not all(n in constants for n in node.input[1:3]):
        raise FormatError(f"{node.op_type} of {node.input[0]!r}: its scale and zero-point must be constants")
    scale, zero = (numpy_helper.to_array(constants[n]) for n in node.input[1:3])
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    return Integers(name, zero.dtype, scale, zero, int(axis))


class Runner:
    """Runs a model for tensors inside it, which become outputs of `proto`."""

    def __init__(self, proto: Any, tensors: Iterable[str], batch: int) -> None:
        have = {output.name for output in proto.graph.output}
        types = {i.name: onnx.helper.np_dtype_to_tensor_dtype(i.dtype) for i in activations(proto).values()}
        self.tensors = list(dict.fromkeys(tensors))
        for name in self.tensors:
            if name not in have:
                proto.graph.output.append(onnx.helper.make_tensor_value_info(name, types.get(name, onnx.TensorProto.FLOAT), None))
        self._input = next(i.name for i in proto.graph.input if i.name not in {t.name for t in proto.graph.initializer})
        self._session = session(proto)
        self._batch = batch

    def __call__(self, examples: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
        """The tensors for each batch of `examples`, by name."""
        for part in batches(examples, self._batch):
            yield dict(zip(self.tensors, self._session.run(self.tensors, {self._input: part})))
