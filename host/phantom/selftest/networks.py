"""What the self-test runs: a small network for each kind of layer, always the same, with an input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..layer import Shape
from ..network import Add, AnyLayer, Concat, Conv, FullyConnected, MaxPool, Network
from ..quantise import multipliers_of

SEED = 1
DENSITY = 0.5  # of the input
UINT8, INT8 = np.dtype(np.uint8), np.dtype(np.int8)


@dataclass(frozen=True)
class Job:
    """A network and its input [C, H, W]; `title` says which kind of layer it is about."""

    title: str
    network: Network
    image: np.ndarray


def jobs() -> Iterator[Job]:
    """One for each kind of layer that the hardware computes; they do not depend on the configuration."""
    make = Maker(np.random.default_rng(SEED))
    for kernel in (1, 3, 5, 7, 11):
        yield make.job(f"conv {kernel}x{kernel}", (5, 12, 13), make.conv(5, 12, kernel))
    yield make.job("conv 3x3, stride 2", (20, 12, 14), make.conv(20, 10, 3, 2))  # too many channels to fold
    yield make.job("conv 3x3, folded", (3, 17, 18), make.conv(3, 10, 3, 4))  # the host folds the first layer's stride
    yield make.job("conv 3x3, thinned", (24, 9, 10), make.conv(24, 8, 3, 3))  # the drain leaves out what is too much
    yield make.job("conv 3x3, dilated", (4, 11, 12), make.conv(4, 9, 3, padding=(2, 2, 2, 2), dilation=2))
    yield make.job("conv, grouped", (8, 9, 9), make.conv(8, 12, 3, groups=2))
    yield make.job("depthwise", (16, 10, 10), make.conv(16, 16, 3, groups=16))
    yield make.job("conv, wide image", (3, 6, 150), make.conv(3, 8, 3))
    yield make.job("conv, int8", (5, 9, 10), make.conv(5, 12, 3, low=-128, high=127, out_dtype=INT8), dtype=INT8)
    yield make.job("conv, every core", (12, 16, 24), make.conv(12, 128, 3, density=0.5))
    pool = MaxPool("pool", (3, 3), 2, (1, 1, 1, 1))
    yield make.job("maximum pooling", (4, 14, 14), make.conv(4, 12, 3), pool)
    yield make.job("addition", (6, 10, 10), *make.residual(6))
    yield make.job("concatenation", (5, 10, 10), *make.joined(5))
    yield make.job("fully connected", (8, 4, 4), make.full(128, 10))
    chain = (make.conv(3, 16, 3, 2), make.full(16 * 9, 10))
    yield make.job("conv, then fc", (3, 6, 6), *chain)


class Maker:
    """Random layers from one generator."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def job(self, title: str, shape: Shape, *layers: AnyLayer, dtype: np.dtype = UINT8) -> Job:
        """The layers one after the other, with an input of DENSITY."""
        info = np.iinfo(dtype)
        image = self.rng.integers(max(info.min, -128), info.max + 1, shape)
        image[image == 0] = 1
        image[self.rng.random(shape) >= DENSITY] = 0
        return Job(title, Network(title, shape, dtype, layers), image.astype(dtype))

    def conv(
        self, channels: int, filters: int, kernel: int, stride: int = 1, groups: int = 1, density: float = 0.4, name: str = "",
        **more: object,
    ) -> Conv:  # fmt: skip
        """A square kernel, padded so that the planes keep their size at stride 1 (unless `padding` is among `more`)."""
        weights = random_weights(self.rng, (filters, channels // groups, kernel, kernel), density)
        arguments: dict[str, object] = {"padding": (kernel // 2,) * 4, "stride": stride, "channel_groups": groups, **more}
        return Conv(name or f"conv{kernel}x{kernel}", weights, *random_parameters(self.rng, weights), **arguments)  # type: ignore[arg-type]

    def full(self, inputs: int, filters: int) -> FullyConnected:
        """With signed outputs, as the last layer of a classifier."""
        weights = random_weights(self.rng, (filters, inputs))
        return FullyConnected("fc", weights, *random_parameters(self.rng, weights), relu=False, out_dtype=INT8)

    def residual(self, channels: int) -> tuple[AnyLayer, ...]:
        """A convolution, added to its own input, which is carried past it."""
        multiplier, sel = multipliers_of(np.array([0.7 / 300]))
        add = Add("add", (255, -127), int(multiplier[0]), int(sel[0]), inputs=("conv3x3", "input"))
        return self.conv(channels, channels, 3), add

    def joined(self, channels: int) -> tuple[AnyLayer, ...]:
        """Two convolutions of one input, joined, and one that reads both."""
        left, right = self.conv(channels, 6, 1, inputs=("input",)), self.conv(channels, 7, 3, inputs=("input",))
        both = Concat("both", inputs=("conv1x1", "conv3x3"))
        return left, right, both, self.conv(13, 8, 1, name="after", inputs=("both",))


def random_weights(rng: np.random.Generator, shape: tuple[int, ...], density: float = 0.4) -> np.ndarray:
    """int8 weights over the whole range, about `density` of them not zero."""
    weights = rng.integers(-128, 128, shape).astype(np.int8)
    weights[rng.random(shape) >= density] = 0
    return weights


def random_parameters(rng: np.random.Generator, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """bias, multiplier, sel for weights [K, ...] that spread the outputs of an input of density 0.5 over their range."""
    filters = len(weights)
    per_filter = max(1.0, np.count_nonzero(weights) / filters)
    multiplier, sel = multipliers_of(rng.uniform(0.5, 1.5, filters) / (70 * per_filter**0.5))
    return rng.integers(-5000, 5001, filters).astype(np.int32), multiplier, sel
