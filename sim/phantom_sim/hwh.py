"""Write the hardware description (.hwh) that PYNQ parses, and the empty .bit beside it.

The description is the one of the block design: the PS7, and the register windows of ``phantom_top`` as modules (one
control block and two or three AXI DMA engines, so that ``pynq.lib.dma.DMA`` binds to them). Addresses, registers and fields come
from the register description, build parameters and clock from the configuration; nothing is stated twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from phantom.driver import CONTROL_VLNV

DMA_VLNV = "xilinx.com:ip:axi_dma:7.1"
PS7_VLNV = "xilinx.com:ip:processing_system7:5.5"
AXIMM_VLNV = "xilinx.com:interface:aximm:1.0"
PS7 = "processing_system7_0"
IO_PLL_MHZ = 1000
DMA_LENGTH_BITS = 26
VLNV_OF_TYPE = {"phantom_regs": CONTROL_VLNV, "axi_dma": DMA_VLNV}
DMA_MASTERS = {"dma_act": ("M_AXI_MM2S", "M_AXI_S2MM"), "dma_wgt": ("M_AXI_MM2S",), "dma_wgt1": ("M_AXI_MM2S",)}
DMA_PORT = {"dma_act": 0, "dma_wgt": 1, "dma_wgt1": 2}  # the memory port that each reads from


def clock_divisors(clock_mhz: float) -> tuple[int, int]:
    """The two PS7 divisors that make `clock_mhz` out of the I/O PLL; the nearest clock that is not faster."""
    pairs = [(a, b) for a in range(1, 64) for b in range(1, 64) if IO_PLL_MHZ / (a * b) <= clock_mhz * 1.0001]
    return min(pairs, key=lambda pair: (pair[0] * pair[1], pair[1]))


def dma_parameters(name: str) -> dict[str, str]:
    """Parameters of an engine by the names that pynq.lib.dma looks for."""
    masters = DMA_MASTERS[name]
    return {
        "c_include_sg": "0",
        "c_micro_dma": "0",
        "c_sg_length_width": str(DMA_LENGTH_BITS),
        "c_include_mm2s": str(int("M_AXI_MM2S" in masters)),
        "c_include_s2mm": str(int("M_AXI_S2MM" in masters)),
        "c_include_mm2s_dre": "0",
        "c_include_s2mm_dre": "0",
        "c_m_axi_mm2s_data_width": "64",
        "c_m_axi_s2mm_data_width": "64",
    }


def ps7_parameters(clock_mhz: float) -> dict[str, str]:
    """Clocks of the PS7: FCLK0 runs the design, the other three are off."""
    first, second = clock_divisors(clock_mhz)
    parameters: dict[str, str] = {}
    for index in range(4):
        parameters |= {
            f"PCW_FPGA_FCLK{index}_ENABLE": str(int(index == 0)),
            f"PCW_FCLK{index}_PERIPHERAL_DIVISOR0": str(first),
            f"PCW_FCLK{index}_PERIPHERAL_DIVISOR1": str(second),
            f"PCW_FCLK{index}_PERIPHERAL_CLKSRC": "IO PLL",
        }
    return parameters


def system_tree(
    registers: Mapping[str, Any], parameters: Mapping[str, int], clock_mhz: float, hp_ports: Sequence[int] = (0, 1, 3)
) -> ET.ElementTree:
    """The whole description.

    Args:
        registers: contents of ``registers.json``.
        parameters: build parameters by their Verilog names; they become those of the control block.
        clock_mhz: clock of the design.
        hp_ports: numbers of the memory ports in use.
    """
    root = ET.Element("EDKSYSTEM", EDWVERSION="1.2", TIMESTAMP="", VIVADOVERSION="2022.1")
    ET.SubElement(root, "SYSTEMINFO", ARCH="zynq", DEVICE="7z020", NAME="phantom", PACKAGE="clg400", SPEEDGRADE="-1")
    ET.SubElement(root, "EXTERNALPORTS")
    ET.SubElement(root, "EXTERNALINTERFACES")
    modules = ET.SubElement(root, "MODULES")
    blocks = blocks_with(registers, hp_ports)
    add_ps7(modules, blocks, clock_mhz, hp_ports)
    for name, block in blocks.items():
        is_dma = block["type"] == "axi_dma"
        module = add_module(modules, name, VLNV_OF_TYPE[block["type"]], dma_parameters(name) if is_dma else stringify(parameters))
        add_registers(module, block)
        masters = dict.fromkeys(DMA_MASTERS.get(name, ()), "MASTER")
        add_interfaces(module, {"S_AXI_LITE": "SLAVE", **masters})
    return ET.ElementTree(root)


def blocks_with(registers: Mapping[str, Any], hp_ports: Sequence[int]) -> dict[str, Any]:
    """The blocks of ``registers.json`` in a design with these memory ports: no engine without its port."""
    return {name: block for name, block in registers["blocks"].items() if name not in DMA_PORT or DMA_PORT[name] in hp_ports}


def stringify(values: Mapping[str, Any]) -> dict[str, str]:
    """The same mapping with text for values."""
    return {name: str(value) for name, value in values.items()}


def add_module(modules: ET.Element, name: str, vlnv: str, parameters: Mapping[str, str]) -> ET.Element:
    """One instance with its parameters."""
    _, _, kind, version = vlnv.split(":")
    module = ET.SubElement(
        modules, "MODULE", FULLNAME=f"/{name}", INSTANCE=name, VLNV=vlnv, MODTYPE=kind, HWVERSION=version,
        IPTYPE="PERIPHERAL", IS_ENABLE="1", MODCLASS="PERIPHERAL",
    )  # fmt: skip
    group = ET.SubElement(module, "PARAMETERS")
    for key, value in parameters.items():
        ET.SubElement(group, "PARAMETER", NAME=key, VALUE=value)
    return module


def add_interfaces(module: ET.Element, interfaces: Mapping[str, str]) -> None:
    """Memory-mapped bus interfaces: name to MASTER or SLAVE."""
    group = ET.SubElement(module, "BUSINTERFACES")
    for name, kind in interfaces.items():
        ET.SubElement(group, "BUSINTERFACE", BUSNAME=name, NAME=name, TYPE=kind, VLNV=AXIMM_VLNV)


def add_ps7(modules: ET.Element, blocks: Mapping[str, Any], clock_mhz: float, hp_ports: Sequence[int]) -> None:
    """The processor, and under it the address map that it sees."""
    module = add_module(modules, PS7, PS7_VLNV, ps7_parameters(clock_mhz))
    add_interfaces(module, {"M_AXI_GP0": "MASTER", **{f"S_AXI_HP{n}": "SLAVE" for n in hp_ports}})
    memory_map = ET.SubElement(module, "MEMORYMAP")
    for name, block in blocks.items():
        ET.SubElement(
            memory_map, "MEMRANGE", ADDRESSBLOCK="Reg", BASENAME="C_BASEADDR", BASEVALUE=f"0x{block['base']:08X}",
            HIGHNAME="C_HIGHADDR", HIGHVALUE=f"0x{block['base'] + block['size'] - 1:08X}", INSTANCE=name,
            IS_DATA="TRUE", IS_INSTRUCTION="TRUE", MASTERBUSINTERFACE="M_AXI_GP0", MEMTYPE="REGISTER",
            SLAVEBUSINTERFACE="S_AXI_LITE",
        )  # fmt: skip


def add_registers(module: ET.Element, block: Mapping[str, Any]) -> None:
    """The registers and fields of a block, for ``ip_dict`` and ``register_map``."""
    blocks = ET.SubElement(module, "ADDRESSBLOCKS")
    address_block = ET.SubElement(
        blocks, "ADDRESSBLOCK", ACCESS="read-write", INTERFACE="S_AXI_LITE", NAME="Reg", RANGE=str(block["size"]),
        USAGE="register",
    )  # fmt: skip
    group = ET.SubElement(address_block, "REGISTERS")
    for name, register in block["registers"].items():
        element = ET.SubElement(group, "REGISTER", NAME=name)
        add_properties(
            element, DESCRIPTION=register["description"], ADDRESS_OFFSET=hex(register["offset"]), SIZE=register["bits"],
            ACCESS=register["access"], IS_ENABLED="true",
        )  # fmt: skip
        fields = ET.SubElement(element, "FIELDS")
        for field_name, field in register["fields"].items():
            add_properties(
                ET.SubElement(fields, "FIELD", NAME=field_name), DESCRIPTION=field["description"],
                ACCESS=field["access"], BIT_OFFSET=field["lsb"], BIT_WIDTH=field["bits"],
            )  # fmt: skip


def add_properties(element: ET.Element, **properties: Any) -> None:
    """PROPERTY children, in the order given."""
    for name, value in properties.items():
        ET.SubElement(element, "PROPERTY", NAME=name, VALUE=str(value))


def write_overlay(
    bit: Path, registers_json: Path, parameters: Mapping[str, int], clock_mhz: float, hp_ports: Sequence[int] = (0, 1, 3)
) -> None:
    """Write the .hwh of a configuration beside `bit`, which is made empty if there is none.

    Raises:
        OSError: a file could not be read or written.
    """
    tree = system_tree(json.loads(registers_json.read_text()), parameters, clock_mhz, hp_ports)
    ET.indent(tree)
    tree.write(bit.with_suffix(".hwh"), encoding="utf-8", xml_declaration=True)
    if not bit.exists():
        bit.touch()
