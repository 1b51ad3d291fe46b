"""Registers that are marked stay as many as they are, and memories become half block RAMs where it takes no more of them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

import mapping
import synthesis


def cells(folder: Path, depth: int, width: int, family: str = "xc7") -> Counter[str]:
    """What a phantom_sdp_ram becomes."""
    result = folder / "stat.json"
    parameters = {"Depth": depth, "Width": width}
    passes = synthesis.read("phantom_sdp_ram", [synthesis.HLS / "phantom_sdp_ram.sv"], parameters)
    passes += synthesis.synthesise("phantom_sdp_ram", True, folder, family)
    synthesis.run([*passes, f"tee -q -o {result} stat -json"], "a memory")
    found = Counter(json.loads(result.read_text())["design"]["num_cells_by_type"])
    return Counter({kind: number for kind, number in found.items() if kind.startswith(("RAM", "FD", "LUT"))})


@pytest.mark.parametrize(
    ("depth", "width", "halves"),
    [
        pytest.param(512, 36, 1, id="partial_sums"),
        pytest.param(4096, 64, 16, id="row_buffer"),
        pytest.param(1024, 64, 4, id="parameters"),
        pytest.param(512, 72, 2, id="kept"),
        pytest.param(2048, 15, 2, id="directory"),
    ],
)
def test_no_memory_of_ours_takes_a_whole_one(tmp_path: Path, depth: int, width: int, halves: int) -> None:
    assert cells(tmp_path, depth, width) == {"RAMB18E1": halves}


def test_a_whole_one_where_halves_would_be_more(tmp_path: Path) -> None:
    assert cells(tmp_path, 32768, 1) == {"RAMB36E1": 1}, "two halves are 16 K each, and want a multiplexer"


def test_other_families_keep_the_library_of_yosys(tmp_path: Path) -> None:
    assert mapping.passes("-top t", "xcup", tmp_path) == [*mapping.KEEP, "synth_xilinx -family xcup -top t"]
    assert cells(tmp_path, 4096, 64, "xcup") == {"RAMB36E2": 8}


@pytest.mark.parametrize(("mark", "registers"), [('(* keep = "true" *)', 8), ("", 4)])
@pytest.mark.parametrize("hierarchy", [True, False])
def test_registers_that_are_alike(tmp_path: Path, mark: str, registers: int, hierarchy: bool) -> None:
    source, result = tmp_path / "copies.sv", tmp_path / "stat.json"
    source.write_text(
        "module copies (input logic clk_i, input logic [3:0] d_i, output logic [3:0] a_o, b_o);\n"
        f"  {mark} logic [1:0][3:0] copy_q;\n"
        "  always_ff @(posedge clk_i) copy_q <= {2{d_i}};\n"
        "  assign {b_o, a_o} = copy_q;\nendmodule\n"
    )
    read = synthesis.read("copies", [source], {}) if hierarchy else [f"read_slang --top copies {source}"]
    passes = [*read, *synthesis.synthesise("copies", True, tmp_path)]
    synthesis.run([*passes, f"tee -q -o {result} stat -json"], "copies")
    assert json.loads(result.read_text())["design"]["num_cells_by_type"]["FDRE"] == registers


@pytest.mark.parametrize(("mark", "registers"), [('(* keep = "true" *)', 4), ("", 1)])
def test_bits_of_a_register_that_are_alike(tmp_path: Path, mark: str, registers: int) -> None:
    source, result = tmp_path / "bits.sv", tmp_path / "stat.json"
    source.write_text(
        "module bits (input logic clk_i, rst_ni, input logic [3:0] d_i, output logic [3:0] q_o);\n"
        f"  {mark} logic [3:0] rst_q;\n"
        "  always_ff @(posedge clk_i) rst_q <= {4{!rst_ni}};\n"
        "  for (genvar i = 0; i < 4; i++) begin : g_bit\n"
        "    always_ff @(posedge clk_i) if (rst_q[i]) q_o[i] <= 1'b1; else q_o[i] <= d_i[i];\n"
        "  end\nendmodule\n"
    )
    passes = [*synthesis.read("bits", [source], {}), *synthesis.synthesise("bits", True, tmp_path)]
    synthesis.run([*passes, f"tee -q -o {result} stat -json"], "bits")
    found = json.loads(result.read_text())["design"]["num_cells_by_type"]
    assert (found["FDSE"], found["FDRE"]) == (4, registers), "sets of the loads are driven by the copies"


def test_a_library_that_is_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "WHOLE", "cost 300;")
    with pytest.raises(mapping.LibraryError, match=r"brams_xc4v.txt has no 'cost 300;': another version of pyosys"):
        mapping.passes("-top t", "xc7", tmp_path)
