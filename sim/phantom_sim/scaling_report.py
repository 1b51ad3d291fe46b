"""How our design scales, as tables, a document and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from phantom.config import Config
from phantom.picture import INK, new_figure, plain
from phantom_sim import ours
from phantom_sim.evaluation_plots import LINES, save
from phantom_sim.evaluation_report import Rows, Table, losses, shown
from phantom_sim.scaling import MESH, TOGETHER, Share, enlarged
from phantom_sim.timing import Timing

GOAL = 0.8  # share of the bound that is to be kept at 1,024 multipliers
TITLES = {MESH: "one mesh", TOGETHER: "several accelerators, one image"}


def by_size(found: Sequence[Share], way: str) -> dict[int, Share]:
    """Those that are there, whole networks only."""
    return {share.multipliers: share for share in found if share.way == way and not share.refused}


def curve_table(found: Sequence[Share], base: Config) -> Table:
    """Share of the bound over the number of multipliers."""
    head = (
        "multipliers", "mesh", "MB/s a port", "one mesh", "cores in use", "weight ports busy", "lost to",
        "several accelerators, one image", "an image each",
    )  # fmt: skip
    meshes, together = by_size(found, MESH), by_size(found, TOGETHER)
    rows: Rows = []
    for size in sorted({share.multipliers for share in found}):
        line = [f"{size:,}", "-", "-", "-", "-", "-", "-"]
        if size in meshes:
            share, config = meshes[size], enlarged(base, size)
            bandwidth = Timing(clock_mhz=base.clock_mhz).port_mb_per_s * size / base.multipliers
            line[1:4] = f"{config.rows}x{config.cols}", f"{bandwidth:,.0f}", f"{share.share:.1%}"
            line[4:] = str(max(layer.cores for layer in share.layers)), f"{share.weight_port:.0%}", losses(share.lost)
        line.append(f"{together[size].share:.1%}" if size in together else "-")
        several = size > base.multipliers and size % base.multipliers == 0
        line.append(f"{meshes[base.multipliers].share:.1%}" if several and base.multipliers in meshes else "-")
        rows.append(tuple(line))
    return head, rows


def layer_table(found: Sequence[Share], way: str) -> Table:
    """Share of the bound of each layer, by size."""
    shares = by_size(found, way)
    head = ("layer", *(f"{size:,}" for size in shares))
    each = zip(*([(layer.name, f"{share.of(layer):.1%}") for layer in share.layers] for share in shares.values()))
    rows: Rows = [(cells[0][0], *(cell for _, cell in cells)) for cells in each]
    return head, rows


def tables(found: Sequence[Share], base: Config) -> dict[str, Table]:
    """All, by the names that they have in documents."""
    return {"curve": curve_table(found, base), "mesh": layer_table(found, MESH), "together": layer_table(found, TOGETHER)}


def document(network: str, found: Sequence[Share], base: Config) -> dict[str, Any]:
    """As plain values for JSON."""
    return {
        "network": network,
        "config": base.name,
        "method": ours.METHOD,
        "goal": GOAL,
        "points": [
            {
                "multipliers": share.multipliers,
                "way": share.way,
                "refused": share.refused,
                "cycles": share.cycles,
                "share_of_bound": None if share.refused else share.share,
                "weight_port": None if share.refused else share.weight_port,
                "lost": None if share.refused else share.lost,
                "layers": [
                    {
                        "name": layer.name,
                        "macs_effectual": layer.effectual,
                        "cycles": layer.cycles,
                        "cores": layer.cores,
                        "refused": layer.refused,
                    }
                    for layer in share.layers
                ],
            }
            for share in found
        ],
    }


def plot(network: str, found: Sequence[Share], base: Config, folder: Path) -> Path:
    """NETWORK-scaling.png. Raises PhantomError without matplotlib, or if it cannot be written."""
    figure = new_figure(8, 4.5)
    axes = figure.subplots()
    plain(axes)
    for way, colour in ((MESH, "black"), (TOGETHER, LINES[5])):
        shares = by_size(found, way)
        axes.plot([*shares], [share.share for share in shares.values()], marker="o", color=colour, label=TITLES[way])
    axes.axhline(GOAL, color=LINES[1], linewidth=1, linestyle="--", label="goal")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlabel(f"multipliers; memory grows along, from 800 MB/s a port at {base.multipliers}", color=INK)
    axes.set_ylabel("share of the ideal bound", color=INK)
    axes.set_title(f"{network}, convolutions, {shown(ours.NAME)}", loc="left", weight="bold", color=INK)
    axes.legend(frameon=False, fontsize=8)
    return save(figure, folder / f"{network}-scaling.png")
