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


def shares(stages: Sequence[Stage], tensors: Mapping[str, np.ndarray]) -> list[float]:
    """Share of nonzeros in the input of each stage, and in the last one's result, for the tensors of one input."""
    found = []
    for bundle in (*(stage.source for stage in stages), stages[-1].result):
        parts = [tensors[part.name] for part in bundle.parts]
        found.append(sum(int(np.count_nonzero(part)) for part in parts) / sum(part.size for part in parts))
    return found


def channel_shares(stages: Sequence[Stage], tensors: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Share of nonzeros in each channel of each stage's input: float [channels]."""
    found = []
    for stage in stages:
        parts = [tensors[part.name].reshape(part.stop - part.start, -1) for part in stage.source.parts]
        found.append(np.concatenate([np.count_nonzero(part, axis=1) / part.shape[1] for part in parts]))
    return found


def with_margin(found: Sequence[float]) -> list[float]:
    """Densities to size tiles by, for shares of a typical input; at most 1."""
    return [min(1.0, share * MARGIN + SLACK) for share in found]


def stage_densities(stages: Sequence[Stage], tensors: Mapping[str, np.ndarray]) -> list[float]:
    """Density that each stage's input may be expected to have, for the tensors of one input; at most 1."""
    return with_margin(shares(stages, tensors)[:-1])


def tensors_of(network: Network, image: np.ndarray) -> dict[str, np.ndarray]:
    """All tensors by name, by the reference, for an input [C, H, W]. Raises ShapeError when it does not fit."""
    outputs = reference.run(network, image)
    return {INPUT: image, **{layer.name: output for layer, output in zip(network.layers, outputs, strict=True)}}


def expected_densities(network: Network, image: np.ndarray) -> list[float]:
    """Densities by stage for a typical input [C, H, W]. Raises ShapeError when it does not fit."""
    return stage_densities(lower(network), tensors_of(network, image))
