"""`phantom sweep`: our design and the rivals over a grid of sizes, bandwidths, densities and networks.

A line of the results file is a point, written as soon as it is done; started again, a sweep goes on with those that are missing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from phantom.errors import RangeError
from phantom.files import check_folders
from phantom.progress import progress
from phantom.report import grid, plural
from phantom_sim.evaluation_report import shown
from phantom_sim.sweep_grid import SELECTORS, Point, load_grid
from phantom_sim.sweep_results import Results, Row
from phantom_sim.sweep_run import COLUMNS, DESIGNS, REFUSED, Runner, cluster, local


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The `sweep` command."""
    parser = subparsers.add_parser("sweep", help="ours and the rivals over a grid of sizes, bandwidths, densities, networks")
    parser.add_argument("grid", metavar="GRID.yaml", type=Path, help="lists of values; see docs/evaluation.md")
    parser.add_argument("--results", metavar="FILE.csv", type=Path, help="where a point is a line (default: GRID.csv)")
    parser.add_argument("--processes", type=int, metavar="N", help="default: one a core")
    parser.add_argument("--scheduler", metavar="tcp://HOST:PORT", help="run on the workers of a dask scheduler instead")
    parser.add_argument("--plots", metavar="DIRECTORY", type=Path, help="draw what the results show (needs matplotlib)")
    parser.add_argument(
        "--resources",
        metavar="FILE.json",
        type=Path,
        nargs="*",
        default=[],
        help="what `make resources` wrote, for configurations of the grid: throughput against LUTs",
    )
    parser.set_defaults(action=command)


def command(options: argparse.Namespace) -> int:
    """Run `phantom sweep`."""
    if options.processes is not None and options.processes < 1:
        raise RangeError(f"--processes {options.processes}; it must be 1 at least")
    check_folders(options.plots)
    points = load_grid(options.grid)
    results = Results(options.results or options.grid.with_suffix(".csv"), COLUMNS)
    runner = cluster(options.scheduler) if options.scheduler else local(options.processes)
    rows = sweep(points, results, runner)
    print(table(rows))
    for reason in dict.fromkeys(row[REFUSED] for row in rows if row[REFUSED]):
        print(f"not on our hardware: {reason}")
    print(f"results: {results.path}")
    if options.plots:
        from phantom_sim.sweep_plots import plots

        for path in plots(rows, options.plots, options.resources):
            print(f"picture: {path}")
    return 0


def sweep(points: Sequence[Point], results: Results, runner: Runner) -> list[Row]:
    """Run the points that are missing in `results`; the rows of all points, in the order of the grid."""
    there = results.done()
    missing = [point for point in points if point not in there]
    if len(missing) < len(points):
        print(f"{plural(len(points) - len(missing), 'point')} of {len(points)} from {results.path}")
    if missing:
        for point, row in progress(runner(missing), "sweep", len(missing)):
            results.add(point, row)
    rows = {point_of(row): row for row in results.rows}
    return [rows[point] for point in points]


def point_of(row: Row) -> Point:
    """The point of a line."""
    return Point(**{key: row[key] for key in Point.__dataclass_fields__})


def table(rows: Sequence[Row]) -> str:
    """Speedup over dense by total cycles of every point."""
    keys = ("network", "multipliers", "mesh", "lf", "paper's lf", "MB/s", "weights", "inputs", "seed")
    head = (*keys, "bound", *(shown(name) for name in DESIGNS[1:]))
    lines = []
    for row in rows:
        densities = ["-" if row[key] is None else f"{row[key]:g}" for key in ("weights", "activations")]
        speedups = [row[f"speedup_total {name}"] for name in DESIGNS[1:]]
        lines.append(
            (
                Path(row["network"]).stem,
                str(row["multipliers"]),
                f"{row['rows']}x{row['cols']}",
                str(row["lf"]),
                f"{row['paper_lf']}{' in order' if row['paper_selector'] == SELECTORS[0] else ''}",
                f"{row['bandwidth']:g}",
                *densities,
                str(row["seed"]),
                f"{row['bound_total']:.2f}x",
                *("-" if value is None else f"{value:.2f}x" for value in speedups),
            )
        )
    return "\n".join(grid(head, lines, {"network"}))
