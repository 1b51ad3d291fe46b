"""Cells and names out of a netlist that Yosys wrote as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from delays import Cell, Pin


def pin_name(cell: Cell, pin: Pin) -> str:
    """The pin of a cell, with its bit where the port has several."""
    bits = cell.inputs.get(pin.port) or cell.outputs[pin.port]
    return f"{cell.name}.{pin.port}" + (f"[{pin.bit}]" if len(bits) > 1 else "")


def source_line(cell: Cell) -> str:
    """File and line of the RTL that a cell comes from, "" when the mapper does not say."""
    found = re.search(r"([^/|]+\.sv:\d+)", cell.parameters.get("src", ""))
    return found[1] if found else ""


def nets(ports: Mapping[str, list[int | str]]) -> list[tuple[Pin, int]]:
    """The pins of ports that are on a net, with its number."""
    return [(Pin(port, i), bit) for port, bits in ports.items() for i, bit in enumerate(bits) if isinstance(bit, int)]


def cell_of(name: str, text: Mapping[str, Any]) -> Cell:
    """A cell from its JSON."""
    sides: dict[str, dict[str, list[int | str]]] = {"input": {}, "output": {}}
    for port, bits in text["connections"].items():
        sides[text["port_directions"][port]][port] = bits
    parameters = {**text.get("parameters", {}), "src": text.get("attributes", {}).get("src", "")}
    return Cell(name, text["type"], parameters, sides["input"], sides["output"])


def net_names(netnames: Mapping[str, Any]) -> dict[int, str]:
    """One name from the sources for each net that has one: that of a register where there is a choice."""
    best: dict[int, tuple[tuple[int, int], str]] = {}
    for name, text in netnames.items():
        if text.get("hide_name"):
            continue
        kind = 0 if re.search(r"_q$", name) else 1 if re.search(r"_n?o$", name) else 2
        # A register is named where it is made, the innermost; anything else where it is seen.
        rank = (kind, len(name) if kind == 2 else -len(name))
        for i, bit in enumerate(text["bits"]):
            if isinstance(bit, int) and (bit not in best or rank < best[bit][0]):
                offset = int(text.get("offset", 0))
                best[bit] = (rank, f"{name}[{i + offset}]" if len(text["bits"]) > 1 else name)
    return {bit: name for bit, (_, name) in best.items()}
