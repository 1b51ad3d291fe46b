"""How far a quantised ONNX model's layers are from the float model's, on the same inputs.

Needs onnx and onnxruntime: import this where it is used, after `optional.require`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import qdq
from .calibration import batches
from .float_model import WEIGHTED
from .progress import progress


@dataclass
class Error:
    """Of one tensor, over everything it was given to `add`."""

    signal: float = 0.0
    noise: float = 0.0
    largest: float = 0.0
    low: float = field(default=math.inf)
    high: float = field(default=-math.inf)

    def add(self, exact: np.ndarray, approximate: np.ndarray) -> None:
        """Both float32 of one shape."""
        difference = exact.astype(np.float64) - approximate
        self.signal += float(np.square(exact, dtype=np.float64).sum())
        self.noise += float(np.square(difference).sum())
        self.largest = max(self.largest, float(np.abs(difference).max()))
        self.low, self.high = min(self.low, float(exact.min())), max(self.high, float(exact.max()))

    @property
    def sqnr(self) -> float | None:
        """Signal to quantisation noise in dB; None without noise, or without signal."""
        return 10 * math.log10(self.signal / self.noise) if self.noise and self.signal else None

    @property
    def relative(self) -> float:
        """Largest absolute error relative to the range of exact values, 0 being one of them."""
        span = max(self.high, 0.0) - min(self.low, 0.0)
        return self.largest / span if span else 0.0


def layer_outputs(quantised: Any) -> dict[str, str]:
    """For each layer of a quantised model, by node name, the float tensor that its output stands for: after a ReLU it took in."""
    known = qdq.activations(quantised)
    outputs = {node.name: qdq.float_name(node.output[0]) for node in quantised.graph.node if node.op_type in WEIGHTED}
    return {layer: tensor for layer, tensor in outputs.items() if tensor in known}


def output_errors(quantised: Any, floats: list[Any], examples: np.ndarray, batch: int) -> list[dict[str, Error]]:
    """Error of every layer's output, by node name, against each of the float models.

    Args:
        quantised, floats: onnx.ModelProto; tensors inside become outputs of them. examples: float32 [N, ...], `batch` at a time.
    """
    tensors = layer_outputs(quantised)
    integers = qdq.activations(quantised)
    run = qdq.Runner(quantised, [integers[t].name for t in tensors.values()], batch)
    exact_runs = [qdq.Runner(proto, tensors.values(), batch) for proto in floats]
    errors = [{layer: Error() for layer in tensors} for _ in floats]
    for part in progress(batches(examples, batch), "comparing"):
        (found,) = run(part)
        real = {t: integers[t].real(found[integers[t].name]) for t in set(tensors.values())}
        for exact_run, error in zip(exact_runs, errors, strict=True):
            (exact,) = exact_run(part)
            for layer, tensor in tensors.items():
                error[layer].add(exact[tensor], real[tensor])
    return errors
