"""The cycles that the package brings for the self-test are those of the cycle model, for every configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from phantom.selftest.figures import COMMAND, PATH

pytest.importorskip("numba")


def test_the_file_is_what_the_command_writes(tmp_path: Path) -> None:
    """It is never stale: sizes, networks, compiler or model that have changed since it was made show here."""
    from phantom_sim.selftest_figures import main

    fresh = tmp_path / "figures.json"
    main(fresh)
    old, new = json.loads(PATH.read_text()), json.loads(fresh.read_text())
    assert old == new, f"run `{COMMAND}`"


def test_the_makefile_runs_that_command() -> None:
    makefile = Path(__file__).resolve().parents[2] / "Makefile"
    rule = makefile.read_text().partition(f"\n{COMMAND.removeprefix('make ')}:")[2].partition("\n\n")[0]
    assert "-m phantom_sim.selftest_figures" in rule
