"""What the hardware does in one run: one convolution over a bundle of tensors, and what becomes of its sums.

A *bundle* is several tensors of one size in one stream, one after the other along the channels. A *stage* reads a bundle and
writes one. It computes one or several layers of the network at a time, and carries tensors over that are wanted later:
to the hardware a carried channel is a filter with a single weight 1. All filters share their *taps*, the positions of the input
(relative to the output position times the stride) that any of them looks at; a filter without a weight there costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .layer import Shape
from .network import AnyLayer, MaxPool

Tap = tuple[int, int]  # (dy, dx)


@dataclass(frozen=True)
class Part:
    """A tensor in a bundle: channels start..stop - 1, of `dtype`."""

    name: str
    start: int
    stop: int
    dtype: np.dtype


@dataclass(frozen=True)
class Bundle:
    """Tensors [C, H, W] that lie behind one another along the channels; `plane` is (H, W)."""

    parts: tuple[Part, ...]
    plane: tuple[int, int]

    @property
    def shape(self) -> Shape:
        """Of all together."""
        return self.parts[-1].stop, *self.plane

    @property
    def dtype(self) -> np.dtype:
        """Of all parts, or uint8 where they differ: then each part is to be looked at as its own."""
        kinds = {part.dtype for part in self.parts}
        return kinds.pop() if len(kinds) == 1 else np.dtype(np.uint8)

    @property
    def signed(self) -> np.ndarray:
        """Whether each channel is int8: bool [C]."""
        return np.concatenate([np.full(part.stop - part.start, part.dtype == np.int8) for part in self.parts])

    def part(self, name: str) -> Part:
        """The part of that name."""
        return next(part for part in self.parts if part.name == name)

    def split(self, tensor: np.ndarray) -> dict[str, np.ndarray]:
        """The parts of a tensor of the bundle's shape, by name, each of its own type."""
        return {part.name: tensor[part.start : part.stop].view(part.dtype) for part in self.parts}


def bundle(tensors: list[tuple[str, int, np.dtype]], plane: tuple[int, int]) -> Bundle:
    """The bundle of tensors given as (name, channels, dtype)."""
    parts, start = [], 0
    for name, channels, dtype in tensors:
        parts.append(Part(name, start, start + channels, np.dtype(dtype)))
        start += channels
    return Bundle(tuple(parts), plane)


@dataclass(frozen=True)
class Residual:
    """An addition in the drain, by pairs of filters: the values of the first half of the filters are kept, and each, times
    `factor`, is added to the sum of its partner in the second half, which alone is written. signed: what is kept is int8.
    """

    factor: int
    signed: bool


@dataclass(frozen=True)
class Stage:
    """One run.

    layers: those that it computes, in order. source, result: bundles; result's plane is after pooling.
    stride, taps: of the convolution; no taps: fully connected. shape: (filters, rows, columns) before pooling.
    k, at, tap, value: the nonzero weights, int64 [n]: filter, channel of the source (fully connected: element of the source's
        flattened tensor), index into `taps`, and weight, which may go beyond 8 bits.
    bias, multiplier, sel: of every filter. clamp: which of the two `clamps` (low, high) is its.
    pool: maximum pooling behind it all. residual: addition in the drain; then there is no pooling, and two filters a channel.
    """

    layers: tuple[AnyLayer, ...]
    source: Bundle
    result: Bundle
    stride: int
    taps: tuple[Tap, ...]
    shape: Shape
    k: np.ndarray
    at: np.ndarray
    tap: np.ndarray
    value: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray
    sel: np.ndarray
    clamp: np.ndarray
    clamps: tuple[tuple[int, int], tuple[int, int]]
    pool: MaxPool | None = None
    residual: Residual | None = None

    @property
    def name(self) -> str:
        """For people."""
        return "+".join(layer.name for layer in self.layers)

    @property
    def filters(self) -> int:
        """Filters, carried channels included."""
        return self.shape[0]

    @property
    def slots_each(self) -> int:
        """Filters of a channel of the result."""
        return 2 if self.residual is not None else 1

    @property
    def outputs(self) -> int:
        """Channels of the result."""
        return self.filters // self.slots_each

    @property
    def flat(self) -> bool:
        """Whether it is fully connected."""
        return not self.taps
