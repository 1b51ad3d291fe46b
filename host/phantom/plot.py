"""Pictures of a report: where the thread cycles of each layer went, and how much faster it was than a dense machine.

Needs matplotlib, which comes with the project's `sim` extra.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from .errors import PhantomError
from .picture import BAD, BLUE, GREY, INK, PLATE, Picture, headline, legend_beside, new_figure, plain, save
from .report import CAUSES, Measure, Report

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
MANY = 12  # bars beyond which their names stand upright


def plot(report: Report, path: str | os.PathLike[str]) -> None:
    """Write a picture (PNG, SVG or PDF, by the suffix). Raises PhantomError without matplotlib or cycles, or when it cannot."""
    _check(report)
    places, measures = _with_total(report)
    figure = new_figure(3.5 + 0.85 * len(measures), 6.4)
    upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 2]})
    _states(upper, places, measures, report.config.multipliers)
    _speedups(lower, places, measures, report)
    _names(lower, places, measures)
    headline(upper, _title(report))
    save(figure, path)


def thread_states(report: Report, total: bool = True) -> Picture:
    """Stacked bars: what the threads did, layer by layer and, unless not wanted, in total; in shares of their time.

    Raises PhantomError where no cycles were counted.
    """
    _check(report)
    places, measures = _with_total(report)
    if not total:
        places, measures = places[:-1], measures[:-1]

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        _states(axes, places, measures, report.config.multipliers)
        _names(axes, places, measures)
        headline(axes, _title(report), "what the threads did: a busy thread has its multiplier busy")

    words = f"{_title(report)}; useful multiplies: " + ", ".join(
        f"{measure.name} {measure.utilisation(report.config.multipliers) or 0:.1%}" for measure in measures
    )
    return Picture(words, 4.4 + 0.85 * len(measures), 4.4, draw)


def throughput(report: Report) -> Picture:
    """How busy the multipliers were, beside the speed of a dense machine that would take as long.

    Raises PhantomError where no cycles were counted.
    """
    _check(report)
    config = report.config
    places, measures = _with_total(report)
    busy = [measure.utilisation(config.multipliers) or 0.0 for measure in measures]
    speeds = [measure.gops(config.clock_mhz) or 0.0 for measure in measures]
    peak = 2 * config.multipliers * config.clock_mhz / 1e3
    colours = [BLUE] * len(report.layers) + [INK]

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        for axes, values, texts in (
            (left, busy, [f"{value:.0%}" if value >= 0.1 else f"{value:.1%}" for value in busy]),
            (right, speeds, [f"{value:.1f}" if value >= 1 else f"{value:.2f}" for value in speeds]),
        ):
            plain(axes, rows=False)
            bars = axes.barh(places, values, 0.66, color=colours)
            axes.bar_label(bars, texts, fontsize=9, color=INK, padding=4, bbox=PLATE)
        left.set_xlim(0, 1.08)
        left.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        left.set_yticks(places, [measure.name for measure in measures])
        left.invert_yaxis()
        headline(left, "multipliers at useful work", "both operands nonzero, share of all cycles")
        right.set_xlim(0, 1.16 * max(peak, *speeds))
        right.axvline(peak, color=BAD, linewidth=1.2, linestyle="--")
        headline(right, "dense-equivalent GOP/s", f"zeros counted as if multiplied; dashed: the dense peak, {peak:.1f}")

    words = f"{_title(report)}; dense peak {peak:.1f} GOP/s: " + ", ".join(
        f"{measure.name} {share:.1%} at {speed:.1f} GOP/s" for measure, share, speed in zip(measures, busy, speeds)
    )
    return Picture(words, 9.6, 1.5 + 0.42 * len(measures), draw)


def _check(report: Report) -> None:
    if report.total.cycles is None:
        raise PhantomError(
            f"device {report.device!r} counts no cycles, so there is nothing to plot; choose --device rtl or board"
        )


def _with_total(report: Report) -> tuple[list[float], list[Measure]]:
    """All layers and their total, and where their bars are: the total stands apart from the layers."""
    return [*range(len(report.layers)), len(report.layers) + 0.4], [*report.layers, report.total]


def _title(report: Report) -> str:
    cfg = report.config
    return f"{report.network} on {cfg.name}: {cfg.multipliers} multipliers at {cfg.clock_mhz:g} MHz"


def _names(axes: Any, places: Sequence[float], measures: Sequence[Measure]) -> None:
    axes.set_xticks(places, [_label(measure) for measure in measures])
    axes.tick_params(axis="x", labelsize=8, rotation=90 if len(measures) > MANY else 0)


def _label(measure: Measure) -> str:
    return measure.name if measure.kind in ("", measure.name) else f"{measure.name}\n{measure.kind}"


def _states(axes: Any, places: Sequence[float], measures: Sequence[Measure], multipliers: int) -> None:
    """Stacked bars of thread cycles: the useful ones at the bottom, then each cause."""
    plain(axes)
    bottom = [0.0] * len(measures)
    shares = {"effectual": [measure.utilisation(multipliers) or 0.0 for measure in measures]}
    for cause in ("edge", *(cause for cause in CAUSES if cause != "edge")):
        shares[cause] = [measure.stalls(multipliers)[cause] for measure in measures]
    for name, values in shares.items():
        if max(values) < 0.002:
            continue
        label = "useful multiply" if name == "effectual" else f"{name}: {CAUSES[name]}"
        axes.bar(places, values, 0.72, bottom, color=COLOURS[name], label=label, edgecolor="white", linewidth=0.6)
        bottom = [b + v for b, v in zip(bottom, values)]
    for x, value in zip(places, shares["effectual"]):
        if value > 0.08:
            axes.text(x, value / 2, f"{value:.0%}", ha="center", va="center", color="white", fontsize=9, weight="bold")
        else:
            axes.text(x, value + 0.02, f"{value:.1%}", ha="center", va="bottom", color=INK, fontsize=9, bbox=PLATE)
    axes.set_ylim(0, max(1.0, *bottom))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_ylabel("thread cycles", color=INK)
    legend_beside(axes, upside_down=True)


def _speedups(axes: Any, places: Sequence[float], measures: Sequence[Measure], report: Report) -> None:
    """Bars of the speedup, with a line at 1 (the dense machine) and one at the mean of layers."""
    plain(axes)
    values = [measure.speedup(report.config.multipliers) or 0.0 for measure in measures]
    bars = axes.bar(places, values, 0.72, color=[BLUE] * len(report.layers) + [INK])
    axes.axhline(1, color=BAD, linewidth=1, linestyle="--", label="dense machine, every multiplier always busy")
    mean = report.speedup_layer_mean
    if mean is not None:
        axes.axhline(mean, color=GREY, linewidth=1, linestyle=":", label=f"mean of layers, {mean:.2f}x")
    texts = [f"{value:.1f}x" if value >= 1 else f"{value:.2f}x" for value in values]
    axes.bar_label(bars, texts, fontsize=9, color=INK, padding=5, bbox=PLATE)
    axes.set_ylim(0, 1.18 * max(1.0, *values))
    axes.set_ylabel("speedup over dense", color=INK)
    legend_beside(axes)
