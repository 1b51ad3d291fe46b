"""Named hardware configurations: the sizes that RTL, models and driver must agree on (overlay/configs.yaml)."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from .errors import ConfigError

# Sizes that the packed formats fix (docs/architecture.md): the RTL has them by name, and can be built with these values only.
FIXED = {
    "threads": (8, "a chunk of the streams has 8 channels, one for each thread"),
    "lf": (16, "the LAM's pipeline is laid out for a quarter of a mask word"),
    "act_words": (512, "ends of runs have 10 bits, and pointers of the ring wrap by themselves"),
    "psum_depth": (512, "addresses of partial sums have 9 bits, and two banks of 256 fill a block RAM"),
}


@dataclass(frozen=True)
class Config:
    """Sizes of one build. Making one checks them; ConfigError says what would be possible.

    Models may be asked about sizes that the RTL cannot be built with; `check_buildable` refuses those.
    """

    name: str
    description: str
    clock_mhz: float
    rows: int  # of cores in the mesh
    cols: int
    threads: int  # of a core, one multiplier each
    lf: int  # positions that the LAM looks at per cycle
    act_words: int  # activation buffer of a core, two packed entries a word
    psum_depth: int  # partial sums of a thread, both banks
    weight_queue_words: int  # of a thread
    run_depth: int  # entries of the run table of a core
    row_buffer_words: int  # of 64 bits
    directory_depth: int  # segments in the row buffer
    param_depth: int  # output channels whose parameters are held
    weight_ports: int  # weight streams, each for every other column of the mesh

    @property
    def cores(self) -> int:
        """Number of cores."""
        return self.rows * self.cols

    @property
    def lam_lanes(self) -> int:
        """Lanes of the LAM: each has an equal share of the rows of the mesh."""
        return math.gcd(self.rows, 4)

    @property
    def multipliers(self) -> int:
        """Number of multipliers."""
        return self.cores * self.threads

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            kinds = {"str": (str,), "int": (int,), "float": (int, float)}[str(field.type)]
            if isinstance(value, bool) or not isinstance(value, kinds):
                self._refuse(field.name, f"it must be a value of type {field.type}")
            if field.type != "str" and value <= 0:
                self._refuse(field.name, "it must be positive")
        for name, low, high in (
            ("rows", 1, 16),  # the core mask has 16 bits for each
            ("cols", 1, 16),
            ("threads", 1, 16),  # the thread number of a weight word has 4 bits
            ("row_buffer_words", 256, 65536),
            ("directory_depth", 64, 2048),  # a directory index has 11 bits
            ("param_depth", 8, 4096),
            ("weight_ports", 1, min(2, self.cols)),  # a port without a column would have nothing to do
        ):
            if not low <= getattr(self, name) <= high:
                self._refuse(name, f"it must be within {low}..{high}")
        for name, low, high in (
            ("lf", 1, 64),  # a mask word has 64 bits
            ("act_words", 16, 512),  # a run's ends have 10 bits, and a word holds two entries
            ("psum_depth", 2, 512),  # the partial-sum address has 9 bits
            ("weight_queue_words", 2, 1024),
            ("run_depth", 2, 4096),
        ):
            value = getattr(self, name)
            if not low <= value <= high or value & (value - 1):
                self._refuse(name, f"it must be a power of two within {low}..{high}")

    def check_buildable(self) -> None:
        """Raise ConfigError for a size that the RTL does not come in, naming the only one and why."""
        for name, (only, reason) in FIXED.items():
            if getattr(self, name) != only:
                self._refuse(name, f"the RTL has {only} and nothing else: {reason}")

    def _refuse(self, key: str, right: str) -> None:
        raise ConfigError(f"configuration {self.name!r}: {key} = {getattr(self, key)!r}; {right}")


def default_path() -> Path:
    """Where the configurations are: beside the sources, or inside the installed package."""
    here = Path(__file__).resolve()
    beside = here.parents[2] / "overlay" / "configs.yaml"
    return beside if beside.exists() else here.with_name("configs.yaml")


def load_configs(path: str | os.PathLike[str] | None = None) -> dict[str, Config]:
    """All configurations by name. Raises ConfigError for a file that is missing or wrong in any of them."""
    path = default_path() if path is None else Path(path)
    try:
        with open(path, encoding="utf-8") as file:
            document = yaml.load(file, Loader=_UniqueKeys)
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML ({error})") from None
    if not isinstance(document, dict) or not document:
        raise ConfigError(f"{path}: it must map names to configurations")
    return {name: _config(name, entry) for name, entry in document.items()}


def load_config(name: str, path: str | os.PathLike[str] | None = None) -> Config:
    """One configuration. Raises ConfigError when there is none of that name."""
    configs = load_configs(path)
    if name not in configs:
        raise ConfigError(f"there is no configuration {name!r}; there are {', '.join(sorted(configs))}")
    return configs[name]


def _config(name: Any, entry: Any) -> Config:
    if not isinstance(name, str) or not isinstance(entry, dict):
        raise ConfigError(f"configuration {name!r}: it must be a name with a mapping of keys to values")
    keys = {field.name for field in fields(Config)} - {"name"}
    for problem, wrong in (("unknown", set(entry) - keys), ("missing", keys - set(entry))):
        if wrong:
            raise ConfigError(f"configuration {name!r}: {problem} keys {sorted(map(str, wrong))}; the keys are {sorted(keys)}")
    config = Config(name=name, **entry)
    config.check_buildable()
    return config


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that comes twice, of which YAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in names:
            if names.count(key) > 1:
                raise ConfigError(f"{node.start_mark}: the key {key!r} comes twice")
        return super().construct_mapping(node, deep)
