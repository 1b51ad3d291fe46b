"""Depth and time of paths in netlists whose paths can be counted by hand, and against counting them one by one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netlists import Module

import paths
from delays import Border, Cost, UnknownCellError

STEP = 0.65 + 0.12  # a net and a LUT
DOUBLED = 0.12  # what a net of twice the loads takes more


def only(module: Module, from_port: bool = False, to_port: bool = False, borders: dict[str, Border] | None = None) -> paths.Path:
    """The longest path of a kind, which is the longest by time and by levels."""
    mapped = paths.Netlist(module.document(), borders)
    slow, deep = (mapped.paths(from_port, to_port, rank)[0] for rank in (paths.slowest, paths.deepest))
    assert slow == deep
    return slow


def test_luts_between_registers_with_the_last_in_the_slice_of_the_register() -> None:
    path = only(Module().ff("d", "a_q").chain("a_q", 3, "next").ff("next", "b_q"))
    assert (path.start, path.end, path.steps) == ("a_q", "b_q", ("next",))
    assert (path.levels, path.carry, path.mux) == (3, 0, 0)
    assert path.ns == pytest.approx(0.46 + 3 * STEP + 0.1, abs=0.006)


def test_a_lut_that_feeds_two_registers_is_in_the_slice_of_neither() -> None:
    path = only(Module().ff("d", "a_q").lut("n", "a_q").ff("n", "b_q").ff("n", "c_q"))
    assert path.ns == pytest.approx(0.46 + STEP + 0.65 + DOUBLED + 0.1, abs=0.006)


def test_a_net_of_many_loads_takes_longer() -> None:
    module = Module().ff("d", "a_q").lut("n", "a_q")
    for i in range(8):
        module.lut(f"m{i}", "n").ff(f"m{i}", f"b{i}_q")
    path = only(module)
    assert path.ns == pytest.approx(0.46 + 2 * STEP + 3 * DOUBLED + 0.1, abs=0.006)


def test_registers_of_a_slice_share_what_enables_them() -> None:
    module = Module().ff("d", "a_q").lut("n", "a_q")
    for i in range(32):
        module.ff("0", f"b{i}_q", CE="n")
    assert only(module).ns == pytest.approx(0.46 + STEP + 0.65 + 2 * DOUBLED + 0.1, abs=0.006)


def test_enable_and_reset_are_ends_with_their_pin() -> None:
    for pin in ("CE", "R"):
        path = only(Module().ff("0", "a_q").lut("n", "a_q").ff("0", "b_q", **{pin: "n"}))
        assert (path.end, path.levels) == (f"b_q.{pin}", 1)
        assert path.ns == pytest.approx(0.46 + STEP + 0.65 + 0.1, abs=0.006)


def carry_chain(length: int, first: str) -> Module:
    """A register (through a LUT or not) into the lowest bit of a chain; its top sum into a register."""
    module = Module().ff("0", "a_q")
    if first == "s":
        module.lut("s", "a_q")
    carry = "0"
    for i in range(length):
        above = [f"c.{i}.{j}" for j in range(4)]
        operand = [first if i == 0 else "1", "1", "1", "1"]
        module.cell("CARRY4", CI=carry, CYINIT="0", DI=["0"] * 4, S=operand, CO=above, O=[f"o.{i}.{j}" for j in range(4)])
        carry = above[3]
    return module.ff(f"o.{length - 1}.3", "sum_q")


@pytest.mark.parametrize("length", [2, 3, 8])
def test_a_carry_chain_is_one_level_and_a_little_for_each_element(length: int) -> None:
    path = only(carry_chain(length, "s"))
    assert (path.levels, path.carry) == (2, length)  # the LUT of the operand, the chain
    assert path.ns == pytest.approx(0.46 + STEP + 0.53 + (length - 2) * 0.11 + 0.33 + 0.1, abs=0.006)


def test_a_register_reaches_a_carry_chain_through_a_lut() -> None:
    assert only(carry_chain(2, "a_q")).ns == only(carry_chain(2, "s")).ns
    assert only(carry_chain(2, "a_q")).levels == 2


def test_a_carry_that_ends_in_logic_is_routed_there() -> None:
    module = Module().ff("0", "a_q").cell("CARRY4", CI="0", DI=["a_q", "0", "0", "0"], S=["0"] * 4, CO=["x.", "y.", "z.", "top"])
    path = only(module.lut("n", "top").ff("n", "b_q"))
    assert (path.levels, path.carry) == (2, 1)
    assert path.ns == pytest.approx(0.46 + 0.65 + 0.53 + STEP + 0.1, abs=0.006)


def test_sums_below_an_operand_do_not_depend_on_it() -> None:
    """A LUT from the lowest sum to the highest operand is no loop: carries run upwards."""
    module = Module().ff("0", "a_q").lut("back", "low").ff("top", "b_q")
    module.cell("CARRY4", CI="a_q", S=["0", "0", "0", "back"], DI=["0"] * 4, O=["low", "p.", "q.", "top"])
    path = only(module)
    assert path.levels == 2  # the carry, which came in by CI, counts at the second time only
    assert path.carry == 2


def test_wide_multiplexers_are_no_levels_and_their_data_wires_are_dedicated() -> None:
    module = Module().ff("0", "a_q").lut("l", "a_q").cell("MUXF7", I0="l", I1="0", S="0", O="m")
    path = only(module.cell("MUXF8", I0="m", I1="0", S="0", O="n").ff("n", "b_q"))
    assert (path.levels, path.mux) == (1, 2)
    assert path.ns == pytest.approx(0.46 + STEP + 2 * 0.22 + 0.1, abs=0.006)
    select = only(Module().ff("0", "a_q").cell("MUXF7", I0="0", I1="0", S="a_q", O="m").ff("m", "b_q"))
    assert select.ns == pytest.approx(0.46 + 0.65 + 0.28 + 0.1, abs=0.006)


def test_the_slowest_path_need_not_be_the_deepest() -> None:
    module = Module().cell("RAMB36E1", name="mem", ADDRARDADDR=["0"], DOADO=["word"]).ff("0", "a_q")
    module.lut("fast.", "a_q").lut("n", "fast.", "word").ff("n", "b_q")
    mapped = paths.Netlist(module.document())
    slow, deep = (mapped.paths(False, False, rank)[0] for rank in (paths.slowest, paths.deepest))
    assert (slow.start, slow.levels) == ("mem.DOADO", 1)
    assert (deep.start, deep.levels) == ("a_q", 2)


def test_the_four_kinds_of_path_are_kept_apart() -> None:
    module = Module().port("input", in_i=["i"]).port("output", out_o=["o"], through_o=["t"])
    module.lut("t", "i").chain("i", 2, "d").ff("d", "a_q").chain("a_q", 3, "o").chain("a_q", 4, "e").ff("e", "b_q")
    figures = {kinds: only(module, *kinds) for kinds in ((False, False), (True, False), (False, True), (True, True))}
    assert {kinds: path.levels for kinds, path in figures.items()} == {
        (False, False): 4,
        (True, False): 2,
        (False, True): 3,
        (True, True): 1,
    }
    assert figures[True, True].start_port == "in_i"
    assert figures[True, True].end_port == "through_o"


def test_a_block_behind_its_border_costs_what_it_costs_inside() -> None:
    def half(module: Module, name: str, into: str, out: str, inputs: int, outputs: int) -> Module:
        """Input, LUTs, register, LUTs, output."""
        module.chain(into, inputs, f"{name}_d").ff(f"{name}_d", f"{name}_q")
        return module.chain(f"{name}_q", outputs, out)

    inner = half(Module().port("input", in_i=["i"]).port("output", out_o=["o"]), "inner", "i", "o", 3, 2)
    border = paths.Netlist(inner.document()).border()
    assert border.out == {"out_o": Cost(pytest.approx(0.46 + 2 * STEP, abs=0.006), 2)}

    outer = Module().ff("0", "a_q").chain("a_q", 1, "i").cell("phantom_inner$x", name="u_inner", in_i=["i"], out_o=["o"])
    outer.chain("o", 2, "n").ff("n", "b_q")
    flat = half(Module().ff("0", "a_q").chain("a_q", 1, "i"), "inner", "i", "o", 3, 2).chain("o", 2, "n").ff("n", "b_q")
    seen = paths.Netlist(outer.document(), {"phantom_inner": border}).paths(False, False, paths.slowest)
    whole = paths.Netlist(flat.document()).paths(False, False, paths.slowest)
    assert sorted(p.levels for p in seen) == sorted(p.levels for p in whole) == [4, 4]
    assert [p.ns for p in seen] == pytest.approx([p.ns for p in whole])
    assert {p.start for p in seen} == {"a_q", "u_inner.out_o"}


def test_a_border_has_the_slowest_and_the_deepest_of_a_port() -> None:
    module = Module().cell("RAMB36E1", name="mem", DOADO=["word"]).ff("0", "a_q").port("output", out_o=["slow", "deep"])
    border = paths.Netlist(module.lut("slow", "word").chain("a_q", 2, "deep").document()).border()
    assert border.out == {"out_o": Cost(pytest.approx(2.45 + STEP, abs=0.006), 2)}


def test_a_loop_is_found_and_named() -> None:
    module = Module().ff("0", "a_q").lut("ping", "a_q", "pong").lut("between", "ping").lut("pong", "between").lut("after", "pong")
    with pytest.raises(paths.LoopError, match=r"combinational loop: (ping|between|pong) -> ") as error:
        paths.Netlist(module.ff("after", "b_q").document())
    around = str(error.value).partition(": ")[2].split(" -> ")
    assert around[0] == around[-1]
    assert set(around) == {"ping", "between", "pong"}
    assert "".join(around[:-1]) in "pingbetweenpongpingbetweenpong"  # in the direction of the signals


def test_a_cell_that_the_model_does_not_know_is_refused() -> None:
    with pytest.raises(UnknownCellError, match=r"odd: .* LDCE"):
        paths.Netlist(Module().cell("LDCE", name="odd", D="0", Q="q").document())


def test_a_register_that_synthesis_made_is_called_by_what_it_feeds() -> None:
    module = Module().ff("0", "$made").cell("RAM32X1D", name="table_mem", A0="0", DPRA0="$made", DPO="n").ff("n", "b_q")
    module.ff("0", "$other").lut("m", "$other").ff("m", "c_q")
    module.cells["table_mem"]["attributes"] = {"src": "/elsewhere/hls/phantom_x.sv:7.3-7.9|map.v:1.1-2.2"}
    found = {path.end: path for path in paths.Netlist(module.document()).paths(False, False, paths.deepest)}
    assert found["b_q"].start == "reg:table_mem.DPRA0"
    assert found["b_q"].steps == ("n",)
    assert found["c_q"].start.startswith("$FDRE$")


def test_where_no_net_has_a_name_a_path_says_which_lines_it_comes_from() -> None:
    module = Module().ff("0", "a_q").chain("a_q", 3, "$n").ff("$n", "b_q")
    for cell, line in zip([c for c in module.cells.values() if c["type"] == "LUT1"], (7, 7, 9)):
        cell["attributes"] = {"src": f"/elsewhere/hls/phantom_x.sv:{line}.3-{line}.9|map.v:1.1-2.2"}
    assert only(module).steps == ("phantom_x.sv:7", "phantom_x.sv:9")


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    """LUTs in order; inputs of each: 0 to 2 are registers, 3 and up the LUTs before it."""
    size = draw(st.integers(1, 12))
    return [draw(st.lists(st.integers(0, 2 + i), min_size=1, max_size=3, unique=True)) for i in range(size)]


@settings(max_examples=80, deadline=None)
@given(graphs())
def test_as_long_as_the_longest_of_all_paths(luts: list[list[int]]) -> None:
    def net(i: int) -> str:
        return f"r{i}_q" if i < 3 else f"n{i}"

    module = Module()
    for i in range(3):
        module.ff("0", net(i))
    for i, inputs in enumerate(luts):
        module.lut(net(i + 3), *map(net, inputs)).ff(net(i + 3), f"e{i}_q")

    def trails(i: int) -> list[list[int]]:
        return [[i]] if i < 3 else [trail + [i] for source in luts[i - 3] for trail in trails(source)]

    found = {path.end: path for path in paths.Netlist(module.document()).paths(False, False, paths.slowest)}
    assert len(found) == len(luts)
    loads = [sum(i in inputs for inputs in luts) + (i > 2) for i in range(len(luts) + 3)]

    def ns(trail: list[int]) -> float:
        return 0.46 + sum(STEP + DOUBLED * math.log2(loads[i]) for i in trail[:-1]) + 0.1

    for i in range(len(luts)):
        path = found[f"e{i}_q"]
        longest = max(map(ns, trails(i + 3)))
        assert path.ns == pytest.approx(longest, abs=0.006)
        fitting = [trail for trail in trails(i + 3) if ns(trail) == pytest.approx(longest)]
        assert [path.start, *path.steps] in [[net(n) for n in trail] for trail in fitting]
        assert path.levels in [len(trail) - 1 for trail in fitting]
