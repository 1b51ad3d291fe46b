"""docs/porting.md: what it names is there, and what it says of another Zynq-7000 is all that its bitstream takes."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from vivado_model import Model
from vivado_shop import Shop

import boards
import build_plan
import vivado_flow
from phantom import devices
from phantom.config import load_config
from phantom_sim import hwh

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "porting.md").read_text()
SECTION = TEXT.partition("## Another Zynq-7000")[2].partition("\n## ")[0]
MODULES = {"boards": boards, "devices": devices, "hwh": hwh}


def test_what_it_names_exists() -> None:
    for name in re.findall(r"`((?:[\w.]+/)[\w./]*)`", TEXT):
        assert (ROOT / name.replace("BOARD", "pynq_z2")).exists(), name
    for module, name in re.findall(rf"`({'|'.join(MODULES)})\.([A-Z]\w+)", TEXT):
        assert hasattr(MODULES[module], name), f"{module}.{name}"
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake ([a-z-]+)", TEXT):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_section_names_every_place() -> None:
    places = (
        "`boards.BOARDS`",
        "`ddr`",
        "`flows=",
        "`overlay/configs.yaml`",
        "`ps7_board`",
        "`devices.BOARDS`",
        "`SYSTEMINFO`",
        "`CHIPDB`",
    )
    assert [place for place in places if place not in SECTION] == []


@pytest.mark.parametrize(
    "board", [board for board in boards.BOARDS.values() if "vivado" in board.flows], ids=lambda board: board.name
)
def test_a_board_with_this_flow_has_its_script(board: boards.Board) -> None:
    assert "\nset ps7_board {\n" in (vivado_flow.SCRIPTS / f"{board.name}.tcl").read_text()
    assert board.ddr & (board.ddr - 1) == 0, "a range of Vivado's is a power of two"


def test_a_board_configuration_and_script_are_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example of the page, with 1 GB behind 32 bits and a crystal of 33.3 MHz."""
    zybo = dataclasses.replace(boards.PYNQ_Z2, name="zybo", part="xc7z010clg400-1", ddr=1 << 30)
    monkeypatch.setitem(boards.BOARDS, "zybo", zybo)
    monkeypatch.setattr(build_plan, "load_config", lambda name: dataclasses.replace(load_config("small"), name=name))
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for path in vivado_flow.SCRIPTS.iterdir():
        (scripts / path.name).write_text(path.read_text())
    text = (scripts / "pynq_z2.tcl").read_text().replace("{16 Bit}", "{32 Bit}").replace("FREQMHZ {50}", "FREQMHZ {33.333333}", 1)
    (scripts / "zybo.tcl").write_text(text)
    (scripts / "pynq_z2.tcl").unlink()
    monkeypatch.setattr(vivado_flow, "SCRIPTS", scripts)
    shop = Shop(tmp_path, monkeypatch, capsys)
    shop.handoff(clock="100")
    assert shop.build("zybo") == (0, "")
    model = Model(shop.record)
    assert model.project["part"] == zybo.part
    assert model.cells["ps7"].properties["PCW_CRYSTAL_PERIPHERAL_FREQMHZ"] == "33.333333"
    memory = [size for name, (_, _, size) in model.segments.items() if "LOWOCM" in name]
    assert memory == [1 << 30] * 3
    assert (shop.results / "zybo" / "phantom.bit").exists()
