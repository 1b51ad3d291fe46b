"""Writes what `make timing` has found into docs/timing.md: tables between pairs of marks, each with its commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import synthesis
from phantom.errors import PhantomError

RECORD = synthesis.ROOT / "docs" / "timing.md"
LONGEST = 88  # of a register's name


class MarksError(PhantomError):
    """The document has no pair of marks for a table."""


def put(name: str, content: str, path: Path = RECORD) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- end of name -->``. Raises MarksError when they are not there."""
    text = path.read_text()
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    head, _, rest = text.partition(begin)
    old, _, tail = rest.partition(end)
    if not (rest and tail and old):
        raise MarksError(f"{path} has no lines {begin.strip()} and {end}; the table stands between them")
    path.write_text(f"{head}{begin}{content}\n{end}{tail}")


def short(name: str) -> str:
    """A register's name, its end where it is too long."""
    return name if len(name) <= LONGEST else ".." + name[2 - LONGEST :]


def paths_table(worst: Sequence[Mapping[str, Any]]) -> str:
    """The slowest paths of the design, as ``build/timing.json`` lists them under ``worst``."""
    lines = ["| ns | levels | CARRY4 | seen in | from | to |", "|---" * 6 + "|"]
    for path in worst:
        block = path["block"].removeprefix("phantom_")
        figures = f"{path['ns']:.2f} | {path['levels']} | {path['carry']}"
        lines.append(f"| {figures} | `{block}` | `{short(path['from'])}` | `{short(path['to'])}` |")
    return "\n".join(lines)


def record_paths(document: Mapping[str, Any], commit: str, path: Path = RECORD) -> None:
    """Write the slowest paths and how many blocks there are. `document`: that of ``build/timing.json``. Raises MarksError."""
    found = document["blocks"].values()
    limits = f"more than {document['limit_levels']} levels or a path slower than {document['clock_ns']:g} ns"
    beyond = sum(block["levels"] > document["limit_levels"] or block["ns"] > document["clock_ns"] for block in found)
    said = f"Of {len(found)} blocks {beyond or 'none'} {'have' if beyond > 1 else 'has'} {limits}"
    put("paths", f"{said}; estimated at commit `{commit}`:\n\n{paths_table(document['worst'])}", path)
