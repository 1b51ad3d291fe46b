"""Elaboration and synthesis of a small design of real parts, down to its paths."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

import blocks
import paths
import synthesis

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(importlib.util.find_spec("pyosys") is None, reason="needs pyosys")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, blocks.Block]:
    """The blocks of three_fifos by path."""
    sources = [synthesis.HLS / "phantom_fifo.sv", HERE / "three_fifos.sv"]
    design = blocks.elaborate("three_fifos", sources, {"Width": 6}, tmp_path_factory.mktemp("rtlil") / "design.il")
    return {block.path: block for block in design}


def netlist_of(block: blocks.Block, folder: Path) -> paths.Netlist:
    block.netlist(folder / "netlist.json")
    return paths.Netlist(json.loads((folder / "netlist.json").read_text())["modules"]["block"])


def test_instances_that_are_alike_are_one_block_and_others_are_not(found: dict[str, blocks.Block]) -> None:
    fifos = {path: block.instances for path, block in found.items() if block.name == "phantom_fifo"}
    assert fifos == {"three_fifos.g_fifo[0].u_fifo": 2, "three_fifos.g_fifo[2].u_fifo": 1}
    assert list(found)[-1] == "three_fifos"


def test_a_block_keeps_the_parameters_of_the_design_and_its_contract(found: dict[str, blocks.Block], tmp_path: Path) -> None:
    netlist = netlist_of(found["three_fifos.g_fifo[2].u_fifo"], tmp_path)
    inside = netlist.paths(False, False, paths.deepest)
    ends = {path.end for path in inside}
    assert {"wr_q[5]", "rd_q[5]", "level_q[6]"} <= ends  # 64 words: six bits of pointer, seven of level
    assert not {"wr_q[6]", "rd_q[6]", "level_q[7]"} & ends
    assert 2 <= inside[0].levels <= 6
    assert {path.start.partition("[")[0] for path in inside} == {"wr_q", "rd_q", "level_q", "ready_q", "valid_q"}
    assert {path.end_port for path in netlist.paths(False, True, paths.deepest)} == {
        "in_ready_o", "out_valid_o", "out_data_o", "level_o"
    }  # fmt: skip
    assert netlist.paths(True, True, paths.deepest) == []  # no path crosses it, as its header says
    memory = [path for path in netlist.paths(True, False, paths.deepest) if path.start == "in_data_i[5]"]
    assert memory and all(".mem." in path.end and path.levels == 0 for path in memory)


def test_the_depth_of_a_sum_is_found_in_the_flattened_design(found: dict[str, blocks.Block], tmp_path: Path) -> None:
    inside = netlist_of(found["three_fifos"], tmp_path).paths(False, False, paths.slowest)
    path = next(path for path in inside if path.end == "sum_o[15]")
    assert (path.levels, path.carry, path.mux) == (2, 4, 0)
    assert path.start.partition("[")[0] in ("a_q", "b_q")
    doubled = 0.12  # an operand has two loads: the LUT of its sum, and the chain
    assert path.ns == pytest.approx(0.46 + 0.65 + doubled + 0.12 + 0.53 + 2 * 0.11 + 0.33 + 0.1, abs=0.006)
    assert any(path.start.startswith("g_fifo[2].u_fifo.") for path in inside)


def test_a_failure_says_of_what_and_why() -> None:
    with pytest.raises(synthesis.SynthesisError, match=r"synthesis of nothing failed\n(.*\n)*.*absent\.sv"):
        synthesis.run(["read_slang --top nothing absent.sv"], "nothing")
