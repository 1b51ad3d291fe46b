"""The Vivado flow with a recorder in Vivado's place: what its scripts build, and that no bad result passes for a good one."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import fake_tools
import pytest
import tcl
import vivado_model
from vivado_model import Model, VivadoError

import bitstream
import build_plan
import synthesis
import vivado_flow
import wrapper
from phantom.config import load_config
from phantom_sim import hwh
from phantom_sim.design import verilog_parameters

BASE, SIZE = 0x43C0_0000, 0x4_0000
HANDOFF = """<EDKSYSTEM><MODULES>
  <MODULE INSTANCE="ps7"><PARAMETERS><PARAMETER NAME="PCW_ACT_FPGA0_PERIPHERAL_FREQMHZ" VALUE="{clock}"/></PARAMETERS>
    <MEMORYMAP><MEMRANGE INSTANCE="phantom_0" BASEVALUE="{base}" HIGHVALUE="{high}"/></MEMORYMAP></MODULE>
  <MODULE INSTANCE="phantom_0"/></MODULES></EDKSYSTEM>"""
MET = "All user specified timing constraints are met."


class Shop:
    """A folder with a Vivado that answers as the test wants, and the results of a build."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.results, self.capsys = folder / "results", capsys
        self.record = folder / "record"
        self.folder = folder
        self._set = monkeypatch.setenv
        fake_tools.vivado(folder / "bin", "2022.1", tcl.interpreter())
        self._set("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.delenv("VIVADO", raising=False)
        self.answer(RECORD=str(self.record), VERSION="2022.1", SETUP="0.031", HOLD="0.012", UNROUTED="", PROGRESS="100%")
        self.answer(TIMING=MET)
        self.handoff()

    def answer(self, **values: str) -> None:
        for name, value in values.items():
            self._set(name, value)

    def handoff(self, clock: str = "125.000000", base: str = "0x43C00000", high: str = "0x43C3FFFF", text: str = HANDOFF) -> None:
        path = self.folder / "handoff.hwh"
        path.write_text(text.format(clock=clock, base=base, high=high))
        self.answer(HANDOFF=str(path))

    def build(self, config: str = "pynq_z2") -> tuple[int, str]:
        """Exit code and message."""
        code = bitstream.main(["--config", config, "--results", str(self.results), "--jobs", "3"])
        return code, self.capsys.readouterr().err

    def refused(self, pattern: str) -> None:
        """The build fails with this message, and leaves no bitstream to be taken for a good one."""
        code, message = self.build()
        assert code == 1
        assert re.search(pattern, message), message
        assert not (self.results / "pynq_z2" / "phantom.bit").exists()
        assert not (self.results / "pynq_z2" / "phantom.hwh").exists()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    return Shop(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="module")
def registers() -> dict[str, Any]:
    plan = build_plan.plan("pynq_z2", "vivado")
    return plan.registers


# --- what is built --------------------------------------------------------------------------------------------------------


def test_the_scripts_build_the_system_that_the_driver_expects(shop: Shop, registers: dict[str, Any]) -> None:
    """Address map, clock, parameters and memory ports are those of the register description and of the simulated board's .hwh."""
    code, message = shop.build()
    assert (code, message) == (0, "")
    model = Model(shop.record)
    config = load_config("pynq_z2")
    space, base, size = model.segments["phantom_0/s_axil/reg0"]
    assert (space, base, size) == ("ps7/Data", BASE, SIZE)
    blocks = registers["blocks"].values()
    assert all(base <= block["base"] and block["base"] + block["size"] <= base + size for block in blocks)
    ports = build_plan.plan("pynq_z2", "vivado").hp_ports
    assert len(ports) == 2 + config.weight_ports
    for number in ports:
        assert model.segments[f"ps7/S_AXI_HP{number}/HP{number}_DDR_LOWOCM"] == (f"phantom_0/m_axi_hp{number}", 0, 512 << 20)
        assert model.cells["ps7"].properties[f"PCW_S_AXI_HP{number}_DATA_WIDTH"] == "64"
    settings = model.cells["ps7"].properties
    used = {n for n in range(4) if settings.get(f"PCW_USE_S_AXI_HP{n}") == "1"}
    assert used == set(ports)

    described = ElementTree.parse(shop.results / "pynq_z2" / "phantom.hwh").getroot()
    tree = hwh.system_tree(registers, verilog_parameters(config), config.clock_mhz, tuple(ports)).getroot()
    ElementTree.indent(tree)
    assert ElementTree.tostring(described) == ElementTree.tostring(tree), "the simulated board's description"
    clock = {p.get("NAME"): p.get("VALUE") for p in described.iter("PARAMETER")}
    made = 1000 / (int(clock["PCW_FCLK0_PERIPHERAL_DIVISOR0"]) * int(clock["PCW_FCLK0_PERIPHERAL_DIVISOR1"]))
    assert float(settings["PCW_FPGA0_PERIPHERAL_FREQMHZ"]) == made == config.clock_mhz
    ranges = {r.get("INSTANCE"): int(str(r.get("BASEVALUE")), 0) for r in described.iter("MEMRANGE")}
    assert ranges == {name: block["base"] for name, block in registers["blocks"].items()}

    module = (shop.results / "pynq_z2" / "phantom_overlay.v").read_text()
    given = {name: int(value) for name, value in re.findall(r"^    \.([A-Z]\w+)\((\d+)\)", module, re.MULTILINE)}
    assert given == verilog_parameters(config)
    assert model.project["part"] == "xc7z020clg400-1"
    assert model.project["top of sources_1"] == "phantom_wrapper"
    assert {path.name for path in model.files} >= {"phantom_top.sv", "phantom_regs.sv", "phantom_overlay.v", "phantom_wrapper.v"}


def test_results_lie_side_by_side_with_their_reports(shop: Shop) -> None:
    assert shop.build()[0] == 0
    names = {path.name for path in (shop.results / "pynq_z2").iterdir()}
    assert names >= {"phantom.bit", "phantom.hwh", "vivado.hwh", "timing.rpt", "utilisation.rpt", "route.rpt", "vivado.log"}


@pytest.mark.parametrize(("config", "last"), [("small", 1), ("tiny", 2)])
def test_memory_ports_are_those_that_the_configuration_asks_for(shop: Shop, config: str, last: int) -> None:
    plan = build_plan.plan(config, "vivado", shop.results)
    assert list(plan.hp_ports) == [*range(last + 1), 3]
    shop.handoff(clock="100")
    vivado_flow.build(plan, 1)
    model = Model(shop.record)
    assert (("phantom_0/m_axi_hp2", "hp2/S00_AXI") in model.buses) == (last == 2)
    assert ("ps7/S_AXI_HP2/HP2_DDR_LOWOCM" in model.segments) == (last == 2)
    description = plan.finish().with_suffix(".hwh").read_text()
    assert ('NAME="S_AXI_HP2"' in description, 'INSTANCE="dma_wgt1"' in description) == (last == 2, last == 2)


# --- bad results ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "pattern"),
    [
        ({"SETUP": "-0.001"}, r"timing is not met: worst slack \(-setup\) -0.001 ns; see timing.rpt"),
        ({"HOLD": "-0.2"}, r"timing is not met: worst slack \(-hold\) -0.2 ns"),
        ({"SETUP": "none"}, r"no path with -setup timing: the design has no clock"),
        ({"TIMING": "VIOLATED"}, "timing is not met, says .*timing.rpt"),
        ({"UNROUTED": "net_a net_b"}, "2 nets are not routed; see route.rpt"),
        ({"PROGRESS": "48%"}, "synth_1 did not finish: as the test wants it"),
    ],
)
def test_a_bad_implementation_is_no_bitstream(shop: Shop, answers: dict[str, str], pattern: str) -> None:
    assert shop.build()[0] == 0, "a good one first: what it left must go"
    shop.answer(**answers)
    shop.refused(pattern)


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
    monkeypatch.setenv("VIVADO", str(tmp_path / "nowhere" / "vivado"))
    shop.refused(r"nowhere/vivado not found: FLOW=vivado needs Vivado 2022.1 to 2024.2 on PATH .* or named by VIVADO")
    monkeypatch.setenv("VIVADO", str(fake_tools.program(tmp_path, "other", "print('hello')")))
    shop.refused("does not say which version it is")


