"""Results of a sweep: a CSV file with a line for each point, appended as points finish, so that an interrupted sweep goes on.

A line is written in one piece. One that a crash cut off has no line end, and is dropped; anything else that is wrong is an error,
since it is somebody's data.
"""

from __future__ import annotations

import csv
import io
import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from phantom.errors import FormatError
from phantom_sim.sweep_grid import Point

TEXTS = ("refused",)
KEYS = tuple(field.name for field in fields(Point))
Row = dict[str, Any]


class Results:
    """The file at `path`, which is made if it is not there. `columns`: beside the point's own; numbers, but for those in TEXTS.

    Raises FormatError where it cannot be read or written, or holds something else.
    """

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self.path, self.columns = path, (*KEYS, *columns)
        self.rows: list[Row] = []
        try:
            if path.exists() and path.stat().st_size:
                self._read(path.read_bytes())
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(_line(self.columns), encoding="utf-8")
        except OSError as error:
            raise FormatError(f"{path}: the results cannot be opened ({error.strerror})") from None

    def _read(self, data: bytes) -> None:
        whole = data[: data.rfind(b"\n") + 1]
        try:
            table = list(csv.reader(io.StringIO(whole.decode("utf-8"), newline=""), strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            raise FormatError(f"{self.path}: not a CSV file ({error}); name another file, or remove it") from None
        if not table or tuple(table[0]) != self.columns:
            raise FormatError(f"{self.path}: it has other columns than this sweep's results; name another file, or remove it")
        for number, cells in enumerate(table[1:], 2):
            try:
                self.rows.append(self._row(cells))
            except ValueError as error:
                raise FormatError(f"{self.path}, line {number}: {error}; name another file, or remove the line") from None
        if len(whole) < len(data):
            os.truncate(self.path, len(whole))

    def _row(self, cells: list[str]) -> Row:
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} values for {len(self.columns)} columns")
        row: Row = dict(zip(self.columns, cells, strict=True))
        for field in fields(Point):
            row[field.name] = _value(row[field.name], str(field.type))
        for name in set(self.columns[len(KEYS) :]) - {*TEXTS}:
            row[name] = None if row[name] == "" else float(row[name])
        return row

    def done(self) -> set[Point]:
        """Points whose results are there."""
        return {Point(**{key: row[key] for key in KEYS}) for row in self.rows}

    def add(self, point: Point, values: Row) -> None:
        """Append the results of a point. Raises FormatError where that fails."""
        row = {**asdict(point), **values}
        try:
            with open(self.path, "a", encoding="utf-8", newline="") as file:
                file.write(_line([row[name] for name in self.columns]))
        except OSError as error:
            raise FormatError(f"{self.path}: the results cannot be written ({error.strerror})") from None
        self.rows.append(row)


def _line(cells: Any) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerow(["" if cell is None else cell for cell in cells])
    return buffer.getvalue()


def _value(text: str, kind: str) -> Any:
    """A key's value of the type that Point gives it. Raises ValueError."""
    if kind == "str":
        return text
    if text == "" and "None" in kind:
        return None
    return int(text) if kind == "int" else float(text)
