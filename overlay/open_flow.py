"""Build a bitstream without vendor tools: Yosys, nextpnr for Xilinx 7 series, and the tools of Project X-Ray.

    phantom_zynq --yosys--> design.json --nextpnr--> design.fasm --fasm2frames--> design.frames --xc7frames2bit--> phantom.bit

======================  =======================================================================================
variable                names
======================  =======================================================================================
``NEXTPNR_XILINX``      nextpnr-xilinx, or nextpnr-himbaechel with its xilinx architecture
``CHIPDB``              the chip database of the part for it (``xc7z020.bin``)
``PRJXRAY_DB_DIR``      the database of Project X-Ray, with the folder ``zynq7`` in it
``FASM2FRAMES``         its program of that name; also ``fasm2frames.py``
``XC7FRAMES2BIT``       its program of that name
``NEXTPNR_FLAGS``       further options for nextpnr, as ``--seed 2``
======================  =======================================================================================

A program that no variable names is looked for on PATH.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import mapping
import progress
import resources
import synthesis
from build_plan import BITSTREAM, BuildError, Plan
from phantom_sim import verilate

TOP = "phantom_zynq"
FAMILY = "zynq7"  # as Project X-Ray calls it
CLOCK_NET = "clk"
FMAX = re.compile(r"Max frequency for clock\s+'([^']+)':\s*([\d.]+) MHz \((PASS|FAIL) at ([\d.]+) MHz\)")


@dataclass(frozen=True)
class Tools:
    """What the flow needs from outside."""

    nextpnr: str
    chipdb: Path
    database: Path  # .../zynq7
    fasm2frames: str
    frames2bit: str


def find_tools(part: str, environment: Mapping[str, str] = os.environ) -> Tools:
    """Look for all of them. Raises BuildError, which names every one that is missing and the variable that would name it."""
    missing: list[str] = []

    def program(variable: str, *names: str) -> str:
        wanted = (environment[variable],) if environment.get(variable) else names
        for name in wanted:
            path = shutil.which(name, path=environment.get("PATH"))
            if path is not None:
                return path
        missing.append(f"{' or '.join(wanted)} ({'named by' if environment.get(variable) else 'on PATH, or'} {variable})")
        return ""

    def place(variable: str, inside: str, what: str) -> Path:
        path = Path(environment.get(variable, ""), inside)
        if not environment.get(variable):
            missing.append(f"{what} ({variable})")
        elif not path.exists():
            missing.append(f"{what} ({variable} = {environment[variable]}: there is no {path})")
        return path

    tools = Tools(
        program("NEXTPNR_XILINX", "nextpnr-xilinx", "nextpnr-himbaechel"),
        place("CHIPDB", "", f"the chip database of the {part}"),
        place("PRJXRAY_DB_DIR", FAMILY, "the database of Project X-Ray"),
        program("FASM2FRAMES", "fasm2frames", "fasm2frames.py"),
        program("XC7FRAMES2BIT", "xc7frames2bit"),
    )
    if not missing and not part_file(tools, part).exists():
        missing.append(f"the part {part} in {tools.database}")
    if missing:
        raise BuildError("FLOW=open needs what is not here: " + "; ".join(missing))
    return tools


def part_file(tools: Tools, part: str) -> Path:
    """What the database says about a part."""
    return tools.database / part / "part.yaml"


def build(plan: Plan, jobs: int) -> None:
    """Run the flow; ``phantom.bit`` is in the plan's folder afterwards, which is there before (`Plan.begin`).

    `jobs` has no meaning: every step runs on one core.

    Raises:
        BuildError: a tool is missing or failed, the design does not fit, or its clock is not reached.
    """
    tools = find_tools(plan.board.part)
    netlist, fasm = plan.results / "design.json", plan.results / "design.fasm"
    progress.stage("synthesis by Yosys, some minutes")
    synthesise(plan, netlist)
    constraints = plan.results / "design.xdc"
    constraints.write_text(f"create_clock -period {1000 / plan.fclk_mhz:.3f} [get_nets {CLOCK_NET}]\n")
    log = progress.run(place_and_route(tools, plan, netlist, constraints, fasm), plan.results / "nextpnr.log")
    check_clock(plan, log)
    frames, part = plan.results / "design.frames", plan.board.part
    convert = [sys.executable] if tools.fasm2frames.endswith(".py") else []
    command = [*convert, tools.fasm2frames, "--part", part, "--db-root", str(tools.database), str(fasm), str(frames)]
    progress.run(command, plan.results / "fasm2frames.log")
    command = [tools.frames2bit, "--part_file", str(part_file(tools, part)), "--part_name", part, "--frm_file", str(frames)]
    progress.run([*command, "--output_file", str(plan.results / BITSTREAM)], plan.results / "xc7frames2bit.log")


def synthesis_passes(sources: Sequence[Path], parameters: Mapping[str, int], registers_base: int, folder: Path) -> list[str]:
    """Passes from the sources to a mapped netlist; the primitives come from Yosys' own library, and one of ours in `folder`."""
    settings = {**parameters, "RegistersBase": registers_base}
    given = " ".join(f"-G {name}={value}" for name, value in settings.items())
    return [
        "read_verilog -lib +/xilinx/cells_sim.v +/xilinx/cells_xtra.v",
        f"read_slang -D SYNTHESIS {given} --top {TOP} {' '.join(map(str, sources))}",
        *mapping.passes(f"-flatten -top {TOP}", "xc7", folder),
    ]


