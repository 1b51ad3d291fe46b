"""Running the points of a sweep: here by processes, or on a cluster through dask.

Whoever dies costs no result, only time: what it was working on is done again by another, ATTEMPTS times at most.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import get_context

from phantom.config import Config, load_config
from phantom.errors import ConfigError, DeviceTimeout, PhantomError
from phantom_sim import ours
from phantom_sim.evaluation import Evaluation, Job, LayerResult, run_job
from phantom_sim.optional_dask import connect
from phantom_sim.rivals.design import Design
from phantom_sim.rivals.lineup import scaled
from phantom_sim.rivals.phantom_paper import PhantomPaper
from phantom_sim.sweep_grid import SELECTORS, Point
from phantom_sim.sweep_results import Row
from phantom_sim.workloads.layer import LayerMasks
from phantom_sim.workloads.model import model_layers
from phantom_sim.workloads.networks import Recipe, recipes

ATTEMPTS = 3
DESIGNS = (*(design.name for design in scaled(128)), ours.NAME)
FIGURES = ("cycles", "speedup_total", "speedup_layer_mean", "utilisation")
REFUSED = "refused"  # why there is nothing of ours
COLUMNS = ("macs_dense", "bound_total", REFUSED, *(f"{figure} {name}" for name in DESIGNS for figure in FIGURES))

Runner = Callable[[Sequence[Point]], Iterator[tuple[Point, Row]]]


def run_point(point: Point) -> Row:
    """All layers of a point through all designs: values of COLUMNS. None stands where a design did not take a layer."""
    base = load_config(point.config)
    own: Config | str
    try:
        own = point.sized()
    except ConfigError as error:
        own = str(error)
    port_bytes = point.bandwidth / base.clock_mhz
    in_all = ours.memory_ports(base if isinstance(own, str) else own) * port_bytes
    designs = tuple(_as_asked(design, point) for design in scaled(point.multipliers, in_all))
    layers: Sequence[Recipe | LayerMasks]
    if point.is_model:
        layers = model_layers(point.network)[0]
    else:
        layers = recipes(point.network, point.seed, density=point.densities)
    results: tuple[LayerResult, ...] = tuple(run_job(Job(layer, own, port_bytes, designs)) for layer in layers)
    sizes = {design.name: design.multipliers for design in designs} | {ours.NAME: point.multipliers}
    found = Evaluation(point.network, "", base, sizes, results, {}, in_all)
    row: Row = {
        "macs_dense": sum(layer.macs_dense for layer in results),
        "bound_total": found.bound_total,
        REFUSED: next((layer.refused for layer in results if layer.refused), ""),
    }
    known = set(found.designs)
    for name in DESIGNS:
        took = name in known
        row[f"cycles {name}"] = sum(layer.cycles[name] for layer in results) if took else None
        row[f"speedup_total {name}"] = found.speedup_total(name) if took else None
        row[f"speedup_layer_mean {name}"] = found.speedup_layer_mean(name) if took else None
        row[f"utilisation {name}"] = found.utilisation(name) if took else None
    return row


def _as_asked(design: Design, point: Point) -> Design:
    """The paper's core with the point's lookahead; all others as they are."""
    if not isinstance(design, PhantomPaper):
        return design
    return replace(design, lf=point.paper_lf, out_of_order=bool(SELECTORS.index(point.paper_selector)))


def local(processes: int | None = None) -> Runner:
    """By processes of this machine, one a core by default."""

    def run(points: Sequence[Point]) -> Iterator[tuple[Point, Row]]:
        count = processes or os.cpu_count() or 1
        if count == 1:
            yield from ((point, run_point(point)) for point in points)
            return
        left = list(points)
        for _ in range(ATTEMPTS):
            try:
                for point, row in _pool(left, count):
                    left.remove(point)
                    yield point, row
                return
            except BrokenProcessPool:  # one died, and with it all that others were doing
                continue
        raise PhantomError(f"{len(left)} points are left, and processes died {ATTEMPTS} times; with too little memory, use fewer")

    return run


def _pool(points: Sequence[Point], count: int) -> Iterator[tuple[Point, Row]]:
    with ProcessPoolExecutor(min(count, max(1, len(points))), mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(run_point, point): point for point in points}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def cluster(address: str) -> Runner:
    """By the workers of the dask scheduler at `address`. Raises PhantomError without dask, DeviceTimeout without an answer."""

    def run(points: Sequence[Point]) -> Iterator[tuple[Point, Row]]:
        from distributed import KilledWorker
        from distributed import as_completed as finished

        with connect(address) as client:
            if not client.scheduler_info()["workers"]:
                raise DeviceTimeout(f"{address}: the scheduler has no workers; start some: dask worker {address}")
            futures = {client.submit(run_point, point, retries=ATTEMPTS, pure=False): point for point in points}
            for future in finished(list(futures)):
                try:
                    yield futures[future], future.result()
                except KilledWorker as error:
                    raise PhantomError(f"{address}: several workers died on one point ({error})") from None

    return run
