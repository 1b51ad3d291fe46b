"""Every layer of a network through every design, and what follows from it: speedups, utilisation, shares of the bound, ratios.

Speedups are over a dense machine with as many multipliers as the design has, all of them always busy. The bound is what a
machine would reach that does the effectual multiplies only, all multipliers always busy: dense over effectual multiplies. What
memory leaves of it (`reach`) is counted in favour of us: a byte a nonzero, moved once, no masks nor indices, both ports always
busy.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

from phantom.config import Config
from phantom.errors import PhantomError
from phantom.progress import progress
from phantom_sim import ours
from phantom_sim.rivals.design import Design
from phantom_sim.rivals.lineup import CLAIMS, PAPER, lookaheads, scaled
from phantom_sim.rivals.phantom_paper import PhantomPaper
from phantom_sim.rivals.traffic import mask_bytes, nonzero_bytes
from phantom_sim.workloads.layer import LayerMasks
from phantom_sim.workloads.networks import Recipe

# Each process has a core of its own; a matrix product that takes them all makes everyone slower.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")


@dataclass(frozen=True)
class Job:
    """A layer and what it is to be run through.

    config: of ours; or why there is none. port_bytes: what each of our memory ports moves a cycle.
    """

    layer: Recipe | LayerMasks
    config: Config | str
    port_bytes: float
    designs: tuple[Design, ...]


@dataclass(frozen=True)
class LayerResult:
    """A layer through all designs.

    cycles, causes: by design; refused: why ours does not take it. traffic: bytes with masks; nonzeros: bytes without.
    """

    name: str
    kind: str
    macs_dense: int
    macs_effectual: int
    weights: float
    activations: float
    assumed: bool
    traffic: float
    nonzeros: float
    cycles: dict[str, float] = field(default_factory=dict)
    causes: dict[str, dict[str, float]] = field(default_factory=dict)
    refused: str = ""

    @property
    def bound(self) -> float:
        """Largest speedup over dense that skipping zeros can give."""
        return self.macs_dense / max(1, self.macs_effectual)


def run_job(job: Job) -> LayerResult:
    """One layer."""
    layer = job.layer.make() if isinstance(job.layer, Recipe) else job.layer
    cycles: dict[str, float] = {}
    causes: dict[str, dict[str, float]] = {}
    for design in job.designs:
        cost = design.run(layer)
        cycles[design.name], causes[design.name] = cost.cycles, cost.causes
    own, refused = (None, job.config) if isinstance(job.config, str) else ours.taken(layer, job.config, job.port_bytes)
    if own is not None:
        cycles[ours.NAME], causes[ours.NAME] = own.cycles, own.causes
    return LayerResult(
        layer.name,
        layer.kind,
        layer.macs_dense,
        layer.macs_effectual,
        layer.weight_density,
        layer.act_density,
        layer.assumed,
        mask_bytes(layer),
        nonzero_bytes(layer),
        cycles,
        causes,
        refused,
    )


def in_processes(function: Callable[[Any], Any], jobs: Sequence[Any], what: str, processes: int | None = None) -> list[Any]:
    """Results of `function` for all jobs, in order, with a progress bar; by so many processes, by default one a core.

    Raises what `function` raises, and PhantomError when a process dies.
    """
    processes = min(len(jobs), processes or os.cpu_count() or 1)
    if processes <= 1:
        return [function(job) for job in progress(jobs, what)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(function, job) for job in jobs]
        try:
            for future in progress(as_completed(futures), what, len(futures)):
                future.result()  # an error ends it all at once
        except BrokenProcessPool:
            advice = "with too little memory, use fewer: --processes 1"
            raise PhantomError(f"{what}: a process ended without an answer; {advice}") from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in futures]


@dataclass(frozen=True)
class Evaluation:
    """A network through all designs. layers: mean over the seeds. totals: cycles of all layers, by design, of each seed.

    lookaheads: names of the paper's core by lookahead and whether its selector works out of order; those are no designs of the
    comparison.
    """

    network: str
    densities: str
    config: Config
    multipliers: dict[str, int]
    layers: tuple[LayerResult, ...]
    totals: dict[str, tuple[float, ...]]
    bytes_per_cycle: float
    lookaheads: dict[tuple[int, bool], str] = field(default_factory=dict)

    @property
    def compared(self) -> list[str]:
        """The designs of the comparison."""
        return [name for name in self.multipliers if name not in self.lookaheads.values() or name == PAPER]

    @property
    def designs(self) -> list[str]:
        """Those of them that took every layer."""
        return [name for name in self.compared if all(name in layer.cycles for layer in self.layers)]

    def cycles(self, design: str) -> float:
        """Of all layers, the mean over the seeds."""
        return sum(self.totals[design]) / len(self.totals[design])

    def speedup(self, layer: LayerResult, design: str) -> float:
        """Of a layer over dense."""
        return layer.macs_dense / self.multipliers[design] / layer.cycles[design]

    def speedup_total(self, design: str) -> float:
        """By total cycles."""
        dense = sum(layer.macs_dense for layer in self.layers)
        return dense / self.multipliers[design] / sum(layer.cycles[design] for layer in self.layers)

    def speedup_layer_mean(self, design: str) -> float:
        """Arithmetic mean of the layers'."""
        return sum(self.speedup(layer, design) for layer in self.layers) / len(self.layers)

    def utilisation(self, design: str) -> float:
        """Effectual multiplies a multiplier cycle."""
        effectual = sum(layer.macs_effectual for layer in self.layers)
        return effectual / self.multipliers[design] / sum(layer.cycles[design] for layer in self.layers)

    @property
    def bound_total(self) -> float:
        """Of all layers together."""
        return sum(layer.macs_dense for layer in self.layers) / sum(layer.macs_effectual for layer in self.layers)

    @property
    def bound_layer_mean(self) -> float:
        """Arithmetic mean of the layers'."""
        return sum(layer.bound for layer in self.layers) / len(self.layers)

    def least_cycles(self, layer: LayerResult) -> float:
        """Of a machine of our size that only skips zeros, behind our memory."""
        return max(layer.macs_effectual / self.config.multipliers, layer.nonzeros / self.bytes_per_cycle)

    def reach(self, layer: LayerResult) -> float:
        """Speedup of that machine over dense."""
        return layer.macs_dense / self.config.multipliers / self.least_cycles(layer)

    @property
    def reach_total(self) -> float:
        """Of all layers together."""
        dense = sum(layer.macs_dense for layer in self.layers)
        return dense / self.config.multipliers / sum(self.least_cycles(layer) for layer in self.layers)

    @property
    def reach_layer_mean(self) -> float:
        """Arithmetic mean of the layers'."""
        return sum(self.reach(layer) for layer in self.layers) / len(self.layers)

    def ratios(self) -> list[Ratio]:
        """Ours over each rival that the paper names; none where ours did not take every layer."""
        return [self._ratio(claim.rival, claim.factor) for claim in CLAIMS if {ours.NAME, claim.rival} <= set(self.designs)]

    def _ratio(self, rival: str, claimed: float) -> Ratio:
        total = self.speedup_total(rival)
        each = [self.speedup(layer, rival) for layer in self.layers]
        own = [self.speedup(layer, ours.NAME) for layer in self.layers]
        count = len(self.layers)
        return Ratio(
            rival,
            claimed,
            self.speedup_total(ours.NAME) / total,
            sum(mine / its for mine, its in zip(own, each)) / count,
            self.reach_total / total,
            sum(self.reach(layer) / its for layer, its in zip(self.layers, each)) / count,
            max(self.bound_total / total, sum(layer.bound / its for layer, its in zip(self.layers, each)) / count),
        )


