"""The same model on ONNX Runtime, every integer tensor of it.

Graph optimisations are off, so that every node runs by the kernel of its own: in QOperator form integer arithmetic, in QDQ form
float32 between integers, as ONNX defines it.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..hosted import session
from .graph import packages
from .importer import Imported


class Runtime:
    """A session that yields all tensors of `imported.tensors`."""

    def __init__(self, imported: Imported) -> None:
        """Raises PhantomError where ONNX Runtime is missing, DeviceError where it does not take the model."""
        onnx = packages()
        self.imported = imported
        self.real = _input_type(onnx, imported).kind == "f"
        model = copy.deepcopy(imported.model)
        unsign_weights(onnx, model)
        self._names = [t.name for t in imported.tensors if t.name != imported.input_name]
        del model.graph.output[:]
        for tensor in imported.tensors:
            if tensor.name != imported.input_name:
                kind = onnx.helper.np_dtype_to_tensor_dtype(tensor.quantisation.dtype)
                model.graph.output.append(onnx.helper.make_tensor_value_info(tensor.name, kind, None))
        self._session: Any = session(model.SerializeToString())

    def __call__(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """Value v = q - zero-point of every tensor, within its limits, int16 [...] without the batch, for an input [C, H, W].

        The input is real (where the model's is), or the network's integers. Raises ShapeError for another batch.
        """
        network, first = self.imported.network, self.imported.tensors[0]
        if image.dtype == network.input_dtype:
            given = first.quantisation.real(image) if self.real else self.imported.model_input(image)
        else:
            given = image.astype(np.float32)
        dims = len(self._session.get_inputs()[0].shape)
        fed = given.reshape(1, *given.shape) if dims == 4 else given.reshape(1, -1)
        results = self._session.run(self._names, {self.imported.input_name: fed})
        values = dict(zip(self._names, results, strict=True))
        values.setdefault(self.imported.input_name, fed)
        found = {}
        for tensor in self.imported.tensors:
            array = values[tensor.name]
            if array.shape[0] != 1:
                raise ShapeError(f"tensor {tensor.name!r} has a batch of {array.shape[0]}; it must be 1")
            value = array[0].astype(np.int16) - np.int16(tensor.quantisation.zero_point)
            found[tensor.name] = value if tensor.limits is None else np.clip(value, *tensor.limits)
        return found


def unsign_weights(onnx: Any, model: Any) -> None:
    """Write weights w of type int8, for uint8 activations, as uint8: w + 128, with a zero-point that is 128 larger.

    That is the same model. But on x86 processors without VNNI the kernels for uint8 times int8 add pairs of products in 16 bits,
    which saturates; those for uint8 times uint8 are exact. ONNX Runtime does this itself in its precision mode
    (session.x64quantprecision), though not when optimisations are off.
    """
    arrays = {tensor.name: tensor for tensor in model.graph.initializer}
    done: dict[str, str] = {}

    def unsigned(name: str) -> str:
        if name not in done:
            array = onnx.numpy_helper.to_array(arrays[name]).astype(np.int16) + 128
            done[name] = f"{name}.unsigned"
            model.graph.initializer.append(onnx.numpy_helper.from_array(array.astype(np.uint8), done[name]))
        return done[name]

    for node in model.graph.node:
        if node.op_type not in ("QLinearConv", "QLinearMatMul", "QGemm") or len(node.input) < 6:
            continue
        kinds = [arrays[node.input[i]].data_type if node.input[i] in arrays else None for i in (2, 3, 5)]
        if kinds == [onnx.TensorProto.UINT8, onnx.TensorProto.INT8, onnx.TensorProto.INT8]:
            node.input[3], node.input[5] = unsigned(node.input[3]), unsigned(node.input[5])


def _input_type(onnx: Any, imported: Imported) -> np.dtype:
    value = next(v for v in imported.model.graph.input if v.name == imported.input_name)
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))
