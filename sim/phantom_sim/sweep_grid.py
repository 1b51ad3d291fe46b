"""The grid of a sweep: a YAML file with a list of values for each axis; every combination is a point.

    config: pynq_z2                        # the rest of the configuration
    networks: [vgg16, mobilenet]           # names as for `phantom evaluate`, or models
    mesh: [[4, 4], [8, 8]]                 # rows and columns of cores
    threads: [8]
    lf: [16]
    act_words: [512]                       # buffers, in words
    row_buffer_words: [12288, 24576]
    bandwidth: [800]                       # MB/s of each of the two memory ports
    densities: [published, [0.3, 0.5]]     # or weights and input activations of all layers
    seeds: [1]

Only `networks` must be there; the other axes have one value by default, which is the configuration's.
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
from phantom_sim.rivals.lineup import LEAST
from phantom_sim.workloads.networks import NAMES, SHORT, recipes
from phantom_sim.workloads.spread import check_density

PUBLISHED = "published"
PORT_MB_PER_S = 800
LARGEST_KERNEL = 11  # rows of the networks' largest window; a channel's rows of one window must fit the activation buffer
Density = tuple[float, float] | str


@dataclass(frozen=True)
class Point:
    """One combination. `config` is a named configuration, of which the other values replace parts."""

    network: str
    config: str
    rows: int
    cols: int
    threads: int
    lf: int
    act_words: int
    row_buffer_words: int
    bandwidth: float
    weights: float | None  # None: as published, or a model's own
    activations: float | None
    seed: int

    def sized(self) -> Config:
        """The configuration of this point. Raises ConfigError for impossible sizes."""
        names = ("rows", "cols", "threads", "lf", "act_words", "row_buffer_words")
        return replace(load_config(self.config), **{name: getattr(self, name) for name in names})

    @property
    def densities(self) -> tuple[float, float] | None:
        """Weights and activations; None for published ones."""
        return None if self.weights is None or self.activations is None else (self.weights, self.activations)

    @property
    def is_model(self) -> bool:
        """Whether the network is a file."""
        return self.network.lower().endswith((".onnx", ".npz"))


AXES = ("networks", "mesh", "threads", "lf", "act_words", "row_buffer_words", "bandwidth", "densities", "seeds")


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
    unknown = sorted(map(str, set(given) - {*AXES, "config"}))
    if unknown:
        raise ConfigError(f"{path}: unknown keys {unknown}; the keys are config, {', '.join(AXES)}")
    base = load_config(str(given.get("config", "pynq_z2")))
    default: dict[str, Sequence[Any]] = {
        "mesh": [[base.rows, base.cols]],
        "threads": [base.threads],
        "lf": [base.lf],
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
    network, mesh, threads, lf, act_words, row_buffer_words, bandwidth, density, seed = values
    if not (isinstance(mesh, list) and len(mesh) == 2 and all(_whole(n) for n in mesh)):
        raise ConfigError(f"{path}: mesh {mesh!r}; it must be [rows, columns], whole numbers")
    whole = (("threads", threads), ("lf", lf), ("act_words", act_words), ("row_buffer_words", row_buffer_words), ("seeds", seed))
    for axis, value in whole:
        if not _whole(value):
            raise ConfigError(f"{path}: {axis} {value!r}; it must be a whole number")
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
    rows, cols = mesh
    weights, activations = pair
    buffers = act_words, row_buffer_words
    return Point(str(network), base.name, rows, cols, threads, lf, *buffers, float(bandwidth), weights, activations, seed)


def _check(path: Path, point: Point) -> None:
    """Raise where a point cannot be, before any of them is run."""
    try:
        config = point.sized()
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if point.seed < 0:
        raise RangeError(f"{path}: seeds {point.seed}; it must be 0 at least")
    if config.multipliers < LEAST:
        raise ConfigError(f"{path}: {config.multipliers} multipliers; the rivals scale from {LEAST} on")
    window = 2 * point.act_words  # entries
    if window < 2 * LARGEST_KERNEL**2:
        kernel = f"{LARGEST_KERNEL} x {LARGEST_KERNEL}"
        raise ConfigError(
            f"{path}: act_words {point.act_words} hold {window} activations; a window of {kernel} and the one behind it need "
            f"{2 * LARGEST_KERNEL**2}"
        )
    if point.is_model:
        if not Path(point.network).exists():
            raise ConfigError(f"{path}: networks: {point.network}: there is no such file")
        if point.densities is not None:
            raise ConfigError(f"{path}: {point.network} has zeros of its own; densities must be {PUBLISHED} for models")
    elif point.network not in (*SHORT, *NAMES):
        raise ConfigError(f"{path}: there is no network {point.network!r}; there are {', '.join((*SHORT, *NAMES))}, or a model")
    else:
        recipes(point.network, point.seed, density=point.densities)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
