"""What the layers of a run had to do: dense and effectual multiplies, cycles, by stage."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from .counters import Counters
from .effectual import demand
from .layer import INPUT
from .network import AnyLayer
from .outline import LayerOutline, Outline, kind_of
from .report import Measure, add


class Measuring:
    """Collects the measures of a network's stages, image after image; where layers are `chosen`, only those with one of them."""

    def __init__(self, outline: Outline, stages: Sequence[tuple[str, ...]], chosen: Collection[str] | None = None) -> None:
        self._layers = [[outline.layer(name) for name in stage] for stage in stages]
        self._kept = [i for i, stage in enumerate(stages) if chosen is None or any(name in chosen for name in stage)]
        self._parts: dict[int, list[Measure]] = {i: [] for i in self._kept}

    @property
    def stages(self) -> int:
        """How many stages there are, chosen or not."""
        return len(self._layers)

    def image(self, image: np.ndarray, outputs: Mapping[str, np.ndarray], counters: Sequence[Counters] | None) -> None:
        """Count one image [C, H, W]: outputs by layer, counters by stage."""
        tensors = {INPUT: image, **outputs}
        for i in self._kept:
            parts = [_measure(layer, [tensors.get(name) for name in layer.inputs]) for layer in self._layers[i]]
            self._parts[i].append(together(parts, counters[i] if counters else None))

    def measures(self) -> list[Measure]:
        """Sums over the images, by stage."""
        return [add(parts[0].name, parts, parts[0].kind) for parts in self._parts.values()]


def _measure(layer: LayerOutline, inputs: Sequence[np.ndarray | None]) -> Measure:
    """What one layer has to do with its inputs [C, H, W]; None for one that does not exist, which pooling or an addition reads.

    What an addition multiplies of that the drain does, not the multipliers that are counted.
    """
    there = [np.zeros((1, 1, 1), np.uint8) if values is None else values for values in inputs]
    return Measure(layer.name, layer.kind, None, layer.demand.dense, layer.demand.effectual(*there))


def measure(layer: AnyLayer, inputs: Sequence[np.ndarray]) -> Measure:
    """What one layer has to do with its inputs [C, H, W], for a layer that belongs to no network."""
    channels, height, width = inputs[0].shape
    wanted = demand(layer, (channels, height, width))
    return Measure(layer.name, kind_of(layer), None, wanted.dense, wanted.effectual(*inputs))


def together(parts: Sequence[Measure], counters: Counters | None) -> Measure:
    """Layers that one run computes; its name and kind are those of the layer with the most multiplies, and a + for the others."""
    first = max(parts, key=lambda part: part.macs_dense)
    others = [part for part in parts if part is not first]
    return Measure(
        name="+".join(part.name for part in parts),
        kind=" + ".join(part.kind for part in (first, *others)),
        cycles=counters.cycles if counters else None,
        macs_dense=sum(part.macs_dense for part in parts),
        macs_effectual=sum(part.macs_effectual for part in parts),
        macs=counters.macs if counters else 0,
        sampled=counters.sampled if counters else {},
    )
