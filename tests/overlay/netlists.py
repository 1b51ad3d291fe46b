"""Hand-made netlists in the form that Yosys writes, with nets called by name."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

OUTPUTS = {"O", "Q", "CO", "P", "DOA", "DOB", "DOC", "DOD", "DOADO", "DOBDO", "DPO", "SPO"}
CONSTANTS = {"0", "1", "x"}


class Module:
    """Cells and ports, added one by one; `document` is what paths.Netlist reads."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.cells: dict[str, Any] = {}
        self.ports: dict[str, Any] = {}
        self.count = itertools.count()

    def bits(self, nets: str | Sequence[str]) -> list[int | str]:
        names = [nets] if isinstance(nets, str) else nets
        return [name if name in CONSTANTS else self.numbers.setdefault(name, len(self.numbers) + 2) for name in names]

    def cell(self, kind: str, parameters: Mapping[str, str] | None = None, name: str = "", **pins: Any) -> Module:
        """A cell; ports of `OUTPUTS` and those that begin with ``out`` are outputs."""
        self.cells[name or f"${kind}${next(self.count)}"] = {
            "type": kind,
            "parameters": dict(parameters or {}),
            "attributes": {},
            "port_directions": {p: "output" if p in OUTPUTS or p.startswith("out") else "input" for p in pins},
            "connections": {p: self.bits(nets) for p, nets in pins.items()},
        }
        return self

    def ff(self, d: str, q: str, **pins: Any) -> Module:
        """A register."""
        return self.cell("FDRE", C="clk", D=d, Q=q, **{"CE": "1", "R": "0", **pins})

    def lut(self, output: str, *inputs: str) -> Module:
        """A LUT of as many inputs."""
        return self.cell(f"LUT{len(inputs)}", O=output, **{f"I{i}": net for i, net in enumerate(inputs)})

    def chain(self, source: str, length: int, target: str) -> Module:
        """`length` LUTs one behind the other."""
        nets = [source, *(f"{target}.{i}" for i in range(1, length)), target]
        for before, behind in itertools.pairwise(nets):
            self.lut(behind, before)
        return self

    def port(self, direction: str, **ports: Any) -> Module:
        """Ports with their nets."""
        for name, nets in ports.items():
            self.ports[name] = {"direction": direction, "bits": self.bits(nets)}
        return self

    def document(self) -> dict[str, Any]:
        """The module as JSON; nets with a `$` or a dot in their name are anonymous."""
        names = {n: {"hide_name": int("$" in n or "." in n), "bits": [bit]} for n, bit in self.numbers.items()}
        return {"cells": self.cells, "ports": self.ports, "netnames": names}
