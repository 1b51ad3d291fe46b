"""`phantom estimate`: cycles of every layer, without running anything."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from . import phantom_file
from .config import Config, load_config
from .devices import DEFAULT_CONFIG
from .errors import FormatError
from .estimate import ASSUMED, StageCycles
from .files import check_writable, read_images, write_document
from .options import NETWORK, compile_model, config_for, fallback_option
from .phantom_file import SUFFIX
from .plan import Hosted, Plan
from .report import amount, grid, shortened


def add_parser(commands: Any) -> None:
    """The `estimate` command."""
    parser: argparse.ArgumentParser = commands.add_parser("estimate", help="estimate the cycles of every layer; nothing is run")
    parser.add_argument("network", metavar="NETWORK", help=f"{NETWORK}; or a compiled file ({SUFFIX})")
    default = DEFAULT_CONFIG["board"]
    parser.add_argument("--config", metavar="NAME", help=f"configuration of the hardware (default: {default}, or the file's)")
    shown = f"an input whose densities count; without one, {ASSUMED:.0%} of unsigned activations are taken to be nonzero"
    parser.add_argument("--input", metavar="X.npy", help=shown)
    fallback_option(parser)
    parser.add_argument("--json", metavar="FILE", help="write the figures")
    parser.set_defaults(action=command, images=None)


def command(options: argparse.Namespace) -> None:
    """Run `phantom estimate`."""
    check_writable(options.json)
    if options.network.endswith(SUFFIX):
        compiled = phantom_file.load(options.network)
        if options.input or options.fallback:
            raise FormatError(f"{options.network}: the densities are those that it was compiled for; --input goes with a model")
        plan, config = compiled.plan, config_for(compiled.config, options.network, options.config, "board")
    else:
        config = load_config(options.config or DEFAULT_CONFIG["board"])
        images = read_images(options)[0] if options.input else None
        plan = compile_model(options.network, config, images, options.fallback)
    print(table(plan, config))
    if options.json:
        write_document(options.json, document(plan, config))


def _figures(plan: Plan) -> list[StageCycles]:
    return [figures for segment in plan.accelerated for figures in segment.figures]


def table(plan: Plan, config: Config) -> str:
    """At most 100 columns; what the figures rest on below."""
    figures = _figures(plan)
    rows = [_row(each, config.multipliers) for each in figures]
    totals = _totals(figures, config)
    in_all = f"{totals['cycles']:,.0f}", amount(totals["macs_dense"]), _times(totals["speedup_over_dense"])
    rows.append(("total", "", "", *in_all, ""))
    head = ("layer", "kind", "nonzero", "cycles", "dense", "speedup", "bound by, at")
    lines = grid(head, rows, left={"layer", "kind", "bound by, at"})
    lines.insert(-1, lines[1])
    each = totals["cycles"] / config.clock_mhz / 1e3
    lines += ["", f"an estimate, not a measurement: about {each:,.2f} ms an image on {config.name}"]
    lines.append(
        f"speedup over {config.multipliers} dense multipliers: {_times(totals['speedup_over_dense'])} by total cycles, "
        f"{_times(totals['speedup_layer_mean'])} as the mean of layers"
    )
    lines += [_basis(plan), "nonzero weights are counted; all nonzeros are taken to be spread evenly"]
    for segment in plan.segments:
        if isinstance(segment, Hosted):
            lines.append(f"on the host, not estimated: {', '.join(f'{name} ({op})' for name, op in segment.nodes)}")
    return "\n".join(lines)


def _basis(plan: Plan) -> str:
    if all(segment.measured for segment in plan.accelerated):
        return "nonzero activations are those of one typical input"
    return (
        f"nonzero activations are assumed: {ASSUMED:.0%} of unsigned ones, all of signed ones and of the input\n"
        f"(--input X.npy takes those of an input)"
    )


def _row(figures: StageCycles, multipliers: int) -> tuple[str, ...]:
    bound = figures.bounds[figures.binding]
    return (
        shortened(figures.name),
        figures.kind,
        f"{figures.density:.0%}",
        f"{figures.cycles:,.0f}",
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
