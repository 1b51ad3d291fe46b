"""A picture of what pruning costs and what it buys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .picture import BLUE, GREY, INK, PLATE, Picture, headline, legend_beside, plain

Curve = tuple[Sequence[float], Sequence[float]]  # accuracies, cycles


def sparsity_sweep(sparsities: Sequence[float], curves: Mapping[str, Curve], chosen: float | None = None) -> Picture:
    """Accuracy and cycles over the share of weights that are zero, one below the other; a line at the `chosen` share.

    curves: by name, accuracies and cycles at each of the `sparsities`; the figures beside the points are those of the first one.
    """

    def draw(figure: Any) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True)
        for axes in (upper, lower):
            plain(axes)
            if chosen is not None:
                axes.axvline(chosen, color=GREY, linewidth=1, linestyle=":", label="chosen")
        for number, (name, curve) in reversed(list(enumerate(curves.items()))):
            look = {"color": GREY, "linestyle": "--"} if number else {"color": BLUE}
            for axes, values, form in zip((upper, lower), curve, ("{:.1%}", "{:,.0f}")):
                axes.plot(sparsities, values, linewidth=2, marker="o", markeredgecolor="white", markersize=8, label=name, **look)
                for x, value in zip(sparsities, values if not number else ()):
                    place = {"xytext": (0, 11), "textcoords": "offset points", "ha": "center"}
                    axes.annotate(form.format(value), (x, value), fontsize=9, color=INK, bbox=PLATE, **place)
        upper.set_ylim(0, 1.24)
        upper.set_yticks([0, 0.25, 0.5, 0.75, 1])
        upper.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        headline(upper, "images read rightly by the int8 model")
        lower.set_ylim(0, 1.2 * max(max(cycles) for _, cycles in curves.values()))
        lower.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        headline(lower, "cycles an image, estimated")
        lower.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        lower.set_xlabel("weights pruned", color=INK)
        legend_beside(upper, upside_down=True)

    points = (
        f"{name}: " + ", ".join(f"{s:.0%} pruned {a:.1%} right {c:,.0f} cycles" for s, a, c in zip(sparsities, *curve))
        for name, curve in curves.items()
    )
    return Picture("; ".join(points), 9.0, 4.8, draw)
