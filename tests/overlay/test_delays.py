"""Memories and DSPs: what starts and ends in them, and what runs through."""

from __future__ import annotations

import itertools

import pytest
from netlists import Module

import paths


def between(module: Module) -> dict[tuple[str, str], float]:
    """Time from each start to each end, registers and memories alike."""
    netlist = paths.Netlist(module.document())
    result = {}
    for start, end in itertools.product(list(netlist.starts), list(netlist.ends)):
        netlist.starts, netlist.ends = [start], [end]
        for path in netlist.paths(False, False, paths.slowest):
            result[path.start, path.end] = path.ns
    return result


def test_a_distributed_ram_reads_like_a_lut_and_is_written_by_the_clock() -> None:
    module = Module().ff("0", "read_q").ff("0", "write_q").ff("0", "data_q").ff("0", "we_q")
    writing = {"WCLK": "clk", "ADDRD": ["write_q", "0"], "DIA": ["data_q", "0"], "WE": "we_q"}
    module.cell("RAM32M", name="mem", ADDRA=["read_q", "0"], DOA=["word", "w."], **writing).ff("word", "out_q")
    assert between(module) == pytest.approx(
        {
            ("read_q", "out_q"): 0.46 + 0.65 + 0.12 + 0.1,
            ("mem.DOA[0]", "out_q"): 1.3 + 0.1,
            ("write_q", "mem.ADDRD[0]"): 0.46 + 0.65 + 0.1,
            ("data_q", "mem.DIA[0]"): 0.46 + 0.65 + 0.1,
            ("we_q", "mem.WE"): 0.46 + 0.65 + 0.1,
        },
        abs=0.006,
    )


def test_a_dual_port_ram_reads_by_both_addresses_and_writes_by_one() -> None:
    module = Module().ff("0", "a_q").ff("0", "b_q")
    module.cell("RAM64X1D", name="mem", A0="a_q", DPRA0="b_q", D="0", WE="1", SPO="s", DPO="d").ff("s", "s_q").ff("d", "d_q")
    assert set(between(module)) == {
        ("a_q", "s_q"), ("b_q", "d_q"), ("mem.SPO", "s_q"), ("mem.DPO", "d_q"), ("a_q", "mem.A0"),
    }  # fmt: skip


def test_a_deep_distributed_ram_has_a_multiplexer() -> None:
    module = Module().ff("0", "a_q").cell("RAM128X1D", A=["0"], DPRA=["a_q"], D="0", WE="1", DPO="d").ff("d", "d_q")
    path = paths.Netlist(module.document()).paths(False, False, paths.slowest)[0]
    assert (path.start, path.levels, path.mux) == ("a_q", 1, 1)


def test_a_shift_register_is_one() -> None:
    module = Module().ff("0", "a_q").ff("n", "b_q")
    module.cell("SRL16E", name="delay", CLK="clk", A0="1", A1="0", CE="1", D="a_q", Q="n")
    assert between(module) == pytest.approx({("a_q", "delay.D"): 1.21, ("delay.Q", "b_q"): 1.3 + 0.65 + 0.1}, abs=0.006)


@pytest.mark.parametrize(
    ("parameters", "a", "b"),
    [
        ({}, 2.45, 2.45),
        ({"DOA_REG": "1", "DOB_REG": "0"}, 0.88, 2.45),
        ({"DOA_REG": "0", "DOB_REG": "1"}, 2.45, 0.88),
        ({"DOA_REG": "1", "DOB_REG": "0", "RAM_MODE": "SDP"}, 0.88, 0.88),
    ],
)
def test_block_ram_with_and_without_its_register(parameters: dict[str, str], a: float, b: float) -> None:
    module = Module().ff("0", "addr_q").ff("a", "a_q").ff("b", "b_q")
    module.cell("RAMB36E1", parameters, "mem", CLKARDCLK="clk", ADDRARDADDR=["addr_q", "0"], DOADO=["a"], DOBDO=["b"])
    found = between(module)
    assert found == pytest.approx(
        {
            ("mem.DOADO", "a_q"): a + 0.65 + 0.1,
            ("mem.DOBDO", "b_q"): b + 0.65 + 0.1,
            ("addr_q", "mem.ADDRARDADDR[0]"): 0.46 + 0.65 + 0.57,
        },
        abs=0.006,
    )


def dsp(a: int, m: int, p: int, c: int = 0, **rest: str) -> dict[tuple[str, str], float]:
    """A multiply-add from registers to a register."""
    parameters = {"AREG": bin(a)[2:], "BREG": bin(a)[2:], "CREG": bin(c)[2:], "MREG": bin(m)[2:], "PREG": bin(p)[2:], **rest}
    module = Module().ff("0", "a_q").ff("0", "c_q").ff("0", "ce_q")
    module.cell("DSP48E1", parameters, "mac", CLK="clk", A=["a_q"], C=["c_q"], CEP="ce_q", P=["p"])
    return between(module.ff("p", "p_q"))


INTO, OUT = 0.46 + 0.65, 0.65 + 0.1
ENABLE = {("ce_q", "mac.CEP"): INTO + 0.1}


def test_dsp_without_registers_is_combinational() -> None:
    assert dsp(0, 0, 0) == pytest.approx(
        {("a_q", "p_q"): INTO + 3.8 + OUT, ("c_q", "p_q"): INTO + 1.4 + OUT, **ENABLE}, abs=0.006
    )


def test_dsp_with_all_registers_is_cut_everywhere() -> None:
    assert dsp(1, 1, 1, 1) == pytest.approx(
        {("a_q", "mac.A"): INTO + 0.1, ("c_q", "mac.C"): INTO + 0.1, ("mac.P", "p_q"): 0.43 + OUT, **ENABLE}, abs=0.006
    )


def test_dsp_is_cut_where_it_has_a_register() -> None:
    only_p = {("a_q", "mac.A"): INTO + 3.8 + 0.1, ("c_q", "mac.C"): INTO + 1.4 + 0.1, ("mac.P", "p_q"): 0.43 + OUT, **ENABLE}
    assert dsp(0, 0, 1) == pytest.approx(only_p, abs=0.006)
    m_and_p = {**only_p, ("a_q", "mac.A"): INTO + 2.4 + 0.1}
    assert dsp(0, 1, 1) == pytest.approx(m_and_p, abs=0.006)
    only_m = {("a_q", "mac.A"): INTO + 2.4 + 0.1, ("c_q", "p_q"): INTO + 1.4 + OUT, ("mac.P", "p_q"): 0.43 + 1.4 + OUT, **ENABLE}
    assert dsp(0, 1, 0) == pytest.approx(only_m, abs=0.006)
    only_a = {("a_q", "mac.A"): INTO + 0.1, ("c_q", "p_q"): INTO + 1.4 + OUT, ("mac.P", "p_q"): 0.43 + 3.8 + OUT, **ENABLE}
    assert dsp(1, 0, 0) == pytest.approx(only_a, abs=0.006)
    a_and_m = {**only_m, ("a_q", "mac.A"): INTO + 0.1}
    assert dsp(1, 1, 0) == pytest.approx(a_and_m, abs=0.006)


def test_dsp_that_only_adds_has_no_multiplier_in_the_way() -> None:
    assert dsp(0, 0, 1, USE_MULT="NONE")["a_q", "mac.A"] == pytest.approx(INTO + 1.4 + 0.1, abs=0.006)
