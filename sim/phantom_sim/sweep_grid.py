"""The grid of a sweep: a YAML file with a list of values for each axis; every combination is a point.

    config: pynq_z2                        # the rest of the configuration
    networks: [vgg16, mobilenet]           # names as for `phantom evaluate`, or models
    mesh: [[4, 4], [8, 8]]                 # rows and columns of cores; or instead
    multipliers: [36, 128, 1024]           # of every design, ours as a mesh that is nearly square, where there is one
    threads: [8]
    lf: [16]                               # of our LAM
    paper_lf: [3, 27]                      # lookahead of the paper's core
    paper_selector: [in order, out of order]
    act_words: [512]                       # buffers, in words
    row_buffer_words: [12288, 24576]
    bandwidth: [800]                       # MB/s of each of the two memory ports
    densities: [published, [0.3, 0.5]]     # or weights and input activations of all layers
    seeds: [1]

Only `networks` must be there; the other axes have one value by default, which is the configuration's. Sizes that our hardware
cannot have are errors where they are given for it (mesh, threads, lf, buffers); numbers of multipliers are for all designs, and
leave ours out where it has none so large.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from phantom.config import Config, load_config
from phantom.errors import ConfigError, RangeError
from phantom.shipped import network_path
from phantom_sim.ours import with_mesh
from phantom_sim.rivals import lookahead
from phantom_sim.rivals.lineup import LEAST, mesh
from phantom_sim.rivals.phantom_paper import PhantomPaper
from phantom_sim.workloads.model import is_model
from phantom_sim.workloads.networks import recipes
from phantom_sim.workloads.spread import check_density

PUBLISHED = "published"
PORT_MB_PER_S = 800
LARGEST_KERNEL = 11  # rows of the networks' largest window; a channel's rows of one window must fit the activation buffer
LARGEST_MESH = 16  # rows or columns
SELECTORS = ("in order", "out of order")


@dataclass(frozen=True)
class Point:
    """One combination. `config` is a named configuration, of which the other values replace parts.

    multipliers: of all designs but ours, which has rows x cols x threads.
    """

    network: str
    config: str
    multipliers: int
    rows: int
    cols: int
    threads: int
    lf: int
    paper_lf: int
    paper_selector: str
    act_words: int
    row_buffer_words: int
    bandwidth: float
    weights: float | None  # None: as published, or a model's own
    activations: float | None
    seed: int

    def sized(self) -> Config:
        """The configuration of this point. Raises ConfigError for impossible sizes."""
        sizes = {name: getattr(self, name) for name in ("threads", "lf", "act_words", "row_buffer_words")}
        config = with_mesh(load_config(self.config), self.rows, self.cols, **sizes)
        if config.multipliers != self.multipliers:
            raise ConfigError(
                f"{self.multipliers} multipliers are no mesh of cores with {self.threads} threads, nearly square and at most "
                f"{LARGEST_MESH} x {LARGEST_MESH}"
            )
        return config

    @property
    def densities(self) -> tuple[float, float] | None:
        """Weights and activations; None for published ones."""
        return None if self.weights is None or self.activations is None else (self.weights, self.activations)

    @property
    def is_model(self) -> bool:
        """Whether the network has zeros of its own. Raises ConfigError where there is none of that name."""
        return is_model(self.network)


AXES = (
    "networks", "mesh", "threads", "lf", "paper_lf", "paper_selector", "act_words", "row_buffer_words", "bandwidth",
    "densities", "seeds",
)  # fmt: skip
INSTEAD = "multipliers"  # of the axis mesh


def load_grid(path: Path) -> list[Point]:
    """All points of a grid.

    Raises ConfigError naming file and key for what is unknown, missing or impossible; RangeError for densities outside 0..1.
    """
    try:
        with open(path, encoding="utf-8") as file:
            given = yaml.safe_load(file)
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML ({error})") from None
    if not isinstance(given, dict) or "networks" not in given:
        raise ConfigError(f"{path}: it must map axes to lists of values, and have the axis networks; axes are {', '.join(AXES)}")
    unknown = sorted(map(str, set(given) - {*AXES, INSTEAD, "config"}))
    if unknown:
        raise ConfigError(f"{path}: unknown keys {unknown}; the keys are config, {', '.join((*AXES, INSTEAD))}")
    if INSTEAD in given:
        if "mesh" in given:
            raise ConfigError(f"{path}: both mesh and {INSTEAD}; the one says what the other is")
        given["mesh"] = given.pop(INSTEAD)
    base = load_config(str(given.get("config", "pynq_z2")))
    default: dict[str, Sequence[Any]] = {
        "mesh": [[base.rows, base.cols]],
        "threads": [base.threads],
        "lf": [base.lf],
        "paper_lf": [PhantomPaper.lf],
        "paper_selector": [SELECTORS[PhantomPaper.out_of_order]],
        "act_words": [base.act_words],
        "row_buffer_words": [base.row_buffer_words],
        "bandwidth": [PORT_MB_PER_S],
        "densities": [PUBLISHED],
        "seeds": [1],
    }
    values = default | {key: value for key, value in given.items() if key != "config"}
    for axis, value in values.items():
        if not isinstance(value, list) or not value:
            raise ConfigError(f"{path}: {axis} is {value!r}; it must be a list with at least one value")
    points = [_point(path, base, *combination) for combination in itertools.product(*(values[axis] for axis in AXES))]
    for point in points:
        _check(path, point)
    return list(dict.fromkeys(points))


def _point(path: Path, base: Config, *values: Any) -> Point:
    network, size, threads, lf, paper_lf, selector, act_words, row_buffer_words, bandwidth, density, seed = values
    whole = (
        ("threads", threads), ("lf", lf), ("paper_lf", paper_lf), ("act_words", act_words),
        ("row_buffer_words", row_buffer_words), ("seeds", seed),
    )  # fmt: skip
    for axis, value in whole:
        if not _whole(value):
            raise ConfigError(f"{path}: {axis} {value!r}; it must be a whole number")
    rows, cols, multipliers = _mesh(path, size, threads)
    if selector not in SELECTORS:
        raise ConfigError(f"{path}: paper_selector {selector!r}; it must be {' or '.join(SELECTORS)}")
    if not _number(bandwidth) or not math.isfinite(bandwidth) or bandwidth <= 0:
        raise ConfigError(f"{path}: bandwidth {bandwidth!r}; it must be a positive number of MB/s")
    if density == PUBLISHED:
        pair: tuple[float | None, float | None] = (None, None)
    elif isinstance(density, list) and len(density) == 2 and all(_number(d) for d in density):
        for what, value in zip(("weights", "activations"), density, strict=True):
            check_density(f"{path}: densities {density}, {what}", value)
        pair = float(density[0]), float(density[1])
    else:
        raise ConfigError(f"{path}: densities {density!r}; it must be {PUBLISHED}, or [weights, activations]")
    weights, activations = pair
    return Point(
        str(network), base.name, multipliers, rows, cols, threads, lf, paper_lf, selector, act_words, row_buffer_words,
        float(bandwidth), weights, activations, seed,
    )  # fmt: skip


def _mesh(path: Path, size: Any, threads: int) -> tuple[int, int, int]:
    """Rows and columns of our mesh, and multipliers of all others, for a value of the axis mesh or multipliers."""
    if _whole(size):
        if size < LEAST:
            raise ConfigError(f"{path}: {INSTEAD} {size}; the rivals scale from {LEAST} on")
        rows, cols = (min(side, LARGEST_MESH) for side in mesh(max(1, size // max(1, threads))))
        return rows, cols, size
    if not (isinstance(size, list) and len(size) == 2 and all(_whole(n) for n in size)):
        raise ConfigError(f"{path}: mesh {size!r}; it must be [rows, columns], whole numbers")
    rows, cols = size
    return rows, cols, rows * cols * threads


def _check(path: Path, point: Point) -> None:
    """Raise where a point cannot be, before any of them is run."""
    try:
        replace(point, multipliers=point.rows * point.cols * point.threads).sized()
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if point.seed < 0:
        raise RangeError(f"{path}: seeds {point.seed}; it must be 0 at least")
    if point.multipliers < LEAST:
        raise ConfigError(f"{path}: {point.multipliers} multipliers; the rivals scale from {LEAST} on")
    if not 1 <= point.paper_lf <= lookahead.MAX_LF:
        raise RangeError(f"{path}: paper_lf {point.paper_lf}; it must be within 1..{lookahead.MAX_LF}")
    window = 2 * point.act_words  # entries
    if window < 2 * LARGEST_KERNEL**2:
        kernel = f"{LARGEST_KERNEL} x {LARGEST_KERNEL}"
        raise ConfigError(
            f"{path}: act_words {point.act_words} hold {window} activations; a window of {kernel} and the one behind it need "
            f"{2 * LARGEST_KERNEL**2}"
        )
    try:
        model = point.is_model
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if not model:
        recipes(point.network, point.seed, density=point.densities)
        return
    if not network_path(point.network).exists():
        raise ConfigError(f"{path}: networks: {point.network}: there is no such file")
    if point.densities is not None:
        raise ConfigError(f"{path}: {point.network} has zeros of its own; densities must be {PUBLISHED} for models")


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