def open_sources(plan: Plan) -> list[Path]:
    """The sources of the design, and of the top around it."""
    return [*plan.sources, *verilate.file_list(synthesis.HLS / "phantom_zynq.f")]


def synthesise(plan: Plan, netlist: Path) -> None:
    """Write the netlist. Raises BuildError when it does not fit the device, SynthesisError when a pass fails."""
    counts = plan.results / "utilisation.json"
    passes = synthesis_passes(open_sources(plan), plan.parameters, plan.window[0], plan.results)
    synthesis.run([*passes, f"tee -q -o {counts} stat -json -tech xilinx", f"write_json {netlist}"], TOP)
    used = resources.usage(json.loads(counts.read_text())["design"]["num_cells_by_type"])
    used["bram36"] = (used.pop("bram18", 0) + 1) // 2
    too_many = [f"{used[kind]} {kind} of {limit}" for kind, limit in plan.board.budget.items() if used[kind] > limit]
    if too_many:
        raise BuildError(f"configuration {plan.config!r} does not fit the {plan.board.part}: {', '.join(too_many)}")


def place_and_route(tools: Tools, plan: Plan, netlist: Path, constraints: Path, fasm: Path) -> list[str]:
    """The call of nextpnr, which takes other options in its newer form."""
    common = [tools.nextpnr, "--chipdb", str(tools.chipdb), "--json", str(netlist), "--freq", f"{plan.fclk_mhz:g}"]
    common += shlex.split(os.environ.get("NEXTPNR_FLAGS", ""))
    if "himbaechel" in Path(tools.nextpnr).name:
        options = ["--vopt", f"xdc={constraints}", "--vopt", f"fasm={fasm}", "--router", "router2"]
        return [*common, "--device", plan.board.part, *options]
    return [*common, "--xdc", str(constraints), "--fasm", str(fasm)]


def check_clock(plan: Plan, log: str) -> None:
    """Raise BuildError unless nextpnr says of every clock that it is fast enough; the last word counts, that after routing."""
    clocks = {name: (float(reached), verdict) for name, reached, verdict, _ in FMAX.findall(log)}
    if not clocks:
        raise BuildError(f"nextpnr says nothing about the clock; see {plan.results / 'nextpnr.log'}")
    for name, (reached, verdict) in clocks.items():
        if verdict != "PASS" or reached < plan.fclk_mhz:
            raise BuildError(
                f"clock {name!r} reaches {reached:g} MHz, configuration {plan.config!r} needs {plan.fclk_mhz:g}; try another "
                "seed (NEXTPNR_FLAGS='--seed 2'), a slower clock_mhz, or FLOW=vivado"
            )
