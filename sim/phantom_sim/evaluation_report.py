"""An evaluation as tables for people and as a document for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from phantom.report import grid
from phantom_sim import ours
from phantom_sim.evaluation import Evaluation
from phantom_sim.rivals.lineup import DENSE

Rows = list[tuple[str, ...]]
Table = tuple[tuple[str, ...], Rows]


def shown(design: str) -> str:
    """A design's name in tables: ours says by which model."""
    return f"ours ({ours.METHOD})" if design == ours.NAME else design


def layer_table(found: Evaluation) -> Table:
    """Speedup over dense of each layer under each design; ~ marks densities that are assumed."""
    names = [name for name in found.compared if name != DENSE]
    head = ("layer", "kind", "weights", "input", "bound", *(shown(name) for name in names))
    rows: Rows = []
    for layer in found.layers:
        mark = "~" if layer.assumed else ""
        speedups = [f"{found.speedup(layer, n):.2f}x" if n in layer.cycles else "-" for n in names]
        densities = f"{layer.weights:.1%}", f"{mark}{layer.activations:.1%}"
        rows.append((layer.name, layer.kind, *densities, f"{layer.bound:.2f}x", *speedups))
    return head, rows


def design_table(found: Evaluation) -> Table:
    """All layers together."""
    head = ("design", "multipliers", "cycles", "speedup total", "mean of layers", "utilisation", "share of bound")
    rows: Rows = []
    for name in found.designs:
        share = f"{found.speedup_total(name) / found.bound_total:.1%}"
        rows.append((shown(name), str(found.multipliers[name]), *_figures(found, name), share))
    rows.append(("bound behind our memory", "", "", f"{found.reach_total:.2f}x", f"{found.reach_layer_mean:.2f}x", "", ""))
    rows.append(("bound", "", "", f"{found.bound_total:.2f}x", f"{found.bound_layer_mean:.2f}x", "100.0%", "100.0%"))
    return head, rows


def ratio_table(found: Evaluation) -> Table:
    """Ours over the rivals, beside what the paper claims of its own."""
    head = (f"{shown(ours.NAME)} over", "total", "mean of layers", "at most", "claimed", "verdict")
    rows: Rows = []
    for ratio in found.ratios():
        most = f"{ratio.most_total:.2f}x, {ratio.most_layer_mean:.2f}x"
        numbers = f"{ratio.total:.2f}x", f"{ratio.layer_mean:.2f}x", most, f"{ratio.claimed:g}x"
        rows.append((ratio.rival, *numbers, ratio.verdict))
    return head, rows


def behind_table(found: Evaluation) -> Table:
    """Layers on which another design is faster than ours, and what our thread cycles are lost to there.

    The dense machine is what all are measured with, and waits for no memory: it does not count.
    """
    head = ("layer", "kind", "faster", "fastest", "over dense", "ours", "the memory allows", "ours is lost to")
    others = [name for name in found.compared if name not in (ours.NAME, DENSE)]
    rows: Rows = []
    for layer in found.layers:
        if ours.NAME not in layer.cycles:
            continue
        faster = [name for name in others if name in layer.cycles and layer.cycles[name] < layer.cycles[ours.NAME]]
        if faster:
            best = min(faster, key=lambda name: layer.cycles[name])
            speedups = (found.speedup(layer, best), found.speedup(layer, ours.NAME), found.reach(layer))
            lost = losses(layer.causes[ours.NAME])
            rows.append((layer.name, layer.kind, f"{len(faster)} of {len(others)}", best, *(f"{s:.2f}x" for s in speedups), lost))
    return head, rows


def losses(causes: Mapping[str, float]) -> str:
    """The two largest causes by their share of the thread cycles."""
    largest = sorted(causes.items(), key=lambda item: -item[1])[:2]
    return ", ".join(f"{cause} {share:.0%}" for cause, share in largest)


