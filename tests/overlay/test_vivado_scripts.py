"""What the Vivado scripts build, judged by a model of Vivado and by what is published of the board; errors that it finds."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import board_facts
import pytest
from vivado_model import Model
from vivado_record import VivadoError
from vivado_shop import Shop

import build_plan
import synthesis
import vivado_flow
from phantom.config import load_config
from phantom_sim import hwh
from phantom_sim.design import verilog_parameters

BASE, SIZE = 0x43C0_0000, 0x4_0000
PLAN = build_plan.plan("pynq_z2", "vivado")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    return Shop(tmp_path, monkeypatch, capsys)


def judged(shop: Shop) -> Model:
    """What the scripts build for pynq_z2. Raises VivadoError for what Vivado refuses, AssertionError for the wrong thing."""
    assert shop.build() == (0, ""), "the build failed"
    model = Model(shop.record)
    check_project(model)
    check_processing_system(model)
    check_wires(model)
    return model


def check_project(model: Model) -> None:
    """Sources, how they are read, what is made of them."""
    assert model.project == {
        "part": PLAN.board.part, "target_language of phantom": "Verilog", "top of sources_1": "phantom_wrapper",
        "verilog_define of sources_1": "SYNTHESIS=1", "strategy of impl_1": "Performance_ExplorePostRoutePhysOpt",
        f"file_type of {' '.join(map(str, PLAN.sources))}": "SystemVerilog",
    }, "project"  # fmt: skip
    made = {"phantom_overlay.v", "phantom_wrapper.v"}
    assert sorted(path.name for path in model.files) == sorted([*(path.name for path in PLAN.sources), *made])


def check_processing_system(model: Model) -> None:
    """Settings: those of the board as it is published, and those of the design; and the clock that they make on the board."""
    ps7, config = model.cells["ps7"].properties, load_config("pynq_z2")
    design = {
        "PCW_FPGA0_PERIPHERAL_FREQMHZ": f"{config.clock_mhz:g}", **{f"PCW_FPGA_FCLK{n}_ENABLE": f"{n == 0:d}" for n in range(4)},
        "PCW_USE_M_AXI_GP0": "1", "PCW_USE_FABRIC_INTERRUPT": "1", "PCW_IRQ_F2P_INTR": "1",
    }  # fmt: skip
    for port in PLAN.hp_ports:
        design |= {f"PCW_USE_S_AXI_HP{port}": "1", f"PCW_S_AXI_HP{port}_DATA_WIDTH": "64"}
    wanted = board_facts.settings() | design
    wrong = [f"{name} is {ps7.get(name)!r}" for name in sorted(wanted.keys() | ps7.keys()) if ps7.get(name) != wanted.get(name)]
    divisors = hwh.clock_divisors(config.clock_mhz)
    if board_facts.fclk_mhz(ps7, divisors) != config.clock_mhz:
        wrong.append(f"FCLK 0 is {board_facts.fclk_mhz(ps7, divisors):g} MHz")
    assert not wrong


def check_wires(model: Model) -> None:
    """What drives each clock, reset and interrupt; the order of interrupts is that of the open flow's top."""
    joints = ["gp0", *(f"hp{port}" for port in PLAN.hp_ports)]
    clocks = [
        "reset/slowest_sync_clk",
        "ps7/M_AXI_GP0_ACLK",
        "phantom_0/clk_i",
        *(f"ps7/S_AXI_HP{n}_ACLK" for n in PLAN.hp_ports),
    ]
    clocks += [f"{joint}/{side}ACLK" for joint in joints for side in ("", "S00_", "M00_")]
    resets = ["phantom_0/rst_ni", *(f"{joint}/{side}_ARESETN" for joint in joints for side in ("S00", "M00"))]
    zynq = (synthesis.HLS / "phantom_zynq.sv").read_text()
    interrupts = {f"interrupts/In{bit}": f"phantom_0/{name}" for name, bit in re.findall(r"\.(irq_\w+)\(irq\[(\d)\]\)", zynq)}
    assert len(interrupts) == 4
    wanted = dict.fromkeys(clocks, "ps7/FCLK_CLK0") | dict.fromkeys(resets, "reset/peripheral_aresetn") | interrupts
    wanted |= {f"{joint}/ARESETN": "reset/interconnect_aresetn" for joint in joints}
    wanted |= {"reset/ext_reset_in": "ps7/FCLK_RESET0_N", "ps7/IRQ_F2P": "interrupts/dout"}
    wrong = [f"{pin} hangs on {driver}" for pin, driver in model.drivers.items() if driver != wanted.get(pin)]
    assert not wrong
    assert model.drivers == wanted


