"""Small random layers of every kind for the cycle models."""

from __future__ import annotations

from typing import Any

import numpy as np

from phantom_sim.workloads.layer import LayerMasks


def conv(
    seed: int,
    shape: tuple[int, int, int] = (5, 7, 9),
    filters: int = 6,
    kernel: int = 3,
    weights: float = 0.4,
    activations: float = 0.5,
    **options: Any,
) -> LayerMasks:
    """A convolution with uniformly random masks; `options` as of LayerMasks."""
    rng = np.random.default_rng(seed)
    groups = options.get("groups", 1)
    if options.get("connected"):
        kernels = rng.random((filters, *shape)) < weights
    else:
        kernels = rng.random((filters, shape[0] // groups, kernel, kernel)) < weights
        options.setdefault("padding", (kernel // 2,) * 4)
    return LayerMasks("layer", kernels, rng.random(shape) < activations, **options)


KINDS: dict[str, dict[str, Any]] = {
    "3x3": {},
    "1x1": {"kernel": 1, "filters": 9},
    "5x5": {"kernel": 5},
    "stride": {"stride": 2, "shape": (4, 8, 9)},
    "groups": {"groups": 2, "shape": (6, 6, 6), "filters": 8},
    "depthwise": {"groups": 6, "shape": (6, 7, 7), "filters": 6},
    "connected": {"connected": True, "shape": (4, 3, 3), "filters": 11},
    "dense": {"weights": 2.0, "activations": 2.0},
    "sparse": {"weights": 0.05, "activations": 0.05, "shape": (3, 12, 12)},
}


def effectual(layer: LayerMasks) -> int:
    """Effectual multiplies, product by product."""
    count = 0
    own = layer.filters // layer.groups
    rows, cols = layer.plane
    for k, c, r, s in zip(*np.nonzero(layer.weights)):
        channel = k // own * layer.weights.shape[1] + c
        for y in range(rows):
            for x in range(cols):
                place = y * layer.stride + r * layer.dilation, x * layer.stride + s * layer.dilation
                count += bool(layer.padded[channel, place[0], place[1]])
    return count
