"""The tables of docs/evaluation.md: regenerated between markers, so that text and figures live in one file.

A part of the document that is written by machine lies between two lines of its own:

    <!-- evaluate vgg16 ratios -->
    ... a table ...
    <!-- end -->

The first line names the network and the table: `layers`, `designs`, `ratios`, `lookaheads`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from phantom.errors import FormatError
from phantom_sim.evaluation import Evaluation
from phantom_sim.evaluation_report import design_table, layer_table, lookahead_table, markdown, ratio_table

TABLES = {"layers": layer_table, "designs": design_table, "ratios": ratio_table, "lookaheads": lookahead_table}
END = "<!-- end -->"
PART = re.compile(r"<!-- evaluate (\S+) (\S+) -->\n(.*?)" + re.escape(END), re.DOTALL)


def update(path: Path, found: Sequence[Evaluation]) -> None:
    """Rewrite the parts of a document whose networks are in `found`; leave the others.

    Raises FormatError where the document cannot be read or written, names a table that does not exist, or does not end a part.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: the document cannot be read ({error})") from None
    if text.count("<!-- evaluate ") != len(PART.findall(text)):
        raise FormatError(f"{path}: each line '<!-- evaluate NETWORK TABLE -->' needs an '{END}' behind its table")
    by_name = {one.network: one for one in found}

    def part(match: re.Match[str]) -> str:
        network, table, _ = match.groups()
        if table not in TABLES:
            raise FormatError(f"{path}: there is no table {table!r}; there are {', '.join(TABLES)}")
        if network not in by_name or (table == "lookaheads" and not by_name[network].lookaheads):
            return match.group()
        return f"<!-- evaluate {network} {table} -->\n" + "\n".join(markdown(TABLES[table](by_name[network]))) + f"\n{END}"

    try:
        path.write_text(PART.sub(part, text), encoding="utf-8")
    except OSError as error:
        raise FormatError(f"{path}: the document cannot be written ({error.strerror})") from None
