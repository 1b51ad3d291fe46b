"""Estimates of cycles, stage by stage, without running anything: `phantom estimate`.

A *bound* is what one part of the machine needs by itself, however well everything else goes: no run is faster than the largest.
The *estimate* (`tiling_estimate`) adds what the parts cost each other, and was fitted to runs of the RTL. Both take nonzeros to
be spread evenly, and only their density to be known. Where the simulation is installed, its cycle model puts its own cycles in
place of them (`phantom_sim.estimating`); `method` says which they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .config import Config
from .layer import INPUT
from .layout import Layout
from .outline import Outline
from .program import Program
from .segments import LANES
from .stage import Part, Stage
from .tiling_estimate import Estimate

BOUNDS = {
    "multipliers": "every multiplier has a pair of nonzeros in every cycle",
    "weights": "the weight stream goes through its port, once a strip",
    "input": "the activations go through their port, once",
    "output": "the results go through their port",
    "LAM": "its lanes pack two nonzeros a cycle, once a pass",
}
PORT_MB_S = 800.0  # of an HP port
PORT_BYTES = 8.0  # a cycle, at most
FORMULA, MODEL = "formula", "cycle model"  # methods
ASSUMED = 0.5  # share of nonzeros in what cannot be negative, where none was measured; the rest is taken to be dense


@dataclass(frozen=True)
class StageCycles:
    """Cycles of one stage.

    kind: for people. density: of its input; density_after: of its result. bounds: cycles by the names of BOUNDS.
    macs_dense, macs_expected: multiplies of its layers on a dense machine, and of nonzeros with carried channels.
    method: FORMULA or MODEL. lost: by the model, the share of the multiplier cycles that each cause of stalls takes.
    """

    name: str
    kind: str
    density: float
    density_after: float
    cycles: float
    bounds: Mapping[str, float]
    macs_dense: int
    macs_expected: float
    method: str = FORMULA
    lost: Mapping[str, float] = field(default_factory=dict)

    @property
    def binding(self) -> str:
        """The name of the largest bound."""
        return max(self.bounds, key=lambda name: self.bounds[name])

    def speedup(self, multipliers: int) -> float | None:
        """Over a dense machine with as many multipliers; None where nothing is multiplied."""
        return -(-self.macs_dense // multipliers) / self.cycles if self.macs_dense else None


def assumed_density(part: Part, assumed: float = ASSUMED) -> float:
    """Density of a tensor where nothing was measured.

    Unsigned values are taken to have `assumed` nonzeros, as behind a ReLU; signed ones, and the network's input, to be dense.
    """
    return assumed if part.dtype == np.uint8 and part.name != INPUT else 1.0


def assumed_densities(stages: Sequence[Stage], assumed: float = ASSUMED) -> list[float]:
    """Density of each stage's input, and of the last one's result, where nothing was measured."""
    found = []
    for bundle in (*(stage.source for stage in stages), stages[-1].result):
        channels = np.array([part.stop - part.start for part in bundle.parts])
        densities = np.array([assumed_density(part, assumed) for part in bundle.parts])
        found.append(float((channels * densities).sum() / channels.sum()))
    return found


def stage_cycles(
    programs: Sequence[Program], densities: Sequence[float], outline: Outline, config: Config
) -> tuple[StageCycles, ...]:
    """Estimate compiled stages.

    Args:
        densities: of the input of each stage, and of the last one's result.
        outline: of the network that the stages compute.
    """
    found = []
    for program, density, after in zip(programs, densities, densities[1:]):
        layers = [outline.layer(name) for name in program.layers]
        kinds = sorted(layers, key=lambda layer: -layer.demand.dense)
        folded = program.source.logical != program.stage.source.shape  # with its padding, which is no position
        expected = pairs(program.stage) * density * (float(np.mean(program.source.places >= 0)) if folded else 1.0)
        bounds = _bounds(program, density, after, expected, config)
        estimate = Estimate(replace(program.work, act_density=density), program.source.cut, config)
        found.append(
            StageCycles(
                name=program.name,
                kind=" + ".join(layer.kind for layer in kinds),
                density=density,
                density_after=after,
                cycles=max(estimate(program.tiling, program.geometry), *bounds.values()),
                bounds=bounds,
                macs_dense=sum(layer.demand.dense for layer in layers),
                macs_expected=expected,
            )
        )
    return tuple(found)


def pairs(stage: Stage) -> int:
    """Pairs of a nonzero weight with a position of the input; padding counts for nothing."""
    if stage.flat:
        return len(stage.k)
    height, width = stage.source.plane
    _, rows, cols = stage.shape
    y = np.arange(rows) * stage.stride
    x = np.arange(cols) * stage.stride
    inside = [int(((y + dy >= 0) & (y + dy < height)).sum() * ((x + dx >= 0) & (x + dx < width)).sum()) for dy, dx in stage.taps]
    return int(np.bincount(stage.tap, minlength=len(inside)) @ np.array(inside))


def _bounds(program: Program, density: float, after: float, expected: float, config: Config) -> dict[str, float]:
    port = min(PORT_BYTES, PORT_MB_S / config.clock_mhz) / 8  # words a cycle
    estimate = Estimate(replace(program.work, act_density=density), program.source.cut, config)
    return {
        "multipliers": expected / config.multipliers,
        "weights": max(program.weight_words) * program.strips / port,
        "input": _words(program.source, density) / port,
        "output": _words(program.result, after) / port,
        "LAM": program.strips * program.work.channels * estimate.packing(program.tiling, program.geometry),
    }


def _words(layout: Layout, density: float) -> float:
    """Words of a stream at least: headers, masks, and nonzeros in words that are full."""
    cut = layout.geometry
    packets = len(cut.starts(layout.tile_rows)[0]) * cut.columns * cut.chunks
    return packets * (1 + LANES) + density * math.prod(layout.logical) / 8
