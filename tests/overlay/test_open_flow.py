"""The open flow: its netlist by the real synthesis, and what it does with tools that are missing, fail, or reach too little."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import fake_tools
import pytest

import bitstream
import build_plan
import open_flow
import synthesis
import wrapper
import xilinx_cells

PART = "xc7z020clg400-1"
VARIABLES = ("NEXTPNR_XILINX", "CHIPDB", "PRJXRAY_DB_DIR", "FASM2FRAMES", "XC7FRAMES2BIT", "NEXTPNR_FLAGS")
PLACED, ROUTED = "90.00 MHz (FAIL at 100.00 MHz)", "104.52 MHz (PASS at 100.00 MHz)"
GOOD = "\n".join(f"Info: Max frequency for clock 'clk': {verdict}" for verdict in (PLACED, ROUTED))
# Each says what it was called with, and makes what it is to make.
NEXTPNR = """
log = Path(os.environ["CALLS"]); log.open("a").write(repr(sys.argv) + "\\n")
(fasm,) = [word.removeprefix("fasm=") for word in sys.argv if word.endswith(".fasm")]
Path(fasm).write_text("fasm")
print(os.environ["SAYS"])
sys.exit(int(os.environ.get("CODE", "0")))
"""
LAST = """
Path(os.environ["CALLS"]).open("a").write(repr(sys.argv) + "\\n")
out = sys.argv[sys.argv.index("--output_file") + 1] if "--output_file" in sys.argv else sys.argv[-1]
Path(out).write_text("made by " + Path(sys.argv[0]).name)
"""


class Shop:
    """A folder with all tools, and an environment that names them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.bin, self.results, self.capsys = folder, folder / "bin", folder / "results", capsys
        self.calls_file, self.said = folder / "calls", ""
        for variable in VARIABLES:
            monkeypatch.delenv(variable, raising=False)
        fake_tools.program(self.bin, "nextpnr-xilinx", NEXTPNR)
        fake_tools.program(self.bin, "fasm2frames", LAST)
        fake_tools.program(self.bin, "xc7frames2bit", LAST)
        (folder / "db" / "zynq7" / PART).mkdir(parents=True)
        (folder / "db" / "zynq7" / PART / "part.yaml").write_text("part")
        (folder / "xc7z020.bin").write_text("chip")
        self.set = monkeypatch.setenv
        for name, value in (("PATH", self.bin), ("CHIPDB", folder / "xc7z020.bin"), ("PRJXRAY_DB_DIR", folder / "db")):
            self.set(name, str(value))
        self.set("CALLS", str(self.calls_file))
        self.set("SAYS", GOOD)
        # The netlist is another test's business.
        monkeypatch.setattr(open_flow, "synthesise", lambda plan, netlist: netlist.write_text("{}"))

    @property
    def calls(self) -> list[list[str]]:
        return [list(map(str, eval(line))) for line in self.calls_file.read_text().splitlines()]

    def build(self) -> tuple[int, str]:
        code = bitstream.main(["--config", "tiny", "--flow", "open", "--results", str(self.results)])
        self.said, message = self.capsys.readouterr()
        return code, message


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    return Shop(tmp_path, monkeypatch, capsys)


# --- tools ----------------------------------------------------------------------------------------------------------------


def test_each_step_gets_what_the_one_before_made(shop: Shop) -> None:
    assert shop.build() == (0, "")
    stages = re.findall(r"^ *\d+:\d\d  (\w+)", shop.said, re.MULTILINE)
    assert stages == ["synthesis", "nextpnr", "fasm2frames", "xc7frames2bit"]
    place, frames, bits = shop.calls
    results = shop.results / "tiny"
    assert place[1:] == [
        "--chipdb", str(shop.folder / "xc7z020.bin"), "--json", str(results / "design.json"), "--freq", "100",
        "--xdc", str(results / "design.xdc"), "--fasm", str(results / "design.fasm"),
    ]  # fmt: skip
    database = str(shop.folder / "db" / "zynq7")
    assert frames[1:] == ["--part", PART, "--db-root", database, str(results / "design.fasm"), str(results / "design.frames")]
    assert bits[1:] == [
        "--part_file", f"{database}/{PART}/part.yaml", "--part_name", PART, "--frm_file", str(results / "design.frames"),
        "--output_file", str(results / "phantom.bit"),
    ]  # fmt: skip
    assert (results / "design.xdc").read_text() == "create_clock -period 10.000 [get_nets clk]\n"
    assert (results / "phantom.bit").read_text() == "made by xc7frames2bit"
    instances = {m.get("INSTANCE") for m in ElementTree.parse(results / "phantom.hwh").iter("MODULE")}
    assert instances == {"processing_system7_0", "phantom_0", "dma_act", "dma_wgt", "dma_wgt1"}