def test_the_scripts_build_the_system_that_the_driver_expects(shop: Shop) -> None:
    """Address map, clock, parameters and memory ports are those of the register description and of the simulated board's .hwh."""
    model = judged(shop)
    config = load_config("pynq_z2")
    assert PLAN.window == (BASE, SIZE)
    assert model.segments["phantom_0/s_axil/reg0"] == ("ps7/Data", BASE, SIZE)
    blocks = PLAN.registers["blocks"]
    assert all(block["base"] >= BASE and block["base"] + block["size"] <= BASE + SIZE for block in blocks.values())
    assert len(PLAN.hp_ports) == 2 + config.weight_ports
    for number in PLAN.hp_ports:
        segment = model.segments[f"ps7/S_AXI_HP{number}/HP{number}_DDR_LOWOCM"]
        assert segment == (f"phantom_0/m_axi_hp{number}", 0, board_facts.MEMORY_BYTES)

    described = ElementTree.parse(shop.results / "pynq_z2" / "phantom.hwh").getroot()
    tree = hwh.system_tree(PLAN.registers, verilog_parameters(config), config.clock_mhz, tuple(PLAN.hp_ports)).getroot()
    ElementTree.indent(tree)
    assert ElementTree.tostring(described) == ElementTree.tostring(tree), "the simulated board's description"
    settings = {p.get("NAME"): p.get("VALUE") for p in described.iter("PARAMETER")}
    divisors = int(settings["PCW_FCLK0_PERIPHERAL_DIVISOR0"]), int(settings["PCW_FCLK0_PERIPHERAL_DIVISOR1"])
    assert board_facts.fclk_mhz(model.cells["ps7"].properties, divisors) == PLAN.fclk_mhz == config.clock_mhz
    ranges = {r.get("INSTANCE"): int(str(r.get("BASEVALUE")), 0) for r in described.iter("MEMRANGE")}
    assert ranges == {name: block["base"] for name, block in blocks.items()}

    module = (shop.results / "pynq_z2" / "phantom_overlay.v").read_text()
    given = {name: int(value) for name, value in re.findall(r"^    \.([A-Z]\w+)\((\d+)\)", module, re.MULTILINE)}
    assert given == verilog_parameters(config)


@pytest.mark.parametrize(("config", "last"), [("small", 1), ("tiny", 2)])
def test_memory_ports_are_those_that_the_configuration_asks_for(shop: Shop, config: str, last: int) -> None:
    plan = build_plan.plan(config, "vivado", shop.results)
    assert list(plan.hp_ports) == [*range(last + 1), 3]
    shop.handoff(clock="100")
    plan.begin()
    vivado_flow.build(plan, 1)
    model = Model(shop.record)
    assert (("phantom_0/m_axi_hp2", "hp2/S00_AXI") in model.buses) == (last == 2)
    assert ("ps7/S_AXI_HP2/HP2_DDR_LOWOCM" in model.segments) == (last == 2)
    description = plan.finish().with_suffix(".hwh").read_text()
    assert ('NAME="S_AXI_HP2"' in description, 'INSTANCE="dma_wgt1"' in description) == (last == 2, last == 2)


# --- the judge ------------------------------------------------------------------------------------------------------------