@dataclass(frozen=True)
class Ratio:
    """Ours over a rival, by total cycles and as the mean of the layers' ratios.

    most_total, most_layer_mean: the most that skipping zeros can give behind our memory, against the rival behind the same.
    bound: the same with all data at hand, the larger of the two means.
    """

    rival: str
    claimed: float
    total: float
    layer_mean: float
    most_total: float
    most_layer_mean: float
    bound: float

    @property
    def verdict(self) -> str:
        """reproduced, not reproduced, or cannot be: when the bound is below the claim, whichever mean is taken."""
        if self.total >= self.claimed:
            return "reproduced"
        if self.layer_mean >= self.claimed:
            return "reproduced as the mean of layers"
        if self.bound < self.claimed:
            return "cannot be"
        if max(self.most_total, self.most_layer_mean) < self.claimed:
            return "cannot be behind our memory"
        return "not reproduced"


def evaluate(
    network: str,
    densities: str,
    seeds: Sequence[Sequence[Recipe | LayerMasks]],
    config: Config,
    multipliers: int,
    bytes_per_cycle: float,
    extra: Sequence[Design] = (),
    processes: int | None = None,
    with_lookaheads: bool = False,
) -> Evaluation:
    """Run a network's layers, made from each of the seeds, through all designs scaled to `multipliers`, and `extra` ones.

    `bytes_per_cycle`: of all memory ports together.
    `with_lookaheads`: also through the paper's core with every lookahead, in order and out of order.
    """
    compared = (*scaled(multipliers, bytes_per_cycle), *extra)
    paper = next(design for design in compared if design.name == PAPER and isinstance(design, PhantomPaper))
    variants = lookaheads(paper) if with_lookaheads else []
    designs = (*compared, *(design for design in variants if design is not paper))
    jobs = [Job(layer, config, bytes_per_cycle / ours.memory_ports(config), designs) for layers in seeds for layer in layers]
    results = in_processes(run_job, jobs, f"evaluate {network}", processes)
    count = len(seeds[0])
    runs = [results[i * count : (i + 1) * count] for i in range(len(seeds))]
    layers = tuple(_mean([run[i] for run in runs]) for i in range(count))
    own = {ours.NAME: config.multipliers}
    sizes = {design.name: design.multipliers for design in designs} | own
    totals = {
        name: tuple(sum(layer.cycles[name] for layer in run) for run in runs)
        for name in sizes
        if all(name in layer.cycles for run in runs for layer in run)
    }
    names = {(design.lf, design.out_of_order): design.name for design in variants}
    return Evaluation(network, densities, config, sizes, layers, totals, bytes_per_cycle, names)


def _mean(results: Sequence[LayerResult]) -> LayerResult:
    """The mean of a layer's results over seeds."""
    first, count = results[0], len(results)
    if count == 1:
        return first
    names = [name for name in first.cycles if all(name in result.cycles for result in results)]
    causes = {name: {c for result in results for c in result.causes[name]} for name in names}
    return LayerResult(
        first.name,
        first.kind,
        first.macs_dense,
        round(sum(result.macs_effectual for result in results) / count),
        sum(result.weights for result in results) / count,
        sum(result.activations for result in results) / count,
        first.assumed,
        sum(result.traffic for result in results) / count,
        sum(result.nonzeros for result in results) / count,
        {name: sum(result.cycles[name] for result in results) / count for name in names},
        {
            name: {c: sum(result.causes[name].get(c, 0.0) for result in results) / count for c in sorted(causes[name])}
            for name in names
        },
        next((result.refused for result in results if result.refused), ""),
    )