def lookahead_table(found: Evaluation) -> Table:
    """The paper's core by its lookahead Lf, in order and out of order: all layers together."""
    head = ("Lf", "selector", "cycles", "speedup total", "mean of layers", "utilisation", "out of order gains")
    rows: Rows = []
    for lf in sorted({lf for lf, _ in found.lookaheads}):
        in_order, out_of_order = found.lookaheads[lf, False], found.lookaheads[lf, True]
        gain = found.speedup_total(out_of_order) / found.speedup_total(in_order) - 1
        rows.append((str(lf), "in order", *_figures(found, in_order), ""))
        rows.append((str(lf), "out of order", *_figures(found, out_of_order), f"{gain:.1%}"))
    return head, rows


def _figures(found: Evaluation, name: str) -> tuple[str, ...]:
    """Cycles, speedups and utilisation of a design."""
    return (
        f"{found.cycles(name):,.0f}",
        f"{found.speedup_total(name):.2f}x",
        f"{found.speedup_layer_mean(name):.2f}x",
        f"{found.utilisation(name):.1%}",
    )


def text(found: Evaluation) -> str:
    """All tables."""
    lines = [f"{found.network} ({found.densities}) on {found.config.name}", ""]
    left = {"layer", "kind", "design", "verdict", "selector", "fastest", "ours is lost to", f"{shown(ours.NAME)} over"}
    tables = [layer_table(found), design_table(found), ratio_table(found), behind_table(found), lookahead_table(found)]
    for head, rows in filter(lambda table: table[1], tables):
        lines += [*grid(head, rows, left), ""]
    for layer in found.layers:
        if layer.refused:
            lines.append(f"not on our hardware: {layer.refused}")
    return "\n".join(lines)


def markdown(table: Table) -> list[str]:
    """A table for a document."""
    head, rows = table
    return [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {' | '.join(row)} |" for row in rows)]


def document(found: Evaluation) -> dict[str, Any]:
    """As plain values for JSON."""
    return {
        "densities": found.densities,
        "config": found.config.name,
        "seeds": len(next(iter(found.totals.values()))),
        "bound": {"speedup_total": found.bound_total, "speedup_layer_mean": found.bound_layer_mean},
        "reach": {"speedup_total": found.reach_total, "speedup_layer_mean": found.reach_layer_mean},
        "bytes_per_cycle": found.bytes_per_cycle,
        "layers": [
            {
                "name": layer.name,
                "kind": layer.kind,
                "macs_dense": layer.macs_dense,
                "macs_effectual": layer.macs_effectual,
                "weights": layer.weights,
                "activations": layer.activations,
                "assumed": layer.assumed,
                "traffic_bytes": layer.traffic,
                "bound": layer.bound,
                "reach": found.reach(layer),
                "refused": layer.refused,
                "cycles": layer.cycles,
                "causes": layer.causes,
            }
            for layer in found.layers
        ],
        "designs": {
            name: {
                "method": ours.METHOD if name == ours.NAME else "model",
                "multipliers": found.multipliers[name],
                "cycles": found.cycles(name),
                "cycles_by_seed": list(found.totals[name]),
                "speedup_total": found.speedup_total(name),
                "speedup_layer_mean": found.speedup_layer_mean(name),
                "utilisation": found.utilisation(name),
                "share_of_bound": found.speedup_total(name) / found.bound_total,
            }
            for name in found.designs
        },
        "lookaheads": [
            {
                "lf": lf,
                "out_of_order": out_of_order,
                "design": name,
                "cycles": found.cycles(name),
                "speedup_total": found.speedup_total(name),
                "speedup_layer_mean": found.speedup_layer_mean(name),
                "utilisation": found.utilisation(name),
            }
            for (lf, out_of_order), name in found.lookaheads.items()
        ],
        "ratios": {
            ratio.rival: {
                "ours": ratio.total,
                "ours_layer_mean": ratio.layer_mean,
                "at_most": ratio.most_total,
                "at_most_layer_mean": ratio.most_layer_mean,
                "bound": ratio.bound,
                "paper": ratio.claimed,
                "method": ours.METHOD,
                "verdict": ratio.verdict,
            }
            for ratio in found.ratios()
        },
    }
