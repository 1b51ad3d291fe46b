"""Small tables for notebooks: HTML where it is shown, aligned text where it is printed."""

from __future__ import annotations

import html
from collections.abc import Sequence

from .report import grid

CELL = "padding: 4px 12px; vertical-align: top; white-space: pre-line; text-align:"


class Table:
    """Rows of cells below headings. Columns named in `left` are aligned to the left, the others to the right."""

    def __init__(self, head: Sequence[str], rows: Sequence[Sequence[object]], left: Sequence[str] = ()) -> None:
        self.head = tuple(head)
        self.rows = [tuple(map(str, row)) for row in rows]
        self.left = set(left)

    def __repr__(self) -> str:
        return "\n".join(grid(self.head, self.rows, self.left))

    def _repr_html_(self) -> str:
        """What Jupyter asks for."""

        def line(tag: str, cells: Sequence[str]) -> str:
            sides = ["left" if name in self.left else "right" for name in self.head]
            inside = "".join(f'<{tag} style="{CELL} {side}">{html.escape(cell)}</{tag}>' for cell, side in zip(cells, sides))
            return f"<tr>{inside}</tr>"

        return "<table>" + line("th", self.head) + "".join(line("td", row) for row in self.rows) + "</table>"
