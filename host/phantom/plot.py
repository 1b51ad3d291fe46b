"""Pictures of a report: where the thread cycles of each layer went, and how much faster it was than a dense machine.

Needs matplotlib, which comes with the project's `sim` extra.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from .errors import PhantomError
from .picture import BAD, BLUE, GREY, INK, Picture, column, headline, legend_across, legend_below, new_figure, plain, save
from .report import CAUSES, Measure, Report, add, shortened

# Good cycles dark, lost ones light; neighbours differ in lightness too, for print and for eyes that tell few hues apart.
COLOURS = {
    "effectual": "#1b4f72",
    "edge": "#5d8aa8",
    "hazard": "#7d3c98",
    "fetch": "#d98880",
    "weight": "#f0b27a",
    "channel": "#f9e79f",
    "issue": "#a2d9ce",
    "bank": "#c39bd3",
}
PARTS = {"effectual": "useful multiply"} | {name: f"{name}: {CAUSES[name]}" for name in COLOURS if name != "effectual"}
MANY = 12  # bars beyond which their names stand upright
MOST_ROWS = 22  # of a notebook's picture, which is no higher than a screen
MOST_KIND = 23  # letters: a kind that joins several layers' is cut like their names


def plot(report: Report, path: str | os.PathLike[str]) -> None:
    """Write a picture (PNG, SVG or PDF, by the suffix). Raises PhantomError without matplotlib or cycles, or when it cannot."""
    _check(report)
    places, measures = _with_total(report.layers, report.total)
    figure = new_figure(10, _height(len(measures), 2.2))
    figure.suptitle(_title(report), x=0.01, ha="left", fontsize=12, weight="bold", color=INK)
    grid = figure.add_gridspec(2, 2, width_ratios=[3, 2], height_ratios=[_height(len(measures), 0.9), 0.6])
    left = figure.add_subplot(grid[0, 0])
    right = figure.add_subplot(grid[0, 1], sharey=left)
    below = figure.add_subplot(grid[1, :])
    _states(left, places, measures, report.config.multipliers)
    headline(left, "what the threads did", "a thread is one multiplier with its sums")
    _speedups(right, places, measures, report)
    _names(left, places, measures)
    right.tick_params(labelleft=False)
    legend_across(below, left, 3)
    save(figure, path)


def thread_states(report: Report, total: bool = True) -> Picture:
    """Stacked bars: what the threads did, layer by layer and, unless not wanted, in total; in shares of their time.

    Of a large network the layers that took the longest have bars of their own, the others one together. Raises PhantomError
    where no cycles were counted.
    """
    _check(report)
    places, measures = _with_total(_longest(report.layers), report.total)
    if not total:
        places, measures = places[:-1], measures[:-1]

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        _states(axes, places, measures, report.config.multipliers)
        _names(axes, places, measures)
        legend_below(axes, 2, 0.5)
        headline(axes, _title(report), "what the threads did, in shares of their time; a thread is one multiplier with its sums")

    words = f"{_title(report)}; useful multiplies: " + ", ".join(
        f"{measure.name} {measure.utilisation(report.config.multipliers) or 0:.1%}" for measure in measures
    )
    return Picture(words, 9.0, _height(len(measures), 1.75), draw)


def throughput(report: Report) -> Picture:
    """How busy the multipliers were, beside the speed of a dense machine that would take as long.

    Raises PhantomError where no cycles were counted.
    """
    _check(report)
    config = report.config
    places, measures = _with_total(_longest(report.layers), report.total)
    busy = [measure.utilisation(config.multipliers) or 0.0 for measure in measures]
    speeds = [measure.gops(config.clock_mhz) or 0.0 for measure in measures]
    peak = 2 * config.multipliers * config.clock_mhz / 1e3
    colours = _colours(measures)

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        for axes, values, texts in (
            (left, busy, [f"{value:.1%}" for value in busy]),
            (right, speeds, [f"{value:.1f}" if value >= 1 else f"{value:.2f}" for value in speeds]),
        ):
            plain(axes, rows=False)
            axes.barh(places, values, 0.66, color=colours)
            column(axes, places, texts)
        left.set_xlim(0, 1)
        left.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        left.set_xlabel("share of the multipliers' cycles", color=INK, fontsize=9)
        _names(left, places, measures)
        headline(left, "multipliers at useful work", "both operands nonzero")
        right.set_xlim(0, 1.04 * max(peak, *speeds))
        right.axvline(peak, color=BAD, linewidth=1.2, linestyle="--")
        right.set_xlabel("GOP/s", color=INK, fontsize=9)
        headline(right, "dense-equivalent speed", f"with zeros; dashed: dense peak, {peak:.1f} GOP/s")

    words = f"{_title(report)}; dense peak {peak:.1f} GOP/s: " + ", ".join(
        f"{measure.name} {share:.1%} at {speed:.1f} GOP/s" for measure, share, speed in zip(measures, busy, speeds)
    )
    return Picture(words, 9.8, _height(len(measures), 1.35), draw)


def _check(report: Report) -> None:
    if report.total.cycles is None:
        raise PhantomError(
            f"device {report.device!r} counts no cycles, so there is nothing to plot; choose --device rtl or board"
        )


def _height(bars: int, around: float) -> float:
    """Inches of a picture with so many horizontal bars, and room `around` them; bars are thinner where there are many."""
    return around + bars * max(0.17, min(0.36, 3.6 / bars))


def _longest(layers: Sequence[Measure]) -> Sequence[Measure]:
    """All layers in their order; where there are too many for a screen, those that took the longest, and the others' sum."""
    if len(layers) <= MOST_ROWS:
        return layers
    kept = set(sorted(range(len(layers)), key=lambda i: -(layers[i].cycles or 0))[: MOST_ROWS - 1])
    others = [layer for i, layer in enumerate(layers) if i not in kept]
    return [*(layer for i, layer in enumerate(layers) if i in kept), add(f"{len(others)} others", others)]


