"""What a model becomes when it is compiled: segments that run one after the other, on the accelerator or on the host.

Nearly always it is one segment on the accelerator. Where the hardware lacks an operator, and falling back to the host is
allowed, the segments hand on tensors of the model by their names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .estimate import StageCycles
from .executable import Executable
from .network import Network
from .outline import Outline
from .scales import Quantisation


@dataclass(frozen=True)
class Port:
    """A tensor of the model that a layer of the network yields.

    shape: in the model, without the batch. quantisation: what the layer's integers stand for, None where that is not known.
    real: the model's tensor has real values; else it has integers, which are the layer's plus the zero-point.
    """

    tensor: str
    layer: str
    shape: tuple[int, ...]
    quantisation: Quantisation | None = None
    real: bool = False

    def value(self, output: np.ndarray) -> np.ndarray:
        """The model's tensor, with a batch of 1, for the layer's output [C, H, W]."""
        output = output.reshape(1, *self.shape)
        if self.quantisation is None:
            return output
        if self.real:
            return self.quantisation.real(output)
        return (output.astype(np.int16) + self.quantisation.zero_point).astype(self.quantisation.dtype)


@dataclass(frozen=True)
class Accelerated:
    """A network on the accelerator; it reads the model's tensor `tensor`.

    densities: of each stage's input, for which its tiles were sized. figures: an estimate of each stage, for the densities of a
    typical input if it is `measured`, else for assumed ones. network: what a result can be compared with, if it is known.
    """

    tensor: str
    ports: tuple[Port, ...]
    outline: Outline
    stages: Sequence[Executable]
    densities: tuple[float, ...] = ()
    figures: tuple[StageCycles, ...] = ()
    measured: bool = False
    network: Network | None = None


@dataclass(frozen=True)
class Hosted:
    """A part of the model that ONNX Runtime computes.

    nodes: (name, operator) of what it is there for; tensors are quantised and dequantised besides. inputs, outputs: tensors of
    the model. model: the part, a serialised ONNX model.
    """

    nodes: tuple[tuple[str, str], ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    model: bytes


@dataclass(frozen=True)
class Plan:
    """Segments in an order in which each comes after those whose tensors it reads. input, outputs: tensors of the model."""

    name: str
    input: str
    outputs: tuple[str, ...]
    segments: tuple[Accelerated | Hosted, ...]

    @property
    def accelerated(self) -> tuple[Accelerated, ...]:
        """Those on the accelerator."""
        return tuple(segment for segment in self.segments if isinstance(segment, Accelerated))

    @property
    def alone(self) -> Accelerated | None:
        """The one segment of a model that needs no host; None where it does."""
        (first, *more) = self.segments
        return first if isinstance(first, Accelerated) and not more else None
