"""A float ONNX model of an architecture, put together layer by layer; weights go to a file of their own as they come.

So no more than a layer is in memory at a time (VGG16 has 553 MB of weights), and no ONNX file comes near protobuf's 2 GB.

Names follow the layers: node `conv1`, its weights `conv1.weight` and `conv1.bias`; tensors `conv1.out` after the convolution,
`conv1.sum` after the shortcut, `conv1.act` after the activation, `conv1.pool` after the pooling.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from .layers import INPUT, Architecture, Layer
from .synthesis import Parameters, ceiling

OPSET = 17
IR_VERSION = 9  # what onnxruntime 1.15 and later reads


class FloatOnnx:
    """Give `add` the layers in order, then call `save`. `outputs` names the tensor that each layer hands on, and
    `activations` the same but for a mean over planes, which `outputs` includes.

    Writes `path` and, beside it, the same name with .data added.
    """

    def __init__(self, architecture: Architecture, path: Path) -> None:
        self.architecture = architecture
        self.path = path
        self.data = path.with_name(path.name + ".data")
        self.data.write_bytes(b"")
        self.outputs = {INPUT: INPUT}
        self.activations: dict[str, str] = {}
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._flat: set[str] = set()

    def add(self, layer: Layer, parameters: Parameters) -> None:
        """The next layer."""
        self._outside(f"{layer.name}.weight", parameters.weights)
        self._constant(f"{layer.name}.bias", parameters.bias)
        inputs = [self._input(layer), f"{layer.name}.weight", f"{layer.name}.bias"]
        tensor = f"{layer.name}.out"
        if layer.connected:
            self._node("Gemm", layer.name, inputs, tensor, transB=1)
            self._flat.add(layer.name)
        else:
            kernel = {"kernel_shape": [layer.kernel] * 2, "strides": [layer.stride] * 2, "pads": [layer.pad] * 4}
            self._node("Conv", layer.name, inputs, tensor, group=layer.groups, **kernel)
        if layer.shortcut:
            tensor = self._follow("Add", layer, "sum", [tensor, self.outputs[layer.shortcut]])
        if layer.activation == "relu6":
            limits = []
            for name, value in (("zero", 0.0), ("six", ceiling(layer))):
                limits.append(f"{layer.name}.{name}")
                self._constant(limits[-1], np.array(value, np.float32))
            tensor = self._follow("Clip", layer, "act", [tensor, *limits])
        elif layer.activation:
            tensor = self._follow("Relu", layer, "act", [tensor])
        self.activations[layer.name] = tensor
        if layer.pool and layer.pool.kernel:
            pool = {"kernel_shape": [layer.pool.kernel] * 2, "strides": [layer.pool.stride] * 2, "pads": [layer.pool.pad] * 4}
            tensor = self.activations[layer.name] = self._follow("MaxPool", layer, "pool", [tensor], **pool)
        elif layer.pool:
            tensor = self._follow("GlobalAveragePool", layer, "pool", [tensor])
        self.outputs[layer.name] = tensor

    def save(self) -> Any:
        """Write the model, whose output is the last layer's. Returns its onnx.ModelProto, weights not loaded."""
        last = self.architecture.layers[-1]
        shape = [1, *self.architecture.shape]
        graph = helper.make_graph(
            self._nodes,
            self.architecture.name,
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(self.outputs[last.name], TensorProto.FLOAT, [1, last.filters])],
            self._constants,
        )
        model = helper.make_model(graph, producer_name="phantom", opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = IR_VERSION
        self.path.write_bytes(model.SerializeToString())
        return model

    def _input(self, layer: Layer) -> str:
        tensor = self.outputs[layer.source]
        if layer.connected and layer.source not in self._flat:
            return self._follow("Flatten", layer, "flat", [tensor], axis=1)
        return tensor

    def _follow(self, kind: str, layer: Layer, what: str, inputs: list[str], **attributes: Any) -> str:
        self._node(kind, f"{layer.name}.{what}", inputs, f"{layer.name}.{what}", **attributes)
        return f"{layer.name}.{what}"

    def _node(self, kind: str, name: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self._nodes.append(helper.make_node(kind, inputs, [output], name, **attributes))

    def _outside(self, name: str, values: np.ndarray) -> None:
        """A constant in the file of weights."""
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=values.shape, data_location=TensorProto.EXTERNAL)
        with open(self.data, "ab") as file:
            place = {"location": self.data.name, "offset": file.tell(), "length": values.nbytes}
            file.write(np.ascontiguousarray(values, "<f4").data)
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        self._constants.append(tensor)

    def _constant(self, name: str, values: np.ndarray) -> None:
        self._constants.append(numpy_helper.from_array(values, name))
