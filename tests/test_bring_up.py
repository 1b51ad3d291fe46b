"""docs/bring-up.md: the messages that it explains are those of the code."""

from __future__ import annotations

import re
import sys
import types
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


def test_notebooks_are_delivered_where_it_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By PYNQ's own command, but for the parent folder."""
    pytest.importorskip("pynq")
    from pynq._cli import get_notebooks
    from pynq.pl_server.device import Device

    (command,) = re.findall(r"^    pynq (get-notebooks .*)$", TEXT, re.MULTILINE)
    (parent,) = re.findall(r"-p (\S+)", command)
    assert parent == "/home/xilinx/jupyter_notebooks"
    board = types.SimpleNamespace(name="board")
    monkeypatch.setattr(Device, "_devices", [board], raising=False)
    monkeypatch.setattr(Device, "_active_device", board, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", command.replace(parent, "there").split())
    get_notebooks.main()
    sources = (ROOT / "host" / "phantom" / "notebooks").glob("*.ipynb")
    delivered = {path.name for path in (tmp_path / "there" / "phantom").glob("*.ipynb")}
    assert delivered == {path.name for path in sources} and "first_steps.ipynb" in delivered
    assert "makes the folder `phantom`" in TEXT
    monkeypatch.setattr(sys, "argv", ["get-notebooks", "phantom"])
    get_notebooks.main()
    assert (tmp_path / "pynq-notebooks" / "phantom").is_dir() and "`pynq-notebooks`" in TEXT


def test_the_design_drives_no_leds() -> None:
    """As the table of LEDs says: the tops of both flows have the processor's own pins, and no pin is placed."""
    scripts = "\n".join(path.read_text() for path in sorted((ROOT / "overlay").rglob("*.tcl")))
    ports = re.findall(r"\[create_bd_(?:intf_)?port .* (\w+)\]", scripts)
    assert ports == ["DDR", "FIXED_IO"] and scripts.count("create_bd_port") == 0
    assert "PACKAGE_PIN" not in scripts + (ROOT / "overlay" / "open_flow.py").read_text()
    (header,) = re.findall(
        r"^module phantom_zynq\n.*?\n\)(.*)$", (ROOT / "hls" / "phantom_zynq.sv").read_text(), re.DOTALL | re.MULTILINE
    )
    assert header.startswith(";"), "phantom_zynq has ports"


def test_targets_and_variables_that_it_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    readers = (ROOT / "overlay" / "open_flow.py", ROOT / "tests" / "host" / "test_wheel.py")
    read = "\n".join(path.read_text() for path in readers)
    for target in re.findall(r"\bmake ([a-z-]+)", TEXT):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for variable in re.findall(r"`([A-Z][A-Z0-9_]{4,})`", TEXT):
        if variable not in ("SLVERR", "DECERR"):
            assert f'"{variable}"' in read or variable in ("BOARD",), variable
