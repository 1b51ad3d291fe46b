"""Write docs/measured.md from build/bench-networks.json: a table for each network that went through the RTL, layer by layer."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "host"))

from phantom.report import amount

HEAD = """# Whole networks through the RTL

    make networks            # the five large ones; the digits are in the tree
    make bench-networks      # build/bench-networks.json
    python scripts/write_measured.py

Configuration `{config}`: {multipliers} multipliers at {clock_mhz:g} MHz, 800 MB/s a memory port. Every layer of every network
equals the reference in every value; how the outputs compare with ONNX Runtime's stands below each table. *Utilisation* is
effectual multiplies (both operands nonzero) a multiplier cycle; *speedup* is over a dense machine with as many multipliers, each
busy in every cycle.
"""


def shown(value: float | None, form: str, unit: str = "") -> str:
    """A figure, or a dash where there is none."""
    return "-" if value is None else f"{value:{form}}{unit}"


def row(layer: Mapping[str, Any]) -> str:
    """A line of the table."""
    worst = sorted(layer["stalls"].items(), key=lambda item: -item[1])[:3]
    cells = (
        layer["name"],
        layer["kind"],
        shown(layer["cycles"], ","),
        amount(layer["macs_dense"]),
        amount(layer["macs_effectual"]),
        shown(layer["utilisation"], ".1%"),
        shown(layer["gops_dense_equivalent"], ".1f"),
        shown(layer["speedup_over_dense"], ".2f", "x"),
        ", ".join(f"{name} {share:.0%}" for name, share in worst if share >= 0.005),
    )
    return f"| {' | '.join(cells)} |"


def section(name: str, run: Mapping[str, Any]) -> list[str]:
    """A network."""
    total, other = run["totals"], run["onnxruntime"]
    lines = [
        f"## {name}",
        "",
        f"{total['cycles']:,} cycles, {total['cycles'] / run['clock_mhz'] / 1e3:.2f} ms; speedup over dense "
        f"{total['speedup_over_dense']:.2f}x by total cycles, {total['speedup_layer_mean']:.2f}x as the mean of layers; "
        f"bit-exact: {'yes' if run['bit_exact'] else 'no'}.",
        "",
        "| layer | kind | cycles | dense | effectual | utilisation | GOP/s | speedup | lost to |",
        "|---|---|---|---|---|---|---|---|---|",
        *(row(layer) for layer in (*run["layers"], total)),
        "",
        f"ONNX Runtime: of {other['outputs']:,} values {other['differ']:,} differ, by {other['max_abs']} at most, where each "
        f"layer is given its inputs; {other['differ_through']:,} in the network as a whole, where what was rounded the other way "
        "spreads.",
        "",
    ]
    return lines


def main() -> None:
    """Write the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench-networks.json")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "measured.md")
    args = parser.parse_args()
    found = json.loads(args.json.read_text())
    first = next(iter(found.values()))
    lines = [HEAD.format(config=first["config"], multipliers=first["multipliers"], clock_mhz=first["clock_mhz"])]
    for name, run in found.items():
        lines += section(name, run)
    args.out.write_text("\n".join(lines).rstrip() + "\n")
    print(args.out)


if __name__ == "__main__":
    main()
