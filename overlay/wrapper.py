"""The Verilog module that Vivado's block design takes in: phantom_top with the parameters of a configuration.

A block design accepts no SystemVerilog at the top of a module, and it wants to be told which ports make up a bus. Both follow
from the port list of phantom_top, so a memory port more there is one more here.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

from phantom.errors import PhantomError

MODULE = "phantom_overlay"
PORT = re.compile(r"^\s*(input|output)\s+logic\s+(?:\[(\d+):0\]\s*)?(\w+)\s*,?\s*(?://.*)?$", re.MULTILINE)
HP_PORT = re.compile(r"m_axi_hp(\d+)_\w+")
BUS = re.compile(r"(s_axil|m_axi_hp\d+)_(\w+)")


class WrapperError(PhantomError):
    """The port list of the top is not as expected."""


def ports_of(top: Path) -> list[tuple[str, int, str]]:
    """(direction, width, name) of each port of a module, whose file has one port a line. Raises WrapperError."""
    text = top.read_text()
    begin = text.find(") (")
    header = text[begin + 3 : text.find("\n);", begin)]
    found = [(direction, int(high or 0) + 1, name) for direction, high, name in PORT.findall(header)]
    if begin < 0 or len(found) != len(re.findall(r"\b(?:input|output|inout)\b", re.sub(r"//[^\n]*", "", header))):
        raise WrapperError(f"{top}: every port must be a line of its own, as in `input  logic [31:0] name,`")
    return found


def buses(ports: list[tuple[str, int, str]]) -> dict[str, list[str]]:
    """The buses among the ports in their order, and the signals of each, in lower case and without the name of the bus."""
    found: dict[str, list[str]] = {}
    for _, _, name in ports:
        if bus := BUS.fullmatch(name):
            found.setdefault(bus[1], []).append(bus[2])
    return found


def parameters_of(bus: str, signals: Container[str]) -> str:
    """What Vivado is to know of a bus beyond its signals.

    The interconnect behind a master has the channels of the master's READ_WRITE_MODE (PG059), which is both of them unless it
    is said; our masters only read, or only write.
    """
    if bus == "s_axil":
        return "PROTOCOL AXI4LITE"
    reads, writes = "arvalid" in signals, "awvalid" in signals
    return "PROTOCOL AXI3, READ_WRITE_MODE " + ("READ_WRITE" if reads and writes else "READ_ONLY" if reads else "WRITE_ONLY")


def attribute(name: str, bus_list: Mapping[str, Sequence[str]]) -> str:
    """What Vivado has to know about a port, as a Verilog attribute."""
    found = BUS.fullmatch(name)
    if found:
        info = f'X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 {found[1]} {found[2].upper()}"'
        if found[2] == bus_list[found[1]][0]:  # the parameters of a bus stand at one of its ports
            parameters = parameters_of(found[1], bus_list[found[1]])
            info += f', X_INTERFACE_PARAMETER = "XIL_INTERFACENAME {found[1]}, {parameters}"'
        return f"  (* {info} *)\n"
    if name == "clk_i":
        settings = f"ASSOCIATED_BUSIF {':'.join(bus_list)}, ASSOCIATED_RESET rst_ni"
        return f'  (* X_INTERFACE_INFO = "xilinx.com:signal:clock:1.0 clk_i CLK", X_INTERFACE_PARAMETER = "{settings}" *)\n'
    if name == "rst_ni":
        return (
            '  (* X_INTERFACE_INFO = "xilinx.com:signal:reset:1.0 rst_ni RST", X_INTERFACE_PARAMETER = "POLARITY ACTIVE_LOW" *)\n'
        )
    if name.startswith("irq_"):
        return (
            f'  (* X_INTERFACE_INFO = "xilinx.com:signal:interrupt:1.0 {name} INTERRUPT",'
            ' X_INTERFACE_PARAMETER = "SENSITIVITY LEVEL_HIGH" *)\n'
        )
    raise WrapperError(f"port {name} belongs to no bus, and is no clock, reset or interrupt")


def wrapper(top: Path, parameters: Mapping[str, int], hp_ports: Container[int]) -> str:
    """The module's text, with only those of the top's memory ports that are in use, by number.

    Raises WrapperError for a port list that it does not understand.
    """
    every = ports_of(top)
    ports = [port for port in every if not (hp := HP_PORT.fullmatch(port[2])) or int(hp[1]) in hp_ports]
    bus_list = buses(ports)
    lines = [
        attribute(name, bus_list) + f"  {direction} wire " + (f"[{width - 1}:0] " if width > 1 else "") + name
        for direction, width, name in ports
    ]
    settings = ",\n".join(f"    .{name}({value})" for name, value in parameters.items())
    idle = {port: f"{port[1]}'d0" if port[0] == "input" else "" for port in every if port not in ports}
    connections = ",\n".join(f"    .{port[2]}({idle.get(port, port[2])})" for port in every)
    return (
        f"// Made from {top.name} by overlay/wrapper.py.\nmodule {MODULE} (\n" + ",\n".join(lines) + "\n);\n\n"
        f"  {top.stem} #(\n{settings}\n  ) u_top (\n{connections}\n  );\n\nendmodule\n"
    )
