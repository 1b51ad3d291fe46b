"""How our design scales: share of the ideal bound of a network's convolutions over the number of multipliers, with memory that
grows along.

The bound is the effectual multiplies with all multipliers always busy; a share of it is a utilisation. Three ways to have more
multipliers:

    mesh        one accelerator with a larger mesh, row buffer and bandwidth; its streams stay as they are, 64 bits wide
    together    several accelerators of the named configuration, each with its own memory ports, work on one image: each has a
                part of a layer's filters, or of its output rows, whichever the compiler's estimate says is faster; a layer
                lasts as long as the slowest part. That their streams are put together for the next layer is not counted (nor
                built)

Several accelerators that work on an image each need no figures: N times the images, and the utilisation of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from phantom.config import Config
from phantom.counters import CAUSES
from phantom.errors import ConfigError, PhantomError
from phantom_sim import ours
from phantom_sim.evaluation import in_processes
from phantom_sim.rivals.lineup import mesh
from phantom_sim.timing import Timing
from phantom_sim.workloads.layer import LayerMasks
from phantom_sim.workloads.networks import Recipe, recipes
from phantom_sim.workloads.split import by_filters, by_rows

SIZES = (32, 64, 128, 256, 512, 1024, 2048)
MESH, TOGETHER = "mesh", "together"
LARGEST = {"rows": 16, "cols": 16, "row_buffer_words": 65536, "param_depth": 4096}  # that a configuration may have
PORT_BYTES = 8.0  # of a stream, a cycle


@dataclass(frozen=True)
class Job:
    """A layer on `multipliers`, as one mesh or as several accelerators of the configuration `base`."""

    layer: Recipe
    base: Config
    multipliers: int
    way: str


@dataclass(frozen=True)
class LayerShare:
    """Cycles, and of the slowest accelerator what its other cycles were lost to, and how busy its weight ports are.

    cores: that are used. refused: why the hardware does not take the layer; then all else is 0.
    """

    name: str
    effectual: int
    cycles: int = 0
    cores: int = 0
    lost: tuple[float, ...] = (0.0,) * len(CAUSES)
    weight_port: float = 0.0
    refused: str = ""


@dataclass(frozen=True)
class Share:
    """All layers together, at one size."""

    multipliers: int
    way: str
    layers: tuple[LayerShare, ...]

    @property
    def refused(self) -> str:
        """Why there is no share."""
        return next((layer.refused for layer in self.layers if layer.refused), "")

    @property
    def cycles(self) -> int:
        """Of all layers."""
        return sum(layer.cycles for layer in self.layers)

    @property
    def share(self) -> float:
        """Of the bound."""
        return sum(layer.effectual for layer in self.layers) / self.multipliers / self.cycles

    @property
    def weight_port(self) -> float:
        """How busy the weight ports are, of what they could move."""
        return sum(layer.weight_port * layer.cycles for layer in self.layers) / self.cycles

    @property
    def lost(self) -> dict[str, float]:
        """Shares of the thread cycles by cause."""
        return {
            cause: sum(layer.lost[i] * layer.cycles for layer in self.layers) / self.cycles for i, cause in enumerate(CAUSES)
        }

    def of(self, layer: LayerShare) -> float:
        """A layer's share of its bound."""
        return layer.effectual / self.multipliers / layer.cycles


def enlarged(base: Config, multipliers: int) -> Config:
    """The configuration with another mesh, and with memories that grow along, but do not shrink.

    Raises ConfigError where there is no such mesh.
    """
    if multipliers == base.multipliers:
        return base
    rows, cols = mesh(max(1, multipliers // base.threads))
    if rows * cols * base.threads != multipliers or rows > LARGEST["rows"] or cols > LARGEST["cols"]:
        raise ConfigError(f"{multipliers} multipliers are no mesh of cores with {base.threads} threads, at most 16 x 16")
    sizes = {
        name: min(LARGEST[name], max(getattr(base, name), getattr(base, name) * multipliers // base.multipliers))
        for name in ("row_buffer_words", "param_depth")
    }
    return replace(ours.with_mesh(base, rows, cols, **sizes), name=f"{base.name}, {multipliers} multipliers")


def run_job(job: Job) -> LayerShare:
    """One layer at one size."""
    layer = job.layer.make()
    port = Timing(clock_mhz=job.base.clock_mhz).bytes_per_cycle
    try:
        if job.way == MESH:
            config = enlarged(job.base, job.multipliers)
            return _share(layer, [layer], config, port * job.multipliers / job.base.multipliers)
        count = job.multipliers // job.base.multipliers
        splits = [split(layer, count) for split in (by_filters, by_rows)]
        return _share(layer, min(splits, key=lambda parts: _estimate(parts, job.base)), job.base, port)
    except PhantomError as error:
        return LayerShare(layer.name, layer.macs_effectual, refused=str(error))


def _estimate(parts: Sequence[LayerMasks], config: Config) -> float:
    """Cycles of the slowest part by the compiler's estimate; infinite where one does not fit."""
    try:
        return max(ours.compiled(part, config).tiling.cycles for part in parts)
    except PhantomError:
        return float("inf")


def _share(layer: LayerMasks, parts: Sequence[LayerMasks], config: Config, port_bytes: float) -> LayerShare:
    found = [(ours.compiled(part, config), ours.simulated(part, config, port_bytes)) for part in parts]
    program, slowest = max(found, key=lambda item: item[1].cycles)
    busy = slowest.counters.wgt_words * PORT_BYTES / (slowest.cycles * config.weight_ports * min(PORT_BYTES, port_bytes))
    cores = program.tiling.groups * program.tiling.tiles
    stalls = tuple(slowest.stalls[cause] for cause in CAUSES)
    return LayerShare(layer.name, layer.macs_effectual, slowest.cycles, cores, stalls, busy)


def scale(
    network: str,
    base: Config,
    sizes: Sequence[int],
    seed: int = 1,
    processes: int | None = None,
    names: Sequence[str] | None = None,
) -> list[Share]:
    """All convolutions of a network, or those of `names`, at every size, in every way that there is for it.

    Raises ConfigError for an unknown network or layer, or sizes that are neither a mesh nor a multiple of the configuration's.
    """
    layers = [recipe for recipe in recipes(network, seed) if not recipe.layer.connected]
    known = [recipe.name for recipe in layers]
    strange = sorted({*(names or ())} - {*known})
    if strange or not layers:
        raise ConfigError(f"{network} has no convolution {', '.join(strange)}; it has {', '.join(known) or 'none'}")
    layers = [recipe for recipe in layers if names is None or recipe.name in names]
    places = []
    for size in sizes:
        if size > base.multipliers and size % base.multipliers == 0:
            places.append((size, TOGETHER))
        try:
            enlarged(base, size)
            places.append((size, MESH))
        except ConfigError:
            if (size, TOGETHER) not in places:
                raise
    jobs = [Job(layer, base, size, way) for size, way in places for layer in layers]
    results = in_processes(run_job, jobs, f"scaling of {network}", processes)
    count = len(layers)
    found = [Share(*place, tuple(results[i * count : (i + 1) * count])) for i, place in enumerate(places)]
    return found