def test_the_newer_nextpnr_and_a_script_as_tools(shop: Shop) -> None:
    (shop.bin / "nextpnr-xilinx").rename(shop.bin / "nextpnr-himbaechel")
    (shop.bin / "fasm2frames").rename(shop.bin / "fasm2frames.py")
    shop.set("NEXTPNR_FLAGS", "--seed 7")
    assert shop.build() == (0, "")
    place = shop.calls[0]
    assert place[-10:] == [
        "--seed", "7", "--device", PART, "--vopt", f"xdc={shop.results}/tiny/design.xdc",
        "--vopt", f"fasm={shop.results}/tiny/design.fasm", "--router", "router2",
    ]  # fmt: skip


def test_everything_that_is_missing_is_named_at_once(shop: Shop, tmp_path: Path) -> None:
    assert shop.build()[0] == 0, "a good one first: what it left must go"
    shop.set("PATH", str(tmp_path / "empty"))
    shop.set("CHIPDB", str(tmp_path / "no.bin"))
    shop.set("PRJXRAY_DB_DIR", "")
    shop.set("XC7FRAMES2BIT", "/nowhere/xc7frames2bit")
    code, message = shop.build()
    assert code == 1
    for part in (
        "nextpnr-xilinx or nextpnr-himbaechel (on PATH, or NEXTPNR_XILINX)",
        rf"the chip database of the {PART} (CHIPDB = {tmp_path}/no.bin: there is no {tmp_path}/no.bin)",
        "the database of Project X-Ray (PRJXRAY_DB_DIR)",
        "fasm2frames or fasm2frames.py (on PATH, or FASM2FRAMES)",
        "/nowhere/xc7frames2bit (named by XC7FRAMES2BIT)",
    ):
        assert part in message
    assert not list((shop.results / "tiny").glob("phantom.*"))


def test_a_database_without_the_part(shop: Shop) -> None:
    (shop.folder / "db" / "zynq7" / PART / "part.yaml").unlink()
    code, message = shop.build()
    assert code == 1 and f"the part {PART} in {shop.folder}/db/zynq7" in message


@pytest.mark.parametrize(
    ("says", "pattern"),
    [
        (GOOD.replace("104.52 MHz (PASS", "99.99 MHz (FAIL"), r"clock 'clk' reaches 99.99 MHz, configuration 'tiny' needs 100"),
        ("Info: Max frequency for clock 'clk': 60.00 MHz (PASS at 50.00 MHz)", "reaches 60 MHz, configuration 'tiny' needs 100"),
        ("all is well", "nextpnr says nothing about the clock"),
    ],
)
def test_a_clock_that_is_not_reached_is_no_bitstream(shop: Shop, says: str, pattern: str) -> None:
    assert shop.build()[0] == 0
    shop.set("SAYS", says)
    code, message = shop.build()
    assert code == 1 and re.search(pattern, message), message
    assert not (shop.results / "tiny" / "phantom.bit").exists()


def test_a_tool_that_fails_says_why(shop: Shop) -> None:
    shop.set("SAYS", "Info: hello\nERROR: Unable to place cell 'u_ps7'\nInfo: bye")
    shop.set("CODE", "5")
    code, message = shop.build()
    assert code == 1
    assert "nextpnr-xilinx failed with code 5; all of it is in" in message
    assert message.rstrip().endswith("ERROR: Unable to place cell 'u_ps7'")


def test_a_last_step_that_fails_half_way(shop: Shop) -> None:
    fake_tools.program(shop.bin, "xc7frames2bit", LAST + "sys.exit(3)\n")
    code, message = shop.build()
    assert code == 1 and "xc7frames2bit failed with code 3" in message
    assert not (shop.results / "tiny" / "phantom.bit").exists()


def test_a_tool_that_is_no_program(shop: Shop) -> None:
    (shop.bin / "xc7frames2bit").write_bytes(b"\x7fELF of another machine")
    code, message = shop.build()
    assert code == 1 and re.search(r"/xc7frames2bit does not run: .*Exec format error", message)


def test_a_last_step_that_makes_nothing(shop: Shop) -> None:
    fake_tools.program(shop.bin, "xc7frames2bit", "")
    code, message = shop.build()
    assert code == 1 and "the tools ended without an error, but there is no" in message


# --- the netlist ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def netlist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The open top around an empty system, mapped for the device: seconds instead of minutes, and all of it that is new."""
    folder = tmp_path_factory.mktemp("netlist")
    plan = build_plan.plan("tiny", "open")
    system = folder / "phantom_top.sv"
    system.write_text(empty_top(plan.top))
    package = [path for path in plan.sources if path.stem == "phantom_pkg"]
    added = [path for path in open_flow.open_sources(plan) if path not in plan.sources]
    passes = open_flow.synthesis_passes([*package, system, *added], plan.parameters, plan.window[0], folder)
    synthesis.run([*passes, f"write_json {folder / 'design.json'}"], open_flow.TOP)
    document = json.loads((folder / "design.json").read_text())
    yield document["modules"][open_flow.TOP]


