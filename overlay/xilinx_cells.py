"""Primitives of the device as Yosys declares them: the one truth about their ports, for lint, tests and checks of a netlist.

Run as a script it writes empty modules for the primitives in the open flow's top, which Verilator needs to lint it.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from phantom.errors import PhantomError

ROOT = Path(__file__).resolve().parents[1]
STUBS = ROOT / "build" / "gen" / "xilinx_cells.v"
PRIMITIVES = ("PS7", "BUFG")
PORT = re.compile(r"^\s*(?:\(\*.*?\*\)\s*)?(input|output|inout)\s+(?:\[(\d+):0\]\s*)?(\w+)\s*[,;)]", re.MULTILINE)


class CellError(PhantomError):
    """The library of primitives is not there, or lacks one."""


@dataclass(frozen=True)
class CellPort:
    """A port of a primitive."""

    name: str
    direction: str  # input, output, inout
    width: int

    def declaration(self) -> str:
        """As Verilog."""
        return f"{self.direction} " + (f"[{self.width - 1}:0] " if self.width > 1 else "") + self.name


def library() -> Path:
    """The folder with Yosys' models of Xilinx primitives. Raises CellError when pyosys is not installed."""
    spec = importlib.util.find_spec("pyosys")
    if spec is None or spec.origin is None:
        raise CellError("the Python package pyosys is not installed; `make setup` installs it")
    return Path(spec.origin).parent / "share" / "xilinx"


def ports(primitive: str) -> dict[str, CellPort]:
    """The ports of a primitive by name. Raises CellError when the library does not have it."""
    for file in ("cells_sim.v", "cells_xtra.v"):
        found = re.search(rf"^module {primitive}\b(.*?)^endmodule", (library() / file).read_text(), re.MULTILINE | re.DOTALL)
        if found:
            return {name: CellPort(name, kind, int(high or 0) + 1) for kind, high, name in PORT.findall(found[1])}
    raise CellError(f"there is no primitive {primitive} in {library()}")


def stub(primitive: str) -> str:
    """An empty module with the ports of a primitive; a buffer lets its input through."""
    listed = ports(primitive)
    body = "  assign O = I;\n" if set(listed) == {"I", "O"} else ""
    return f"module {primitive} (\n  " + ",\n  ".join(port.declaration() for port in listed.values()) + f"\n);\n{body}endmodule\n"


def write_stubs(path: Path = STUBS) -> Path:
    """Write the stubs, unless they are there already; their path."""
    text = "\n".join(stub(primitive) for primitive in PRIMITIVES)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return path


if __name__ == "__main__":
    try:
        print(write_stubs())
    except CellError as error:
        sys.exit(f"xilinx_cells: {error}")
