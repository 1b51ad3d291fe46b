"""The outline of a network: what is needed to give it inputs, to name its outputs and to report on its layers, but no weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .effectual import Demand, demand
from .errors import ShapeError
from .layer import INPUT, Shape
from .network import Add, AnyLayer, Concat, Conv, FullyConnected, Network
from .scales import Quantisation


@dataclass(frozen=True)
class LayerOutline:
    """A layer. kind: for people. inputs: names of the tensors that it reads. shape, dtype: of its output [C, H, W].

    joins: it is a concatenation, which no run computes.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    shape: Shape
    dtype: np.dtype
    joins: bool
    demand: Demand


@dataclass(frozen=True)
class Outline:
    """A network without its weights; fields as in `network.Network`. checksum: of the whole network (`network_file`)."""

    name: str
    input_shape: Shape
    input_dtype: np.dtype
    layers: Sequence[LayerOutline]
    outputs: Sequence[str]
    input_quantisation: Quantisation | None
    output_quantisation: Mapping[str, Quantisation]
    checksum: str = ""

    def layer(self, name: str) -> LayerOutline:
        """A layer by its name. Raises ShapeError where there is none."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ShapeError(f"network {self.name!r} has no layer {name!r}")


def outline_of(network: Network, checksum: str = "") -> Outline:
    """The outline of a network."""
    layers = []
    columns = network.layers, network.sources(), network.shapes(), network.dtypes(), network.input_shapes()
    for layer, sources, shape, dtype, in_shapes in zip(*columns, strict=True):
        inputs = tuple(INPUT if i < 0 else network.layers[i].name for i in sources)
        joins = isinstance(layer, Concat)
        layers.append(LayerOutline(layer.name, kind_of(layer), inputs, shape, dtype, joins, demand(layer, in_shapes[0])))
    return Outline(
        network.name,
        network.input_shape,
        network.input_dtype,
        tuple(layers),
        network.outputs,
        network.input_quantisation,
        network.output_quantisation,
        checksum,
    )


def kind_of(layer: AnyLayer) -> str:
    """Short name: conv 3x3, conv 3x3/2 (stride 2), conv 3x3 g8 d2 (8 channel groups, dilation 2), fc, maxpool 2x2, add."""
    if isinstance(layer, FullyConnected):
        return "fc"
    if isinstance(layer, Add | Concat):
        return type(layer).__name__.lower()
    kind, (rows, cols) = ("conv", layer.weights.shape[2:]) if isinstance(layer, Conv) else ("maxpool", layer.kernel)
    name = f"{kind} {rows}x{cols}" + (f"/{layer.stride}" if layer.stride > 1 else "")
    if isinstance(layer, Conv):
        name += f" g{layer.channel_groups}" if layer.channel_groups > 1 else ""
        name += f" d{layer.dilation}" if layer.dilation > 1 else ""
    return name