def empty_top(top: Path) -> str:
    """phantom_top with all its ports, and inside one register that hangs on every input and drives every output."""
    text = top.read_text()
    header = text[: text.index("\n);\n") + 4]
    ports = wrapper.ports_of(top)
    inputs = ", ".join(name for direction, _, name in ports if direction == "input" and name not in ("clk_i", "rst_ni"))
    outputs = [(width, name) for direction, width, name in ports if direction == "output"]
    total = sum(width for width, _ in outputs)
    return (
        f"{header}  logic [{total - 1}:0] mixed_q;\n"
        f"  always_ff @(posedge clk_i) mixed_q <= rst_ni ? {{mixed_q[{total - 2}:0], ^{{{inputs}}}}} : '0;\n"
        f"  assign {{{', '.join(name for _, name in outputs)}}} = mixed_q;\nendmodule\n"
    )


def test_the_processing_system_is_connected_in_full_width(netlist: dict[str, Any]) -> None:
    (ps7,) = [cell for cell in netlist["cells"].values() if cell["type"] == "PS7"]
    declared = xilinx_cells.ports("PS7")
    assert len(declared) > 600
    assert set(ps7["connections"]) <= set(declared), "what is left open is tied off by the tools"
    for name, bits in ps7["connections"].items():
        assert len(bits) == declared[name].width, f"{name} has {len(bits)} bits"
    wide = ("MAXIGP0RDATA", "MAXIGP0RID", "MAXIGP0BID", "SAXIHP3AWADDR", "SAXIHP3WDATA")
    for name in (*wide, *(f"SAXIHP{port}ARADDR" for port in range(3))):
        assert len({bit for bit in ps7["connections"][name] if isinstance(bit, int)}) == declared[name].width, name
    for name in ("SAXIHP3ARVALID", "SAXIHP0AWVALID", "SAXIHP1AWVALID", "SAXIHP2AWVALID"):
        assert ps7["connections"][name] == ["0"], f"{name}: a port that nothing uses must stay silent"


def test_one_clock_drives_everything(netlist: dict[str, Any]) -> None:
    """From FCLK 0 through the buffer to every register and to the clocks of the ports in use."""
    cells = netlist["cells"].values()
    (buffer,) = [cell for cell in cells if cell["type"] == "BUFG"]
    (ps7,) = [cell for cell in cells if cell["type"] == "PS7"]
    assert buffer["connections"]["I"] == ps7["connections"]["FCLKCLK"][:1]
    clock = buffer["connections"]["O"]
    assert netlist["netnames"][open_flow.CLOCK_NET]["bits"] == clock, "the constraint names this net"
    clocks = {name: bits for name, bits in ps7["connections"].items() if name.endswith("ACLK")}
    used = build_plan.plan("tiny", "open").hp_ports
    assert clocks == dict.fromkeys(["MAXIGP0ACLK", *(f"SAXIHP{port}ACLK" for port in used)], clock)
    registers = [cell for cell in cells if cell["type"].startswith("FD")]
    assert len(registers) > 100
    assert all(cell["connections"]["C"] == clock for cell in registers)


def test_both_tops_have_the_parameters_and_the_memory_ports_of_the_system() -> None:
    """A parameter or a memory port more in phantom_top is one that phantom_zynq has to pass on."""
    plan = build_plan.plan("tiny", "open")
    zynq = (synthesis.HLS / "phantom_zynq.sv").read_text()
    pattern = r"parameter int unsigned (\w+)\s*=\s*(\d+)"
    assert re.findall(pattern, zynq) == re.findall(pattern, plan.top.read_text())
    assert re.findall(r"\.(\w+)\s*\(\1\)", zynq)[: len(plan.parameters)]
    assert set(re.findall(r"\.(m_axi_hp\d+_\w+)\(", zynq)) == {name for _, _, name in wrapper.ports_of(plan.top) if "_hp" in name}
    ports = re.search(r"HpPorts = (\d+);", zynq)
    assert ports is not None and int(ports[1]) == len(plan.hp_ports)
    window = re.search(r"WindowBits = (\d+);", zynq)
    assert window is not None and plan.window == (0x43C0_0000, 1 << int(window[1]))
    base = re.search(r"RegistersBase\s*= 32'h([\w]+)\n", zynq)
    assert base is not None and int(base[1], 16) == plan.window[0]


def test_a_design_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before place and route, which would take an hour to say so."""
    plan = build_plan.plan("tiny", "open", tmp_path)
    plan.results.mkdir()
    counts = {"design": {"num_cells_by_type": {"LUT6": 53_201, "DSP48E1": 220, "RAMB18E1": 281}}}
    found = plan.results / "utilisation.json"
    monkeypatch.setattr(synthesis, "run", lambda passes, what: found.write_text(json.dumps(counts)))
    with pytest.raises(build_plan.BuildError, match=r"'tiny' does not fit the xc7z020clg400-1: 53201 lut .*, 141 bram36 of 140"):
        open_flow.synthesise(plan, tmp_path / "design.json")


def test_a_primitive_that_the_library_lacks() -> None:
    with pytest.raises(xilinx_cells.CellError, match="there is no primitive PS9"):
        xilinx_cells.ports("PS9")
