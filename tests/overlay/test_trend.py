"""The trend of blocks on an ECP5: reports of place and route, a placer that fails, the table and what is compared with it."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

import blocks
import synthesis
import timing
import trend
from timing_docs import MarksError
from trend import PlacementError, Trend

# What nextpnr-ecp5 0.11.1 reported of phantom_pe with seed 1, without critical paths and most kinds of cells.
REPORT = """{"critical_paths": [], "fmax": {"clk_i": {"achieved": 91.87799072265625, "constraint": 125}}, "utilization": {
"ALU54B": {"available": 78, "used": 0}, "DP16KD": {"available": 208, "used": 3}, "MULT18X18D": {"available": 156, "used": 2},
"TRELLIS_COMB": {"available": 83640, "used": 685}, "TRELLIS_FF": {"available": 83640, "used": 933}}}"""
PE = Trend("pe", (91.9, 89.4, 91.5), {"DP16KD": 3, "MULT18X18D": 2, "TRELLIS_COMB": 1685, "TRELLIS_FF": 933})
DRAIN = Trend("drain", (97.4, 101.1, 99.4), {"TRELLIS_COMB": 1064, "TRELLIS_FF": 274})

# A placer in the place of nextpnr: it writes the report that it finds beside the netlist, with its seed as the clock.
PLACER = """
import json, sys
def run_nextpnr_ecp5(argv):
    options = dict(zip(argv, argv[1:]))
    report = json.load(open("answer"))
    if report is None:
        print("ERROR: Unable to find legal placement for all cells", file=sys.stderr)
        return 255
    assert open(options["--json"]).read() == "{}"
    report["fmax"]["clk_i"]["achieved"] = 100.04 + int(options["--seed"])
    json.dump(report, open(options["--report"], "w"))
    return 0
"""


@pytest.fixture
def netlist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A netlist for the made placer, which is found where the program runs."""
    (tmp_path / f"{trend.PLACER}.py").write_text(PLACER)
    (tmp_path / "answer").write_text(REPORT)
    (tmp_path / "netlist.json").write_text("{}")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "netlist.json"


def test_a_report() -> None:
    cells = {"DP16KD": 3, "MULT18X18D": 2, "TRELLIS_COMB": 685, "TRELLIS_FF": 933}
    assert trend.read_report(REPORT, "pe") == (91.9, cells)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "pe: the report of place and route cannot be read"),
        ('{"fmax": {}}', "pe: the report of place and route cannot be read"),
        ('{"fmax": {"a": {}}, "utilization": {}}', "pe: the report of place and route cannot be read"),
        ('{"fmax": {}, "utilization": {}}', r"pe: 0 clocks \[\]; a block must have one"),
        (REPORT.replace('{"clk_i"', '{"b": {"achieved": 3}, "clk_i"'), r"pe: 2 clocks \['b', 'clk_i'\]"),
    ],
)
def test_reports_that_say_nothing(text: str, says: str) -> None:
    with pytest.raises(PlacementError, match=says):
        trend.read_report(text, "pe")


def test_place(netlist: Path) -> None:
    assert [trend.place(netlist, seed, "pe")[0] for seed in (1, 2)] == [101.0, 102.0]


def test_a_block_that_cannot_be_placed(netlist: Path) -> None:
    netlist.with_name("answer").write_text("null")
    with pytest.raises(PlacementError, match="pe: place and route with seed 3 failed\nERROR: Unable to find legal placement"):
        trend.place(netlist, 3, "pe")


def test_without_the_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(trend, "PLACER", "yowasp_no_such_placer")
    block = blocks.Block("phantom_pe", "", "phantom_core.u_pe", tmp_path, 1, "")
    with pytest.raises(PlacementError, match=r"yowasp-no-such-placer is not installed: run `make setup`, or .* --no-place"):
        trend.measure(block)


def test_a_block_of_the_design(tmp_path: Path) -> None:
    """Synthesis and placement for real, of three small FIFOs."""
    pytest.importorskip("pyosys")
    if importlib.util.find_spec(trend.PLACER) is None:
        pytest.skip("no nextpnr for the ECP5")
    sources = [synthesis.HLS / "phantom_fifo.sv", Path(__file__).with_name("three_fifos.sv")]
    found = blocks.elaborate("three_fifos", sources, {}, tmp_path / "fifos.il")
    measured = trend.measure(trend.chosen(found, ["fifo"])[0], seeds=(1, 2))
    assert measured.name == "fifo" and len(measured.mhz) == 2 and all(50 < mhz < 1000 for mhz in measured.mhz)
    assert measured.cells["TRELLIS_FF"] > 4 and measured.cells["TRELLIS_COMB"] > 4


