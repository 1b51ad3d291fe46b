"""Pictures of an evaluation: speedups by layer, where our multipliers' cycles went, what memory allows (a roofline), and the
paper's core by its lookahead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from phantom.errors import FormatError
from phantom.picture import GREY, GRID, INK, legend_beside, new_figure, plain
from phantom.plot import COLOURS, MANY, PARTS
from phantom_sim import ours
from phantom_sim.evaluation import Evaluation
from phantom_sim.evaluation_report import shown
from phantom_sim.rivals.lineup import DENSE

LINES = ("#aab7b8", "#c0392b", "#f5b041", "#d68910", "#7d3c98", "#2e86c1", "#1b4f72", "#148f77", "#5d6d7e", "#a04000")
OTHERS = ("#d5dbdb", "#aeb6bf")  # causes that the run's picture does not know
LONG = 11  # letters beyond which names of layers do not lie beside each other
NUMBERED = 16  # layers at most that have a number in the roofline: those with the most multiplies of a dense machine
APART = 0.024  # of the width: how near numbers of layers may be beside each other; nearer ones are one above the other


def plots(found: Evaluation, folder: Path) -> list[Path]:
    """Write NETWORK-speedup.png, -utilisation.png, -roofline.png and -lookahead.png.

    Raises PhantomError without matplotlib, or if it cannot.
    """
    pictures = {"speedup": _speedups, "roofline": _roofline}
    if ours.NAME in found.designs:
        pictures["utilisation"] = _utilisation
    if found.lookaheads:
        pictures["lookahead"] = _lookahead
    written = []
    for name, draw in pictures.items():
        figure = new_figure(10 if name in ("roofline", "lookahead") else 3 + 0.75 * max(6, len(found.layers)), 5)
        draw(figure.subplots(), found)
        written.append(save(figure, folder / f"{found.network}-{name}.png"))
    return written


def save(figure: Any, path: Path) -> Path:
    """Write a picture. Raises FormatError where it cannot."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130)
    except OSError as error:
        raise FormatError(f"{path}: the plot cannot be written ({error})") from None
    return path


def colour_of(design: str, designs: Sequence[str]) -> str:
    """The same in all pictures of these designs."""
    return "black" if design == ours.NAME else LINES[list(designs).index(design) % len(LINES)]


def _ticks(axes: Any, found: Evaluation) -> None:
    plain(axes)
    names = [layer.name for layer in found.layers]
    axes.set_xticks(range(len(names)), names, fontsize=8)
    if len(names) > MANY:
        axes.tick_params(axis="x", labelrotation=90)
    elif max(map(len, names)) > LONG:
        for label in axes.get_xticklabels():
            label.set(rotation=25, ha="right")


def _power(value: float) -> str:
    """A power of two: 1/8, 1, 8."""
    return f"{value:g}" if value >= 1 else f"1/{1 / value:g}"


def _legend(axes: Any) -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8, labelcolor=INK)


def _speedups(axes: Any, found: Evaluation) -> None:
    """Bars by layer, grouped by design, on a logarithmic scale; the bound as a mark above each group."""
    _ticks(axes, found)
    names = [name for name in found.designs if name != DENSE]
    width = 0.84 / len(names)
    for number, name in enumerate(names):
        places = [x - 0.42 + width * (number + 0.5) for x in range(len(found.layers))]
        values = [found.speedup(layer, name) for layer in found.layers]
        axes.bar(places, values, width, color=colour_of(name, found.designs), label=shown(name))
    for x, layer in enumerate(found.layers):
        label = "bound behind our memory" if x == 0 else None
        axes.plot([x - 0.45, x + 0.45], [found.reach(layer)] * 2, color="#c0392b", linewidth=1.2, label=label)
    axes.axhline(1, color=INK, linewidth=0.8, linestyle="--")
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter(lambda value, _: f"{_power(value)}x")
    axes.set_ylabel("speedup over dense", color=INK)
    axes.set_title(f"{found.network}: {found.config.multipliers} multipliers", loc="left", weight="bold", color=INK)
    _legend(axes)


def _utilisation(axes: Any, found: Evaluation) -> None:
    """Stacked bars of our multipliers' cycles: useful ones, then each cause that the model tells, as in a run's picture."""
    _ticks(axes, found)
    slots = [found.config.multipliers * layer.cycles[ours.NAME] for layer in found.layers]
    useful = [layer.macs_effectual / slot for layer, slot in zip(found.layers, slots)]
    told = {cause for layer in found.layers for cause in layer.causes[ours.NAME]}
    causes = [cause for cause in COLOURS if cause in told] + sorted(told - {*COLOURS})
    places, bottom = range(len(slots)), [0.0] * len(slots)
    parts = {"effectual": useful} | {c: [layer.causes[ours.NAME].get(c, 0.0) for layer in found.layers] for c in causes}
    for number, (name, values) in enumerate(parts.items()):
        if max(values) >= 0.002:
            colour, label = COLOURS.get(name, OTHERS[number % len(OTHERS)]), PARTS.get(name, name)
            axes.bar(places, values, 0.72, bottom, color=colour, label=label, edgecolor="white", linewidth=0.6)
        bottom = [b + v for b, v in zip(bottom, values)]
    axes.set_ylim(0, max(1.0, *bottom))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_ylabel("share of the multiplier cycles", color=INK)
    axes.set_title(f"{found.network} on {found.config.name}, {shown(ours.NAME)}", loc="left", weight="bold", color=INK)
    legend_beside(axes, upside_down=True)


