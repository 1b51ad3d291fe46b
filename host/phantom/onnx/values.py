"""What the tensors of a model are while it is imported.

    FloatInput, IntegerInput   the model's input, before it is known what its integers stand for
    Constant                   an initializer, or computed from such
    QuantisedConstant          an integer constant with its scale: weights, biases
    Quantised                  an integer tensor that a layer, or the network's input, yields
    Real                       a real tensor: an operation on quantised ones, waiting to be quantised
    Host                       what the host computes from an output: softmax and the like

Shapes are without the batch: (C, H, W) of the network, `flat` where the model's tensor has one axis instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..errors import FormatError
from ..layer import Shape
from ..scales import Quantisation


class UnsupportedModel(FormatError):
    """A model uses what Phantom does not support; the message names node and operator, and what would be supported."""


@dataclass(frozen=True)
class FloatInput:
    """The model's input, real."""

    name: str
    shape: Shape
    flat: bool


@dataclass(frozen=True)
class IntegerInput:
    """The model's input, integer; its first use tells the scale."""

    name: str
    shape: Shape
    flat: bool
    dtype: np.dtype


@dataclass(frozen=True)
class Constant:
    """An array that is known."""

    array: np.ndarray


@dataclass(frozen=True)
class QuantisedConstant:
    """Integers (zero-point removed, int16 or wider) times scale (float32, a scalar or one for each index of `axis`)."""

    integers: np.ndarray
    scale: np.ndarray
    axis: int

    def scales(self, axis: int, count: int, where: str) -> np.ndarray:
        """Scale of each index of `axis`, float32 [count]. Raises UnsupportedModel where scales go along another axis."""
        if self.scale.size == 1:
            return np.full(count, self.scale.reshape(-1)[0], np.float32)
        if self.axis != axis or self.scale.shape != (count,):
            raise UnsupportedModel(
                f"{where}: the weights have scales of shape {self.scale.shape} along axis {self.axis}; "
                f"there must be one, or one for each output channel (axis {axis})"
            )
        return self.scale

    def real(self) -> np.ndarray:
        """Real values, float64."""
        scale = self.scale.astype(np.float64)
        if scale.size > 1:
            scale = scale.reshape([-1 if i == self.axis else 1 for i in range(self.integers.ndim)])
        return self.integers * scale


@dataclass(frozen=True)
class Quantised:
    """An integer tensor `name` of the model, which `layer` yields. v = q - zero-point is proven to be within low..high."""

    name: str
    layer: str
    quantisation: Quantisation
    low: int
    high: int
    shape: Shape
    flat: bool = False

    @property
    def scale(self) -> float:
        """Real value of 1."""
        return self.quantisation.scale


@dataclass(frozen=True)
class Real:
    """An operation on quantised tensors, and the limits (real) of its result. `name` is that of the model's node.

    kind: identity, conv (also depthwise ones that stand for something else), fc, add, maxpool, concat.
    weights: integers, as in the layer. scale: real value of an accumulator's 1, float64 [K]. bias: in that unit, float64 [K].
    options: further fields of the layer. own: the model's name for the kind, in reports.
    """

    kind: str
    name: str
    inputs: tuple[Quantised, ...]
    shape: Shape
    flat: bool = False
    low: float = -np.inf
    high: float = np.inf
    weights: np.ndarray | None = None
    scale: np.ndarray | None = None
    bias: np.ndarray | None = None
    options: dict[str, object] = field(default_factory=dict)
    own: str = ""

    @property
    def clamped(self) -> bool:
        """Whether anything limits the result."""
        return self.low > -np.inf or self.high < np.inf


@dataclass(frozen=True)
class Host:
    """Left to the host: `operators` in order, on `source`."""

    operators: tuple[str, ...]
    source: Quantised


Value = FloatInput | IntegerInput | Constant | QuantisedConstant | Quantised | Real | Host
