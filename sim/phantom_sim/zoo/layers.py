"""A network as a list of layers, each with weights, and what follows it directly: shortcut, activation, pooling.

    output = pool(activation(conv(source) + bias [+ shortcut]))

That is how a convolutional network is computed, too: a list in the order of execution, where a layer names the one it reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from phantom.errors import ShapeError

INPUT = "input"

Shape = tuple[int, int, int]  # C, H, W


@dataclass(frozen=True)
class Pool:
    """Maximum over windows, or, with kernel 0, the mean of each whole plane."""

    kernel: int
    stride: int = 1
    pad: int = 0


MEAN = Pool(0)


@dataclass(frozen=True)
class Layer:
    """A convolution, or, with kernel 0, a fully connected layer over everything that `source` gives.

    `activation` is "relu", "relu6" or "" for none; `shortcut` names a layer whose output is added before it.
    """

    name: str
    source: str
    filters: int
    kernel: int = 0
    stride: int = 1
    pad: int = 0
    groups: int = 1
    activation: str = "relu"
    shortcut: str = ""
    pool: Pool | None = None

    @property
    def connected(self) -> bool:
        """Whether the layer is fully connected."""
        return self.kernel == 0


@dataclass(frozen=True)
class Architecture:
    """Layers in order of execution; the last one gives the network's output. `densities` names an entry of densities.yaml."""

    name: str
    shape: Shape
    layers: Sequence[Layer]

    def consumers(self, name: str) -> list[str]:
        """Names of the layers that read the output of layer `name`, be it as a shortcut."""
        return [layer.name for layer in self.layers if name in (layer.source, layer.shortcut)]


@dataclass(frozen=True)
class Size:
    """Sizes of a layer: of its weights, after the convolution, after the pooling; and its multiplies without padding left out."""

    weights: tuple[int, ...]
    convolved: Shape
    output: Shape
    macs: int


def sizes(architecture: Architecture) -> dict[str, Size]:
    """Sizes of every layer. Raises ShapeError where layers do not fit together."""
    shapes: dict[str, Shape] = {INPUT: architecture.shape}
    result: dict[str, Size] = {}
    for layer in architecture.layers:
        if layer.source not in shapes or (layer.shortcut and layer.shortcut not in shapes) or layer.name in shapes:
            raise ShapeError(f"{architecture.name}, layer {layer.name!r}: its sources must come before it, and names be distinct")
        channels, height, width = shapes[layer.source]
        if layer.connected:
            weights: tuple[int, ...] = (layer.filters, channels * height * width)
            convolved = (layer.filters, 1, 1)
        else:
            if channels % layer.groups or layer.filters % layer.groups:
                raise ShapeError(f"{architecture.name}, layer {layer.name!r}: {layer.groups} groups do not divide its channels")
            weights = (layer.filters, channels // layer.groups, layer.kernel, layer.kernel)
            height, width = (_after(n, layer.kernel, layer.stride, layer.pad) for n in (height, width))
            convolved = (layer.filters, height, width)
        if layer.shortcut and shapes[layer.shortcut] != convolved:
            raise ShapeError(f"{architecture.name}, layer {layer.name!r}: {convolved} and its shortcut do not fit")
        output = _pooled(convolved, layer.pool)
        if min(convolved + output) < 1:
            raise ShapeError(f"{architecture.name}, layer {layer.name!r}: nothing is left of its input {shapes[layer.source]}")
        per_filter = 1
        for n in weights[1:]:
            per_filter *= n
        result[layer.name] = Size(weights, convolved, output, per_filter * convolved[0] * convolved[1] * convolved[2])
        shapes[layer.name] = output
    return result


def _after(size: int, kernel: int, stride: int, pad: int) -> int:
    return (size + 2 * pad - kernel) // stride + 1


def _pooled(shape: Shape, pool: Pool | None) -> Shape:
    if pool is None:
        return shape
    if pool.kernel == 0:
        return shape[0], 1, 1
    channels, height, width = shape
    return channels, _after(height, pool.kernel, pool.stride, pool.pad), _after(width, pool.kernel, pool.stride, pool.pad)