def _with_total(layers: Sequence[Measure], total: Measure) -> tuple[list[float], list[Measure]]:
    """Layers and their total, and where their bars are: the total stands apart from the layers."""
    return [*range(len(layers)), len(layers) + 0.3], [*layers, total]


def _colours(measures: Sequence[Measure]) -> list[str]:
    return [INK if measure.name == "total" and not measure.kind else BLUE for measure in measures]


def _title(report: Report) -> str:
    cfg = report.config
    return f"{report.network} on {cfg.name}: {cfg.multipliers} multipliers at {cfg.clock_mhz:g} MHz"


def _names(axes: Any, places: Sequence[float], measures: Sequence[Measure]) -> None:
    size = 9 if len(measures) <= MANY else 8 if len(measures) <= 16 else 7
    axes.set_yticks(places, [_label(measure) for measure in measures], fontsize=size)
    axes.set_ylim(places[-1] + 0.6, places[0] - 0.6)


def _label(measure: Measure) -> str:
    """Name and kind in one line, each cut as in the table: layers that one run computes have long names together."""
    name, kind = shortened(measure.name), shortened(measure.kind, MOST_KIND)
    return name if kind in ("", measure.name) else f"{name}, {kind}"


def _states(axes: Any, places: Sequence[float], measures: Sequence[Measure], multipliers: int) -> None:
    """Stacked bars of thread cycles: the useful ones first, then each cause; in figures the useful ones, and large losses."""
    plain(axes, rows=False)
    start = [0.0] * len(measures)
    stalls = [measure.stalls(multipliers) for measure in measures]
    useful = [measure.utilisation(multipliers) or 0.0 for measure in measures]
    for name, label in PARTS.items():
        values = useful if name == "effectual" else [lost[name] for lost in stalls]
        if max(values) < 0.002:
            continue
        axes.barh(places, values, 0.74, start, color=COLOURS[name], label=label, edgecolor="white", linewidth=0.6)
        for place, first, value in zip(places, start, values):
            if value >= 0.06 and name != "effectual" and len(measures) <= MOST_ROWS:
                colour = "white" if name in ("edge", "hazard") else INK
                axes.text(first + value / 2, place, f"{value:.0%}", ha="center", va="center", color=colour, fontsize=8)
        start = [a + b for a, b in zip(start, values)]
    column(axes, places, [f"{value:.1%}" for value in useful], "useful", bold=True)
    axes.set_xlim(0, max(1.0, *start))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlabel("share of the thread cycles", color=INK, fontsize=9)


def _speedups(axes: Any, places: Sequence[float], measures: Sequence[Measure], report: Report) -> None:
    """Bars of the speedup, with a line at 1, the dense machine, and one at the mean; none where nothing is multiplied."""
    plain(axes, rows=False)
    speedups = [measure.speedup(report.config.multipliers) for measure in measures]
    values = [speedup or 0.0 for speedup in speedups]
    axes.barh(places, values, 0.74, color=_colours(measures))
    axes.axvline(1, color=BAD, linewidth=1.2, linestyle="--")
    said, mean = "dashed: dense", report.speedup_layer_mean
    if mean is not None:
        axes.axvline(mean, color=GREY, linewidth=1.2, linestyle=":")
        said += f"; dotted: mean, {mean:.2f}x"
    column(axes, places, ["-" if speedup is None else f"{speedup:.2f}x" for speedup in speedups])
    axes.set_xlim(0, 1.04 * max(1.0, *values))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}x")
    axes.set_xlabel("times as fast", color=INK, fontsize=9)
    headline(axes, "speedup over a dense machine", said)
