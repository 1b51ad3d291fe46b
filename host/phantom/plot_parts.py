"""Pictures of what the parts of the machine did while a network ran: what each would need alone, and what it waited for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .config import Config
from .counters import Counters
from .estimate import StageCycles
from .picture import GREY, INK, Picture, column, headline
from .report import shortened

NEEDS = {  # the parts of the machine that have a bound, by its name
    "multipliers": "multipliers",
    "weights": "weight\nports",
    "LAM": "LAM:\npacking",
    "input": "input\nport",
    "output": "output\nport",
}
WAITS = {  # counters that say who waited for whom; not the drain, which always waits while a pass is computed
    "lam_starved": "LAM waits\nfor rows\nof the input",
    "wgt_starved": "weight port\nwaits for\nmemory",
    "out_blocked": "output\nwaits for\nmemory",
    "lam_blocked": "LAM waits\nfor room\nin the cores",
    "row_buffer_full": "input waits\nfor the\nrow buffer",
    "wgt_blocked": "weight waits\nfor room in\na queue",
}
HARMLESS = ("lam_blocked", "row_buffer_full", "wgt_blocked")  # who waits for room is ahead of the others
NOTHING = 0.005  # what is shown as 0%
LITTLE = 0.02  # share of the cycles below which a wait is not worth a column
MOST_ROWS = 22  # of a picture, which is no higher than a screen


def bounds(figures: Sequence[StageCycles], counters: Sequence[Counters]) -> Picture:
    """A map of what each part of the machine needs for a stage at the least, in shares of the cycles that the stage took.

    The largest of each stage is bold. Of a large network only the stages that took the longest are shown.
    """
    cycles = [events.cycles for events in counters]
    shown = _longest(cycles)
    shares = [[figures[i].bounds[part] / max(1, cycles[i]) for part in NEEDS] for i in shown]

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        _map(axes, shares, ["Blues"] * len(NEEDS), [row.index(max(row)) for row in shares])
        axes.set_xticks(range(len(NEEDS)), list(NEEDS.values()), fontsize=8.5)
        axes.set_yticks(range(len(shown)), [shortened(figures[i].name) for i in shown])
        column(axes, range(len(shown)), [f"{cycles[i]:,}" for i in shown], "cycles")
        headline(axes, "what each part would need alone", "share of the layer's cycles; bold: the largest, its bound")

    words = "; ".join(
        f"{each.name}: {took:,} cycles, {each.binding} {each.bounds[each.binding] / max(1, took):.0%} of them"
        for each, took in zip(figures, cycles)
    )
    return Picture(f"cycles, and the largest bound: {words}", 7.6, _height(len(shown)), draw)


def waits(names: Sequence[str], counters: Sequence[Counters], config: Config) -> Picture:
    """A map of who waited, in shares of each stage's cycles; of weight ports, which count together, in the mean.

    Who hardly ever waited is left out; who only waited for room, and so was ahead of the others, is grey.
    """
    ports = {"wgt_starved": config.weight_ports, "wgt_blocked": config.weight_ports}
    every = [[getattr(events, w) / ports.get(w, 1) / max(1, events.cycles) for w in WAITS] for events in counters]
    kept = [x for x in range(len(WAITS)) if max(row[x] for row in every) >= LITTLE] or [0]
    which = [list(WAITS)[x] for x in kept]
    shown = _longest([events.cycles for events in counters])

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        _map(axes, [[every[i][x] for x in kept] for i in shown], ["Greys" if w in HARMLESS else "Blues" for w in which])
        axes.set_xticks(range(len(which)), [WAITS[w] for w in which], fontsize=8.5)
        axes.set_yticks(range(len(shown)), [shortened(names[i]) for i in shown])
        headline(axes, "who waited for whom", "share of the layer's cycles; grey: harmless, who waits for room is ahead")

    rows = []
    for name, row in zip(names, every):
        said = [f"{_plain(w)} {row[x]:.0%}" for w, x in zip(which, kept) if row[x] >= NOTHING]
        rows.append(f"{name}: {', '.join(said) or 'nobody'}")
    never = [_plain(w) for w in WAITS if w not in which]
    left_out = [f"below {LITTLE:.0%} everywhere: {', '.join(never)}"] if never else []
    return Picture("; ".join(rows + left_out), max(4.6, 2.2 + 1.6 * len(which)), _height(len(shown)), draw)


def _plain(wait: str) -> str:
    return WAITS[wait].replace("\n", " ")


def _height(rows: int) -> float:
    return 1.5 + rows * max(0.19, min(0.42, 4.2 / rows))


def _longest(cycles: Sequence[int]) -> list[int]:
    """Numbers of the stages that are shown, in order."""
    return sorted(sorted(range(len(cycles)), key=lambda i: -cycles[i])[:MOST_ROWS])


def _map(axes: Any, shares: Sequence[Sequence[float]], maps: Sequence[str], largest: Sequence[int] | None = None) -> None:
    """Shares as shades, each column of its own colour, and in figures; of each row, the one at `largest` is bold."""
    from matplotlib import colormaps

    deep = [0.4 if name == "Greys" else 0.85 for name in maps]  # what is harmless is not to catch the eye
    shades = [[colormaps[name](d * min(1.0, s)) for name, d, s in zip(maps, deep, row)] for row in shares]
    axes.imshow(shades, aspect="auto")
    for y, row in enumerate(shares):
        for x, share in enumerate(row):
            colour = GREY if share < NOTHING else "white" if deep[x] * share > 0.51 else INK
            weight = "bold" if largest is not None and largest[y] == x else "normal"
            axes.text(x, y, f"{share:.0%}", ha="center", va="center", fontsize=9, color=colour, weight=weight)
    axes.set_xticks([x + 0.5 for x in range(len(maps) - 1)], minor=True)
    axes.set_yticks([y + 0.5 for y in range(len(shares) - 1)], minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, which="both", colors=INK)
