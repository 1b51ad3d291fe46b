"""Random float models, and their quantised forms as onnxruntime.quantization writes them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import SessionOptions
from onnxruntime import quantization as ort_quantization
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType

# How activations are quantised: type, symmetric, and whether every tensor must be >= 0 for its zero-point to be removable.
STYLES = {
    "int8": (QuantType.QInt8, True, False),
    "uint8": (QuantType.QUInt8, False, True),  # zero-point 0
    "int8-128": (QuantType.QInt8, False, True),  # zero-point -128
}
FORMS = {"QDQ": QuantFormat.QDQ, "QOperator": QuantFormat.QOperator}


@dataclass(repr=False)
class Builder:
    """A float model under construction. `shapes` has the shape of every tensor, without the batch."""

    rng: np.random.Generator
    shape: tuple[int, ...]
    positive: bool = False  # the input, and what activations leave
    opset: int = 13
    nodes: list[Any] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    at: str = "x"

    def __post_init__(self) -> None:
        self.shapes["x"] = self.shape

    def __repr__(self) -> str:
        steps = [f"{node.op_type} {self.shapes[node.output[0]]}" for node in self.nodes]
        return f"Builder({self.shape}: {', '.join(steps)})"

    def constant(self, array: np.ndarray) -> str:
        """An initializer."""
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op: str, inputs: list[str], shape: tuple[int, ...], **attributes: Any) -> str:
        """An operator with one output, which becomes the current tensor."""
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [f"t_{name}"], name, **attributes))
        self.at = f"t_{name}"
        self.shapes[self.at] = shape
        return self.at

    def random(self, *shape: int) -> np.ndarray:
        """Weights, pruned to a half."""
        values = self.rng.standard_normal(shape) * (2 / np.sqrt(np.prod(shape[1:])))
        values[self.rng.random(shape) < 0.5] = 0
        return values.astype(np.float32)

    def conv(
        self, filters: int, kernel: tuple[int, int], stride: int, pads: list[int], group: int, dilation: int, bias: bool
    ) -> str:
        """Convolution with random weights; one filter in eight is zero."""
        channels, *size = self.shapes[self.at]
        weights = self.random(filters, channels // group, *kernel)
        weights[self.rng.random(filters) < 0.125] = 0
        inputs = [self.at, self.constant(weights)]
        if bias:
            inputs.append(self.constant((self.rng.standard_normal(filters) * 0.3).astype(np.float32)))
        out = [
            (n + pads[i] + pads[i + 2] - (k - 1) * dilation - 1) // stride + 1
            for i, (n, k) in enumerate(zip(size, kernel, strict=True))
        ]
        attributes = {"strides": [stride] * 2, "pads": pads, "group": group, "dilations": [dilation] * 2}
        return self.node("Conv", inputs, (filters, *out), kernel_shape=list(kernel), **attributes)

    def gemm(self, filters: int, matmul: bool) -> str:
        """Fully connected, the input flattened before it."""
        size = int(np.prod(self.shapes[self.at]))
        if len(self.shapes[self.at]) > 1:
            self.node("Flatten", [self.at], (size,))
        if matmul:
            return self.node("MatMul", [self.at, self.constant(self.random(filters, size).T.copy())], (filters,))
        inputs = [self.at, self.constant(self.random(filters, size)), self.constant(self.random(1, filters)[0])]
        return self.node("Gemm", inputs, (filters,), transB=1)

    def pool(self, op: str, kernel: tuple[int, int], stride: int, pads: list[int], **attributes: Any) -> str:
        """Maximum or average pooling."""
        channels, *size = self.shapes[self.at]
        out = [(n + pads[i] + pads[i + 2] - k) // stride + 1 for i, (n, k) in enumerate(zip(size, kernel, strict=True))]
        shape = (channels, *out)
        return self.node(op, [self.at], shape, kernel_shape=list(kernel), strides=[stride] * 2, pads=pads, **attributes)

    def same(self, op: str, *more: str) -> str:
        """An operator that keeps the shape."""
        return self.node(op, [self.at, *more], self.shapes[self.at])

    def clip(self, low: float | None, high: float | None) -> str:
        """Clip with limits as inputs."""
        limits = [self.constant(np.array(v, np.float32)) if v is not None else "" for v in (low, high)]
        return self.same("Clip", *limits)

    def concat(self, *others: str) -> str:
        """Join with other tensors of the same planes."""
        names = [self.at, *others]
        return self.node("Concat", names, (sum(self.shapes[n][0] for n in names), *self.shapes[self.at][1:]), axis=1)

    def model(self, *outputs: str, batch: int | str = "N") -> Any:
        """The model; its output is the current tensor unless others are named."""
        names = outputs or (self.at,)
        shown = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [batch, *self.shapes[n]]) for n in names]
        given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *self.shape])]
        graph = helper.make_graph(self.nodes, "random", given, shown, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model

    def images(self, count: int) -> np.ndarray:
        """Inputs, float32 [count, ...]."""
        values = self.rng.standard_normal((count, *self.shape))
        return (np.abs(values) if self.positive else values).astype(np.float32)


def _one_thread() -> Any:
    """Options of a session that does not spin on every processor, which is slow where others work, too."""
    options = SessionOptions()
    options.intra_op_num_threads = 1
    return options


class _Calibration(CalibrationDataReader):
    def __init__(self, images: np.ndarray) -> None:
        self.images = iter(images)

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self.images, None)
        return None if image is None else {"x": image[None]}


def quantise(model: Any, images: np.ndarray, path: Path, form: str, style: str, per_channel: bool = True, **options: Any) -> Path:
    """Write the quantised model to `path`, calibrated with `images`."""
    kind, symmetric, _ = STYLES[style]
    logging.disable(logging.WARNING)  # it recommends preprocessing, and QDQ, for every model
    try:
        with mock.patch("onnxruntime.SessionOptions", _one_thread):
            ort_quantization.quantize_static(
                model,
                path,
                _Calibration(images),
                quant_format=FORMS[form],
                per_channel=per_channel,
                activation_type=kind,
                weight_type=QuantType.QInt8,
                extra_options={"ActivationSymmetric": symmetric, **options},
            )
    finally:
        logging.disable(logging.NOTSET)
    return path
