"""`phantom evaluate`: our design against the rivals, layer by layer, on the same masks."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from phantom.config import Config, load_config
from phantom.errors import ConfigError, RangeError
from phantom.files import check_folders, check_writable, write_document
from phantom.shipped import RUNNABLE
from phantom_sim import ours
from phantom_sim.evaluation import Evaluation, evaluate
from phantom_sim.evaluation_report import document, text
from phantom_sim.rivals.lineup import mesh, paper
from phantom_sim.timing import Timing
from phantom_sim.workloads.layer import LayerMasks
from phantom_sim.workloads.model import is_model, model_layers
from phantom_sim.workloads.networks import NAMES, SHORT, Recipe, recipes

NETWORKS = ("vgg16", "mobilenet")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The `evaluate` command."""
    parser = subparsers.add_parser("evaluate", help="compare with dense machines, SCNN, SparTen, Eyeriss v2, the paper's core")
    drawn, along = ", ".join((*SHORT, *NAMES)), ", ".join(RUNNABLE)
    parser.add_argument(
        "networks",
        nargs="*",
        metavar="NETWORK",
        help=f"MODEL.onnx, one that comes along ({along}), or random masks at the published densities of {drawn}; "
        f"default: {' '.join(NETWORKS)}",
    )
    parser.add_argument("--config", default="pynq_z2", metavar="NAME", help="named configuration (pynq_z2)")
    parser.add_argument("--multipliers", type=int, metavar="N", help="of every design; default: those of the configuration")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="draw the masks N times and take the mean (1)")
    parser.add_argument("--input", metavar="X.npy", help="image for a model; default: the .npy beside it, or a synthetic one")
    parser.add_argument("--paper-sizes", action="store_true", help="the rivals at the sizes of their papers, too (long)")
    parser.add_argument(
        "--lookaheads",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="the paper's core with a lookahead from 3 to 27, in order and out of order (default; half of the time)",
    )
    parser.add_argument("--processes", type=int, metavar="N", help="default: one a core")
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    parser.add_argument("--plots", metavar="DIRECTORY", help="draw pictures of each network there (needs matplotlib)")
    parser.add_argument("--docs", metavar="FILE.md", help="put the tables between the markers of a document")
    parser.set_defaults(action=command)


def command(options: argparse.Namespace) -> int:
    """Run `phantom evaluate`."""
    if options.seeds < 1:
        raise RangeError(f"--seeds {options.seeds}; it must be 1 at least")
    if options.processes is not None and options.processes < 1:
        raise RangeError(f"--processes {options.processes}; it must be 1 at least")
    check_writable(options.json, options.docs)
    check_folders(options.plots)
    config = sized(load_config(options.config), options.multipliers)
    networks = options.networks or NETWORKS
    sources = [layers_of(name, options.seeds, options.input) for name in networks]
    found = []
    for name, (seeds, densities) in zip(networks, sources, strict=True):
        extra = paper() if options.paper_sizes else ()
        found.append(
            evaluate(
                Path(name).stem,
                densities,
                seeds,
                config,
                config.multipliers,
                ours.memory_ports(config) * Timing(clock_mhz=config.clock_mhz).bytes_per_cycle,
                extra,
                options.processes,
                options.lookaheads,
            )
        )
        print(text(found[-1]), flush=True)
    write(options, found)
    return 0


def write(options: argparse.Namespace, found: Sequence[Evaluation]) -> None:
    """What the options ask for."""
    if options.json:
        write_document(options.json, {"networks": {one.network: document(one) for one in found}})
    if options.plots:
        from phantom_sim.evaluation_plots import plots

        for one in found:
            plots(one, Path(options.plots))
    if options.docs:
        from phantom_sim.evaluation_docs import update

        update(Path(options.docs), found)


def sized(config: Config, multipliers: int | None) -> Config:
    """The configuration with another number of multipliers. Raises ConfigError where its cores do not make that many."""
    if multipliers is None or multipliers == config.multipliers:
        return config
    cores = multipliers // config.threads
    if cores < 1 or multipliers % config.threads:
        raise ConfigError(f"--multipliers {multipliers}; it must be a multiple of the {config.threads} of a core")
    rows, cols = mesh(cores)
    if rows * cols != cores:
        raise ConfigError(f"--multipliers {multipliers}: {cores} cores make no mesh; {rows * cols * config.threads} would do")
    return replace(ours.with_mesh(config, rows, cols), name=f"{config.name}, {multipliers} multipliers")


def layers_of(name: str, seeds: int, image: str | None) -> tuple[list[Sequence[Recipe | LayerMasks]], str]:
    """Layers of a network for each seed, and in words where their zeros are from.

    Raises ConfigError for an unknown name, FormatError or ShapeError for a model that cannot be used.
    """
    if is_model(name):
        layers, said = model_layers(name, image)
        return [layers], f"a model's own zeros; activations of {said}"
    return [recipes(name, seed) for seed in range(1, seeds + 1)], "published densities, random masks"
