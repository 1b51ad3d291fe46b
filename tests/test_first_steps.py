"""What the package shows inside PYNQ, on the simulated board: the notebook, and the class of the control block."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from phantom.config import load_config

NOTEBOOK = Path(__file__).resolve().parents[1] / "host" / "phantom" / "notebooks" / "first_steps.ipynb"
SETTINGS = (('DEVICE = "board"', 'DEVICE = "rtl"'), ('CONFIG = "pynq_z2"', 'CONFIG = "tiny"'), ("IMAGES = 20", "IMAGES = 1"))


@pytest.fixture(scope="module")
def session() -> dict[str, Any]:
    """The notebook's names after all of its cells ran, on the smallest configuration and one image."""
    pytest.importorskip("pynq")
    import phantom.pynq_control  # noqa: F401  (as PYNQ does it by the package's entry point)

    names: dict[str, Any] = {}
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] for cell in cells), "a notebook is committed without what it printed"
    source = "\n".join("".join(cell["source"]) for cell in cells)
    for old, new in SETTINGS:
        assert source.count(old) == 1
        source = source.replace(old, new)
    exec(compile(source, NOTEBOOK.name, "exec"), names)
    return names


def test_the_notebook_runs_to_its_end(session: dict[str, Any]) -> None:
    assert session["outcome"].report.bit_exact
    assert len(session["outcome"].results[0]) == 1


def test_the_control_block_says_what_it_is(session: dict[str, Any]) -> None:
    from phantom.pynq_control import PhantomControl

    block = session["overlay"].phantom_0
    assert type(block) is PhantomControl
    assert block.version[0] == 1
    config = load_config("tiny")
    assert block.parameters == {name: getattr(config, name) for name in block.parameters}
    assert len(block.parameters) == 11
