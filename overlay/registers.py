"""Generate everything that follows from the register description (phantom.rdl) into one directory.

Written files:

=====================  ==========================================================================
phantom_regs_pkg.sv    structs of the register block's hardware side
phantom_regs.sv        register block, AXI4-Lite, synchronous active-low reset
registers.json         address map for software: base, offsets, fields (driver, .hwh, simulation)
phantom_regs.h         the same as a C header
registers.md           the same for people
=====================  ==========================================================================

Run ``python overlay/registers.py [--out build/gen]``. It does nothing when the files are newer than their sources, and it
rewrites a file only if its contents change, so that whoever depends on one is not rebuilt for nothing.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DESCRIPTION = HERE / "phantom.rdl"
SHARED = (HERE / "axi_dma.rdl", HERE / "axil_register_port.sv.j2", Path(__file__).resolve())
OUTPUTS = ("phantom_regs_pkg.sv", "phantom_regs.sv", "registers.json", "phantom_regs.h", "registers.md")
STAMP = ".registers"
WINDOW = 0x1_0000  # address bits [17:16] select the block, so each one owns 64 KB
RESERVED = {"address", "width"}  # attributes of PYNQ's own register objects: a field of that name breaks register_map
# Our port holds its one address until the answer is there, so the read multiplexers need not choose between it and a copy, which
# took nine levels of logic behind the bookkeeping of what is under way. Nor need the decoder's verdict on an address wait for
# that: it counts with a request only. And an address is one register's, so what is read is the OR of
# them all, not one behind the other.
READ_ADDRESS = "assign rd_mux_addr = decoded_req ? decoded_addr : pending_rd_addr;"
HELD_ADDRESS = "assign rd_mux_addr = decoded_addr;  // phantom: the port holds it"
VERDICT = "decoded_err = (~is_valid_addr | (is_valid_addr & ~is_valid_rw)) & decoded_req;"
CHAINED = re.compile(r"(readback_data_var\[ad_hi\(16'h\w+\)\]\[[\d:]+\]) = ")
# The registers lie all over the device: which one is written is known a cycle before it is, and each of a few dozens has a reset
# near by, active-high as the flip-flops want it.
STROBE = "    decoded_reg_strb_t decoded_reg_strb;\n"
NEXT_STROBE = """    decoded_reg_strb_t decoded_reg_strb, next_strobe;
    always_ff @(posedge clk) begin
        if(~rst_n) decoded_reg_strb <= '{default: '0};
        else decoded_reg_strb <= next_strobe;
    end
"""
DECODER = re.compile(r"(?<=// Address Decode\n).*?(?=// Pass down signals)", re.DOTALL)
RESETS = 8
NEAR_RESETS = f"""    (* keep = "true" *) logic [{RESETS - 1}:0] near_rst;
    always_ff @(posedge clk) near_rst <= {{{RESETS}{{~rst_n}}}};
