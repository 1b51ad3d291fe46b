"""Tables of documents (docs/evaluation.md) that are written by machine: between markers, so that text and figures live together.

A part of a document that a command writes lies between two lines of its own:

    <!-- evaluate vgg16 ratios -->
    ... a table ...
    <!-- end -->

The first line names command, network and table. `evaluate` has `layers`, `designs`, `ratios`, `behind`, `lookaheads`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from phantom.errors import FormatError
from phantom_sim.evaluation import Evaluation
from phantom_sim.evaluation_report import Table, behind_table, design_table, layer_table, lookahead_table, markdown, ratio_table

TABLES = {
    "layers": layer_table,
    "designs": design_table,
    "ratios": ratio_table,
    "behind": behind_table,
    "lookaheads": lookahead_table,
}
END = "<!-- end -->"


def update(path: Path, found: Sequence[Evaluation]) -> None:
    """Rewrite the tables of `evaluate` whose networks are in `found`. Raises FormatError as `rewrite`."""
    tables = {(one.network, name): table(one) for one in found for name, table in TABLES.items()}
    rewrite(path, "evaluate", TABLES, {key: table for key, table in tables.items() if table[1]})


def rewrite(path: Path, command: str, known: Collection[str], tables: Mapping[tuple[str, str], Table]) -> None:
    """Rewrite the parts of a document that are a command's and for which there is a table, by (network, table); leave the others.

    Raises FormatError where the document cannot be read or written, names a table that is not `known`, or does not end a part.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: the document cannot be read ({error})") from None
    parts = re.compile(rf"<!-- {command} (\S+) (\S+) -->\n(.*?)" + re.escape(END), re.DOTALL)
    if text.count(f"<!-- {command} ") != len(parts.findall(text)):
        raise FormatError(f"{path}: each line '<!-- {command} NETWORK TABLE -->' needs an '{END}' behind its table")

    def part(match: re.Match[str]) -> str:
        network, name, _ = match.groups()
        if name not in known:
            raise FormatError(f"{path}: there is no table {name!r}; there are {', '.join(known)}")
        if (network, name) not in tables:
            return match.group()
        return f"<!-- {command} {network} {name} -->\n" + "\n".join(markdown(tables[network, name])) + f"\n{END}"

    try:
        path.write_text(parts.sub(part, text), encoding="utf-8")
    except OSError as error:
        raise FormatError(f"{path}: the document cannot be written ({error.strerror})") from None
