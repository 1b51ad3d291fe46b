"""Build a bitstream with Vivado: what is told to the scripts in overlay/vivado, and what is checked before and after.

The vendor's own description of the block design is kept as ``vivado.hwh`` and compared with ours: the clock that its processing
system makes, and the place of the registers.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import progress
import wrapper
from build_plan import BITSTREAM, BuildError, Plan

SCRIPTS = Path(__file__).resolve().parent / "vivado"
OLDEST, NEWEST = "2022.1", "2024.2"
VERSION = re.compile(r"^vivado v(\d+\.\d+)", re.IGNORECASE | re.MULTILINE)
STAGES = re.compile(r"^(?:phantom|Command): (.+?)(?: -.*)?$", re.MULTILINE)  # of our scripts, and the steps of Vivado's runs
MET = "All user specified timing constraints are met."


def find_vivado() -> str:
    """Path of a Vivado of a version that the scripts are for: VIVADO, or the one on PATH.

    Raises:
        BuildError: there is none, it does not run, or it is too old or too new.
    """
    wanted = os.environ.get("VIVADO", "vivado")
    path = shutil.which(wanted)
    if path is None:
        raise BuildError(
            f"{wanted} not found: FLOW=vivado needs Vivado {OLDEST} to {NEWEST} on PATH (source its settings64.sh) or named by "
            "VIVADO; FLOW=open does without"
        )
    path = os.path.abspath(path)  # it runs in another folder
    try:
        done = subprocess.run([path, "-version"], capture_output=True, text=True, check=False, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{path} does not run: {error}") from None
    found = VERSION.search(done.stdout)
    if found is None:
        raise BuildError(f"{path} -version does not say which version it is; it must be Vivado {OLDEST} to {NEWEST}")
    version = tuple(map(int, found[1].split(".")))
    if not tuple(map(int, OLDEST.split("."))) <= version <= tuple(map(int, NEWEST.split("."))):
        age = "old" if version < tuple(map(int, OLDEST.split("."))) else "new"
        raise BuildError(f"{path} is Vivado {found[1]}, which is too {age}: the scripts are for {OLDEST} to {NEWEST}")
    return path


def design_tcl(plan: Plan, module: Path, jobs: int) -> str:
    """The dictionary ``design`` for overlay/vivado/build.tcl."""
    base, size = plan.window
    ports = wrapper.ports_of(plan.top)
    values: dict[str, Any] = {
        "config": plan.config,
        "board": plan.board.name,
        "part": plan.board.part,
        "clock_mhz": f"{plan.fclk_mhz:g}",
        "sources": [*plan.sources, module],
        "module": wrapper.MODULE,
        "hp_ports": [item for number, channels in plan.hp_ports.items() for item in (number, " ".join(channels))],
        "interrupts": [name for direction, _, name in ports if name.startswith("irq_") and direction == "output"],
        "registers_base": f"0x{base:08X}",
        "registers_range": f"0x{size:08X}",
        "memory_range": f"0x{plan.board.ddr:08X}",
        "results": plan.results,
        "jobs": jobs,
        "oldest": OLDEST,
        "newest": NEWEST,
    }
    lines = [f"    {name} {quote(value)}" for name, value in values.items()]
    return "set design {\n" + "\n".join(lines) + "\n}\n"


def quote(value: Any) -> str:
    """A value as one word of a Tcl list; BuildError for what would need more than braces."""
    if isinstance(value, list):
        return "{" + " ".join(quote(item) for item in value) + "}"
    text = str(value)
    if re.search(r"[{}\\]", text):
        raise BuildError(f"{text!r} has characters that Tcl lists cannot hold; build in a folder without braces or backslashes")
    return text if re.fullmatch(r"[\w./:,+-]+", text) else "{" + text + "}"


def build(plan: Plan, jobs: int) -> None:
    """Run Vivado; ``phantom.bit`` and the reports are in the plan's folder afterwards, which is there before (`Plan.begin`).

    Raises:
        BuildError: see `find_vivado`; or Vivado failed (the message has its errors), timing is not met, a net is not routed, or
        the block design is not what the driver expects.
    """
    vivado = find_vivado()
    module, script = plan.results / f"{wrapper.MODULE}.v", plan.results / "design.tcl"
    module.write_text(wrapper.wrapper(plan.top, plan.parameters, plan.hp_ports))
    script.write_text(design_tcl(plan, module, jobs))
    command = [vivado, "-mode", "batch", "-nojournal", "-nolog", "-source", str(SCRIPTS / "build.tcl"), "-tclargs", str(script)]
    progress.run(command, plan.results / "vivado.log", STAGES, cwd=plan.results)
    check_results(plan)


def check_results(plan: Plan) -> None:
    """Look at what Vivado left. Raises BuildError when the bitstream is not to be used."""
    timing, handoff = plan.results / "timing.rpt", plan.results / "vivado.hwh"
    missing = [str(path) for path in (timing, handoff, plan.results / BITSTREAM) if not path.exists()]
    if missing:
        raise BuildError(f"Vivado ended without an error, but there is no {', no '.join(missing)}; what it said is in vivado.log")
    if MET not in timing.read_text(errors="replace"):
        raise BuildError(f"timing is not met, says {timing}: it must have the line '{MET}'")
    compare(plan, handoff)


def compare(plan: Plan, handoff: Path) -> None:
    """Compare the vendor's description with the plan. Raises BuildError for another clock or other addresses."""
    try:
        root = ElementTree.parse(handoff).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise BuildError(f"{handoff} cannot be read ({error})") from None
    modules = {module.get("INSTANCE"): module for module in root.iter("MODULE")}
    if "ps7" not in modules or "phantom_0" not in modules:
        raise BuildError(f"{handoff}: there must be ps7 and phantom_0; there are {', '.join(sorted(map(str, modules)))}")
    settings = {p.get("NAME"): p.get("VALUE", "") for p in modules["ps7"].iter("PARAMETER")}
    clock = float(settings.get("PCW_ACT_FPGA0_PERIPHERAL_FREQMHZ") or 0)
    if abs(clock / plan.fclk_mhz - 1) > 1e-4:
        raise BuildError(f"{handoff}: FCLK 0 is {clock:g} MHz; it must be {plan.fclk_mhz:g} for configuration {plan.config!r}")
    base, size = plan.window
    ranges = {r.get("INSTANCE"): (r.get("BASEVALUE", "0"), r.get("HIGHVALUE", "0")) for r in modules["ps7"].iter("MEMRANGE")}
    low, high = (int(value, 0) for value in ranges.get("phantom_0", ("0", "0")))
    if (low, high) != (base, base + size - 1):
        right = f"0x{base:08X}-0x{base + size - 1:08X}"
        raise BuildError(f"{handoff}: phantom_0 is at 0x{low:08X}-0x{high:08X}; it must be at {right}")
