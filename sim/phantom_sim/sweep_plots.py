"""What the results of a sweep show: speedups over pairs of densities; utilisation over multipliers, bandwidth and the lookahead
of the paper's core; throughput over LUTs.

A picture is drawn only where the results have what it shows: two densities on each side, two values of the axis, a synthesis.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from phantom.config import load_config
from phantom.errors import FormatError
from phantom.picture import INK, legend_beside, new_figure, plain
from phantom_sim import ours
from phantom_sim.evaluation_plots import LINES, colour_of, save
from phantom_sim.evaluation_report import shown
from phantom_sim.rivals.lineup import PAPER
from phantom_sim.sweep_grid import Point
from phantom_sim.sweep_results import Row
from phantom_sim.sweep_run import DESIGNS

Sizes = tuple[int, ...]  # of a configuration: what a synthesis and a point have in common


def plots(rows: Sequence[Row], folder: Path, resources: Sequence[Path]) -> list[Path]:
    """Write what can be drawn. Raises FormatError for a synthesis file that cannot be read, PhantomError without matplotlib."""
    sizes = dict(_synthesis(path) for path in resources)  # what is wrong there is said first
    return [*heat_maps(rows, folder), *curves(rows, folder), *pareto(rows, folder, sizes)]


def series(rows: Iterable[Row], *without: str) -> dict[tuple[Any, ...], list[Row]]:
    """Rows that differ in the keys `without` only, together."""
    keys = [key for key in Point.__dataclass_fields__ if key not in without]
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in keys), []).append(row)
    return found


def heat_maps(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Of each network and size: speedup of every design over dense, and of ours over each, by densities; 1 as a line."""
    written = []
    for number, found in enumerate(series(rows, "weights", "activations").values()):
        given = [row for row in found if row["weights"] is not None]
        sides = [sorted({row[key] for row in given}) for key in ("weights", "activations")]
        if min(map(len, sides)) < 2:
            continue
        maps: list[tuple[str, Callable[[Row], float | None]]] = [(f"{shown(n)} over dense", _speedup(n)) for n in DESIGNS[1:]]
        maps += [(f"{shown(ours.NAME)} over {n}", _over(n)) for n in DESIGNS[1:-1]]
        drawn = [(title, values) for title, of in maps if (values := _grid(given, sides, of)) is not None]
        figure = new_figure(4 * 4, 3.2 * -(-len(drawn) // 4))
        axes = figure.subplots(-(-len(drawn) // 4), 4, squeeze=False).reshape(-1)
        for axis, (title, values) in zip(axes, drawn):
            _heat(axis, sides, values, title)
        for axis in axes[len(drawn) :]:
            axis.set_visible(False)
        row = given[0]
        written.append(save(figure, folder / f"densities-{Path(row['network']).stem}-{number}.png"))
    return written


def _speedup(design: str) -> Callable[[Row], float | None]:
    return lambda row: row[f"speedup_total {design}"]


def _over(design: str) -> Callable[[Row], float | None]:
    def ratio(row: Row) -> float | None:
        own, its = row[f"speedup_total {ours.NAME}"], row[f"speedup_total {design}"]
        return None if own is None or its is None else own / its

    return ratio


def _grid(rows: Sequence[Row], sides: list[list[float]], of: Callable[[Row], float | None]) -> np.ndarray | None:
    """Values [weights, activations], NaN where there is none; None where there are none at all."""
    values = np.full([len(side) for side in sides], np.nan)
    for row in rows:
        value = of(row)
        if value is not None:
            values[sides[0].index(row["weights"]), sides[1].index(row["activations"])] = value
    return None if np.isnan(values).all() else values


def _heat(axes: Any, sides: list[list[float]], values: np.ndarray, title: str) -> None:
    from matplotlib.colors import TwoSlopeNorm

    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    norm = TwoSlopeNorm(1.0, min(low, 0.5), max(high, 2.0))
    axes.pcolormesh(sides[1], sides[0], values, norm=norm, cmap="RdBu", shading="nearest")
    if low < 1 < high and not np.isnan(values).any():
        axes.contour(sides[1], sides[0], values, [1.0], colors="black", linewidths=1.5)
    for i, weight in enumerate(sides[0]):
        for j, activation in enumerate(sides[1]):
            if np.isfinite(values[i, j]):
                axes.text(activation, weight, f"{values[i, j]:.2g}", ha="center", va="center", fontsize=7)
    axes.set_title(title, fontsize=9, color=INK)
    axes.set_xlabel("input density", fontsize=8)
    axes.set_ylabel("weight density", fontsize=8)


@dataclass(frozen=True)
class Curve:
    """Utilisation of the designs over one axis of the grid; `keys` are those of a point that change along it."""

    name: str
    axis: str
    label: str
    keys: tuple[str, ...]
    designs: tuple[str, ...] = DESIGNS


CURVES = (
    Curve("multipliers", "multipliers", "multipliers", ("multipliers", "rows", "cols", "threads")),
    Curve("bandwidth", "bandwidth", "MB/s a port", ("bandwidth",)),
    Curve("lookahead", "paper_lf", "lookahead of the paper's core", ("paper_lf",), (PAPER, ours.NAME)),
)


def curves(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Each of CURVES, for all rows that differ along it only: at least two."""
    written = []
    for curve in CURVES:
        for number, found in enumerate(series(rows, *curve.keys).values()):
            if len({row[curve.axis] for row in found}) > 1:
                figure = new_figure(8, 4.5)
                _curve(figure.subplots(), curve, sorted(found, key=lambda row: row[curve.axis]))
                written.append(save(figure, folder / f"{curve.name}-{Path(found[0]['network']).stem}-{number}.png"))
    return written


def _curve(axes: Any, curve: Curve, rows: Sequence[Row]) -> None:
    plain(axes)
    for name in curve.designs:
        points = [(row[curve.axis], row[f"utilisation {name}"]) for row in rows if row[f"utilisation {name}"] is not None]
        if points:
            axes.plot(*zip(*points), marker="o", markersize=4, color=colour_of(name, DESIGNS), label=shown(name))
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted({row[curve.axis] for row in rows}))  # where the points are, not where powers of two are
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlabel(curve.label, color=INK)
    axes.set_ylabel("utilisation", color=INK)
    axes.set_title(_title(rows[0], curve), loc="left", weight="bold", color=INK, fontsize=10)
    legend_beside(axes)


def _title(row: Row, curve: Curve | None = None) -> str:
    """What is the same for all rows of a picture."""
    said = [Path(row["network"]).stem]
    if row["weights"] is not None:
        said.append(f"{row['weights']:g} / {row['activations']:g}")
    if curve is not None and curve.name != "multipliers":
        said.append(f"{row['multipliers']} multipliers")
    if curve is None or curve.name != "bandwidth":
        said.append(f"{row['bandwidth']:g} MB/s a port")
    if curve is not None and curve.name == "lookahead":
        said.append(row["paper_selector"])
    return ", ".join(said)


def pareto(rows: Sequence[Row], folder: Path, sizes: Mapping[Sizes, tuple[str, int]]) -> list[Path]:
    """Dense-equivalent throughput of ours over the LUTs of what has been synthesised, and the Pareto front."""
    places = []
    for row in rows:
        size = tuple(row[key] for key in ("rows", "cols", "threads", "lf", "act_words", "row_buffer_words"))
        cycles = row[f"cycles {ours.NAME}"]
        if size in sizes and cycles is not None:
            name, luts = sizes[size]
            speed = 2 * row["macs_dense"] * load_config(row["config"]).clock_mhz / cycles / 1e3
            places.append((luts, speed, f"{name}, {_title(row)}"))
    if not places:
        return []
    best, front = 0.0, []
    for luts, speed, _ in sorted(places, key=lambda place: (place[0], -place[1])):
        if speed > best:
            best = speed
            front.append((luts, speed))
    figure = new_figure(7, 4.5)
    axes = figure.subplots()
    plain(axes)
    axes.scatter([p[0] for p in places], [p[1] for p in places], color=LINES[5], s=24)
    axes.step(*zip(*front), where="post", color=INK, linewidth=1)
    for luts, speed, label in places:
        axes.annotate(label, (luts, speed), fontsize=7, color=INK, xytext=(4, 3), textcoords="offset points")
    axes.set_xlabel("LUTs", color=INK)
    axes.set_ylabel(f"dense-equivalent GOP/s, {shown(ours.NAME)}", color=INK)
    return [save(figure, folder / "pareto.png")]


def _synthesis(path: Path) -> tuple[Sizes, tuple[str, int]]:
    """Sizes of the configuration that was synthesised, its name, and its LUTs."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        name, luts = str(document["config"]), int(document["lut"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path}: not what `make resources` writes ({error})") from None
    config = load_config(name)
    size = (config.rows, config.cols, config.threads, config.lf, config.act_words, config.row_buffer_words)
    return size, (name, luts)
