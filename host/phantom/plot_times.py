"""Pictures of times: of one image, layer by layer; and of several ways to do the same, each with its spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .errors import PhantomError
from .picture import BLUE, DEEP_BLUE, INK, Picture, column, headline, legend_below, plain
from .run import Outcome
from .table import Table

SPREAD = (5, 50, 95)  # percentiles


def timeline(outcome: Outcome) -> Picture:
    """The layers of an image one after the other, as long as they take in the mean. Raises PhantomError without cycles."""
    report = outcome.report
    if outcome.cycles is None:
        raise PhantomError(f"device {report.device!r} counts no cycles, so there is no time; choose --device rtl or board")
    clock = report.config.clock_mhz
    lengths = [(layer.cycles or 0) / clock / report.images for layer in report.layers]
    low, middle, high = np.percentile(outcome.cycles / clock, [0, 50, 100])

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        plain(axes, rows=False)
        axes.grid(False)
        start = 0.0
        for number, (layer, length) in enumerate(zip(report.layers, lengths)):
            axes.barh(0, length, 0.8, start, color=(DEEP_BLUE, BLUE)[number % 2], edgecolor="white", linewidth=1.5)
            if length > 0.05 * sum(lengths):
                text = f"{layer.name}\n{length:.1f}"
                axes.text(start + length / 2, 0, text, ha="center", va="center", color="white", fontsize=9, weight="bold")
            start += length
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlim(0, start)
        axes.set_xlabel("microseconds", color=INK)
        of = f"median of {report.images} images, {low:.1f} to {high:.1f}; cycles at {clock:g} MHz"
        headline(axes, f"one image: {middle:.1f} us", of)

    parts = ", ".join(f"{layer.name} {length:.1f}" for layer, length in zip(report.layers, lengths))
    return Picture(f"one image: {middle:.1f} us, {low:.1f} to {high:.1f}; layers: {parts}", 9.0, 1.9, draw)


def spread(times: np.ndarray) -> tuple[float, float, float]:
    """The 5th percentile, the median and the 95th of times [N]."""
    low, middle, high = np.percentile(times, SPREAD)
    return float(low), float(middle), float(high)


def times_table(times: Mapping[str, np.ndarray], base: str) -> Table:
    """Microseconds an image: median and spread of each way, and how much faster or slower than `base` it is."""
    of_base = spread(times[base])[1]
    rows = []
    for name, values in times.items():
        low, middle, high = spread(values)
        compared = "" if name == base else than(middle, of_base)
        rows.append((name, f"{middle:,.1f}", f"{low:,.1f} to {high:,.1f}", len(values), compared))
    against = f"than {base}"
    return Table(("", "median us", "5 % to 95 %", "images", against), rows, left=("", against))


def than(time: float, other: float) -> str:
    """How a time compares with another one: "5.9 times faster", "2.0 times slower", or "as fast" within a twentieth."""
    factor, which = (other / time, "faster") if time <= other else (time / other, "slower")
    return "as fast" if factor < 1.05 else f"{factor:,.1f} times {which}"


def message(times: Mapping[str, np.ndarray], ours: str, clock_mhz: float) -> str:
    """What the medians say, in a sentence: how `ours`, at its clock, compares with the fastest of the other ways."""
    fastest = min((name for name in times if name != ours), key=lambda name: spread(times[name])[1])
    theirs, own = spread(times[fastest])[1], spread(times[ours])[1]
    said = than(own, theirs)
    compared = f"as fast as {fastest}" if said == "as fast" else f"{said} than {fastest}"
    return f"{ours}, at {clock_mhz:g} MHz: {own:,.1f} us an image, {compared} ({theirs:,.1f} us)."


def times_picture(times: Mapping[str, np.ndarray], counted: Sequence[str] = (), detail: str = "") -> Picture:
    """Dots of the times [N] in microseconds, with median and spread; stragglers are only counted.

    The scale is logarithmic where the times are more than a factor of ten apart.
    counted: the ways whose times are cycles that were counted, not seconds that a clock on the wall measured; another colour.
    """
    rng = np.random.default_rng(0)
    start = min(float(values.min()) for values in times.values())
    end = 1.4 * max(spread(values)[2] for values in times.values())
    wide = end > 14 * start

    def draw(figure: Any) -> None:
        from matplotlib.lines import Line2D
        from matplotlib.ticker import LogLocator, NullFormatter

        axes = figure.subplots()
        plain(axes, rows=False)
        for place, (name, values) in enumerate(times.items()):
            colour = DEEP_BLUE if name in counted else BLUE
            low, middle, high = spread(values)
            heights = place + rng.uniform(-0.22, 0.22, len(values))
            alpha = 0.45 if len(values) > 60 else 0.7
            axes.scatter(values, heights, s=14, color=colour, alpha=alpha, edgecolor="none")
            axes.plot([low, high], [place + 0.36] * 2, color=INK, linewidth=2.5, solid_capstyle="butt", zorder=3)
            axes.plot([middle], [place + 0.36], marker="|", markersize=11, markeredgewidth=3, color=INK, zorder=4)
        column(axes, range(len(times)), [f"{spread(values)[1]:,.1f} us" for values in times.values()], "median", bold=True)
        beyond = [int(np.count_nonzero(values > end)) for values in times.values()]
        if any(beyond):
            column(axes, [place + 0.28 for place in range(len(times))], [f"{n} beyond" if n else "" for n in beyond])
        if wide:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlim(start / 1.6 if wide else 0, end)
        axes.set_ylim(len(times) - 0.4, -0.5)
        axes.set_yticks(range(len(times)), list(times))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
        axes.set_xlabel("microseconds" + (", logarithmic" if wide else ""), color=INK)
        headline(axes, "time of one image", detail)
        dot = Line2D([], [], marker="o", linestyle="", markersize=4, color=BLUE, label="an image")
        middle_mark = Line2D([], [], marker="|", linestyle="", markersize=11, markeredgewidth=3, color=INK, label="median")
        bar = Line2D([], [], linewidth=2.5, color=INK, label="5% to 95% of the images")
        legend_below(axes, 3, 0.5, [dot, middle_mark, bar])

    words = "; ".join(f"{name}: median {spread(values)[1]:,.1f} us" for name, values in times.items())
    return Picture(words, 9.0, 1.7 + 0.75 * len(times), draw)
