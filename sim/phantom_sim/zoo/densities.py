"""Published densities of weights and activations, from densities.yaml, checked against an architecture."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from phantom.errors import ConfigError

from .layers import Architecture, Layer

FILE = Path(__file__).with_name("densities.yaml")


@dataclass(frozen=True)
class Density:
    """Nonzero shares, 0..1: of a layer's weights, and of what it hands on. `assumed`: no source gives the latter."""

    weights: float
    activations: float
    assumed: bool = False


def published(architecture: Architecture) -> tuple[dict[str, Density], dict[str, str]]:
    """Densities of every layer of `architecture`, and the names of the sources (`weights`, `activations`).

    Raises ConfigError if there is no entry, or it does not fit the layers.
    """
    with open(FILE, encoding="utf-8") as file:
        entries = yaml.safe_load(file)
    if architecture.name not in entries:
        raise ConfigError(f"{FILE.name}: there is no entry {architecture.name!r}; there are {', '.join(entries)}")
    entry = entries[architecture.name]
    return parse(architecture, entry), dict(entry["sources"])


def parse(architecture: Architecture, entry: Mapping[str, Any]) -> dict[str, Density]:
    """Densities of every layer from an entry of the file. Raises ConfigError."""
    where = f"{FILE.name}, {architecture.name}"
    unknown = sorted(set(entry) - {"sources", "layers", "each", "assumed"})
    if unknown:
        raise ConfigError(f"{where}: does not know {unknown}")
    assumed = tuple(entry.get("assumed", ()))
    given, common = dict(entry.get("layers", {})), dict(entry.get("each", {}))
    result = {}
    for layer in architecture.layers:
        pair = given.pop(layer.name, None) or common.get(_fits(layer.name, common))
        if pair is None:
            raise ConfigError(f"{where}: layer {layer.name!r} is missing")
        result[layer.name] = _density(f"{where}, {layer.name}", layer, pair, _fits(layer.name, assumed) is not None)
    if given:
        raise ConfigError(f"{where}: there are no layers {sorted(given)}")
    return result


def _fits(name: str, patterns: Iterable[str]) -> str | None:
    """The first of the patterns, in which * stands for anything, that `name` fits."""
    return next((pattern for pattern in patterns if fnmatch.fnmatchcase(name, pattern)), None)


def _density(where: str, layer: Layer, pair: Any, assumed: bool) -> Density:
    if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(p, int | float) and 0 < p <= 100 for p in pair)):
        raise ConfigError(f"{where}: is {pair!r}; it must be [weights, activations], each above 0 and at most 100 percent")
    if (pair[1] == 100) != (not layer.activation):
        raise ConfigError(f"{where}: hands on {pair[1]} % with activation {layer.activation!r}; 100 stands for no activation")
    return Density(pair[0] / 100, pair[1] / 100, assumed and bool(layer.activation))
