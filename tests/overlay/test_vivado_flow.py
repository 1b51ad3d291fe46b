"""The Vivado flow with a recorder in Vivado's place: no bad result passes for a good one, and what is said when tools fail."""

from __future__ import annotations

import re
from pathlib import Path

import fake_tools
import pytest
import tcl
from vivado_model import Model
from vivado_shop import Shop

import bitstream
import build_plan
import vivado_flow

BAD_NETS = ("UNPLACED", "UNROUTED", "PARTIAL", "ANTENNAS", "CONFLICTS", "ERRORS")  # of UG912; the others are as they should be


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    return Shop(tmp_path, monkeypatch, capsys)


def test_results_lie_side_by_side_with_their_reports(shop: Shop) -> None:
    assert shop.build()[0] == 0
    names = {path.name for path in (shop.results / "pynq_z2").iterdir()}
    assert names >= {"phantom.bit", "phantom.hwh", "vivado.hwh", "timing.rpt", "utilisation.rpt", "route.rpt", "vivado.log"}


def test_each_stage_is_shown_with_the_minutes_so_far(shop: Shop) -> None:
    assert shop.build()[0] == 0
    lines = [re.fullmatch(r" *\d+:\d\d  (.*)", line) for line in shop.said.splitlines()]
    stages = [line[1] for line in lines if line]
    assert stages == [
        f"vivado; its log is {shop.results}/pynq_z2/vivado.log", "project and block design", "synth_1", "synth_design", "impl_1",
        "route_design", "reports", "worst slack (-setup): 0.031 ns", "worst slack (-hold): 0.012 ns", "the bitstream is complete",
    ]  # fmt: skip


# --- bad results ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "pattern"),
    [
        ({"SETUP": "-0.001"}, r"timing is not met: worst slack \(-setup\) -0.001 ns; see timing.rpt"),
        ({"HOLD": "-0.2"}, r"timing is not met: worst slack \(-hold\) -0.2 ns"),
        ({"SETUP": "none"}, r"no path with -setup timing: the design has no clock"),
        ({"TIMING": "VIOLATED"}, "timing is not met, says .*timing.rpt"),
        *(({"NETS": f"a ROUTED b {bad} c {bad}"}, "2 nets are not routed; see route.rpt") for bad in BAD_NETS),
        ({"PROGRESS": "48%"}, "synth_1 did not finish: as the test wants it"),
    ],
)
def test_a_bad_implementation_is_no_bitstream(shop: Shop, answers: dict[str, str], pattern: str) -> None:
    assert shop.build()[0] == 0, "a good one first: what it left must go"
    shop.answer(**answers)
    shop.refused(pattern)


@pytest.mark.parametrize(
    ("left", "missing"), [((), "timing.rpt vivado.hwh phantom.bit"), (("phantom.bit",), "timing.rpt vivado.hwh")]
)
def test_a_vivado_that_does_nothing_and_is_content(shop: Shop, tmp_path: Path, left: tuple[str, ...], missing: str) -> None:
    """Reports of a good build before it are not its own."""
    assert shop.build()[0] == 0
    makes = "".join(f'; Path("{name}").write_text("made")' for name in left)
    fake_tools.program(tmp_path / "bin", "vivado", f'print("Vivado v2022.1") if "-version" in sys.argv else None{makes}')
    shop.refused(
        "Vivado ended without an error, but there is no " + ", no ".join(f"\\S+/{name}" for name in missing.split()) + ";"
    )


def test_another_clock_or_place_than_the_drivers(shop: Shop) -> None:
    shop.handoff(clock="124.8")
    shop.refused(r"FCLK 0 is 124.8 MHz; it must be 125 for configuration 'pynq_z2'")
    shop.handoff(base="0x40000000", high="0x4003FFFF")
    shop.refused(r"phantom_0 is at 0x40000000-0x4003FFFF; it must be at 0x43C00000-0x43C3FFFF")
    shop.handoff(text="<EDKSYSTEM/>")
    shop.refused(r"there must be ps7 and phantom_0")
    shop.handoff(text="nothing")
    shop.refused(r"vivado.hwh cannot be read")


# --- tools and boards -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "age"), [("2019.2", "old"), ("2021.2", "old"), ("2025.1", "new")])
def test_vivado_of_another_time(shop: Shop, version: str, age: str) -> None:
    assert shop.build()[0] == 0
    fake_tools.vivado(shop.folder / "bin", version, tcl.interpreter())
    shop.refused(f"is Vivado {version}, which is too {age}: the scripts are for 2022.1 to 2024.2")


@pytest.mark.parametrize("version", ["2022.1", "2023.2.1", "2024.2"])
def test_vivado_that_will_do(shop: Shop, version: str) -> None:
    fake_tools.vivado(shop.folder / "bin", version, tcl.interpreter())
    shop.answer(VERSION=version)
    assert shop.build()[0] == 0


def test_the_scripts_look_for_themselves(shop: Shop) -> None:
    """Somebody may source them in a Vivado of his own."""
    shop.answer(VERSION="2021.1")
    shop.refused("this is Vivado 2021.1; the scripts are for 2022.1 to 2024.2")


def test_vivado_that_is_missing_or_mute(shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert shop.build()[0] == 0, "a good one first: what it left must go"
    monkeypatch.setenv("VIVADO", str(tmp_path / "nowhere" / "vivado"))
    shop.refused(r"nowhere/vivado not found: FLOW=vivado needs Vivado 2022.1 to 2024.2 on PATH .* or named by VIVADO")
    monkeypatch.setenv("VIVADO", str(fake_tools.program(tmp_path, "other", "print('hello')")))
    shop.refused("does not say which version it is")


@pytest.mark.parametrize("config", ["nothing", ""])
def test_a_configuration_that_does_not_exist(shop: Shop, config: str) -> None:
    code, message = shop.build(config)
    assert code == 1
    assert "there is no configuration" in message and "pynq_z2" in message


def test_a_command_that_vivado_does_not_have_ends_the_script(shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for path in vivado_flow.SCRIPTS.iterdir():
        (scripts / path.name).write_text(path.read_text().replace("open_run impl_1", "open_ran impl_1"))
    monkeypatch.setattr(vivado_flow, "SCRIPTS", scripts)
    shop.refused('vivado failed with code 1; .*\n(.*\n)*.*invalid command name "open_ran"')


def test_braces_in_a_path_are_refused_and_spaces_are_not(shop: Shop) -> None:
    plan = build_plan.plan("pynq_z2", "vivado", shop.folder / "with space" / "results")
    plan.begin()
    vivado_flow.build(plan, 1)
    assert Model(shop.record).files
    with pytest.raises(build_plan.BuildError, match="build in a folder without braces"):
        bitstream.build(build_plan.plan("pynq_z2", "vivado", shop.folder / "with}brace"), "vivado", 1)
