"""Boards: which one a configuration is for, and that what is said of their memories names memories that there are."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import boards
import resources
import synthesis
from phantom.config import load_configs
from phantom_sim.design import memory_ports, named_design, source_of, verilog_parameters


def test_a_board_of_the_same_name_or_the_pynq_z2() -> None:
    assert {name: boards.board_of(name).name for name in load_configs()} == {
        "tiny": "pynq_z2", "small": "pynq_z2", "middle": "pynq_z2", "pynq_z2": "pynq_z2", "big": "pynq_z2", "zcu104": "zcu104",
    }  # fmt: skip
    assert (boards.PYNQ_Z2.device, boards.ZCU104.device) == ("7z020", "zu7ev")


def test_zcu104_has_what_the_goal_says() -> None:
    config, board = load_configs()["zcu104"], boards.ZCU104
    assert config.multipliers >= 512
    assert {k: board.budget[k] for k in ("lut", "ff", "bram36", "dsp", "uram")} == {
        "lut": 230_400, "ff": 460_800, "bram36": 312, "dsp": 1_728, "uram": 96,
    }  # fmt: skip
    assert sum(count for count, _ in board.cores) == config.cores
    styles: Counter[str] = Counter()
    for count, memories in board.cores:
        for _, style in memories:
            styles[style] += count
        assert len({pattern for pattern, _ in memories}) == len(memories), "a memory cannot be of two kinds"
    assert styles["ultra"] + 10 <= board.budget["uram"], "eight are the row buffer's, one is the parameters', one the directory's"


def test_every_pattern_names_a_memory_of_a_core(tmp_path: Path) -> None:
    """A pattern that matches nothing would change nothing, and the figures would be wrong in silence."""
    config = load_configs()["zcu104"]
    design = named_design(config)
    top, sources, parameters = synthesis.core_part(design.sources, verilog_parameters(config))
    patterns = {pattern for _, memories in boards.ZCU104.cores for pattern, _ in memories}
    assert len(patterns) == 5
    found = [f"select -assert-count 1 {synthesis.memory(pattern)}" for pattern in sorted(patterns)]
    synthesis.run([*synthesis.read(top, sources, parameters), *found], "a core")
    around = [f"select -assert-count 1 {synthesis.memory(pattern)}" for pattern, _ in boards.ZCU104.memories]
    part = synthesis.around_part(design.sources, verilog_parameters(config), tmp_path)
    synthesis.run([*synthesis.read(*part), *around], "what is around the cores")
    with pytest.raises(synthesis.SynthesisError):
        wrong = f"select -assert-count 1 {synthesis.memory('*.u_no_such_memory')}"
        synthesis.run([*synthesis.read(top, sources, parameters), wrong], "a core")


def test_cores_that_do_not_add_up() -> None:
    parameters = verilog_parameters(load_configs()["tiny"])
    with pytest.raises(synthesis.SynthesisError, match="zcu104 tells of 64 cores; the configuration has 2"):
        resources.measure(parameters, [], True, boards.ZCU104)


@pytest.mark.parametrize(
    ("cells", "kind", "number"),
    [
        ({"RAM64M8": 3}, "lutram", 24), ({"RAM32M16": 1}, "lut", 8), ({"DSP48E2": 4}, "dsp", 4), ({"URAM288": 2}, "uram", 2),
        ({"RAMB36E2": 2, "RAMB18E2": 1}, "bram18", 5), ({"LUT6": 2, "LUT1": 1}, "lut", 3), ({"FDRE": 1, "FDSE": 1}, "ff", 2),
    ],
)  # fmt: skip
def test_cells_of_both_families_are_counted(cells: dict[str, int], kind: str, number: int) -> None:
    assert resources.usage(cells)[kind] == number


def test_memory_ports_are_those_of_the_port_list(tmp_path: Path) -> None:
    design = named_design(load_configs()["tiny"])
    top = source_of("phantom_top", design.sources)
    text = top.read_text()
    for count in (1, 2):
        found = memory_ports(top, {"WeightPorts": count})
        assert list(found) == ([0, 1, 3] if count == 1 else [0, 1, 2, 3])
        for n, channels in found.items():
            assert channels == tuple(c for c in ("ar", "aw") if re.search(rf"output logic\s+m_axi_hp{n}_{c}valid", text))
    other = tmp_path / "top.sv"
    other.write_text("module top (\n  output logic m_axi_hp1_awvalid\n);\n  assign m_axi_hp0_arvalid = 0;\nendmodule\n")
    assert memory_ports(other, {}) == {1: ("aw",)}, "what is inside of the module does not count"


def test_the_report_says_how_it_counted() -> None:
    assert resources.how_counted(16, boards.PYNQ_Z2, True) == "synthesised in one piece, flattened"
    assert "counted 16 times, and everything else around" in resources.how_counted(16, boards.PYNQ_Z2, False)
    assert "counted 22 + 38 + 4 times" in resources.how_counted(64, boards.ZCU104, False)
    with pytest.raises(synthesis.SynthesisError, match="zcu104 has several kinds of core"):
        resources.measure_whole({}, [], boards.ZCU104)
