"""A compiled model as one file, NET.phantom: what `phantom compile` writes and a board runs, with numpy alone.

`container` has the bytes. The header says for which configuration it was compiled, with all its sizes, and what the plan's
segments are; weight streams, tables, register values, orders of channels and counts of nonzero weights are arrays. A reader
trusts nothing that it has not checked: a file whose checksum is right can still have been made by somebody else.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from . import container
from .config import Config
from .errors import FormatError, PhantomError
from .estimate import StageCycles
from .layer import INPUT
from .pack_outline import pack_outline, pack_scale, unpack_outline, unpack_scale
from .pack_stages import pack_stages, unpack_stages
from .plan import Accelerated, Hosted, Plan, Port

VERSION = 3  # 1 had a single weight stream, 2 no blocks of chunks
SUFFIX = ".phantom"

Put = Callable[[np.ndarray], int]  # an array's number in the file
Get = Callable[[int], np.ndarray]


@dataclass(frozen=True)
class Compiled:
    """What a file holds."""

    config: Config
    plan: Plan


def save(compiled: Compiled, path: str | os.PathLike[str]) -> None:
    """Write a file: the same bytes for the same plan and configuration. Raises FormatError."""
    arrays: list[np.ndarray] = []

    def put(array: np.ndarray) -> int:
        arrays.append(array)
        return len(arrays) - 1

    plan = compiled.plan
    header = {
        "config": asdict(compiled.config),
        "name": plan.name,
        "input": plan.input,
        "outputs": plan.outputs,
        "segments": [_pack(segment, put) for segment in plan.segments],
    }
    container.write(path, VERSION, header, arrays)


def load(path: str | os.PathLike[str]) -> Compiled:
    """Read a file. Raises FormatError: see `container.read`; also where what it says does not fit together."""
    header, arrays = container.read(path, VERSION)
    try:
        config = Config(**header["config"])
        segments = tuple(_unpack(entry, arrays.__getitem__) for entry in header["segments"])
        plan = Plan(str(header["name"]), str(header["input"]), tuple(map(str, header["outputs"])), segments)
        _check(plan)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise FormatError(f"{path}: the header makes no sense ({error!r})") from None
    except PhantomError as error:
        raise FormatError(f"{path}: {error}") from None
    return Compiled(config, plan)


def _pack(segment: Accelerated | Hosted, put: Put) -> dict[str, Any]:
    if isinstance(segment, Hosted):
        names = {"nodes": segment.nodes, "inputs": segment.inputs, "outputs": segment.outputs}
        return {**names, "model": put(np.frombuffer(segment.model, np.uint8))}
    return {
        "tensor": segment.tensor,
        "ports": [[p.tensor, p.layer, p.shape, pack_scale(p.quantisation), p.real] for p in segment.ports],
        "outline": pack_outline(segment.outline, put),
        "densities": segment.densities,
        "figures": [_pack_figures(figures) for figures in segment.figures],
        "measured": segment.measured,
        "stages": pack_stages(segment.stages, put),
    }


def _unpack(entry: dict[str, Any], get: Get) -> Accelerated | Hosted:
    if "model" in entry:
        nodes = tuple((str(name), str(op)) for name, op in entry["nodes"])
        return Hosted(nodes, tuple(entry["inputs"]), tuple(entry["outputs"]), get(entry["model"]).tobytes())
    outline = unpack_outline(entry["outline"], get)
    stages = unpack_stages(entry["stages"], get)
    known = {layer.name for layer in outline.layers}
    strange = {name for stage in stages for name in stage.layers} - known
    strange |= {part.name for stage in stages for part in stage.bundle.parts} - known - {INPUT}
    if strange:
        raise FormatError(f"a stage is for layers that are not there: {sorted(strange)}")
    ports = tuple(
        Port(str(tensor), outline.layer(layer).name, tuple(map(int, shape)), unpack_scale(scale), bool(real))
        for tensor, layer, shape, scale, real in entry["ports"]
    )
    densities = tuple(float(d) for d in entry["densities"])
    figures = tuple(_unpack_figures(values) for values in entry["figures"])
    if not len(stages) == len(densities) == len(figures):
        raise FormatError(f"{len(stages)} stages with {len(densities)} densities and {len(figures)} estimates")
    return Accelerated(str(entry["tensor"]), ports, outline, stages, densities, figures, bool(entry["measured"]))


def _pack_figures(figures: StageCycles) -> list[Any]:
    numbers = [figures.density, figures.density_after, figures.cycles, figures.macs_dense, figures.macs_expected]
    return [figures.name, figures.kind, *numbers, dict(figures.bounds)]


def _unpack_figures(values: list[Any]) -> StageCycles:
    name, kind, density, after, cycles, dense, expected, bounds = values
    bounds = {str(bound): float(value) for bound, value in bounds.items()}
    numbers = (float(density), float(after), float(cycles))
    if not bounds or not all(math.isfinite(value) and value >= 0 for value in (*numbers, *bounds.values())) or not cycles:
        raise FormatError(f"stage {name!r}: an estimate of {cycles} cycles at density {density}, with bounds {bounds}")
    return StageCycles(str(name), str(kind), *numbers, bounds, int(dense), float(expected))


def _check(plan: Plan) -> None:
    """Raise FormatError where a tensor is read before it is there."""
    there = {plan.input}
    for segment in plan.segments:
        reads = (segment.tensor,) if isinstance(segment, Accelerated) else segment.inputs
        missing = [name for name in reads if name not in there]
        if missing:
            raise FormatError(f"a segment reads {missing[0]!r}, which none before it yields")
        there.update([port.tensor for port in segment.ports] if isinstance(segment, Accelerated) else segment.outputs)
    if not plan.segments or not there.issuperset(plan.outputs):
        raise FormatError(f"the outputs are {list(plan.outputs)}; the segments yield {sorted(there)}")


__all__ = ["SUFFIX", "VERSION", "Compiled", "load", "save"]
