"""A picture of what pruning costs and what it buys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .picture import BLUE, INK, Picture, headline, legend_below, plain

Curve = tuple[Sequence[float], Sequence[float]]  # accuracies, cycles
CHOSEN, SECOND = "#fdebd0", "#b9770e"
# Curves fall to the right, so the place above a point on its right is free, and the one below it on its left.
ABOVE = {"xytext": (4, 5), "ha": "left", "va": "bottom", "textcoords": "offset points"}
BELOW = {"xytext": (-4, -5), "ha": "right", "va": "top", "textcoords": "offset points"}
LOOKS: Sequence[tuple[dict[str, Any], dict[str, Any]]] = (
    ({"color": BLUE, "marker": "o", "markersize": 8, "zorder": 3}, ABOVE),
    ({"color": SECOND, "marker": "s", "markersize": 5, "linestyle": "--", "zorder": 4}, BELOW),
)


def sparsity_sweep(
    sparsities: Sequence[float], curves: Mapping[str, Curve], chosen: float | None = None, method: str = "formula"
) -> Picture:
    """Accuracy and cycles over the share of weights that are zero, one below the other; the `chosen` share is shaded.

    curves: by name, accuracies and cycles at each of the `sparsities`; one, or two, of which the first is mostly above the other.
    method: by which the cycles are estimated (`StageCycles.method`).
    """

    def draw(figure: Any) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True)
        low, high = min(sparsities), max(sparsities)
        wide = max(0.02, high - low)
        for axes in (upper, lower):
            plain(axes)
            if chosen is not None:
                axes.axvspan(chosen - 0.012 * wide, chosen + 0.012 * wide, color=CHOSEN, label=f"chosen: {chosen:.0%}")
        for (name, curve), (look, place) in zip(curves.items(), LOOKS):
            for axes, values, form in zip((upper, lower), curve, ("{:.1%}", "{:,.0f}")):
                axes.plot(sparsities, values, linewidth=2, markeredgecolor="white", label=name, **look)
                for x, value in zip(sparsities, values):
                    axes.annotate(form.format(value), (x, value), fontsize=8.5, color=look["color"], zorder=5, **place)
        upper.set_ylim(-0.1, 1.15)
        upper.set_yticks([0, 0.25, 0.5, 0.75, 1])
        upper.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        upper.set_xlim(low - 0.09 * wide, high + 0.09 * wide)
        headline(upper, "images read rightly by the int8 model")
        lower.set_ylim(0, 1.2 * max(max(cycles) for _, cycles in curves.values()))
        lower.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        headline(lower, f"cycles an image, by the {method}")
        lower.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        lower.set_xticks(sparsities)
        lower.set_xlabel("weights pruned", color=INK)
        legend_below(lower, 3, 0.5)

    points = (
        f"{name}: " + ", ".join(f"{s:.0%} pruned {a:.1%} right {c:,.0f} cycles" for s, a, c in zip(sparsities, *curve))
        for name, curve in curves.items()
    )
    return Picture(f"cycles by the {method}; " + "; ".join(points), 9.0, 5.6, draw)
