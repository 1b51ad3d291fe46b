"""The convolutions of GoogLeNet's inception modules (Szegedy et al. 2014), which SCNN's sweep of densities was made with."""

from __future__ import annotations

import numpy as np

from phantom_sim.workloads.layer import LayerMasks
from phantom_sim.workloads.spread import UNIFORM, activation_mask, weight_mask

# plane, input channels, filters: 1x1; 1x1 before 3x3, 3x3; 1x1 before 5x5, 5x5; 1x1 behind the pooling
MODULES = {
    "3a": (28, 192, 64, 96, 128, 16, 32, 32),
    "3b": (28, 256, 128, 128, 192, 32, 96, 64),
    "4a": (14, 480, 192, 96, 208, 16, 48, 64),
    "4b": (14, 512, 160, 112, 224, 24, 64, 64),
    "4c": (14, 512, 128, 128, 256, 24, 64, 64),
    "4d": (14, 512, 112, 144, 288, 32, 64, 64),
    "4e": (14, 528, 256, 160, 320, 32, 128, 128),
    "5a": (7, 832, 256, 160, 320, 32, 128, 128),
    "5b": (7, 832, 384, 192, 384, 48, 128, 128),
}


def inception(density: float) -> list[LayerMasks]:
    """All of them, weights and activations of one density, uniformly random."""
    found = []
    for name, (side, channels, one, reduce3, three, reduce5, five, pool) in MODULES.items():
        for part, source, filters, kernel in (
            ("1x1", channels, one, 1),
            ("3x3r", channels, reduce3, 1),
            ("3x3", reduce3, three, 3),
            ("5x5r", channels, reduce5, 1),
            ("5x5", reduce5, five, 5),
            ("pool", channels, pool, 1),
        ):
            rng = np.random.default_rng([len(found), 7])
            weights = weight_mask(rng, (filters, source, kernel, kernel), density, 0)
            activations = activation_mask(rng, (source, side, side), density, UNIFORM)
            found.append(LayerMasks(f"{name}/{part}", weights, activations, padding=(kernel // 2,) * 4))
    return found