def _roofline(axes: Any, found: Evaluation) -> None:
    """Useful multiplies a cycle over useful multiplies a byte of memory traffic, masks included: a dot a layer, and the two
    roofs. Layers are numbered above, since their names would lie on each other.
    """
    plain(axes)
    peak, bandwidth = found.config.multipliers, found.bytes_per_cycle
    intensity = [layer.macs_effectual / layer.traffic for layer in found.layers]
    low, high = min(intensity) / 2, max(*intensity, 2 * peak / bandwidth) * 2
    roof = [low, peak / bandwidth, high]
    axes.plot(roof, [min(peak, bandwidth * x) for x in roof], color=INK, label=f"{bandwidth:g} bytes a cycle, {peak} multipliers")
    names = [name for name in (ours.NAME, "SparTen GB-H", "Eyeriss v2", "SCNN") if name in found.designs]
    for name in names:
        speed = [layer.macs_effectual / layer.cycles[name] * peak / found.multipliers[name] for layer in found.layers]
        colour = colour_of(name, found.designs)
        look: dict[str, Any] = {"s": 45, "facecolor": colour, "edgecolor": "white", "linewidth": 0.7, "zorder": 3}
        if name == ours.NAME:  # a ring hides none of the others
            look = {"s": 110, "facecolor": "none", "edgecolor": colour, "linewidth": 2, "zorder": 4}
        axes.scatter(intensity, speed, label=shown(name), **look)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xlim(low, high)
    axes.xaxis.set_major_formatter(lambda value, _: _power(value))
    axes.yaxis.set_major_formatter(lambda value, _: _power(value))
    axes.set_xlabel("useful multiplies a byte of memory traffic", color=INK)
    axes.set_ylabel("useful multiplies a cycle", color=INK)
    longest = sorted(range(len(intensity)), key=lambda i: -found.layers[i].macs_dense)[:NUMBERED]
    numbered = sorted(longest)
    rows = _numbered(axes, [intensity[i] for i in numbered], low, high)
    axes.set_title(f"{found.network}: what memory allows", loc="left", weight="bold", color=INK, pad=10 + 11 * rows)
    _key(axes, [found.layers[i].name for i in numbered], len(intensity))


def _numbered(axes: Any, places: Sequence[float], low: float, high: float) -> int:
    """A number above each of `places`, with a line down to the dots; returns in how many rows they are."""
    rows: list[float] = []  # where the last number of each row is
    for number, x in sorted(enumerate(places, 1), key=lambda item: item[1]):
        axes.axvline(x, color=GRID, linewidth=0.8, zorder=0)
        at = math.log(x / low) / math.log(high / low)
        row = next((i for i, last in enumerate(rows) if at - last >= APART), len(rows))
        rows[row : row + 1] = [at]
        above = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "center", "fontsize": 7.5}
        axes.annotate(str(number), (at, 1), (0, 3 + 11 * row), color=INK, **above)
    return len(rows)


def _key(axes: Any, names: Sequence[str], layers: int) -> None:
    """The designs, and below them those of the layers that the numbers stand for."""
    from matplotlib.lines import Line2D

    look = {"frameon": False, "fontsize": 8, "labelcolor": INK, "bbox_to_anchor": (1.01, 1.0)}
    designs = axes.legend(loc="upper left", **look)
    axes.add_artist(designs)
    designs.set_clip_on(False)  # else it is not given room
    lines = [Line2D([], [], linestyle="", label=f"{number}  {name}") for number, name in enumerate(names, 1)]
    look |= {"bbox_to_anchor": (1.01, 0.0), "labelcolor": GREY, "fontsize": 7.5, "handlelength": 0, "handletextpad": 0}
    look["labelspacing"] = 0.2
    title = "layers" if layers == len(names) else f"the largest {len(names)} of {layers} layers"
    box = axes.legend(handles=lines, loc="lower left", title=title, title_fontsize=7.5, alignment="left", **look)
    box.get_title().set_color(GREY)


def _lookahead(axes: Any, found: Evaluation) -> None:
    """Utilisation of the paper's core over its lookahead, in order and out of order; single layers as thin lines."""
    plain(axes)
    for out_of_order, colour in ((False, LINES[3]), (True, LINES[7])):
        names = {lf: name for (lf, order), name in sorted(found.lookaheads.items()) if order == out_of_order}
        for layer in found.layers:
            each = [layer.macs_effectual / found.multipliers[name] / layer.cycles[name] for name in names.values()]
            axes.plot([*names], each, color=colour, linewidth=0.6, alpha=0.35)
        label = "out of order" if out_of_order else "in order"
        axes.plot([*names], [found.utilisation(name) for name in names.values()], color=colour, marker="o", label=label)
    if ours.NAME in found.designs:
        axes.axhline(found.utilisation(ours.NAME), color="black", linewidth=1, linestyle="--", label=shown(ours.NAME))
    axes.set_xticks(sorted({lf for lf, _ in found.lookaheads}))
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlabel("lookahead Lf", color=INK)
    axes.set_ylabel("utilisation", color=INK)
    axes.set_title(f"{found.network}: the paper's core", loc="left", weight="bold", color=INK)
    _legend(axes)
