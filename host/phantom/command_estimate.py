"""`phantom estimate`: cycles of every layer, without the RTL.

Where the simulation is installed and the weights are at hand, by its cycle model; else by formula. Both say so.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from . import phantom_file
from .config import Config, load_config
from .devices import DEFAULT_CONFIG
from .errors import FormatError
from .estimate import ASSUMED, FORMULA, MODEL, StageCycles
from .files import check_writable, network_path, read_images, write_document
from .optional import CYCLE_MODEL, SIMULATION, available, require
from .options import NETWORK, compile_model, config_for, fallback_option
from .phantom_file import SUFFIX
from .plan import Accelerated, Hosted, Plan
from .report import amount, grid, shortened
from .shipped import SOURCES

METHODS = ("model", "formula")
NEEDED = (SIMULATION, *CYCLE_MODEL)  # by the cycle model


def add_parser(commands: Any) -> None:
    """The `estimate` command."""
    parser: argparse.ArgumentParser = commands.add_parser("estimate", help="estimate the cycles of every layer, without the RTL")
    parser.add_argument("network", metavar="NETWORK", help=f"{NETWORK}; or a compiled file ({SUFFIX})")
    default = DEFAULT_CONFIG["board"]
    parser.add_argument("--config", metavar="NAME", help=f"configuration of the hardware (default: {default}, or the file's)")
    shown = f"an input whose densities count; without one, {ASSUMED:.0%}% of unsigned activations are taken to be nonzero"
    parser.add_argument("--input", metavar="X.npy", help=shown)
    fallback_option(parser)
    shown = "formula: in seconds; model: the cycle model, the default where it can be had"
    parser.add_argument("--by", choices=METHODS, help=shown)
    parser.add_argument("--json", metavar="FILE", help="write the figures")
    parser.set_defaults(action=command, images=None)


def command(options: argparse.Namespace) -> None:
    """Run `phantom estimate`."""
    check_writable(options.json)
    network_path(options.network, (*SOURCES, SUFFIX))
    images = None
    if options.network.endswith(SUFFIX):
        compiled = phantom_file.load(options.network)
        if options.input or options.fallback:
            raise FormatError(f"{options.network}: the densities are those that it was compiled for; --input goes with a model")
        if options.by == "model":
            raise FormatError(f"{options.network}: a compiled file has estimates by formula; --by model goes with a model")
        plan, config = compiled.plan, config_for(compiled.config, options.network, options.config, "board")
    else:
        if options.by == "model":
            require(*NEEDED)
        config = load_config(options.config or DEFAULT_CONFIG["board"])
        images = read_images(options)[0] if options.input else None
        plan = compile_model(options.network, config, images, options.fallback)
        if options.by == "model" or (options.by is None and all(map(available, NEEDED))):
            plan = by_model(plan, config, images)
    print(table(plan, config, images is not None))
    if options.json:
        write_document(options.json, document(plan, config))


def by_model(plan: Plan, config: Config, images: np.ndarray | None) -> Plan:
    """The plan with the cycle model's cycles in its figures.

    What comes to a segment from the host is not at hand: activations are drawn there.
    """
    model = importlib.import_module("phantom_sim.estimating")  # the host package does without it
    segments = [
        replace(segment, figures=model.by_model(segment, config, images if segment.tensor == plan.input else None))
        if isinstance(segment, Accelerated)
        else segment
        for segment in plan.segments
    ]
    return replace(plan, segments=tuple(segments))


def _figures(plan: Plan) -> list[StageCycles]:
    return [figures for segment in plan.accelerated for figures in segment.figures]


def table(plan: Plan, config: Config, given: bool = False) -> str:
    """At most 100 columns; what the figures rest on below. `given`: by an input that was given."""
    figures = _figures(plan)
    methods = {each.method for each in figures}
    rows = [_row(each, config.multipliers, len(methods) > 1) for each in figures]
    totals = _totals(figures, config)
    in_all = f"{totals['cycles']:,.0f}", amount(totals["macs_dense"]), _times(totals["speedup_over_dense"])
    rows.append(("total", "", "", *in_all, ""))
    head = ("layer", "kind", "nonzero", "cycles", "dense", "speedup", "bound by, at")
    lines = grid(head, rows, left={"layer", "kind", "bound by, at"})
    lines.insert(-1, lines[1])
    each, method = totals["cycles"] / config.clock_mhz / 1e3, " and ".join(f"the {name}" for name in sorted(methods))
    lines += [
        "",
        f"an estimate by {method}, not a measurement: about {each:,.2f} ms an image on {config.name}",
        f"speedup over {config.multipliers} dense multipliers: {_times(totals['speedup_over_dense'])} by total cycles, "
        f"{_times(totals['speedup_layer_mean'])} as the mean of layers",
        *_basis(plan, given),
    ]
    for segment in plan.segments:
        if isinstance(segment, Hosted):
            lines.append(f"on the host, not estimated: {', '.join(f'{name} ({op})' for name, op in segment.nodes)}")
    return "\n".join(lines)


def _basis(plan: Plan, given: bool) -> list[str]:
    methods = {figures.method for figures in _figures(plan)}
    if all(segment.measured for segment in plan.accelerated):
        lines = ["nonzero activations are those of one typical input"]
    else:
        lines = [
            f"nonzero activations are assumed: {ASSUMED:.0%} of unsigned ones, all of signed ones and of the input",
            "(--input X.npy takes those of an input)",
        ]
    if FORMULA in methods:
        lines.append("formula: nonzero weights are counted; all nonzeros are taken to be spread evenly")
    if MODEL in methods:
        drawn = not given or any(segment.tensor != plan.input for segment in plan.accelerated)
        what = " or ".join(["as of that input"] * given + ["drawn at random with these densities"] * drawn)
        lines += [f"{MODEL}: the hardware cycle by cycle, with the weights as they are,", f"and activations {what}"]
    if len(methods) > 1:
        lines.append("~: by formula")
    return lines


def _row(figures: StageCycles, multipliers: int, marked: bool) -> tuple[str, ...]:
    bound = figures.bounds[figures.binding]
    mark = "~" if marked and figures.method == FORMULA else ""
    return (
        shortened(figures.name),
        figures.kind,
        f"{figures.density:.0%}",
        f"{mark}{figures.cycles:,.0f}",
        amount(figures.macs_dense),
        _times(figures.speedup(multipliers)),
        f"{figures.binding} {bound / figures.cycles:.0%}",
    )


def _times(speedup: float | None) -> str:
    return "-" if speedup is None else f"{speedup:.2f}x"


def _totals(figures: Sequence[StageCycles], config: Config) -> dict[str, Any]:
    cycles, dense = sum(each.cycles for each in figures), sum(each.macs_dense for each in figures)
    speedups = [speedup for each in figures if (speedup := each.speedup(config.multipliers)) is not None]
    return {
        "cycles": cycles,
        "macs_dense": dense,
        "macs_expected": sum(each.macs_expected for each in figures),
        "speedup_over_dense": -(-dense // config.multipliers) / cycles if dense else None,
        "speedup_layer_mean": sum(speedups) / len(speedups) if speedups else None,
    }


def document(plan: Plan, config: Config) -> dict[str, Any]:
    """For --json."""
    figures = _figures(plan)
    return {
        "network": plan.name,
        "config": config.name,
        "estimated": True,
        "multipliers": config.multipliers,
        "clock_mhz": config.clock_mhz,
        "densities": "measured" if all(segment.measured for segment in plan.accelerated) else "assumed",
        "layers": [
            {
                "name": each.name,
                "kind": each.kind,
                "cycles": each.cycles,
                "method": each.method,
                "lost": dict(each.lost),
                "bounds": dict(each.bounds),
                "bound_by": each.binding,
                "density_in": each.density,
                "density_out": each.density_after,
                "macs_dense": each.macs_dense,
                "macs_expected": each.macs_expected,
                "speedup_over_dense": each.speedup(config.multipliers),
            }
            for each in figures
        ],
        "totals": _totals(figures, config),
        "host": [[list(node) for node in segment.nodes] for segment in plan.segments if isinstance(segment, Hosted)],
    }
