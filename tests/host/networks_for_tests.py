"""Random layers for tests."""

from __future__ import annotations

import numpy as np

from phantom.network import Conv, FullyConnected


def random_conv(rng: np.random.Generator, filters: int, channels: int, kernel: tuple[int, int], **rest: object) -> Conv:
    """A convolution with random weights; its outputs spread over their whole range."""
    groups = int(rest.get("channel_groups", 1))  # type: ignore[call-overload]
    weights = rng.integers(-128, 128, (filters, channels // groups, *kernel)).astype(np.int8)
    weights[rng.random(weights.shape) < 0.6] = 0
    return Conv("conv", weights, *_params(rng, filters), **rest)  # type: ignore[arg-type]


def random_fc(rng: np.random.Generator, filters: int, inputs: int, **rest: object) -> FullyConnected:
    """A fully connected layer with random weights."""
    weights = rng.integers(-128, 128, (filters, inputs)).astype(np.int8)
    return FullyConnected("fc", weights, *_params(rng, filters), **rest)  # type: ignore[arg-type]


def _params(rng: np.random.Generator, filters: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    bias = rng.integers(-50000, 50000, filters).astype(np.int32)
    return bias, rng.integers(2**20, 2**23, filters).astype(np.uint32), rng.integers(3, 5, filters).astype(np.uint8)


def random_input(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Activations over the whole range of `dtype`, about half of them zero."""
    info = np.iinfo(dtype)
    values = rng.integers(info.min, info.max + 1, shape).astype(dtype)
    values[rng.random(shape) < 0.5] = 0
    return values
