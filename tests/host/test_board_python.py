"""What runs on the board is Python 3.10 with numpy 1.21: nothing newer is used in host/phantom."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HOST = Path(__file__).resolve().parents[2] / "host" / "phantom"
NEWER_MODULES = {"tomllib", "numpy.exceptions", "numpy.dtypes", "numpy.strings"}
# By module: names that came after Python 3.10, or after numpy 1.21.
NEWER = {
    "typing": """
        Self Never LiteralString assert_never assert_type reveal_type Required NotRequired Unpack TypeVarTuple
        dataclass_transform override TypeAliasType ReadOnly TypeIs
    """,
    "enum": "StrEnum ReprEnum EnumCheck verify member nonmember FlagBoundary",
    "datetime": "UTC",
    "contextlib": "chdir",
    "math": "cbrt exp2 sumprod fma",
    "hashlib": "file_digest",
    "itertools": "batched",
    "operator": "call",
    "asyncio": "TaskGroup timeout Runner",
    "builtins": "ExceptionGroup BaseExceptionGroup PythonFinalizationError",
    "numpy": """
        from_dlpack exceptions dtypes strings concat astype unstack isdtype trapezoid bitwise_count bitwise_invert
        bitwise_left_shift bitwise_right_shift permute_dims matrix_transpose vecdot matvec vecmat cumulative_sum
        cumulative_prod unique_all unique_counts unique_inverse unique_values acos asin atan acosh asinh atanh atan2
        pow long ulong array_api StringDType bool object int float
    """,
}
NEWER_NAMES = {module: set(names.split()) for module, names in NEWER.items()}
# Keywords of functions (and methods) that came later.
NEWER_KEYWORDS = {
    "stack": {"dtype", "casting"},
    "vstack": {"dtype", "casting"},
    "hstack": {"dtype", "casting"},
    "load": {"max_header_size"},
    "unique": {"equal_nan", "sorted"},
    "quantile": {"method", "weights"},
    "percentile": {"method", "weights"},
    "loadtxt": {"quotechar"},
    "dataclass": {"weakref_slot"},
    "mean": {"mean"},
    "var": {"mean", "correction"},
    "std": {"mean", "correction"},
    "TemporaryDirectory": {"delete"},
    "rmtree": {"onexc"},
    "NamedTemporaryFile": {"delete_on_close"},
    "extractall": {"filter"},
}


def problems(source: str, name: str = "source") -> list[str]:
    """Everything in a source that is newer than the board, as `name:line: what`."""
    tree = ast.parse(source, name, feature_version=(3, 10))
    modules: dict[str, str] = {}
    found: list[str] = []

    def report(node: ast.AST, what: str) -> None:
        found.append(f"{name}:{getattr(node, 'lineno', 0)}: {what}")

    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                modules[alias.asname or alias.name] = alias.name
                if alias.name in NEWER_MODULES:
                    report(node, f"import {alias.name}")
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            if node.module in NEWER_MODULES:
                report(node, f"import {node.module}")
            for alias in node.names:
                if alias.name in NEWER_NAMES.get(str(node.module), ()):
                    report(node, f"{node.module}.{alias.name}")
        elif type(node).__name__ == "TryStar":
            report(node, "except*")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id, "")
            if node.attr in NEWER_NAMES.get(module, ()):
                report(node, f"{module}.{node.attr}")
        elif isinstance(node, ast.Name) and node.id in NEWER_NAMES["builtins"]:
            report(node, node.id)
        elif isinstance(node, ast.Call):
            function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for keyword in node.keywords:
                if keyword.arg in NEWER_KEYWORDS.get(function, ()):
                    report(node, f"{function}({keyword.arg}=...)")
        elif isinstance(node, ast.Subscript):
            # x[*a] is Python 3.11, and ast.parse of a newer Python lets it through.
            inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            text = ast.get_source_segment(source, node) or ""
            if any(isinstance(e, ast.Starred) for e in inner) and "(" not in text.partition("[")[2][:1]:
                report(node, "a starred subscript")
    return found


@pytest.mark.parametrize("path", sorted(HOST.rglob("*.py")), ids=lambda path: str(path.relative_to(HOST)))
def test_nothing_newer_than_the_board(path: Path) -> None:
    assert problems(path.read_text(), path.name) == []


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("import tomllib", "import tomllib"),
        ("from typing import Self", "typing.Self"),
        ("import typing as t\nx: t.Self", "typing.Self"),
        ("import numpy as np\nnp.concat([])", "numpy.concat"),
        ("import numpy as np\nnp.stack(a, dtype=int)", "stack(dtype=...)"),
        ("from enum import StrEnum", "enum.StrEnum"),
        ("raise ExceptionGroup('x', [])", "ExceptionGroup"),
        ("a[*b]", "a starred subscript"),
        ("from numpy.exceptions import AxisError", "import numpy.exceptions"),
    ],
)
def test_what_is_newer_is_found(line: str, what: str) -> None:
    assert [text.partition(": ")[2] for text in problems(line)] == [what]


def test_newer_syntax_does_not_even_parse() -> None:
    for text in ("try:\n  pass\nexcept* ValueError:\n  pass", "type X = int", "def f[T](x: T) -> T: ..."):
        try:
            found = problems(text)
        except SyntaxError:
            continue
        assert found
