"""Random masks. Filters of a trained and pruned layer are not equally dense, nor are channels, and zeros come in patches: all
three decide how well a machine balances its load, so masks with one density throughout would flatter every design.

What is assumed, for lack of published figures:

    filters    densities of a layer's filters are spread log-normally, sigma 0.3
    channels   densities of its input channels are spread by 0.5 in logits, as in the networks of the zoo
    patches    half of the variance of what decides whether an activation is zero is smooth over 4 x 4 positions
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from phantom.errors import RangeError

PATCH = 4  # positions


@dataclass(frozen=True)
class Spread:
    """Standard deviations of the logarithm of filters' densities and of the logit of channels'; share of smooth variance."""

    filters: float = 0.3
    channels: float = 0.5
    patches: float = 0.5


TRAINED = Spread()
UNIFORM = Spread(0, 0, 0)


def check_density(what: str, density: float) -> None:
    """Raise RangeError unless 0 < density <= 1."""
    if not 0 < density <= 1:
        raise RangeError(f"{what}: density {density}; it must be above 0 and at most 1 (0.3 leaves 30 % nonzero)")


def filter_densities(rng: np.random.Generator, density: float, filters: int, sigma: float) -> np.ndarray:
    """Different densities [filters], at most 1, the mean of which is `density`."""
    noise = np.exp(rng.normal(0, sigma, filters))
    return _with_mean(lambda shift: np.minimum(1.0, noise * np.exp(shift)), density)


def channel_densities(rng: np.random.Generator, density: float, channels: int, sigma: float) -> np.ndarray:
    """Different densities [channels], the mean of which is `density`."""
    noise = rng.normal(0, sigma, channels)
    return _with_mean(lambda shift: 1 / (1 + np.exp(-noise - shift)), density)


def _with_mean(family: Callable[[float], np.ndarray], density: float) -> np.ndarray:
    """The member of a family that rises with its parameter whose mean is `density`."""
    low, high = -20.0, 20.0
    for _ in range(60):
        shift = (low + high) / 2
        result = family(shift)
        low, high = (shift, high) if result.mean() < density else (low, shift)
    return np.asarray(result)


def weight_mask(rng: np.random.Generator, shape: tuple[int, ...], density: float, sigma: float) -> np.ndarray:
    """Mask of `shape`: each filter's weights stay by chance, with a density of its own; never none of a filter."""
    filters = shape[0]
    if density >= 1:
        return np.ones(shape, bool)
    limits = np.round(filter_densities(rng, density, filters, sigma) * 65536)
    size = int(np.prod(shape[1:]))
    mask = np.empty((filters, size), bool)
    step = max(1, (1 << 24) // size)  # rows at a time, for memory
    for first in range(0, filters, step):
        rows = slice(first, min(filters, first + step))
        drawn = rng.integers(0, 65536, (rows.stop - first, size), np.uint16)
        mask[rows] = drawn < limits[rows, None]
    empty = np.flatnonzero(~mask.any(axis=1))
    mask[empty, rng.integers(0, size, len(empty))] = True
    return mask.reshape(shape)


def activation_mask(rng: np.random.Generator, shape: tuple[int, int, int], density: float, spread: Spread) -> np.ndarray:
    """Mask [C, H, W]: each channel has exactly the share of nonzeros that it is to have; single positions by chance."""
    channels, height, width = shape
    if density >= 1:
        return np.ones(shape, bool)
    size = height * width
    if size == 1:
        kept = rng.permutation(channels)[: max(1, round(density * channels))]
        mask = np.zeros(channels, bool)
        mask[kept] = True
        return mask.reshape(shape)
    field = rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(1 - spread.patches))
    if spread.patches:
        coarse = rng.standard_normal((channels, -(-height // PATCH), -(-width // PATCH)), np.float32)
        smooth = coarse.repeat(PATCH, axis=1).repeat(PATCH, axis=2)[:, :height, :width]
        field += smooth * np.float32(np.sqrt(spread.patches))
    wanted = channel_densities(rng, density, channels, spread.channels) * size
    # Whole numbers with the right sum: what rounding takes from one channel the next one gets.
    counts = np.diff(np.round(np.cumsum(wanted)), prepend=0).astype(np.int64)
    order = np.argsort(-field.reshape(channels, size), axis=1)
    mask = np.zeros((channels, size), bool)
    np.put_along_axis(mask, order, np.arange(size) < np.clip(counts, 0, size)[:, None], axis=1)
    return mask.reshape(shape)
