"""What a cycle model is: a number of multipliers, and the cycles of a layer."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from phantom_sim.workloads.layer import LayerMasks

UNLIMITED = math.inf


@dataclass(frozen=True)
class Cost:
    """Cycles of a layer, and what of the multipliers' cycles was lost to what, as shares of all; where a model knows."""

    cycles: int
    causes: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Design(ABC):
    """A design of one size.

    name: for tables. bytes_per_cycle: memory bandwidth, all ports together. With a limited one a layer takes at least as long as
    its weights, its input and its output need, each moved once in the design's own format: nobody pays for what does not fit on
    chip, and everything overlaps.
    """

    name: str
    bytes_per_cycle: float = field(default=UNLIMITED, kw_only=True)

    @property
    @abstractmethod
    def multipliers(self) -> int:
        """How many."""

    @abstractmethod
    def compute(self, layer: LayerMasks) -> int:
        """Cycles of a layer with all data at hand."""

    @abstractmethod
    def traffic(self, layer: LayerMasks) -> float:
        """Bytes that go to and from memory."""

    def run(self, layer: LayerMasks) -> Cost:
        """Cycles of a layer."""
        compute = self.compute(layer)
        moving = math.ceil(self.traffic(layer) / self.bytes_per_cycle)
        cycles = max(compute, moving, 1)
        slots = cycles * self.multipliers
        waiting = (cycles - compute) / cycles
        return Cost(cycles, {"bandwidth": waiting, "design": max(0.0, 1 - waiting - layer.macs_effectual / slots)})
