"""How dense the activations of a network are, so that its tiles can be sized by it.

A tiling that is made for dense activations always fits, but leaves much of the row buffer unused. One that is made for the
densities of a typical input is faster; should another input be so much denser that it does not fit, the hardware says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from . import reference
from .layer import INPUT
from .lower import lower
from .network import Network
from .stage import Stage

MARGIN = 1.1  # over what was counted, and
SLACK = 0.02  # as much again of all positions


def stage_densities(stages: Sequence[Stage], tensors: Mapping[str, np.ndarray]) -> list[float]:
    """Density that each stage's input may be expected to have, for the tensors of one input; at most 1."""
    found = []
    for stage in stages:
        parts = [tensors[part.name] for part in stage.source.parts]
        share = sum(int(np.count_nonzero(part)) for part in parts) / sum(part.size for part in parts)
        found.append(min(1.0, share * MARGIN + SLACK))
    return found


def expected_densities(network: Network, image: np.ndarray, stages: Sequence[Stage] | None = None) -> list[float]:
    """The same from a typical input [C, H, W], by the reference. Raises ShapeError when the input does not fit.

    `stages`: those of `lower`, if they are known already.
    """
    outputs = reference.run(network, image)
    tensors = {INPUT: image, **{layer.name: output for layer, output in zip(network.layers, outputs, strict=True)}}
    return stage_densities(lower(network) if stages is None else stages, tensors)
