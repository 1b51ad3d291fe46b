"""Synthesise a configuration for its board's device with open tools and compare it with what there is: `make resources`.

The cores are all alike, so one is synthesised by itself and counted as often as there are cores; the rest of the design is
synthesised around empty cores with the same ports. Nothing is optimised across that border, so the sum is on the safe
side. LUTs are counted as the mapper leaves them: no two small ones are packed into one, which place and route can do.
The totals come from flattened synthesis, the figures by module from one that keeps the hierarchy (a little larger).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

import synthesis
from boards import PYNQ_Z2, Board, Memories, board_of
from phantom.config import load_config
from phantom.errors import PhantomError

LUT_LIMIT = 0.8  # beyond that routing gets hard
LUTRAM_CELLS = {
    "RAM32X1S": 1, "RAM64X1S": 1, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1S": 2, "RAM128X1D": 4, "RAM256X1S": 4, "RAM32M": 4,
    "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8, "RAM512X1S": 8, "RAM256X1D": 8, "SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1,
}  # fmt: skip


def usage(cells: dict[str, int]) -> Counter[str]:
    """Resources of a module from its cells by type; lut includes lutram."""
    total: Counter[str] = Counter()
    for kind, number in cells.items():
        if re.fullmatch(r"LUT[1-6]", kind):
            total["lut"] += number
        elif kind in LUTRAM_CELLS:
            total["lut"] += number * LUTRAM_CELLS[kind]
            total["lutram"] += number * LUTRAM_CELLS[kind]
        elif kind.startswith("FD"):
            total["ff"] += number
        elif kind in ("DSP48E1", "DSP48E2"):
            total["dsp"] += number
        elif kind in ("RAMB18E1", "RAMB18E2"):
            total["bram18"] += number
        elif kind in ("RAMB36E1", "RAMB36E2"):
            total["bram18"] += 2 * number
        elif kind == "URAM288":
            total["uram"] += number
    return total


def synthesise(
    top: str, sources: list[Path], parameters: dict[str, int], flatten: bool, family: str = "xc7", memories: Memories = ()
) -> dict[str, Counter[str]]:
    """Resources by module below `top`, all instances of a module added up; all in one when flattened (but for empty cores)."""
    with tempfile.TemporaryDirectory() as scratch:
        result = Path(scratch) / "stat.json"
        passes = synthesis.read(top, sources, parameters)
        passes += synthesis.synthesise(top, flatten, Path(scratch), family, memories)
        synthesis.run([*passes, f"tee -q -o {result} stat -json -tech xilinx"], top)
        document = json.loads(result.read_text())
    modules: dict[str, Counter[str]] = {}
    for name, module in document["modules"].items():
        short = name.lstrip("\\").split("$")[0]
        modules.setdefault(short, Counter()).update(usage(module["num_cells_by_type"]))
    return modules


def measure(parameters: dict[str, int], sources: list[Path], flatten: bool, board: Board = PYNQ_Z2) -> dict[str, Counter[str]]:
    """Resources of the whole design, by module. Raises SynthesisError when a board tells of another number of cores."""
    cores = parameters["Rows"] * parameters["Cols"]
    kinds = board.cores or ((cores, ()),)
    if sum(count for count, _ in kinds) != cores:
        raise synthesis.SynthesisError(f"{board.name} tells of {sum(c for c, _ in kinds)} cores; the configuration has {cores}")
    modules: dict[str, Counter[str]] = {}
    for count, memories in kinds:
        core = synthesise(*synthesis.core_part(sources, parameters), flatten, board.family, memories)
        for name, use in core.items():
            modules.setdefault(name, Counter()).update({kind: number * count for kind, number in use.items()})
    with tempfile.TemporaryDirectory() as scratch:
        part = synthesis.around_part(sources, parameters, Path(scratch))
        around = synthesise(*part, flatten, board.family, board.memories)
    for name, use in around.items():
        modules.setdefault(name, Counter()).update(use)
    return modules


def measure_whole(parameters: dict[str, int], sources: list[Path], board: Board = PYNQ_Z2) -> dict[str, Counter[str]]:
    """The same in one piece, flattened, which takes long. Raises SynthesisError where cores differ."""
    if board.cores:
        raise synthesis.SynthesisError(f"{board.name} has several kinds of core, which only synthesis by parts tells apart")
    return synthesise("phantom_top", sources, parameters, True, board.family, board.memories)


def how_counted(cores: int, board: Board, whole: bool) -> str:
    """In words, for the report."""
    if whole:
        return "synthesised in one piece, flattened"
    kinds = " + ".join(str(count) for count, _ in board.cores or ((cores, ()),))
    return f"one core of each kind synthesised and counted {kinds} times, and everything else around empty cores"


def main() -> int:
    """Run; exit code 1 when the design does not fit."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--config", default="pynq_z2")
    help_modules = "figures by module too, which takes a second synthesis (yes)"
    parser.add_argument("--modules", action=argparse.BooleanOptionalAction, default=True, help=help_modules)
    parser.add_argument("--whole", action="store_true", help="in one piece, not by parts (an hour; alike cores only)")
    parser.add_argument("--json", type=Path, default=synthesis.ROOT / "build" / "resources.json")
    options = parser.parse_args()
    from phantom_sim.design import named_design

    config = load_config(options.config)
    board = board_of(config.name)
    design = named_design(config)
    parameters, sources = dict(design.parameters), list(design.sources)
    total: Counter[str] = Counter()
    whole = measure_whole(parameters, sources, board) if options.whole else measure(parameters, sources, True, board)
    for use in whole.values():
        total.update(use)
    modules = measure(parameters, sources, False, board) if options.modules else {}
    total["bram36"] = (total.pop("bram18", 0) + 1) // 2
    figures = {kind: total[kind] for kind in board.budget}
    limits = {k: int(v * (LUT_LIMIT if k == "lut" else 1)) for k, v in board.budget.items()}
    fits = all(figures[k] <= limits[k] for k in figures)

    columns = ("lut", "lutram", "ff", "dsp", "bram18")
    counted = how_counted(config.cores, board, options.whole)
    print(f"{config.name}: {config.multipliers} multipliers on {board.part}\n{counted}\n")
    print(f"{'module':28s}" + "".join(f"{c:>9s}" for c in columns))
    for name, use in sorted(modules.items(), key=lambda item: -item[1]["lut"]):
        print(f"{name:28s}" + "".join(f"{use[c]:9,d}" for c in columns))
    print(f"\n{'':28s}{'used':>9s}{'limit':>9s}{'device':>9s}")
    for k, value in figures.items():
        verdict = "" if value <= limits[k] else "  too much"
        print(f"{k:28s}{value:9,d}{limits[k]:9,d}{board.budget[k]:9,d}  {value / board.budget[k]:6.1%}{verdict}")
    print("\nfits" if fits else "\ndoes not fit")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    document = {"config": config.name, "multipliers": config.multipliers, "counted": counted, **figures, "fits": fits}
    document["modules"] = {name: dict(use) for name, use in sorted(modules.items())}
    options.json.write_text(json.dumps(document, indent=1) + "\n")
    return 0 if fits else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PhantomError as error:
        sys.exit(f"resources: {error}")
