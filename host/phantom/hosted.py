"""Parts of a model on the host: ONNX Runtime computes them, exactly as they are written, and the time that it takes is kept."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from .errors import DeviceError, ShapeError
from .optional import require
from .plan import Hosted


def session(model: bytes) -> Any:
    """An ONNX Runtime session for a serialised model. Raises PhantomError where the package is missing.

    One thread and no graph optimisations, by which operators would be fused that may round otherwise.
    """
    require("onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own errors have no common base
        raise DeviceError(f"ONNX Runtime does not take the model: {error}") from None


class HostRunner:
    """Computes one hosted segment, image after image. seconds: all that it has taken."""

    def __init__(self, segment: Hosted) -> None:
        self.segment = segment
        self.seconds = 0.0
        self._session = session(segment.model)

    def __call__(self, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The segment's outputs for tensors of the model, each with a batch of 1. Raises ShapeError where they do not fit."""
        given = {name: tensors[name] for name in self.segment.inputs}
        start = time.perf_counter()
        try:
            results = self._session.run(list(self.segment.outputs), given)
        except Exception as error:  # its own errors have no common base
            found = ", ".join(f"{name}: {array.dtype} {array.shape}" for name, array in given.items())
            where = ", ".join(name for name, _ in self.segment.nodes)
            raise ShapeError(f"on the host, {where}: ONNX Runtime does not take {found} ({error})") from None
        self.seconds += time.perf_counter() - start
        return dict(zip(self.segment.outputs, results))
