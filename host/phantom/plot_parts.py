"""Pictures of what the parts of the machine did while a network ran: what each would need alone, and what it waited for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .config import Config
from .counters import Counters
from .estimate import StageCycles
from .picture import GREY, INK, Picture, column, headline, legend_across
from .report import shortened

NEEDS = {  # the parts of the machine that have a bound, by its name
    "multipliers": "multipliers",
    "weights": "weight\nports",
    "LAM": "LAM:\npacking",
    "input": "input\nport",
    "output": "output\nport",
}


class Waiter(NamedTuple):
    """A part of the machine; for what it waits and which counter says how long, which holds a layer up; and likewise for room.

    Who waits for room does not hold a layer up, but is ahead of the others.
    """

    part: str
    what: str = ""
    held: str = ""
    room: str = ""
    ahead: str = ""


# Each with what it waits for behind it. Not the drain, which always waits while a pass is computed.
WAITERS = (
    Waiter("threads", "weights", "weight"),
    Waiter("weight ports", "memory", "wgt_starved", "room in a queue", "wgt_blocked"),
    Waiter("threads", "channels", "channel"),
    Waiter("LAM", "input rows", "lam_starved", "room in the cores", "lam_blocked"),
    Waiter("input port", room="room", ahead="row_buffer_full"),
    Waiter("threads", "the drain", "bank"),
    Waiter("output port", "memory", "out_blocked"),
)
HELD, AHEAD, WORKING = "#c0561a", "#c8d0d4", "#e3eef6"
NOTHING = 0.005  # what is shown as 0%
LITTLE = 0.02  # share of the cycles below which a wait has no figure
WORTH = 0.05  # share that a wait must have in one layer at least to be drawn
INSIDE = 0.04  # share of all bars of a layer that has room for a figure
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
        _map(axes, shares)
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
    """Bars of who waited for whom: how long each part was held up, and how long it was ahead, in shares of each stage's cycles.

    Of threads and of weight ports, which count together, it is the mean. Who hardly ever waited is left out. Of a large network
    only the stages that took the longest are shown.
    """
    every = [[_waited(waiter, events, config) for waiter in WAITERS] for events in counters]
    kept = [x for x in range(len(WAITERS)) if max(max(row[x]) for row in every) >= WORTH] or [0]
    shown = _longest([events.cycles for events in counters])

    def draw(figure: Any) -> None:
        from matplotlib.patches import Patch

        title = "who waited for whom, in shares of the layer's cycles"
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, weight="bold", color=INK)
        grid = figure.add_gridspec(2, len(kept), height_ratios=[_height(len(shown)) - 1, 0.22])
        for number, x in enumerate(kept):
            axes = figure.add_subplot(grid[0, number])
            _waits(axes, [every[i][x] for i in shown], INSIDE * len(kept))
            axes.set_yticks(range(len(shown)), ["" if number else shortened(names[i]) for i in shown])
            headline(axes, WAITERS[x].part, f"for {WAITERS[x].what or WAITERS[x].room}")
        colours = {"waits for what it needs: held up": HELD, "waits for room: ahead, harmless": AHEAD, "anything else": WORKING}
        below = figure.add_subplot(grid[1, :])
        legend_across(below, below, 3, [Patch(facecolor=colour, label=label) for label, colour in colours.items()])

    rows = []
    for name, row in zip(names, every):
        said = []
        for waiter, (held, ahead) in zip(WAITERS, row):
            said += [f"{waiter.part} for {waiter.what} {held:.0%}"] if held >= NOTHING else []
            said += [f"{waiter.part} for {waiter.room} {ahead:.0%}"] if ahead >= NOTHING else []
        rows.append(f"{name}: {', '.join(said) or 'nobody'}")
    return Picture("who waited, in shares of the cycles: " + "; ".join(rows), 9.6, min(5.8, 0.3 + _height(len(shown))), draw)


def _waited(waiter: Waiter, events: Counters, config: Config) -> tuple[float, float]:
    """Shares of the cycles in which a part was held up, and was ahead."""
    several = {"threads": config.multipliers, "weight ports": config.weight_ports}.get(waiter.part, 1)
    counts = {"": 0, **vars(events), **events.sampled}
    held, ahead = (counts.get(name, 0) / several / max(1, events.cycles) for name in (waiter.held, waiter.ahead))
    return held, ahead


def _waits(axes: Any, shares: Sequence[tuple[float, float]], inside: float) -> None:
    """A bar for each (held up, ahead): held up from the left, ahead from the right; figures in those from `inside` on."""
    places = range(len(shares))
    axes.barh(places, [1] * len(shares), 0.74, color=WORKING)
    axes.barh(places, [held for held, _ in shares], 0.74, color=HELD)
    axes.barh(places, [ahead for _, ahead in shares], 0.74, [1 - ahead for _, ahead in shares], color=AHEAD)
    look = {"va": "center", "fontsize": 8.5}
    for place, (held, ahead) in enumerate(shares):
        if held >= inside:
            axes.text(held / 2, place, f"{held:.0%}", ha="center", color="white", weight="bold", **look)
        elif held >= LITTLE and held + ahead < 1 - inside:
            axes.text(held + 0.015, place, f"{held:.0%}", ha="left", color=HELD, weight="bold", **look)
        if ahead >= inside:
            axes.text(1 - ahead / 2, place, f"{ahead:.0%}", ha="center", color=INK, **look)
        elif ahead >= LITTLE and held + ahead < 1 - inside:
            axes.text(1 - ahead - 0.015, place, f"{ahead:.0%}", ha="right", color=INK, **look)
    axes.set_xlim(0, 1)
    axes.set_ylim(len(shares) - 0.5, -0.5)
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, colors=INK)


def _height(rows: int) -> float:
    return 1.5 + rows * max(0.19, min(0.42, 4.2 / rows))


def _longest(cycles: Sequence[int]) -> list[int]:
    """Numbers of the stages that are shown, in order."""
    return sorted(sorted(range(len(cycles)), key=lambda i: -cycles[i])[:MOST_ROWS])


def _map(axes: Any, shares: Sequence[Sequence[float]]) -> None:
    """Shares as shades, and in figures; the largest of each row is bold."""
    from matplotlib import colormaps

    axes.imshow([[colormaps["Blues"](0.85 * min(1.0, share)) for share in row] for row in shares], aspect="auto")
    for y, row in enumerate(shares):
        for x, share in enumerate(row):
            colour = GREY if share < NOTHING else "white" if share > 0.6 else INK
            weight = "bold" if x == row.index(max(row)) else "normal"
            axes.text(x, y, f"{share:.0%}", ha="center", va="center", fontsize=9, color=colour, weight=weight)
    axes.set_xticks([x + 0.5 for x in range(len(NEEDS) - 1)], minor=True)
    axes.set_yticks([y + 0.5 for y in range(len(shares) - 1)], minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, which="both", colors=INK)
