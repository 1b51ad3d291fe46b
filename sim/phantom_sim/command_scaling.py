"""`phantom scaling`: share of the ideal bound over the number of multipliers."""

from __future__ import annotations

import argparse
from pathlib import Path

from phantom.config import load_config
from phantom.errors import RangeError
from phantom.files import check_folders, check_writable, write_document
from phantom.report import grid
from phantom_sim.evaluation_docs import rewrite
from phantom_sim.scaling import SIZES, scale
from phantom_sim.scaling_report import document, plot, tables


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The `scaling` command."""
    parser = subparsers.add_parser("scaling", help="utilisation of our design as multipliers and bandwidth grow")
    shown = "whose convolutions count, random masks at published densities (vgg16)"
    parser.add_argument("network", nargs="?", default="vgg16", metavar="NETWORK", help=shown)
    parser.add_argument("--config", default="pynq_z2", metavar="NAME", help="where the growth begins (pynq_z2)")
    shown = f"default: {' '.join(map(str, SIZES))}"
    parser.add_argument("--multipliers", type=int, nargs="+", default=SIZES, metavar="N", help=shown)
    parser.add_argument("--layers", nargs="+", metavar="NAME", help="only these convolutions")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the masks (1)")
    parser.add_argument("--processes", type=int, metavar="N", help="default: one a core")
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    parser.add_argument("--plots", metavar="DIRECTORY", type=Path, help="draw the curve there (needs matplotlib)")
    parser.add_argument("--docs", metavar="FILE.md", help="put the tables between the markers of a document")
    parser.set_defaults(action=command)


def command(options: argparse.Namespace) -> int:
    """Run `phantom scaling`."""
    for name, least in (("seed", 0), ("processes", 1)):
        value = getattr(options, name)
        if value is not None and value < least:
            raise RangeError(f"--{name} {value}; it must be {least} at least")
    check_writable(options.json, options.docs)
    check_folders(options.plots)
    base = load_config(options.config)
    found = scale(options.network, base, sorted({*options.multipliers}), options.seed, options.processes, options.layers)
    shown = tables(found, base)
    for head, rows in shown.values():
        print("\n".join(grid(head, rows, {"layer", "lost to"})), end="\n\n")
    for share in found:
        if share.refused:
            print(f"{share.multipliers:,} multipliers, {share.way}: {share.refused}")
    if options.json:
        write_document(options.json, document(options.network, found, base))
    if options.plots:
        print(f"picture: {plot(options.network, found, base, options.plots)}")
    if options.docs:
        rewrite(Path(options.docs), "scaling", shown, {(options.network, name): table for name, table in shown.items()})
    return 0
