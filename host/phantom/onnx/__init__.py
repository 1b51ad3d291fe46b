"""Import of quantised ONNX models, as onnxruntime.quantization writes them (QDQ and QOperator form).

`graph` reads and checks the file, `importer` walks its nodes in order and keeps a value (`values`) for every tensor;
`float_operators` and `integer_operators` say what each operator does with them, `emit` turns them into layers, and `fuse` removes
layers that only clamp. `runtime` runs the same model on ONNX Runtime, tensor by tensor.

The packages onnx and onnxruntime are needed here, and nowhere else; they are imported only when a model is.
"""

from .importer import Imported, Tensor, import_model

__all__ = ["Imported", "Tensor", "import_model"]