def test_chosen_blocks(tmp_path: Path) -> None:
    def block(name: str, path: str) -> blocks.Block:
        return blocks.Block(f"phantom_{name}", "", path, tmp_path, 1, path)

    found = [block("dma", "a"), block("tds", "b"), block("dma", "c"), block("top", "d")]
    assert [b.path for b in trend.chosen(found)] == ["b", "a"]


def test_the_blocks_of_the_trend_exist() -> None:
    for name in trend.BLOCKS:
        assert (synthesis.HLS / f"phantom_{name}.sv").exists()


def test_slower_is_what_no_seed_explains() -> None:
    before = Trend("pe", (90.0, 91.0, 92.0), {})
    assert Trend("pe", (88.0, 89.9, 89.0), {}).slower_than(before)
    assert not Trend("pe", (80.0, 81.0, 90.0), {}).slower_than(before)
    assert not Trend("pe", (1.0,), {}).slower_than(None)
    assert (PE.middle, Trend("pe", (3.0, 1.0), {}).middle) == (91.5, 1.0)


def test_what_is_recorded_is_read_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "timing.md"
    assert trend.recorded(path) == ({}, "")
    path.write_text("before\n<!-- trend -->\nold\n<!-- end of trend -->\nafter\n")
    trend.record([DRAIN, PE], "1234abcd+", path)
    text = path.read_text()
    assert text.startswith("before\n") and text.endswith("<!-- end of trend -->\nafter\n") and "old" not in text
    assert "| `pe` | 89.4 | 91.5 | 91.9 | 1,685 | 933 | 3 DP16KD, 2 MULT18X18D |" in text
    assert "| `drain` | 97.4 | 99.4 | 101.1 | 1,064 | 274 | none |" in text
    found, commit = trend.recorded(path)
    assert commit == "1234abcd+"
    assert {name: t.mhz for name, t in found.items()} == {"pe": (89.4, 91.5, 91.9), "drain": (97.4, 99.4, 101.1)}
    trend.print_trends([Trend("pe", (80.0, 81.0, 82.0), {}), Trend("tds", (1.0,), {}), DRAIN], found, commit)
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    assert "slower than any seed then" in lines["pe"] and "89.4 to 91.9" in lines["pe"]
    assert "slower than" not in lines["drain"] and lines["tds"].endswith("   -")


def test_a_document_without_its_marks(tmp_path: Path) -> None:
    path = tmp_path / "timing.md"
    path.write_text("nothing\n")
    with pytest.raises(MarksError, match="has no lines <!-- trend --> and <!-- end of trend -->"):
        trend.record([PE], "1234abcd", path)


def test_the_table_of_the_documentation() -> None:
    found, commit = trend.recorded()
    assert set(found) <= set(trend.BLOCKS) and len(found) > len(trend.BLOCKS) // 2 and len(commit.rstrip("+")) == 8
    for block in found.values():
        assert list(block.mhz) == sorted(block.mhz)


@pytest.mark.parametrize("wrong", [["--no-place"], ["--block", "tds"]])
def test_only_a_whole_trend_is_recorded(monkeypatch: pytest.MonkeyPatch, wrong: list[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["timing", "--record", *wrong])
    with pytest.raises(SystemExit):
        timing.main()


def test_timing_json_has_the_trend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    block = blocks.Block("phantom_drain", "", "phantom_top.u_drain", tmp_path, 1, "")
    monkeypatch.setattr(timing, "blocks_of", lambda config, folder: [block])
    monkeypatch.setattr(timing, "examine", lambda block, borders: timing.Report(block))
    monkeypatch.setattr(trend, "measure", lambda block: DRAIN)
    for extra, there in (([], {"drain": DRAIN.document()}), (["--no-place"], {})):
        monkeypatch.setattr(sys, "argv", ["timing", "--json", str(tmp_path / "t.json"), *extra])
        assert timing.main() == 0
        assert json.loads((tmp_path / "t.json").read_text())["ecp5"] == there
        assert ("placed and routed for an ECP5" in capsys.readouterr().out) == bool(there)