"""
FIELD_RESET = re.compile(r"(?<=begin\n        if\()~rst_n(?=\) begin\n            field_storage)")
MASKED_VALID = re.compile(r"(is_valid_(?:addr|rw) \|= )cpuif_req_masked & ")
ACCESS = {"r": "read-only", "w": "write-only", "rw": "read-write"}


def up_to_date(out: Path, description: Path) -> bool:
    """Whether every file in `out` is there and was made after the last change of a source."""
    stamp = out / STAMP
    if not stamp.exists() or any(not (out / name).exists() for name in OUTPUTS):
        return False
    return all(source.stat().st_mtime <= stamp.stat().st_mtime for source in (description, *SHARED))


def generate(out: Path, description: Path = DESCRIPTION) -> bool:
    """Bring the files in `out` up to date; True if there was something to do.

    `description` defines the address maps ``phantom_regs`` (the control block) and ``phantom_system`` (everything that the
    processor sees). Safe against a second process that does the same: files appear by rename, complete.
    """
    if up_to_date(out, description):
        return False
    from peakrdl_cheader.exporter import CHeaderExporter
    from peakrdl_regblock import RegblockExporter
    from peakrdl_regblock.cpuif.axi4lite import AXI4Lite_Cpuif_flattened
    from peakrdl_regblock.udps import ALL_UDPS
    from systemrdl import RDLCompiler

    class OneAccess(AXI4Lite_Cpuif_flattened):
        """One access at a time, which is all that phantom_axil_split asks for, whole words, and registers on both sides.

        Byte strobes would cost a LUT for every bit of every register.
        """

        template_path = "axil_register_port.sv.j2"

    out.mkdir(parents=True, exist_ok=True)
    compiler = RDLCompiler()
    for udp in ALL_UDPS:
        compiler.register_udp(udp)
    compiler.compile_file(str(description), incl_search_paths=[str(HERE)])
    with tempfile.TemporaryDirectory(dir=out) as work:
        RegblockExporter().export(
            compiler.elaborate(top_def_name="phantom_regs").top,
            work,
            cpuif_cls=OneAccess,
            default_reset_activelow=True,
            default_reset_async=False,
            address_width=WINDOW.bit_length() - 1,
            err_if_bad_addr=True,
            err_if_bad_rw=True,
            retime_read_fanin=True,  # more than 50 registers behind one multiplexer
            retime_read_response=True,
        )
        shorten(Path(work) / "phantom_regs.sv")
        system = compiler.elaborate(top_def_name="phantom_system").top
        CHeaderExporter().export(system, str(Path(work) / "phantom_regs.h"), instantiate=True)
        described = describe(system)
        (Path(work) / "registers.json").write_text(json.dumps(described, indent=1) + "\n")
        (Path(work) / "registers.md").write_text(markdown(described))
        for name in OUTPUTS:
            replace_if_changed(Path(work) / name, out / name)
    (out / STAMP).touch()
    return True


def shorten(block: Path) -> None:
    """Cut the long paths, as said above. RuntimeError if the exporter writes its block anew."""
    text = block.read_text()
    for line in (READ_ADDRESS, VERDICT):
        if text.count(line) != 1:
            raise RuntimeError(f"{block.name}: expected once, as PeakRDL-regblock 1.3.1 writes it: {line}")
    text = text.replace(READ_ADDRESS, HELD_ADDRESS)
    turn = itertools.cycle(range(RESETS))
    for old, new in (
        (MASKED_VALID, r"\1"),
        (CHAINED, r"\1 |= "),
        (DECODER, lambda found: found[0].replace("decoded_reg_strb.", "next_strobe.").replace(STROBE, NEXT_STROBE + NEAR_RESETS)),
        (FIELD_RESET, lambda _: f"near_rst[{next(turn)}]"),
    ):
        text, found = old.subn(new, text)
        if not found:
            raise RuntimeError(f"{block.name}: no {old.pattern}, as PeakRDL-regblock 1.3.1 writes it")
    block.write_text(text)


def replace_if_changed(new: Path, old: Path) -> None:
    """Put `new` in the place of `old` unless their contents are the same."""
    if not old.exists() or old.read_bytes() != new.read_bytes():
        shutil.copyfile(new, new.with_suffix(".tmp"))
        os.replace(new.with_suffix(".tmp"), old)


def describe(system: Any) -> dict[str, Any]:
    """The address map as plain data.

    Returns ``{"blocks": {instance: {"type", "name", "base", "size", "registers": {name: {"offset", "bits", "access",
    "description", "fields": {name: {"lsb", "bits", "access", "description"}}}}}}}``. Offsets are bytes from the block's base;
    registers inside a group are called GROUP_NAME.
    """
    blocks: dict[str, Any] = {}
    for block in system.children():
        registers = {}
        for reg in block.descendants(unroll=True):
            if type(reg).__name__ != "RegNode":
                continue
            clash = RESERVED & {field.inst_name for field in reg.fields()}
            if clash:
                raise ValueError(f"{reg.get_path()}: a field must not be called {', '.join(sorted(clash))} (PYNQ uses it)")
            name = "_".join(reg.get_path_segments()[len(block.get_path_segments()) :])
            registers[name] = {
                "offset": reg.absolute_address - block.absolute_address,
                "bits": reg.get_property("regwidth"),
                "access": access_of(reg.has_sw_readable, reg.has_sw_writable),
                "description": text(reg),
                "fields": {
                    field.inst_name: {
                        "lsb": field.low,
                        "bits": field.width,
                        "access": access_of(field.is_sw_readable, field.is_sw_writable),
                        "description": text(field),
                    }
                    for field in reg.fields()
                },
            }
        blocks[block.inst_name] = {
            "type": block.type_name,
            "name": block.get_property("name"),
            "description": text(block),
            "base": block.absolute_address,
            "size": WINDOW,
            "registers": registers,
        }
    return {"blocks": blocks}


def access_of(readable: bool, writable: bool) -> str:
    """Access in the words of the .hwh."""
    return ACCESS["r" * readable + "w" * writable]


def text(node: Any) -> str:
    """The node's description in one line."""
    return " ".join((node.get_property("desc") or "").split())


def markdown(described: dict[str, Any]) -> str:
    """The register map as Markdown: one section a type of block, one row a field."""
    lines = ["# Register map", "", "Generated from `overlay/phantom.rdl`.", "", "| block | base | registers |", "|---|---|---|"]
    first_of_type: dict[str, dict[str, Any]] = {}
    for name, block in described["blocks"].items():
        lines.append(f"| `{name}` | `0x{block['base']:08X}` | [{block['name']}](#{block['type']}) |")
        first_of_type.setdefault(block["type"], block)
    for kind, block in first_of_type.items():
        lines += ["", f"## {kind}", "", block["description"], ""]
        lines += ["| offset | register | bits | field | access | |", "|---|---|---|---|---|---|"]
        for name, reg in block["registers"].items():
            lines.append(f"| `0x{reg['offset']:03X}` | **{name}** | | | {reg['access']} | {reg['description']} |")
            for field_name, field in reg["fields"].items():
                msb = field["lsb"] + field["bits"] - 1
                bits = f"{msb}:{field['lsb']}" if field["bits"] > 1 else str(msb)
                lines.append(f"| | | {bits} | {field_name} | {field['access']} | {field['description']} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE.parent / "build" / "gen", help="directory to write (build/gen)")
    parser.add_argument("--rdl", type=Path, default=DESCRIPTION, help="the description (phantom.rdl beside this script)")
    options = parser.parse_args()
    print(f"registers: {'written to' if generate(options.out, options.rdl) else 'up to date in'} {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
