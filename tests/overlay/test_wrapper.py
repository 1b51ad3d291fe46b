"""The module that Vivado's block design takes in: its ports, what is said of them, and port lists that cannot be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import vivado_model

import build_plan
import synthesis
import wrapper


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
