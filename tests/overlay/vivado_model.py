"""What Vivado would say to the commands that a script gave: their order, objects that exist, connections, properties, addresses.

What there is, and which values it may have, is in `vivado_values`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from vivado_record import VivadoError, commands, split_list
from vivado_values import CHANGES_DESIGN, NEEDS, OBJECTS, PROPERTIES, PS7, ROUTE_STATUS, UNSORTS, WANTS_ORDER

RESET_INPUTS, RESET_OUTPUTS = {"slowest_sync_clk", "ext_reset_in"}, {"interconnect_aresetn", "peripheral_aresetn"}
CLOCKS = ("", "S00_", "M00_")


@dataclass
class Cell:
    """A cell of the block design."""

    kind: str  # its VLNV without version, or "module"
    properties: dict[str, str] = field(default_factory=dict)
    module: Path | None = None  # source of a module


class Model:
    """The block design and the project after the commands; making it raises VivadoError for the first wrong one."""

    def __init__(self, record: Path) -> None:
        self.cells: dict[str, Cell] = {}
        self.ports: set[str] = set()
        self.project: dict[str, str] = {}
        self.files: list[Path] = []
        self.nets: list[list[str]] = []
        self.drivers: dict[str, str] = {}  # of each input of a cell, once it is validated
        self.buses: list[tuple[str, str]] = []
        self.segments: dict[str, tuple[str, int, int]] = {}  # by segment: space, base, size
        self._done: set[str] = set()
        self._sorted = False
        for command, options, rest in commands(record):
            self._order(command, options, rest)
            getattr(self, f"_{command}", self._ignore)(options, rest)

    def _order(self, command: str, options: dict[str, str], rest: list[str]) -> None:
        """Refuse what comes too early, and remember what has been done."""
        names = {command, f"{command} {options.get('-type', rest[0] if rest else '')}"}
        for name in names & NEEDS.keys():
            if NEEDS[name] not in self._done:
                raise VivadoError(f"{name} comes before {NEEDS[name]}")
        if names & WANTS_ORDER and not self._sorted:
            raise VivadoError(f"{command} {rest[0]}: the compile order is that of other sources")
        if command in CHANGES_DESIGN:
            self._done -= {"validate_bd_design", "save_bd_design"}
        self._done |= names
        self._sorted = command == "update_compile_order" or (self._sorted and not {command, *rest[:1]} & UNSORTS)

    def _ignore(self, options: dict[str, str], rest: list[str]) -> None:
        """Commands without a part in the model."""

    # --- project -----------------------------------------------------------------------------------------------------

    def _create_project(self, options: dict[str, str], rest: list[str]) -> None:
        self.project["part"] = options["-part"]

    def _add_files(self, options: dict[str, str], rest: list[str]) -> None:
        self.files += [Path(name) for name in split_list(rest[0])]

    def _set_property(self, options: dict[str, str], rest: list[str]) -> None:
        if "-dict" not in options:
            name, value, target = rest
            if name not in PROPERTIES:
                raise VivadoError(f"there is no property {name}")
            if not re.fullmatch(PROPERTIES[name], value):
                raise VivadoError(f"{name} of {target} cannot be {value!r}")
            if f"launch_runs {target}" in self._done:
                raise VivadoError(f"{name} of {target} is set when it has run already")
            self.project[f"{name} of {target}"] = value
            return
        words = split_list(options["-dict"])
        cell = self._cell(rest[0])
        for name, value in zip(words[::2], words[1::2], strict=True):
            self._check_property(cell, name.removeprefix("CONFIG."), value)
            cell.properties[name.removeprefix("CONFIG.")] = value

    def _object(self, command: str, name: str) -> None:
        if name not in OBJECTS[command]:
            raise VivadoError(f"{command} finds no {name}; there are {sorted(OBJECTS[command])}")

    def _get_runs(self, options: dict[str, str], rest: list[str]) -> None:
        self._object("get_runs", rest[0])

    def _get_filesets(self, options: dict[str, str], rest: list[str]) -> None:
        self._object("get_filesets", rest[0])

    def _get_nets(self, options: dict[str, str], rest: list[str]) -> None:
        for term in options["-filter"].split(" || "):
            found = re.fullmatch(r"ROUTE_STATUS == (\w+)", term)
            if not found or found[1] not in ROUTE_STATUS:
                raise VivadoError(f"no net can have {term}")

    @staticmethod
    def _check_property(cell: Cell, name: str, value: str) -> None:
        if cell.kind == "processing_system7":
            for pattern, values in PS7.items():
                if re.fullmatch(f"PCW_({pattern})", name):
                    if not re.fullmatch(values, value):
                        raise VivadoError(f"{name} cannot be {value!r}")
                    return
        elif (cell.kind, name) in (("axi_interconnect", "NUM_SI"), ("axi_interconnect", "NUM_MI"), ("xlconcat", "NUM_PORTS")):
            return
        raise VivadoError(f"{cell.kind} has no property CONFIG.{name}")

    # --- block design ------------------------------------------------------------------------------------------------

    def _create_bd_cell(self, options: dict[str, str], rest: list[str]) -> None:
        if options["-type"] == "module":
            found = [path for path in self.files if path.stem == options["-reference"]]
            if len(found) != 1 or found[0].suffix != ".v":
                raise VivadoError(f"the module {options['-reference']} must be a Verilog source: {found}")
            self.cells[rest[0]] = Cell("module", module=found[0])
        else:
            vendor, library, kind, version = options["-vlnv"].split(":")
            known = {"processing_system7": "5.5", "axi_interconnect": "2.1", "proc_sys_reset": "5.0", "xlconcat": "2.1"}
            if (vendor, library) != ("xilinx.com", "ip") or known.get(kind) != version:
                raise VivadoError(f"no IP {options['-vlnv']}")
            self.cells[rest[0]] = Cell(kind)

    def _create_bd_intf_port(self, options: dict[str, str], rest: list[str]) -> None:
        self.ports.add(rest[0])

    def _cell(self, name: str) -> Cell:
        if name not in self.cells:
            raise VivadoError(f"there is no cell {name}")
        return self.cells[name]

    def pins(self, name: str) -> dict[str, str]:
        """Pins of a cell: "in" or "out"."""
        cell = self._cell(name)
        p = cell.properties
        if cell.kind == "processing_system7":
            pins = {"FCLK_CLK0": "out", "FCLK_RESET0_N": "out"} if p.get("PCW_FPGA_FCLK0_ENABLE") == "1" else {}
            pins |= {"M_AXI_GP0_ACLK": "in"} if p.get("PCW_USE_M_AXI_GP0") == "1" else {}
            pins |= {f"S_AXI_HP{n}_ACLK": "in" for n in range(4) if p.get(f"PCW_USE_S_AXI_HP{n}") == "1"}
            both = p.get("PCW_USE_FABRIC_INTERRUPT") == p.get("PCW_IRQ_F2P_INTR") == "1"
            return pins | ({"IRQ_F2P": "in"} if both else {})
        if cell.kind == "axi_interconnect":
            return {f"{prefix}{pin}": "in" for prefix in CLOCKS for pin in ("ACLK", "ARESETN")}
        if cell.kind == "proc_sys_reset":
            return dict.fromkeys(RESET_INPUTS, "in") | dict.fromkeys(RESET_OUTPUTS, "out")
        if cell.kind == "xlconcat":
            return {f"In{n}": "in" for n in range(int(p.get("NUM_PORTS", 2)))} | {"dout": "out"}
        return {pin: kind for pin, kind, bus in module_ports(cell) if not bus}

    def interfaces(self, name: str) -> dict[str, str]:
        """Bus interfaces of a cell: "master" or "slave"."""
        cell = self._cell(name)
        if cell.kind == "processing_system7":
            masters = [f"M_AXI_GP{n}" for n in range(2) if cell.properties.get(f"PCW_USE_M_AXI_GP{n}") == "1"]
            slaves = [f"S_AXI_HP{n}" for n in range(4) if cell.properties.get(f"PCW_USE_S_AXI_HP{n}") == "1"]
            return dict.fromkeys([*masters, "DDR", "FIXED_IO"], "master") | dict.fromkeys(slaves, "slave")
        if cell.kind == "axi_interconnect":
            return {"S00_AXI": "slave", "M00_AXI": "master"}
        if cell.kind == "module":
            return {bus: "slave" if bus.startswith("s_") else "master" for _, _, bus in module_ports(cell) if bus}
        return {}

    def _get_bd_pins(self, options: dict[str, str], rest: list[str]) -> None:
        cell, pin = rest[0].split("/")
        if pin not in self.pins(cell):
            raise VivadoError(f"no pin {rest[0]}; there are {sorted(self.pins(cell))}")

    def _get_bd_intf_pins(self, options: dict[str, str], rest: list[str]) -> None:
        cell, pin = rest[0].split("/")
        if pin not in self.interfaces(cell):
            raise VivadoError(f"no interface {rest[0]}; there are {sorted(self.interfaces(cell))}")

    def _connect_bd_net(self, options: dict[str, str], rest: list[str]) -> None:
        self.nets.append(rest)

    def _connect_bd_intf_net(self, options: dict[str, str], rest: list[str]) -> None:
        first, second = rest
        self.buses.append((first, second))

    def _get_bd_addr_spaces(self, options: dict[str, str], rest: list[str]) -> None:
        cell, space = rest[0].split("/")
        spaces = {"Data"} if self._cell(cell).kind == "processing_system7" else set(self.interfaces(cell))
        if space not in spaces:
            raise VivadoError(f"no address space {rest[0]}")

    def _get_bd_addr_segs(self, options: dict[str, str], rest: list[str]) -> None:
        cell, interface, segment = rest[0].split("/")
        number = interface.removeprefix("S_AXI_HP")
        expected = f"HP{number}_DDR_LOWOCM" if self._cell(cell).kind == "processing_system7" else "reg0"
        if self.interfaces(cell).get(interface) != "slave" or segment != expected:
            raise VivadoError(f"no address segment {rest[0]}")

    def _assign_bd_address(self, options: dict[str, str], rest: list[str]) -> None:
        base, size = int(options["-offset"], 0), int(options["-range"], 0)
        if size & (size - 1) or base % size:
            raise VivadoError(f"{rest[0]}: 0x{size:X} bytes at 0x{base:X} are not a range")
        self.segments[rest[0]] = options["-target_address_space"], base, size

    def _validate_bd_design(self, options: dict[str, str], rest: list[str]) -> None:
        drivers = [f"{cell}/{pin}" for cell in self.cells for pin, kind in self.pins(cell).items() if kind == "out"]
        inputs = [f"{cell}/{pin}" for cell in self.cells for pin, kind in self.pins(cell).items() if kind == "in"]
        for net in self.nets:
            driver = [pin for pin in net if pin in drivers]
            if len(driver) != 1:
                raise VivadoError(f"a net must have one driver: {net}")
            self.drivers |= {pin: driver[0] for pin in net if pin != driver[0]}
        once(inputs, [pin for net in self.nets for pin in net if pin not in drivers], "input")
        interfaces = [f"{cell}/{name}" for cell in self.cells for name in self.interfaces(cell)]
        once([*interfaces, *self.ports], [end for bus in self.buses for end in bus], "interface")
        for ends in self.buses:
            kinds = {self.interfaces(end.split("/")[0])[end.split("/")[1]] for end in ends if "/" in end}
            if kinds != ({"master", "slave"} if all("/" in end for end in ends) else {"master"}):
                raise VivadoError(f"{ends[0]} and {ends[1]} do not fit together")
        taken: dict[int, str] = {}
        for cell in self.cells.values():
            for name, value in cell.properties.items():
                if name.endswith("_IO") and name != "PCW_QSPI_GRP_SINGLE_SS_IO" and (pins := re.findall(r"\d+", value)):
                    for pin in range(int(pins[0]), int(pins[-1]) + 1):
                        if pin in taken:
                            raise VivadoError(f"{name} and {taken[pin]} both want MIO {pin}")
                        taken[pin] = name


def once(expected: Iterable[str], got: list[str], what: str) -> None:
    """Raise VivadoError unless every name comes once."""
    expected = sorted(expected)
    if sorted(got) != expected:
        wrong = sorted(set(got) ^ set(expected)) or sorted({name for name in got if got.count(name) > 1})
        raise VivadoError(f"each {what} is to be connected once: {wrong}")


def module_ports(cell: Cell) -> list[tuple[str, str, str]]:
    """(name, "in" or "out", bus or "") of the ports of a module, by the attributes in its source."""
    assert cell.module is not None
    result = []
    pattern = r'\(\* X_INTERFACE_INFO = "xilinx\.com:(\S+) (\S+) (\w+)".*\*\)\n\s+(input|output) wire (?:\[\d+:0\] )?(\w+)'
    text = cell.module.read_text()
    for kind, bus, _, direction, name in re.findall(pattern, text):
        result.append((name, "in" if direction == "input" else "out", bus if kind == "interface:aximm:1.0" else ""))
    if len(result) != len(re.findall(r"^\s+(?:input|output) wire", text, re.MULTILINE)):
        raise VivadoError(f"{cell.module}: ports without an attribute")
    return result
