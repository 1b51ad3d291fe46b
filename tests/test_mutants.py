"""`make mutants` breaks the RTL and the model by hand; what it looks for must still be there."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_every_mutant_finds_its_place() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from mutants import MUTANTS
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    for mutant in MUTANTS:
        path = ROOT / (mutant.file if "/" in mutant.file else f"hls/phantom_{mutant.file}.sv")
        assert path.read_text(encoding="utf-8").count(mutant.old) == 1, f"{mutant.name}: {mutant.old!r} in {path.name}"
        assert mutant.new != mutant.old
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) > 90
