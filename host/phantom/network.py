"""A quantised network: a graph of layers with integer weights, and the checks that make it safe to compile.

Activations are uint8 or int8 with zero-point 0. The kinds of layers are in `layers` (with weights) and `layers_plain`; all have
exact integer semantics, which `reference` computes. Loading and saving: `network_file`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .errors import ShapeError
from .layer import ACC_LIMIT, ACT_DTYPES, INPUT, Shape, limits
from .layers import Conv, FullyConnected
from .layers_plain import Add, Concat, MaxPool
from .scales import Quantisation

__all__ = [
    "ACC_LIMIT",
    "ACT_DTYPES",
    "INPUT",
    "Add",
    "AnyLayer",
    "Concat",
    "Conv",
    "FullyConnected",
    "Layer",
    "MaxPool",
    "Network",
    "Shape",
    "limits",
]

Layer = Conv | FullyConnected  # with weights
AnyLayer = Layer | MaxPool | Add | Concat


@dataclass(frozen=True, eq=False)
class Network:
    """Layers in an order in which each comes after those that it reads. Making one checks all that can be checked without data.

    A layer that names no inputs reads the layer before it. `outputs` names the layers whose results are wanted, the last one by
    default; every other layer must be read by one. `input_quantisation` and `output_quantisation` (by layer) say what real values
    the integers stand for, where that is known.

    Raises ShapeError or OverflowRisk naming the layer.
    """

    name: str
    input_shape: Shape  # C, H, W
    input_dtype: np.dtype
    layers: Sequence[AnyLayer]
    outputs: Sequence[str] = ()
    input_quantisation: Quantisation | None = None
    output_quantisation: Mapping[str, Quantisation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("input_shape", tuple(int(n) for n in self.input_shape))
        put("input_dtype", np.dtype(self.input_dtype))
        put("layers", tuple(self.layers))
        put("output_quantisation", dict(self.output_quantisation))
        if len(self.input_shape) != 3 or min(self.input_shape) < 1:
            raise ShapeError(f"network {self.name!r}: input_shape is {self.input_shape}; it must be (C, H, W)")
        if self.input_dtype not in ACT_DTYPES:
            raise ShapeError(f"network {self.name!r}: input_dtype is {self.input_dtype}; it must be uint8 or int8")
        if not self.layers:
            raise ShapeError(f"network {self.name!r} has no layers; it needs one at least")
        put("outputs", tuple(self.outputs) or (self.layers[-1].name,))
        self._check_names()
        self.shapes()
        self.dtypes()
        for layer, dtypes in zip(self.layers, self.input_dtypes(), strict=True):
            layer.check_accumulators(*dtypes)

    def _check_names(self) -> None:
        names = [layer.name for layer in self.layers]
        if len(set(names)) != len(names):
            raise ShapeError(f"network {self.name!r}: the names {names} are not distinct")
        for output in (*self.outputs, *self.output_quantisation):
            if output not in names:
                raise ShapeError(f"network {self.name!r}: there is no layer {output!r} to be an output; there are {names}")
        if len(set(self.outputs)) != len(self.outputs):
            raise ShapeError(f"network {self.name!r}: the outputs {list(self.outputs)} are not distinct")
        used = {index for sources in self.sources() for index in sources}
        for i, name in enumerate(names):
            if i not in used and name not in self.outputs:
                raise ShapeError(f"network {self.name!r}: nothing reads layer {name!r}, and it is no output")

    def sources(self) -> list[tuple[int, ...]]:
        """Indices of the layers that each layer reads; -1 is the network's input.

        Raises ShapeError where a layer reads what does not come before it, or too few inputs.
        """
        known = {INPUT: -1}
        result = []
        for i, layer in enumerate(self.layers):
            if not layer.inputs and layer.arity[0] > 1:
                raise ShapeError(f"layer {layer.name!r} names no inputs; it needs {layer.arity[0]}")
            for name in layer.inputs:
                if name not in known:
                    raise ShapeError(f"layer {layer.name!r} reads {name!r}, which does not come before it")
            result.append(tuple(known[name] for name in layer.inputs) or (i - 1,))
            known[layer.name] = i
        return result

    def shapes(self) -> list[Shape]:
        """Output shape of every layer."""
        result: list[Shape] = []
        for layer, sources in zip(self.layers, self.sources(), strict=True):
            result.append(layer.out_shape(*(self.input_shape if i < 0 else result[i] for i in sources)))
        return result

    def dtypes(self) -> list[np.dtype]:
        """Element type of the output of every layer."""
        result: list[np.dtype] = []
        for layer, sources in zip(self.layers, self.sources(), strict=True):
            result.append(layer.result_dtype(*(self.input_dtype if i < 0 else result[i] for i in sources)))
        return result

    def input_shapes(self) -> list[tuple[Shape, ...]]:
        """Shapes of the inputs of every layer."""
        shapes = [*self.shapes(), self.input_shape]  # index -1 is the input
        return [tuple(shapes[i] for i in sources) for sources in self.sources()]

    def input_dtypes(self) -> list[tuple[np.dtype, ...]]:
        """Element types of the inputs of every layer."""
        dtypes = [*self.dtypes(), self.input_dtype]
        return [tuple(dtypes[i] for i in sources) for sources in self.sources()]

    def is_chain(self) -> bool:
        """Whether every layer reads the one before it, and only the last one is an output."""
        chain = all(sources == (i - 1,) for i, sources in enumerate(self.sources()))
        return chain and tuple(self.outputs) == (self.layers[-1].name,)

    def index(self, name: str) -> int:
        """Position of a layer by its name. Raises ShapeError where there is none."""
        for i, layer in enumerate(self.layers):
            if layer.name == name:
                return i
        raise ShapeError(f"network {self.name!r} has no layer {name!r}")

    def check_input(self, image: np.ndarray) -> None:
        """Raise ShapeError unless `image` is an input of this network."""
        if image.shape != self.input_shape or image.dtype != self.input_dtype:
            raise ShapeError(
                f"network {self.name!r} takes {self.input_dtype} of shape {self.input_shape}, "
                f"not {image.dtype} of shape {image.shape}"
            )
