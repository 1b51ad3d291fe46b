"""A picture of what a machine that leaves out zeros makes of one convolution: multiplications left out, cycles taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .config import Config
from .effectual import demand
from .measuring import measure
from .network import Conv
from .picture import BLUE, DEEP_BLUE, GOOD, GREY, INK, Picture, column, headline, plain
from .plot_masks import WEIGHT, WIDE


def multiplications(layer: Conv, activations: np.ndarray) -> dict[str, int]:
    """Multiplies of a dense machine, and what is left of them without zero weights, without zero activations, without either.

    activations: [C, H, W]. Padding counts as pairs of the dense machine and of the weights. Raises ShapeError.
    """
    channels, high, wide = activations.shape
    found = demand(layer, (channels, high, wide))
    full = demand(replace(layer, weights=np.ones_like(layer.weights)), (channels, high, wide))
    kept = int(np.count_nonzero(layer.weights))
    return {
        "all": found.dense,
        "weight not zero": found.dense * kept // layer.weights.size,
        "activation not zero": full.effectual(activations),
        "both not zero": found.effectual(activations),
    }


def skipped(layer: Conv, activations: np.ndarray, cycles: int, config: Config) -> Picture:
    """Multiplications with and without zeros, beside the cycles that a dense machine, this one and a perfect one take."""
    counts = multiplications(layer, activations)
    dense, useful, multipliers = counts["all"], counts["both not zero"], config.multipliers
    taken = {"dense, never idle": -(-dense // multipliers), "measured": cycles, "useful, never idle": -(-useful // multipliers)}
    found = replace(measure(layer, [activations]), cycles=cycles)
    faster, busy = found.speedup(multipliers) or 0.0, found.utilisation(multipliers) or 0.0

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.08})
        _bars(left, counts, (GREY, WEIGHT, BLUE, DEEP_BLUE))
        headline(left, "multiplications", f"{1 - useful / dense:.0%} of them have a zero in them")
        _bars(right, taken, (GREY, GOOD, DEEP_BLUE))
        detail = f"{faster:.1f} times faster than dense, {busy:.0%} of the cycles useful"
        headline(right, f"cycles of {multipliers} multipliers", detail)

    said = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    times = ", ".join(f"{name} {count:,}" for name, count in taken.items())
    return Picture(f"multiplications: {said}; cycles: {times}; {faster:.1f} times faster than dense", WIDE, 2.3, draw)


def _bars(axes: Any, values: dict[str, int], colours: tuple[str, ...]) -> None:
    places = range(len(values))
    plain(axes, rows=False)
    axes.xaxis.grid(False)
    axes.barh(places, list(values.values()), 0.7, color=colours)
    axes.set_yticks(places, list(values), fontsize=9)
    axes.set_xticks([])
    axes.invert_yaxis()
    axes.set_xlim(0, max(values.values()))
    column(axes, places, [f"{value:,}" for value in values.values()])
    for place, value in enumerate(values.values()):
        share = value / max(values.values())
        inside = share > 0.15
        axes.annotate(
            f"{share:.0%}", (value, place), (-5 if inside else 5, 0), textcoords="offset points", va="center",
            ha="right" if inside else "left", color="white" if inside else INK, fontsize=9,
        )  # fmt: skip
