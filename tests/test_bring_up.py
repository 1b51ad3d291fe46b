"""docs/bring-up.md: the messages that it explains are those of the code."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "bring-up.md").read_text()
SECTION = TEXT.partition("## 4.")[2]
MESSAGES = [message for row in re.findall(r"^\| (.*?) \|", SECTION, re.MULTILINE) for message in re.findall(r"`([^`]+)`", row)]


@lru_cache(maxsize=1)
def source() -> str:
    """All sources of the host package, string literals that are continued on the next line joined."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "host" / "phantom").rglob("*.py")))
    return re.sub(r'"\s*\n\s*f?"', "", text)


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_that_is_explained_exists(message: str) -> None:
    code = source()
    parts = [part.strip(" ()=") for part in re.split(r"\.\.\.|\d+|0x|SLVERR|DECERR|phantom_0|phantom\.bit|OSError:", message)]
    for part in parts:
        assert len(part) < 3 or part in code, f"{part!r} is not in host/phantom"


def test_there_are_messages() -> None:
    assert len(MESSAGES) > 15


def test_targets_and_variables_that_it_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    readers = (ROOT / "overlay" / "open_flow.py", ROOT / "tests" / "host" / "test_wheel.py")
    read = "\n".join(path.read_text() for path in readers)
    for target in re.findall(r"\bmake ([a-z-]+)", TEXT):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for variable in re.findall(r"`([A-Z][A-Z0-9_]{4,})`", TEXT):
        if variable not in ("SLVERR", "DECERR"):
            assert f'"{variable}"' in read or variable in ("BOARD",), variable
