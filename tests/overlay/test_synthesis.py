"""The empty core, and the two parts of the design."""

from __future__ import annotations

import re
from pathlib import Path

import synthesis

PARAMETERS = {"Rows": 2, "Cols": 2, "Threads": 8, "ActWords": 512, "RunDepth": 512, "WeightQueueWords": 16, "Lf": 16}


def test_an_empty_core_has_the_ports_of_the_real_one_and_drives_each_output() -> None:
    real = (synthesis.HLS / "phantom_core.sv").read_text()
    empty = synthesis.empty_core(real)
    header = real[: real.index(");\n", real.index("import phantom_pkg")) + 3]
    assert empty.startswith(header.replace("module phantom_core", "module phantom_empty_core"))
    outputs = re.findall(r"^  output .*?(\w+)(?:\[\w+\])?,?\s*(?://.*)?$", header, re.MULTILINE)
    assert len(outputs) >= 7
    assert re.findall(r"^  assign (\w+) = ", empty, re.MULTILINE) == outputs


def test_the_design_around_the_cores_is_the_design_with_other_cores(tmp_path: Path) -> None:
    sources = [synthesis.HLS / f"phantom_{name}.sv" for name in ("pkg", "core", "mesh", "top")]
    top, around, parameters = synthesis.around_part(sources, PARAMETERS, tmp_path)
    assert (top, parameters) == ("phantom_top", PARAMETERS)
    assert [path.name for path in around] == ["phantom_pkg.sv", "phantom_empty_core.sv", "phantom_mesh.sv", "phantom_top.sv"]
    mesh = around[2].read_text()
    assert mesh.replace("phantom_empty_core", "phantom_core") == sources[2].read_text()
    assert mesh != sources[2].read_text()


def test_a_core_by_itself_gets_its_own_parameters() -> None:
    sources = [synthesis.HLS / f"phantom_{name}.sv" for name in ("pkg", "core", "top")]
    top, core, parameters = synthesis.core_part(sources, PARAMETERS)
    assert (top, core) == ("phantom_core", sources[:2])
    assert parameters == {"Threads": 8, "ActWords": 512, "RunDepth": 512, "WeightQueueWords": 16}
