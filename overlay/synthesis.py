"""Open synthesis for the xc7z020: what `make resources` and `make timing` share.

Yosys runs in a process of its own, because a failing pass ends the process it runs in. The cores of the mesh are all alike, so
the design is synthesised in two parts: one core, and everything else around empty cores, which have the ports of the real one
and nothing inside. Nothing is optimised across that border.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import mapping
from phantom.errors import PhantomError

ROOT = Path(__file__).resolve().parents[1]
HLS = ROOT / "hls"
EMPTY_CORE = "phantom_empty_core"
CORE_PARAMETERS = ("Threads", "ActWords", "RunDepth", "WeightQueueWords")


class SynthesisError(PhantomError):
    """A pass of the synthesis failed; the message ends with what it said last."""


def run(passes: Sequence[str], what: str) -> None:
    """Run Yosys passes one after the other on an empty design. `what` names the work in the SynthesisError of a failure."""
    with tempfile.TemporaryDirectory() as scratch:
        script = Path(scratch) / "passes.py"
        lines = [f"ys.run_pass({text!r}, design)" for text in passes]
        script.write_text("\n".join(["from pyosys import libyosys as ys", "design = ys.Design()", *lines]) + "\n")
        done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise SynthesisError(f"synthesis of {what} failed\n{tail}")


def commit() -> str:
    """The present commit, short, with + behind it when files of the RTL differ from it. Raises SynthesisError."""
    git = ["git", "-C", str(ROOT)]
    found = subprocess.run([*git, "rev-parse", "--short=8", "HEAD"], capture_output=True, text=True, check=False)
    if found.returncode:
        raise SynthesisError(f"git cannot name the commit: {found.stderr.strip()}")
    clean = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "hls"], check=False).returncode == 0
    return found.stdout.strip() + ("" if clean else "+")


def read(top: str, sources: Sequence[Path], parameters: Mapping[str, int]) -> list[str]:
    """Passes that elaborate `top`; every instance becomes a module of its own, called MODULE$PATH."""
    settings = " ".join(f"-G {name}={value}" for name, value in parameters.items())
    return [f"read_slang -D SYNTHESIS --keep-hierarchy {settings} --top {top} {' '.join(map(str, sources))}"]


def synthesise(top: str, flatten: bool, folder: Path, family: str = "xc7", memories: Sequence[tuple[str, str]] = ()) -> list[str]:
    """Passes that map `top` to cells of the device, all in one when flattened (but for empty cores).

    Args:
        folder: there until they have run.
        memories: (pattern, see `memory`; style): those that are to be of another kind than the RTL asks for.
    """
    return [
        *(f'setattr -set ram_style "{style}" {memory(pattern)}' for pattern, style in memories),
        "setattr -mod -unset keep_hierarchy *",
        f"setattr -mod -set keep_hierarchy 1 *{EMPTY_CORE.removeprefix('phantom_')}*",
        *mapping.passes(f"-noiopad {'-flatten ' if flatten else ''}-top {top}", family, folder),
    ]


def memory(pattern: str) -> str:
    """The selection of a memory in what `read` elaborates, by a pattern of the instance it is in, "/", and its name there.

    Without a name: that of a phantom_sdp_ram.
    """
    instance, _, name = pattern.partition("/")
    return f"*${instance}/m:{name}" if name else f"phantom_sdp_ram${instance}/m:mem"


def core_part(sources: Sequence[Path], parameters: Mapping[str, int]) -> tuple[str, list[Path], dict[str, int]]:
    """Top module, sources and parameters of one core."""
    return "phantom_core", [s for s in sources if s.stem != "phantom_top"], {k: parameters[k] for k in CORE_PARAMETERS}


def around_part(sources: Sequence[Path], parameters: Mapping[str, int], folder: Path) -> tuple[str, list[Path], dict[str, int]]:
    """The same of everything around the cores; the empty core, and a mesh of them, are written to `folder`."""
    stub, mesh = folder / f"{EMPTY_CORE}.sv", folder / "phantom_mesh.sv"
    stub.write_text(empty_core((HLS / "phantom_core.sv").read_text()))
    mesh.write_text((HLS / "phantom_mesh.sv").read_text().replace("phantom_core #(", f"{EMPTY_CORE} #(", 1))
    swapped = {"phantom_core": stub, "phantom_mesh": mesh}
    return "phantom_top", [swapped.get(s.stem, s) for s in sources], dict(parameters)


def empty_core(text: str) -> str:
    """From the source of phantom_core that of a module with the same ports and nothing inside."""
    head = text[: text.index(");\n", text.index("import phantom_pkg")) + 3]
    outputs = re.findall(r"output\s+\w+\s+(?:\[[^\]]*\]\s+)?(\w+)(\[\w+\])?", head)
    body = []
    for name, unpacked in outputs:
        value = "StMac" if name == "state_o" else "'0"
        body.append(f"  assign {name} = {'{default: ' + value + '}' if unpacked else value};".replace("= {", "= '{"))
    return (head + "\n".join(body) + "\nendmodule\n").replace("module phantom_core", f"module {EMPTY_CORE}", 1)
