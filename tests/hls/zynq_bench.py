"""A bench around phantom_zynq: in the place of the PS7 primitive a module whose ports are those of the bench.

Both are written from the primitive's declaration, so that the widths are those of the device, and Verilator's width checks cover
every connection. What the processor and the memory do is in Python: `gp_master.GpMaster` and `axi_memory.AxiMemory`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import bench

import xilinx_cells
from phantom_sim import verilate
from xilinx_cells import CellPort

GP, HP = re.compile(r"MAXIGP0(AW|W|B|AR|R)([A-Z]+)"), re.compile(r"SAXIHP(\d)(AW|W|B|AR|R)([A-Z]+)")
GP_FIELDS = {"ID", "ADDR", "LEN", "SIZE", "BURST", "DATA", "STRB", "LAST", "RESP", "VALID", "READY"}
HP_FIELDS = GP_FIELDS - {"ID"} | {"CACHE", "PROT"}
OTHERS = {"FCLKCLK": "clk_i", "FCLKRESETN": "rst_ni", "IRQF2P": "irq_o"}
HP_IDS = ("ARID", "AWID", "WID")
CLOCK = re.compile(r"MAXI(GP0)ACLK|SAXI(HP\d)ACLK")


def bench_port(port: CellPort, hp_ports: int) -> str | None:
    """The bench's name for a port of the primitive; None for one that the design leaves alone."""
    found = GP.fullmatch(port.name)
    if found and found[2] in GP_FIELDS:
        return f"gp_{found[1]}_{found[2]}_".lower() + ("i" if port.direction == "output" else "o")
    found = HP.fullmatch(port.name)
    if found and found[3] in HP_FIELDS and int(found[1]) < hp_ports:
        return f"m_axi_hp{found[1]}_{found[2]}{found[3]}".lower()
    found = CLOCK.fullmatch(port.name)
    if found and (found[1] or int(found[2][2:]) < hp_ports):
        return f"{found[1] or found[2]}_aclk_o".lower()
    return OTHERS.get(port.name)


def write(path: Path, parameters: Mapping[str, object], hp_ports: int = 4) -> Path:
    """Write the bench and the stand-in for the PS7 to a file; its path."""
    ports, outside, inside, watch = xilinx_cells.ports("PS7"), [], [], []
    for port in ports.values():
        name = bench_port(port, hp_ports)
        if port.direction == "output":
            value = f"{port.width}'(zynq_bench.{name})" if name else "'0"
            inside.append(f"  assign {port.name} = {value};")
        elif name:
            watch.append(f"  assign {name} = u_dut.u_ps7.u_ps7.{port.name};")
        elif HP.fullmatch(port.name) and port.name.endswith(("VALID", *HP_IDS)):
            watch.append(f"  always @(posedge clk_i) assert (u_dut.u_ps7.u_ps7.{port.name} == '0);")
        if name:
            direction = "output" if port.direction == "input" else "input "
            width = "" if port.width == 1 or name in ("clk_i", "rst_ni") else f"[{port.width - 1}:0] "
            outside.append(f"  {direction} logic {width}{name}")
    header = [f"  {port.declaration().replace(port.direction, port.direction + ' logic', 1)}" for port in ports.values()]
    header = [line.replace("inout logic", "inout wire") for line in header]
    settings = ", ".join(f".{name}({value})" for name, value in parameters.items())
    sections = [
        "module zynq_bench (", ",\n".join(outside), ");", *watch, f"  phantom_zynq #({settings}) u_dut ();", "endmodule", "",
        "module PS7 (", ",\n".join(header), ");", *inside, "endmodule", "", xilinx_cells.stub("BUFG"),
    ]  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(sections))
    return path


def sources(parameters: Mapping[str, object]) -> list[Path]:
    """Everything that the bench consists of, with its waivers, in the order for Verilator."""
    folder = bench.ROOT / "build" / "cocotb" / "zynq_bench"
    registers = verilate.ROOT / "overlay" / "registers.vlt"
    waivers = folder / "zynq_bench.vlt"
    made = write(folder / "zynq_bench.sv", parameters)
    rules = ("DECLFILENAME", "MULTITOP", "UNUSEDSIGNAL", "UNDRIVEN", "PINMISSING")
    waivers.write_text("`verilator_config\n" + "".join(f'lint_off -rule {rule} -file "*/zynq_bench.sv"\n' for rule in rules))
    zynq = verilate.file_list(bench.HLS / "phantom_zynq.f")
    return [registers, bench.HLS / "phantom_zynq.vlt", waivers, *bench.sources_of("phantom_top"), *zynq, made]
