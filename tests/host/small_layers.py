"""Layers in short form, for tests of how they are put together."""

from __future__ import annotations

import numpy as np

from phantom.network import Add, Conv


def conv(name: str, channels: int, filters: int, kernel: int = 3, **rest: object) -> Conv:
    """A convolution that keeps rows and columns, with the same weights every time."""
    rng = np.random.default_rng(filters)
    weights = rng.integers(-128, 128, (filters, channels, kernel, kernel)).astype(np.int8)
    pad = kernel // 2
    ones = np.ones(filters, dtype=np.int64)
    return Conv(name, weights, 0 * ones, 300 * ones, ones, padding=(pad,) * 4, **rest)  # type: ignore[arg-type]


def depthwise(name: str, channels: int, **rest: object) -> Conv:
    """3 x 3, with a filter a channel."""
    ones = np.ones(channels, dtype=np.int64)
    weights = np.ones((channels, 1, 3, 3), np.int8)
    return Conv(name, weights, 0 * ones, 300 * ones, ones, padding=(1,) * 4, channel_groups=channels, **rest)  # type: ignore[arg-type]


def add(name: str, a: str, b: str, **rest: object) -> Add:
    """`factors[0]` * a + factors[1] * b, scaled down by the larger one; a + b where none are given."""
    factors = rest.pop("factors", (1, 1))
    multiplier = (1 << 14) // max(map(abs, factors))
    return Add(name, factors, multiplier, 0, inputs=(a, b), **rest)  # type: ignore[arg-type, call-overload]
