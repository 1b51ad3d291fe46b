"""Estimate the longest paths of every block on the xc7z020 with open synthesis: `make timing`.

Each block is synthesised by itself, flattened, with the parameters that the design gives it; phantom_core is one core with all
that is in it, phantom_top everything around the cores. The paths across their border are counted in full, because the core's
own part of them is known by then. What a path costs stands in overlay/delays.py: an estimate that finds what is far too long
before place and route does. The gate is the configuration's clock, and the number of logic levels between two registers. Some
blocks are placed and routed besides, for another device and as a trend only (trend.py).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import blocks
import paths
import synthesis
import timing_docs
import trend
from delays import Border
from phantom.config import Config, load_config
from phantom.errors import ConfigError, PhantomError

LIMIT_LEVELS = 7
WORST = 10
WIDTH = 100
INDEX = re.compile(r"\[\d+\]")


@dataclass
class Report:
    """The longest paths of one block; a field is None (or empty) when it has no path of that kind."""

    block: blocks.Block
    slowest: paths.Path | None = None  # register to register
    deepest: paths.Path | None = None
    inward: paths.Path | None = None  # input port to register
    outward: paths.Path | None = None  # register to output port
    straight: paths.Path | None = None  # input port to output port
    worst: list[paths.Path] = field(default_factory=list)  # between registers, each register once as start and once as end

    @property
    def ns(self) -> float:
        """Of the slowest path between registers, or between ports when there is none."""
        return self.slowest.ns if self.slowest else 0.0

    @property
    def levels(self) -> int:
        """Of the deepest path between registers."""
        return self.deepest.levels if self.deepest else 0

    def document(self) -> dict[str, Any]:
        """For the JSON file."""
        ports = {"from_input": self.inward, "to_output": self.outward, "straight": self.straight}
        return {
            "levels": self.levels,
            "ns": self.ns,
            "from": self.slowest.start if self.slowest else None,
            "to": self.slowest.end if self.slowest else None,
            "instance": self.block.path,
            "slowest": described(self.slowest),
            "deepest": described(self.deepest),
            "worst": [described(path) for path in self.worst],
            **{name: described(path) for name, path in ports.items()},
        }


def described(path: paths.Path | None) -> dict[str, Any] | None:
    """A path for the JSON file."""
    if path is None:
        return None
    figures = {"levels": path.levels, "carry": path.carry, "mux": path.mux, "ns": path.ns}
    return {**figures, "from": path.start, "to": path.end, "through": list(path.steps)}


def examine(block: blocks.Block, borders: dict[str, Border]) -> Report:
    """Synthesise a block and find its longest paths. One core adds its border to `borders`, for what is around it."""
    with tempfile.TemporaryDirectory() as scratch:
        result = Path(scratch) / "netlist.json"
        block.netlist(result)
        module = json.loads(result.read_text())["modules"]["block"]
    netlist = paths.Netlist(module, borders)
    if block.name == "phantom_core":
        borders[synthesis.EMPTY_CORE] = netlist.border()
    inside = netlist.paths(False, False, paths.slowest)
    report = Report(block, first(inside), first(netlist.paths(False, False, paths.deepest)))
    report.inward = first(netlist.paths(True, False, paths.slowest))
    report.outward = first(netlist.paths(False, True, paths.slowest))
    report.straight = first(netlist.paths(True, True, paths.slowest))
    report.worst = [path for _, path in distinct((report, path) for path in inside)]
    return report


def first(found: list[paths.Path]) -> paths.Path | None:
    """The longest."""
    return found[0] if found else None


def register(report: Report, name: str) -> str:
    """A register or memory by its name in the whole design, without bit, pin and part, the same for all instances of a row."""
    return re.sub(r"(\.\d+)*(\.[A-Z][A-Z0-9]*)?$", "", INDEX.sub("", f"{report.block.path}.{name}"))


def distinct(found: Iterable[tuple[Report, paths.Path]]) -> list[tuple[Report, paths.Path]]:
    """The first ten that share neither start nor end, because a long way from one register often leads to fifty others."""
    starts: set[str] = set()
    ends: set[str] = set()
    kept: list[tuple[Report, paths.Path]] = []
    for report, path in found:
        start, end = register(report, path.start), register(report, path.end)
        if start not in starts and end not in ends and len(kept) < WORST:
            starts.add(start)
            ends.add(end)
            kept.append((report, path))
    return kept


def worst(reports: Iterable[Report]) -> list[tuple[Report, paths.Path]]:
    """The slowest paths of the design. One that was seen in a block and in what is around it counts once."""
    found = [(report, path) for report in reports for path in report.worst]
    return distinct(sorted(found, key=lambda item: (-item[1].ns, -item[1].levels)))


def blocks_of(config: Config, folder: Path) -> list[blocks.Block]:
    """All blocks of a configuration: those of a core first, phantom_top last."""
    from phantom_sim.overlay import named_design  # late: it brings in pynq, which takes seconds

    design = named_design(config)
    parts = (
        synthesis.core_part(design.sources, design.parameters),
        synthesis.around_part(design.sources, design.parameters, folder),
    )
    found = [block for part in parts for block in blocks.elaborate(*part, folder / f"{part[0]}.il")]
    return list({(block.name, block.fingerprint): block for block in found}.values())


def chosen(found: list[blocks.Block], names: list[str]) -> list[blocks.Block]:
    """Those with a name among `names` (with or without ``phantom_``), or all when there is none."""
    wanted = {name if name.startswith("phantom_") else f"phantom_{name}" for name in names}
    unknown = wanted - {block.name for block in found}
    if unknown:
        there = ", ".join(sorted({block.name for block in found}))
        raise ConfigError(f"there is no block {', '.join(sorted(unknown))}; there are {there}")
    return [block for block in found if not wanted or block.name in wanted]


def tail(text: str, width: int) -> str:
    """The end of a text that is too long, which is the telling part of a name."""
    return text if len(text) <= width else ".." + text[len(text) - width + 2 :]


def arrow(path: paths.Path, width: int) -> str:
    """Start and end of a path."""
    left = max((width - 4) // 2, width - 4 - len(path.end))
    start = tail(path.start, left)
    return f"{start} -> {tail(path.end, width - 4 - len(start))}"


def print_blocks(reports: Mapping[str, Report], clock_ns: float) -> None:
    """Between registers, then to and from the ports."""
    print(f"{'register to register':23s}{'levels':>7s}{'CARRY4':>7s}{'F7/F8':>6s}{'ns':>7s}  slowest path")
    for name, report in sorted(reports.items(), key=lambda item: (-item[1].ns, item[0])):
        path = report.slowest
        if path is None:
            print(f"{name:23s}  no path between registers")
            continue
        mark = "!" if report.levels > LIMIT_LEVELS else "*" if report.ns > clock_ns else " "
        row = f"{name:23s}{report.levels:7d}{path.carry:7d}{path.mux:6d}{path.ns:7.2f}{mark} "
        print(row + arrow(path, WIDTH - len(row)))
    print(f"levels: of the deepest path; all else: of the slowest   ! over {LIMIT_LEVELS} levels   * over {clock_ns:g} ns\n")
    print(f"{'ports: levels and ns':23s}{'input to register':25s}{'register to output':25s}input to output")
    for name, report in sorted(reports.items()):
        columns = [
            f"{path.levels:2d} {path.ns:5.2f} {tail(path.start if from_port else path.end, 15):15s}" if path else " -"
            for path, from_port in ((report.inward, True), (report.outward, False))
        ]
        row = f"{name:23s}{columns[0]:25s}{columns[1]:25s}"
        path = report.straight
        print(row + (f"{path.levels:2d} {path.ns:5.2f} {arrow(path, WIDTH - len(row) - 9)}" if path else " -"))


def print_worst(found: list[tuple[Report, paths.Path]], steps: bool) -> None:
    """The slowest paths, two lines each, and what they run through."""
    print("\nslowest paths")
    for number, (report, path) in enumerate(found, 1):
        figures = f"{path.ns:6.2f} ns {path.levels:3d} levels {path.carry:2d} CARRY4 {path.mux:2d} F7/F8"
        print(f"{number:3d} {figures}  {report.block.name}")
        print("      " + arrow(path, WIDTH - 6))
        if steps and path.steps:
            print("      through " + tail(", ".join(path.steps), WIDTH - 14))


def place_blocks(work: list[blocks.Block]) -> list[trend.Trend]:
    """Those of the trend, placed and routed."""
    found = []
    for block in trend.chosen(work):
        began = time.monotonic()
        print(f"[ecp5] {block.path} ", end="", file=sys.stderr, flush=True)
        found.append(trend.measure(block))
        mhz = ", ".join(f"{mhz:.1f}" for mhz in found[-1].mhz)
        print(f"{time.monotonic() - began:.0f} s, {mhz} MHz", file=sys.stderr, flush=True)
    return found


def main() -> int:
    """Run; exit code 1 when a block has a path with too many logic levels between two registers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--config", default="pynq_z2")
    parser.add_argument("--block", nargs="+", default=[], metavar="NAME", help="only these, with what their paths run through")
    parser.add_argument("--json", type=Path, help="where to write (build/timing.json, or nothing with --block)")
    help_place = "place and route some blocks for an ECP5, with three seeds each, as a trend; minutes more (yes)"
    parser.add_argument("--place", action=argparse.BooleanOptionalAction, default=True, help=help_place)
    parser.add_argument("--record", action="store_true", help="write paths and trend into docs/timing.md with the present commit")
    options = parser.parse_args()
    config = load_config(options.config)
    if options.record and (options.block or not options.place):
        parser.error("--record needs all blocks of the trend: neither --block nor --no-place")
    clock_ns = 1000.0 / config.clock_mhz
    reports: dict[str, Report] = {}
    borders = {synthesis.EMPTY_CORE: Border({}, {})}
    with tempfile.TemporaryDirectory() as scratch:
        work = chosen(blocks_of(config, Path(scratch)), options.block)
        for number, block in enumerate(work, 1):
            began = time.monotonic()
            print(f"[{number:2d}/{len(work)}] {block.path} ", end="", file=sys.stderr, flush=True)
            report = examine(block, borders)
            print(f"{time.monotonic() - began:.0f} s, {report.levels} levels, {report.ns:.2f} ns", file=sys.stderr, flush=True)
            if block.name not in reports or report.ns > reports[block.name].ns:
                reports[block.name] = report
        trends = place_blocks(work) if options.place else []

    found = worst(reports.values())
    meets = all(report.levels <= LIMIT_LEVELS and report.ns <= clock_ns for report in reports.values())
    print(f"{config.name} on xc7z020-1, clock {clock_ns:g} ns; estimated from open synthesis, not placed and routed\n")
    print_blocks(reports, clock_ns)
    print_worst(found, bool(options.block))
    if trends:
        trend.print_trends(trends, *trend.recorded())
    slow = sum(report.ns > clock_ns for report in reports.values())
    deep = sum(report.levels > LIMIT_LEVELS for report in reports.values())
    print(f"\n{len(reports)} blocks: {deep} with more than {LIMIT_LEVELS} levels, {slow} with a path slower than {clock_ns:g} ns")
    document = {"config": config.name, "limit_levels": LIMIT_LEVELS, "clock_ns": clock_ns}
    document["blocks"] = {name: report.document() for name, report in sorted(reports.items())}
    document["worst"] = [{"block": report.block.name, **(described(path) or {})} for report, path in found]
    document["meets"] = meets
    document["ecp5"] = {found.name: found.document() for found in trends}
    if options.record:
        trend.record(trends, synthesis.commit())
        timing_docs.record_paths(document, synthesis.commit())
    target = options.json or (None if options.block else synthesis.ROOT / "build" / "timing.json")
    if target:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(document, indent=1) + "\n")
    return 0 if meets else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PhantomError as error:
        sys.exit(f"timing: {error}")