@pytest.mark.parametrize("config", ["nothing", ""])
def test_a_configuration_that_does_not_exist(shop: Shop, config: str) -> None:
    code, message = shop.build(config)
    assert code == 1
    assert "there is no configuration" in message and "pynq_z2" in message


# --- the judge ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "pattern"),
    [
        ("get_bd_pins ps7/FCLK_CLK0", "get_bd_pins ps7/FCLK_CLK7", "no pin ps7/FCLK_CLK7"),
        ("CONFIG.PCW_CRYSTAL_PERIPHERAL_FREQMHZ", "CONFIG.PCW_CRISTAL_PERIPHERAL_FREQMHZ", "no property .*CRISTAL"),
        ("{LVCMOS 3.3V}", "{LVCMOS 3V}", "cannot be"),
        ("{MIO 46}", "{MIO 45}", "both want MIO 45"),
        ("create_project -force", "create_project -forse", "no option -forse"),
        ("processing_system7:5.5", "processing_system7:9.9", "no IP"),
        ("-range 0x00040000", "-range 0x00030000", "not a range"),
        ("hp0/M00_AXI ps7/S_AXI_HP0", "hp0/M00_AXI ps7/S_AXI_HP1", "each interface is to be connected once"),
        ("validate_bd_design\n", "", "not been validated"),
    ],
)
def test_the_judge_finds_what_vivado_would(shop: Shop, tmp_path: Path, old: str, new: str, pattern: str) -> None:
    """Each of these in a script would be refused by Vivado, and by the model that stands for it."""
    assert shop.build()[0] == 0
    text = shop.record.read_text()
    assert old in text
    changed = tmp_path / "changed"
    changed.write_text(text.replace(old, new))
    with pytest.raises(VivadoError, match=pattern):
        Model(changed)


