"""The library is built when something changed, and only then."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from phantom.errors import ConfigError
from phantom_sim import verilate
from phantom_sim.verilate import BuildError, Design


def test_an_unchanged_design_is_not_built_again(design: Design) -> None:
    """Same path, untouched file."""
    library = verilate.build(design)
    made = library.stat().st_mtime_ns
    assert verilate.build(design) == library
    assert library.stat().st_mtime_ns == made


def test_whatever_matters_changes_the_name(design: Design, tmp_path: Path) -> None:
    """A parameter, a source's contents, and tracing give another library."""
    base = verilate.digest(design, False)
    copied = tmp_path / "loop_top.sv"
    others = tuple(source for source in design.sources if source.name != copied.name)
    original = next(source for source in design.sources if source.name == copied.name)
    shutil.copy(original, copied)
    same = Design("loop", "loop_top", tuple(copied if s == original else s for s in design.sources), design.parameters)
    assert verilate.digest(same, False) == base
    copied.write_text(copied.read_text() + "// changed\n")
    assert verilate.digest(same, False) != base
    assert verilate.digest(Design("loop", "loop_top", design.sources, {"Rows": 9}), False) != base
    assert verilate.digest(design, True) != base
    assert verilate.digest(Design("loop", "loop_top", others, design.parameters), False) != base


def test_a_design_that_does_not_compile_is_a_build_error(tmp_path: Path) -> None:
    """The message carries Verilator's own; nothing usable is left behind, so that the next try builds again."""
    source = tmp_path / "broken.sv"
    source.write_text("module broken (input logic clk_i); assign nowhere = 1'b1 + ; endmodule\n")
    for _ in range(2):
        with pytest.raises(BuildError, match="syntax error"):
            verilate.build(Design("broken", "broken", (source,)))


def test_a_list_with_a_missing_file_is_refused(tmp_path: Path) -> None:
    """By name."""
    (tmp_path / "some.f").write_text("// comment\nnot_there.sv\n")
    with pytest.raises(ConfigError, match=r"not_there\.sv"):
        verilate.file_list(tmp_path / "some.f")
