"""A picture of a report: where the thread cycles of each layer went, and how much faster it was than a dense machine.

Needs matplotlib, which comes with the project's `sim` extra and is not on the board.
"""

from __future__ import annotations

import os
from typing import Any

from .errors import PhantomError
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
INK = "#2c3e50"
PLATE = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
MANY = 12  # bars beyond which their names stand upright


def plot(report: Report, path: str | os.PathLike[str]) -> None:
    """Write a picture (PNG, SVG or PDF, by the suffix). Raises PhantomError without matplotlib or cycles, or when it cannot."""
    if report.total.cycles is None:
        raise PhantomError(
            f"device {report.device!r} counts no cycles, so there is nothing to plot; choose --device rtl or board"
        )
    try:
        import matplotlib
    except ImportError:
        raise PhantomError("a plot needs matplotlib; install it with: pip install matplotlib") from None
    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    measures = [*report.layers, report.total]
    figure = Figure(figsize=(3.5 + 0.85 * len(measures), 6.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 2]})
    # The total stands apart from the layers.
    places = [*range(len(report.layers)), len(report.layers) + 0.4]
    _cycles(upper, places, measures, report.config.multipliers)
    _speedups(lower, places, measures, report)
    lower.set_xticks(places, [_label(measure) for measure in measures])
    lower.tick_params(axis="x", labelsize=8, rotation=90 if len(measures) > MANY else 0)
    cfg = report.config
    upper.set_title(
        f"{report.network} on {cfg.name}: {cfg.multipliers} multipliers at {cfg.clock_mhz:g} MHz",
        loc="left",
        weight="bold",
        color=INK,
    )
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise PhantomError(f"{path}: the plot cannot be written ({error})") from None


def _label(measure: Measure) -> str:
    return measure.name if measure.kind in ("", measure.name) else f"{measure.name}\n{measure.kind}"


def plain(axes: Any) -> None:
    """Axes without frame and ticks, with a light grid of rows."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(INK)
    axes.tick_params(length=0, colors=INK)
    axes.yaxis.grid(True, color="#e5e8e8")
    axes.set_axisbelow(True)


def _cycles(axes: Any, places: list[float], measures: list[Measure], multipliers: int) -> None:
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
        bottom = [b + v for b, v in zip(bottom, values, strict=True)]
    for x, value in zip(places, shares["effectual"], strict=True):
        if value > 0.08:
            axes.text(x, value / 2, f"{value:.0%}", ha="center", va="center", color="white", fontsize=9, weight="bold")
        else:
            axes.text(x, value + 0.02, f"{value:.1%}", ha="center", va="bottom", color=INK, fontsize=9, bbox=PLATE)
    axes.set_ylim(0, max(1.0, *bottom))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_ylabel("thread cycles", color=INK)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8, labelcolor=INK
    )


def _speedups(axes: Any, places: list[float], measures: list[Measure], report: Report) -> None:
    """Bars of the speedup, with a line at 1 (the dense machine) and one at the mean of layers."""
    plain(axes)
    values = [measure.speedup(report.config.multipliers) or 0.0 for measure in measures]
    bars = axes.bar(places, values, 0.72, color=["#2e86c1"] * len(report.layers) + [INK])
    axes.axhline(1, color="#c0392b", linewidth=1, linestyle="--", label="dense machine, every multiplier always busy")
    mean = report.speedup_layer_mean
    if mean is not None:
        axes.axhline(mean, color="#7f8c8d", linewidth=1, linestyle=":", label=f"mean of layers, {mean:.2f}x")
    texts = [f"{value:.1f}x" if value >= 1 else f"{value:.2f}x" for value in values]
    axes.bar_label(bars, texts, fontsize=9, color=INK, padding=5, bbox=PLATE)
    axes.set_ylim(0, 1.18 * max(1.0, *values))
    axes.set_ylabel("speedup over dense", color=INK)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8, labelcolor=INK)
