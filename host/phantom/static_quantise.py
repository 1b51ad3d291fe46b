"""Static quantisation of a float ONNX model by onnxruntime, with options that leave every zero a zero.

What is written (QDQ: QuantizeLinear and DequantizeLinear around float operators):

    weights       int8, symmetric, a scale per output channel, zero-point 0
    biases        int32, with the scale of input times weights
    activations   int8; zero-point -128 where a value cannot be negative (after ReLU), so that it is an unsigned number with an
                  offset and all 256 steps count; zero-point 0, symmetric, everywhere else

Why int8 throughout, instead of uint8 after ReLU: where onnxruntime computes with int8 as such, and does not turn it into uint8
first as on x86, it joins a layer into one integer kernel only if input and output are of one type. ReLU, and a Clip from 0,
vanish into the quantisation of the layer before it. Scales are those of the smallest and largest value that the examples gave
rise to.

Needs onnx and onnxruntime: import this where it is used, after `optional.require`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import google.protobuf.message
import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from .calibration import batches
from .errors import FormatError
from .float_model import FloatModel
from .progress import progress

# Outputs of these are never negative; of those below, where no input is.
_POSITIVE = ("Relu", "Sigmoid", "HardSigmoid", "Softmax", "Softplus")
_POOLING = ("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool")
_PASSING = (*_POOLING, "Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Identity", "Dropout")
_JOINING = ("Add", "Mul", "Concat", "Max")


class _Examples(CalibrationDataReader):
    def __init__(self, name: str, examples: np.ndarray, batch: int) -> None:
        self._feeds = ({name: part} for part in progress(batches(examples, batch), "calibrating"))

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)


def non_negative(proto: Any, examples: np.ndarray, input_name: str) -> set[str]:
    """Names of tensors that cannot be negative: by the graph alone, but for the input, where all `examples` decide."""
    constants = {t.name: t for t in proto.graph.initializer}
    found = {input_name} if examples.min() >= 0 else set()
    for node in proto.graph.node:
        first = node.input[0] if node.input else ""
        if (
            node.op_type in _POSITIVE
            or (node.op_type == "Clip" and floor(node, constants) >= 0)
            or (node.op_type in _PASSING and first in found)
            or (node.op_type in _JOINING and all(name in found for name in node.input))
        ):
            found.update(node.output)
    return found


def floor(node: Any, constants: dict[str, Any]) -> float:
    """The least value that a Clip hands on, -inf where it is not a constant."""
    if len(node.input) > 1 and node.input[1] in constants:
        return float(numpy_helper.to_array(constants[node.input[1]]))
    return next((a.f for a in node.attribute if a.name == "min"), -np.inf)  # as opset 6 has it


def quantise(model: FloatModel, examples: np.ndarray, path: str | os.PathLike[str]) -> None:
    """Write the quantised `model` to `path`.

    Args:
        model: is not changed. examples: float32 [N, *model.shape], which the scales are taken from.

    Raises:
        FormatError: onnxruntime cannot quantise or run the model; its reason is in the message.
    """
    # onnxruntime moves the tensors of a model it is given as an object out into files; it gets a copy on disk instead.
    with tempfile.TemporaryDirectory(prefix="phantom.") as folder:
        source = Path(folder) / "float.onnx"
        try:
            onnx.save(model.proto, source)
        except (ValueError, google.protobuf.message.EncodeError) as error:
            raise FormatError(f"{model.path}: too large for one ONNX file, 2 GB ({error})") from None
        quantise_file(source, model, examples, path)


def quantise_file(source: Path, model: FloatModel, examples: np.ndarray, path: str | os.PathLike[str]) -> None:
    """As `quantise`, where the model is in the file `source` already; of `model`, weights need not be loaded."""
    positive = non_negative(model.proto, examples, model.input)
    constants = {t.name: t for t in model.proto.graph.initializer}
    # onnxruntime takes a Clip for part of the quantisation before it whatever its limits are; that is right from 0 only.
    kept_apart = [n.name for n in model.proto.graph.node if n.op_type == "Clip" and floor(n, constants) != 0]
    tensors = {name for node in model.proto.graph.node for name in (*node.input, *node.output) if name} - set(constants)
    with _quiet():
        try:
            quantize_static(
                source,
                path,
                _Examples(model.input, examples, model.batch),
                quant_format=QuantFormat.QDQ,
                nodes_to_exclude=kept_apart,
                per_channel=True,
                activation_type=QuantType.QInt8,
                weight_type=QuantType.QInt8,
                extra_options={
                    "WeightSymmetric": True,
                    "TensorQuantOverrides": {name: [{"symmetric": True}] for name in sorted(tensors - positive)},
                    "QDQOpTypePerChannelSupportToAxis": {"MatMul": 1},
                },
            )
        except OSError as error:
            raise FormatError(f"{path}: cannot be written ({error.strerror or error})") from None
        except Exception as error:  # onnxruntime raises whatever is at hand, RuntimeError and ValueError above all
            raise FormatError(f"{model.path}: onnxruntime cannot quantise it ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without onnxruntime's advice to pre-process the model, which it gives on the root logger and by print."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)


def session(proto: Any) -> Any:
    """An onnxruntime session for `proto` on one thread, so that it gives the same bits at every run.

    On x86 without VNNI instructions the default kernels for int8 saturate sums of two products at 16 bits; the precision mode
    gives exact sums everywhere.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
