"""Pictures of what the parts of the machine did while a network ran: what each would need alone, and what it waited for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .config import Config
from .counters import Counters
from .estimate import StageCycles
from .picture import BAD, BLUE, INK, Picture, headline, legend_beside, plain

MARKS = {  # of each part's bound: its name, colour and form
    "multipliers": ("multipliers", BLUE, "o"),
    "weights": ("weight ports", "#d68910", "s"),
    "LAM": ("LAM: packing", BAD, "D"),
    "input": ("input port", "#7d3c98", "^"),
    "output": ("output port", "#148f77", "v"),
}
WAITS = {  # counters that say who waited for whom; not the drain, which always waits while a pass is computed
    "lam_starved": "LAM waits\nfor rows\nof the input",
    "lam_blocked": "LAM waits\nfor room\nin the cores",
    "row_buffer_full": "input waits\nfor the\nrow buffer",
    "wgt_starved": "weight port\nwaits for\nmemory",
    "wgt_blocked": "weight waits\nfor room in\na queue",
    "out_blocked": "output\nwaits for\nmemory",
}


def bounds(figures: Sequence[StageCycles], counters: Sequence[Counters]) -> Picture:
    """Bars of the cycles that each stage took, and a mark for what each part of the machine needs at the least for it."""
    cycles = [events.cycles for events in counters]
    places = range(len(cycles))

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        plain(axes, rows=False)
        bars = axes.barh(places, cycles, 0.84, color="#dde8f0")
        axes.bar_label(bars, [f"{value:,}" for value in cycles], fontsize=9, color=INK, padding=5)
        for number, (part, (label, colour, form)) in enumerate(MARKS.items()):
            values = [each.bounds[part] for each in figures]
            heights = [place + 0.15 * (number - 2) for place in places]  # beside each other, so that none hides another
            look = {"marker": form, "color": colour, "edgecolor": "white", "linewidth": 0.7}
            axes.scatter(values, heights, s=38, label=label, zorder=3, **look)
        axes.set_yticks(places, [each.name for each in figures])
        axes.invert_yaxis()
        axes.set_xlim(0, 1.12 * max(cycles))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_xlabel("cycles of one image", color=INK)
        detail = "bar: what it took; mark: what this part would need if it never waited"
        headline(axes, "how near each layer comes to its bounds", detail)
        legend_beside(axes)

    words = "; ".join(
        f"{each.name}: {took:,} cycles, {each.binding} {each.bounds[each.binding] / took:.0%} of them"
        for each, took in zip(figures, cycles)
    )
    return Picture(f"cycles, and the largest bound: {words}", 9.0, 1.6 + 0.55 * len(cycles), draw)


def waits(names: Sequence[str], counters: Sequence[Counters], config: Config) -> Picture:
    """A map of who waited, in shares of each stage's cycles; of weight ports, which count together, in the mean."""
    ports = {"wgt_starved": config.weight_ports, "wgt_blocked": config.weight_ports}
    shares = [[getattr(events, w) / ports.get(w, 1) / max(1, events.cycles) for w in WAITS] for events in counters]

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for y, row in enumerate(shares):
            for x, share in enumerate(row):
                axes.text(x, y, f"{share:.0%}", ha="center", va="center", fontsize=9, color="white" if share > 0.5 else INK)
        axes.set_xticks(range(len(WAITS)), list(WAITS.values()), fontsize=8.5)
        axes.set_yticks(range(len(names)), names)
        axes.set_xticks([x + 0.5 for x in range(len(WAITS) - 1)], minor=True)
        axes.set_yticks([y + 0.5 for y in range(len(names) - 1)], minor=True)
        axes.grid(which="minor", color="white", linewidth=2)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, which="both", colors=INK)
        headline(axes, "who waited for whom", "share of the layer's cycles")

    rows = (f"{name}: " + ", ".join(f"{w} {s:.0%}" for w, s in zip(WAITS, row)) for name, row in zip(names, shares))
    return Picture("; ".join(rows), 9.0, 1.6 + 0.42 * len(names), draw)
