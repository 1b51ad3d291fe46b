"""The blocks of a design, as elaboration makes them: every module with the parameters that the design gives it.

Instances of one module with the same contents (parameters, and those of what is below) are alike in timing; one stands for them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import synthesis

MODULE = re.compile(r"^module \\(\S+)\n(.*?)^end$", re.MULTILINE | re.DOTALL)
CELL = re.compile(r"^\s*cell \\(\S+) ", re.MULTILINE)
# What tells two instances apart though they are alike: their paths, source positions, and numbers that the reader counts up.
NOISE = re.compile(r"^\s*attribute \\\S+ .*\n|(?<=\w)\$[\w.\[\]$]+|\$\d+", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One module of the design."""

    name: str  # phantom_fifo
    module: str  # its name in the elaborated design: phantom_fifo$phantom_top.u_accelerator...
    path: str  # of the instance that stands for all that are alike
    elaborated: Path  # RTLIL
    instances: int  # that are alike
    fingerprint: str  # of the contents: alike means the same

    def netlist(self, result: Path) -> None:
        """Synthesise it by itself, flattened, and write the netlist as JSON (module ``block``)."""
        passes = [f"read_rtlil {self.elaborated}", f"rename {self.module} block", "hierarchy -top block"]
        synthesis.run([*passes, *synthesis.synthesise("block", True, result.parent), f"write_json {result}"], self.name)


def elaborate(top: str, sources: Sequence[Path], parameters: Mapping[str, int], result: Path) -> list[Block]:
    """Elaborate `top` into the RTLIL file `result`; its blocks, larger ones last, without empty cores."""
    synthesis.run([*synthesis.read(top, sources, parameters), f"write_rtlil {result}"], top)
    return find(result)


def find(elaborated: Path) -> list[Block]:
    """The blocks in an RTLIL file, children before parents."""
    bodies = dict(MODULE.findall(elaborated.read_text()))
    known: dict[str, str] = {}

    def fingerprint(module: str) -> str:
        if module not in known:
            children = sorted(fingerprint(child) for child in CELL.findall(bodies[module]) if child in bodies)
            text = "\n".join([base(module), NOISE.sub("", bodies[module]), *children])
            known[module] = hashlib.sha256(text.encode()).hexdigest()
        return known[module]

    alike: dict[str, list[str]] = {}
    for module in bodies:
        fingerprint(module)
    for module in known:  # in the order in which they were completed
        alike.setdefault(known[module], []).append(module)
    return [
        Block(base(group[0]), group[0], group[0].partition("$")[2] or group[0], elaborated, len(group), contents)
        for contents, group in alike.items()
        if base(group[0]) != synthesis.EMPTY_CORE
    ]


def base(module: str) -> str:
    """Name of the module in the sources."""
    return module.partition("$")[0]