def test_a_command_that_vivado_does_not_have_ends_the_script(shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for path in vivado_flow.SCRIPTS.iterdir():
        (scripts / path.name).write_text(path.read_text().replace("open_run impl_1", "open_ran impl_1"))
    monkeypatch.setattr(vivado_flow, "SCRIPTS", scripts)
    shop.refused('Vivado failed; .*\n(.*\n)*.*invalid command name "open_ran"')


# --- the wrapper ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", ["small", "tiny"])
def test_the_wrapper_has_the_ports_of_the_top_and_says_what_they_are(tmp_path: Path, config: str) -> None:
    plan = build_plan.plan(config, "vivado")
    text = wrapper.wrapper(plan.top, plan.parameters, plan.hp_ports)
    ports = [port for port in wrapper.ports_of(plan.top) if config == "tiny" or "_hp2_" not in port[2]]
    assert re.findall(r"^    \.(\w+)\(\1\)", text, re.MULTILINE) == [name for _, _, name in ports]
    modes = dict(re.findall(r"XIL_INTERFACENAME m_axi_(hp\d), PROTOCOL AXI3, READ_WRITE_MODE (\w+)\"", text))
    assert modes == {f"hp{port}": "WRITE_ONLY" if port == 3 else "READ_ONLY" for port in plan.hp_ports}
    assert text.count("PROTOCOL AXI4LITE") == 1
    buses = "s_axil:" + ":".join(f"m_axi_hp{n}" for n in plan.hp_ports)
    assert f"ASSOCIATED_BUSIF {buses}, ASSOCIATED_RESET rst_ni" in text
    module = tmp_path / "wrapper.v"
    module.write_text(text)
    found = {name for name, _, _ in vivado_model.module_ports(vivado_model.Cell("module", module=module))}
    assert found == {name for _, _, name in ports}
    sources = " ".join(map(str, [*plan.sources, module]))
    synthesis.run([f"read_slang -D SYNTHESIS --ast-compilation-only --top {wrapper.MODULE} {sources}"], "the wrapper")


def test_a_port_list_that_cannot_be_read(tmp_path: Path) -> None:
    top = tmp_path / "phantom_top.sv"
    top.write_text("module phantom_top #(\n) (\n  input logic clk_i, rst_ni,\n  input logic spare_i\n);\n")
    with pytest.raises(wrapper.WrapperError, match="every port must be a line of its own"):
        wrapper.wrapper(top, {}, ())
    top.write_text("module phantom_top #(\n) (\n  input logic clk_i,\n  input logic spare_i\n);\n")
    with pytest.raises(wrapper.WrapperError, match="port spare_i belongs to no bus"):
        wrapper.wrapper(top, {}, ())


def test_braces_in_a_path_are_refused_and_spaces_are_not(shop: Shop) -> None:
    plan = build_plan.plan("pynq_z2", "vivado", shop.folder / "with space" / "results")
    vivado_flow.build(plan, 1)
    assert Model(shop.record).files
    with pytest.raises(build_plan.BuildError, match="build in a folder without braces"):
        vivado_flow.build(build_plan.plan("pynq_z2", "vivado", shop.folder / "with}brace"), 1)


def test_registers_json_is_the_one_that_was_generated(registers: dict[str, Any]) -> None:
    plan = build_plan.plan("pynq_z2", "vivado")
    assert plan.window == (BASE, SIZE)
    assert json.loads(plan.registers_json.read_text()) == registers