ERRORS = [  # script, what is changed in it, and what is then said
    ("pynq_z2", "FREQMHZ {50}", "FREQMHZ {33.333333}", "PCW_CRYSTAL_PERIPHERAL_FREQMHZ is '33.333333'.*FCLK 0 is 187.5 MHz"),
    ("pynq_z2", "CRYSTAL", "CRISTAL", "no property .*CRISTAL"),
    ("pynq_z2", "{16 Bit}", "{32 Bit}", "PCW_UIPARAM_DDR_BUS_WIDTH is '32 Bit'"),
    ("pynq_z2", "MT41J256M16 RE-125", "MT41J999M99 RE-999", "PARTNO cannot be"),
    ("pynq_z2", "{MT41J256M16 RE-125}", "{MT41J128M16 HA-125}", "PARTNO is 'MT41J128M16 HA-125'"),
    ("pynq_z2", "FREQ_MHZ {525}", "FREQ_MHZ {533}", "DDR_FREQ_MHZ is '533'"),
    ("pynq_z2", "{MIO 14 .. 15}", "{MIO 10 .. 11}", "UART0_UART0_IO is 'MIO 10 .. 11'"),
    ("pynq_z2", "{MIO 14 .. 15}", "{MIO 12 .. 13}", "UART0_UART0_IO cannot be"),
    ("pynq_z2", "{MIO 46}", "{MIO 45}", "both want MIO 45"),
    ("pynq_z2", "{LVCMOS 3.3V}", "{LVCMOS 3V}", "cannot be"),
    ("pynq_z2", "BANK1_VOLTAGE {LVCMOS 1.8V}", "BANK1_VOLTAGE {LVCMOS 2.5V}", "MIO_16_IOTYPE is 'LVCMOS 2.5V'"),
    ("pynq_z2", "$pin < 2 ||", "$pin < 8 ||", "no property CONFIG.PCW_MIO_2_PULLUP"),
    ("block_design", "interrupt $interrupts", "interrupt [lreverse $interrupts]", "In0 hangs on phantom_0/irq_wgt1_o"),
    ("block_design", "ps7/FCLK_RESET0_N", "reset/peripheral_aresetn", "reset/ext_reset_in hangs on reset/peripheral_aresetn"),
    ("block_design", "reset/peripheral_aresetn] [get_bd_pins ph", "ps7/FCLK_RESET0_N] [get_bd_pins ph", "rst_ni hangs"),
    ("block_design", "ps7/FCLK_CLK0", "ps7/FCLK_CLK7", "no pin ps7/FCLK_CLK7"),
    ("block_design", "processing_system7:5.5", "processing_system7:9.9", "no IP"),
    ("block_design", "ps7/S_AXI_HP$port]", "ps7/S_AXI_HP0]", "each interface is to be connected once"),
    ("block_design", "_DATA_WIDTH 64", "_DATA_WIDTH 32", "HP0_DATA_WIDTH is '32'"),
    ("block_design", "    validate_bd_design\n", "", "save_bd_design comes before validate_bd_design"),
    ("block_design", "    save_bd_design\n", "", "generate_target comes before save_bd_design"),
    ("build", "create_project -force", "create_project -forse", "no option -forse"),
    ("build", "== [join $bad", "== NONSENSE [join $bad", "no net can have ROUTE_STATUS == NONSENSE"),
    ("build", "{UNPLACED UNROUTED", "{UNPLACED NONSENSE", "no net can have ROUTE_STATUS == NONSENSE"),
    ("build", "ExplorePostRoutePhysOpt", "ExplorePostRoutePhysOpts", "strategy of impl_1 cannot be"),
    ("build", "Performance_ExplorePostRoutePhysOpt", "Flow_Quick", "project"),
    ("build", "SYNTHESIS=1", "SIMULATION=1", "project"),
    ("build", "update_compile_order -fileset sources_1\n\ncreate", "\ncreate", "phantom_0: the compile order is that"),
    ("build", "update_compile_order -fileset sources_1\nset handoff", "set handoff", "synth_1: the compile order is that"),
    ("build", "    wait_on_run $run\n", "", "launch_runs impl_1 comes before wait_on_run synth_1"),
    ("build", "open_run impl_1\n", "", "comes before open_run impl_1"),
]  # fmt: skip


@pytest.mark.parametrize(("script", "old", "new", "pattern"), ERRORS)
def test_an_error_in_a_script_is_found(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, old: str, new: str, pattern: str
) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for path in vivado_flow.SCRIPTS.iterdir():
        (scripts / path.name).write_text(path.read_text())
    path = scripts / f"{script}.tcl"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    monkeypatch.setattr(vivado_flow, "SCRIPTS", scripts)
    with pytest.raises((VivadoError, AssertionError)) as error:
        judged(shop)
    assert re.search(pattern, str(error.value)), error.value


def test_a_range_that_none_is(shop: Shop) -> None:
    assert shop.build()[0] == 0
    text = shop.record.read_text()
    assert "-range 0x00040000" in text
    shop.record.write_text(text.replace("-range 0x00040000", "-range 0x00030000"))
    with pytest.raises(VivadoError, match="not a range"):
        Model(shop.record)
