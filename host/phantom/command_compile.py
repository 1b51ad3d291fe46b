"""`phantom compile`: a quantised model to one file that a board runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from . import phantom_file
from .config import load_config
from .devices import DEFAULT_CONFIG
from .errors import FormatError
from .files import check_writable, read_images, write_document
from .options import NETWORK, compile_model, fallback_option
from .phantom_file import SUFFIX, Compiled
from .plan import Accelerated, Hosted, Plan
from .report import plural


def add_parser(commands: Any) -> None:
    """The `compile` command."""
    parser: argparse.ArgumentParser = commands.add_parser("compile", help="compile a model to one file that a board runs")
    parser.add_argument("network", metavar="MODEL", help=NETWORK)
    parser.add_argument("-o", "--output", metavar=f"NET{SUFFIX}", required=True, help="the file to write")
    default = DEFAULT_CONFIG["board"]
    parser.add_argument("--config", metavar="NAME", default=default, help=f"configuration of the hardware (default: {default})")
    typical = "a typical input: tiles are sized by its densities; without one, for dense activations if they fit"
    parser.add_argument("--input", metavar="X.npy", help=typical)
    parser.add_argument("--json", metavar="FILE", help="write what was compiled")
    fallback_option(parser)
    parser.set_defaults(action=command, images=1)


def command(options: argparse.Namespace) -> None:
    """Run `phantom compile`."""
    check_writable(options.output, options.json)
    if not options.output.endswith(SUFFIX):
        raise FormatError(f"{options.output}: it must end in {SUFFIX}")
    config = load_config(options.config)
    images = read_images(options)[0] if options.input else None
    compiled = Compiled(config, compile_model(options.network, config, images, options.fallback))
    phantom_file.save(compiled, options.output)
    size = Path(options.output).stat().st_size
    print(_summary(compiled.plan, options.output, size, config.name, options.input))
    if options.json:
        write_document(options.json, document(compiled, size))


def _summary(plan: Plan, path: str, size: int, config: str, typical: str | None) -> str:
    segments = plan.accelerated
    layers, stages = (sum(len(items) for items in each) for each in zip(*((s.outline.layers, s.stages) for s in segments)))
    lines = [f"{path}: {plan.name} for {config}, {plural(layers, 'layer')} in {plural(stages, 'stage')}, {size / 1e6:.2f} MB"]
    lines.append(f"tiles are sized for {_sized(segments, typical)}")
    for segment in plan.segments:
        if isinstance(segment, Hosted):
            lines.append(f"on the host: {', '.join(f'{name} ({op})' for name, op in segment.nodes)}")
    return "\n".join(lines)


def _sized(segments: tuple[Accelerated, ...], typical: str | None) -> str:
    if typical:
        return f"the densities of {typical}"
    lowest = min(density for segment in segments for density in segment.densities)
    if lowest == 1.0:
        return "dense activations: every input fits"
    return (
        f"activations of density {lowest:g}, dense ones do not fit; the hardware reports an input for which that was too little "
        f"(--input X.npy sizes them by a typical one)"
    )


def document(compiled: Compiled, size: int) -> dict[str, Any]:
    """For --json."""
    stages = [
        {"name": stage.name, "density": density, "weight_words": len(stage.weights), "strips": stage.strips}
        for segment in compiled.plan.accelerated
        for stage, density in zip(segment.stages, segment.densities)
    ]
    hosted = [list(map(list, segment.nodes)) for segment in compiled.plan.segments if isinstance(segment, Hosted)]
    basic = {"network": compiled.plan.name, "config": compiled.config.name, "bytes": size}
    return {**basic, "stages": stages, "host": hosted}
