"""What a cell of the xc7z020-1 adds to a path: a simple model, meant to rank paths and to find those that are far too long.

========================================  ==================================================================================
register                                  0.46 ns from clock to output; 0.1 ns setup
LUT, read of a distributed RAM            0.12 ns, one level
MUXF7, MUXF8                              0.22 ns from a data input, 0.28 ns from the select; no level
CARRY4                                    0.53 ns from an operand to the carry, 0.62 ns to the sum, one level; then 0.11 ns for
                                          each further element of the chain, or 0.33 ns to its sum, no level
distributed RAM, shift register           1.3 ns from clock to output; written at the clock like a register
block RAM                                 2.45 ns from clock to output, 0.88 ns with its output register; 0.57 ns setup
DSP48E1                                   2.4 ns multiplier and 1.4 ns adder (3.8 ns in all), cut where it has a register;
                                          0.43 ns from a register's clock, 0.1 ns setup
net                                       0.65 ns and 0.12 ns for each doubling of what it drives, where the registers of a slice
                                          share an enable and a reset, and its RAM LUTs what writes them; 0 where the wire is
                                          dedicated: LUT to MUXF7 to MUXF8, LUT to carry, carry to carry, and what ends in the
                                          register of the same slice
========================================  ==================================================================================

Not in it: distance, the clock's skew. A net across the device costs 1 ns and more.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from phantom.errors import PhantomError

ROUTE, DOUBLED = 0.65, 0.12
SETUP = 0.1
FF_CLOCK = 0.46
LUT = 0.12
MUX_DATA, MUX_SELECT = 0.22, 0.28
CARRY_CARRY, CARRY_SUM, CARRY_NEXT, CARRY_NEXT_SUM = 0.53, 0.62, 0.11, 0.33
LUTRAM_CLOCK = 1.3
BRAM_CLOCK, BRAM_CLOCK_REGISTER, BRAM_SETUP = 2.45, 0.88, 0.57
DSP_CLOCK, DSP_MULTIPLY, DSP_ADD = 0.43, 2.4, 1.4

DSP_REGISTER = {
    "A": "AREG", "B": "BREG", "C": "CREG", "D": "DREG", "ACIN": "AREG", "BCIN": "BREG", "INMODE": "INMODEREG",
    "OPMODE": "OPMODEREG", "ALUMODE": "ALUMODEREG", "CARRYIN": "CARRYINREG", "CARRYINSEL": "CARRYINSELREG",
}  # fmt: skip
CLOCKS = {"C", "CLK", "WCLK", "CLKARDCLK", "CLKBWRCLK", "REGCLKARDRCLK", "REGCLKB"}
DSP_FACTORS = {"A", "B", "D", "ACIN", "BCIN", "INMODE"}


class UnknownCellError(PhantomError):
    """The netlist has a cell that this model does not know: a latch, or a primitive that the design has not used before."""


class Cost(NamedTuple):
    """What a stretch of a path adds up to."""

    ns: float
    levels: int = 0  # LUTs and carry chains
    carry: int = 0  # CARRY4
    mux: int = 0  # MUXF7, MUXF8

    def plus(self, other: Cost) -> Cost:
        """The two stretches one after the other."""
        return Cost(self.ns + other.ns, self.levels + other.levels, self.carry + other.carry, self.mux + other.mux)


class Pin(NamedTuple):
    """One bit of a port."""

    port: str
    bit: int


@dataclass(frozen=True)
class Cell:
    """A cell of the netlist. `inputs` and `outputs` map ports to bits: the net's number, or a constant as text."""

    name: str
    kind: str
    parameters: Mapping[str, str]
    inputs: Mapping[str, list[int | str]]
    outputs: Mapping[str, list[int | str]]

    def number(self, parameter: str, default: int) -> int:
        """A parameter that is a number."""
        text = self.parameters.get(parameter)
        return default if text is None else int(text, 2)


@dataclass
class Delays:
    """A cell's part in paths: through it (`arcs`), out of its registers (`starts`), into them (`ends`)."""

    arcs: list[tuple[Pin, Pin, Cost]] = field(default_factory=list)
    starts: list[tuple[Pin, Cost]] = field(default_factory=list)
    ends: list[tuple[Pin, Cost]] = field(default_factory=list)


@dataclass(frozen=True)
class Border:
    """Worst path inside a block from a register to each output port, and from each input port to a register."""

    out: Mapping[str, Cost]
    into: Mapping[str, Cost]


def delays(cell: Cell, borders: Mapping[str, Border]) -> Delays:
    """The delays of a cell; `borders` are those of the kinds that were analysed by themselves, by the module's name."""
    kind = cell.kind
    if re.fullmatch(r"LUT[1-6]|INV", kind):
        return through(cell, Cost(LUT, 1))
    if kind in ("MUXF7", "MUXF8"):
        return Delays(
            [(pin, Pin("O", 0), Cost(MUX_SELECT if pin.port == "S" else MUX_DATA, mux=1)) for pin in pins(cell.inputs)]
        )
    if kind == "CARRY4":
        return Delays(list(carry_arcs()))
    if kind == "BUFG":
        return through(cell, Cost(0.0))
    if re.fullmatch(r"FD[RSCP]E(_1)?", kind):
        return registered(cell, FF_CLOCK, SETUP, {"C"})
    if re.fullmatch(r"RAM\d+(M|X1[DS])|SRLC?(16|32)E", kind):
        return distributed_ram(cell)
    if kind in ("RAMB18E1", "RAMB36E1"):
        return block_ram(cell)
    if kind == "DSP48E1":
        return dsp(cell)
    module = kind.partition("$")[0]
    if module in borders:
        return bordered(cell, borders[module])
    raise UnknownCellError(f"cell {cell.name}: the delay model has no {kind}; add it to overlay/delays.py")


def pins(ports: Mapping[str, list[int | str]]) -> Iterator[Pin]:
    """The bits of ports that are on a net, leaving out constants."""
    return (Pin(port, i) for port, bits in ports.items() for i, bit in enumerate(bits) if isinstance(bit, int))


def through(cell: Cell, cost: Cost) -> Delays:
    """Every input to every output."""
    return Delays([(source, target, cost) for source in pins(cell.inputs) for target in pins(cell.outputs)])


def registered(cell: Cell, clock: float, setup: float, clocks: set[str]) -> Delays:
    """Registers at both sides, nothing in between."""
    ends = [(pin, Cost(setup)) for pin in pins(cell.inputs) if pin.port not in clocks]
    return Delays(starts=[(pin, Cost(clock)) for pin in pins(cell.outputs)], ends=ends)


def bordered(cell: Cell, border: Border) -> Delays:
    """A block by its border; ports that are not on it count as registers."""
    starts = [(pin, border.out.get(pin.port, Cost(FF_CLOCK))) for pin in pins(cell.outputs)]
    return Delays(starts=starts, ends=[(pin, border.into.get(pin.port, Cost(ROUTE + SETUP))) for pin in pins(cell.inputs)])


def carry_arcs() -> Iterator[tuple[Pin, Pin, Cost]]:
    """CARRY4: bit i of S and DI acts on the carries from i on and on the sums above them (S on its own sum too)."""
    for j in range(4):
        for source in [Pin("CYINIT", 0), *(Pin("S", i) for i in range(j + 1))]:
            yield source, Pin("CO", j), Cost(CARRY_CARRY, 1, 1)
            yield source, Pin("O", j), Cost(CARRY_SUM, 1, 1)
        for i in range(j + 1):
            yield Pin("DI", i), Pin("CO", j), Cost(CARRY_CARRY, 1, 1)
            if i < j:
                yield Pin("DI", i), Pin("O", j), Cost(CARRY_SUM, 1, 1)
        yield Pin("CI", 0), Pin("CO", j), Cost(CARRY_NEXT, 0, 1)
        yield Pin("CI", 0), Pin("O", j), Cost(CARRY_NEXT_SUM, 0, 1)


def distributed_ram(cell: Cell) -> Delays:
    """LUTs as memory: reading is combinational, writing is clocked. A shift register's address only reads."""
    result = registered(cell, LUTRAM_CLOCK, SETUP, {"WCLK", "CLK"})
    reads: dict[str, str] = {}  # address port: data port
    for port in cell.inputs:
        if many := re.fullmatch(r"ADDR([A-D])", port):
            reads[port] = f"DO{many[1]}"
        elif re.fullmatch(r"DPRA\d*", port):
            reads[port] = "DPO"
        elif re.fullmatch(r"A\d*", port):
            reads[port] = "Q" if cell.kind.startswith("SRL") else "SPO" if cell.kind.endswith("D") else "O"
    only_read = {p for p in reads if p in ("ADDRA", "ADDRB", "ADDRC") or p.startswith("DPRA") or cell.kind.startswith("SRL")}
    result.ends = [end for end in result.ends if end[0].port not in only_read]
    muxes = {"RAM128": 1, "RAM256": 2}.get(cell.kind.partition("X")[0], 0)  # 128 words are two LUTs and a MUXF7
    for source in pins(cell.inputs):
        for target in pins(cell.outputs):
            if reads.get(source.port) == target.port:
                result.arcs.append((source, target, Cost(LUT + muxes * MUX_DATA, 1, mux=muxes)))
    return result


def block_ram(cell: Cell) -> Delays:
    """Clocked at both sides; each port has an output register or not, and the wide mode reads by port A alone."""
    result = registered(cell, BRAM_CLOCK, BRAM_SETUP, {"CLKARDCLK", "CLKBWRCLK", "REGCLKARDRCLK", "REGCLKB"})
    wide = cell.parameters.get("RAM_MODE") == "SDP"
    starts = []
    for pin, cost in result.starts:
        side = "A" if wide or pin.port.startswith("DOA") or pin.port.startswith("DOPA") else "B"
        starts.append((pin, Cost(BRAM_CLOCK_REGISTER) if cell.number(f"DO{side}_REG", 0) else cost))
    result.starts = starts
    return result


def dsp(cell: Cell) -> Delays:
    """From each input as far as the first register, out of the last one, or right through when there is none."""
    result = Delays()
    multiplies = cell.parameters.get("USE_MULT", "MULTIPLY") != "NONE"
    m, p = multiplies and cell.number("MREG", 1) > 0, cell.number("PREG", 1) > 0
    outputs = list(pins(cell.outputs))
    inside = [DSP_ADD] if m and not p else []  # what a path out of a register inside has still to pass
    for pin in pins(cell.inputs):
        if pin.port == "CLK":
            continue
        factor = multiplies and pin.port in DSP_FACTORS
        rest = (DSP_MULTIPLY if factor else 0.0) + DSP_ADD
        register = DSP_REGISTER.get(pin.port)
        if re.match(r"CE|RST", pin.port):
            result.ends.append((pin, Cost(SETUP)))
        elif (register and cell.number(register, 1)) or (pin.port == "D" and cell.number("ADREG", 1)):
            result.ends.append((pin, Cost(SETUP)))
            if not p and not (factor and m):
                inside.append(rest)
        elif factor and m:
            result.ends.append((pin, Cost(DSP_MULTIPLY + SETUP)))
        elif p:
            result.ends.append((pin, Cost(rest + SETUP)))
        else:
            result.arcs += [(pin, output, Cost(rest)) for output in outputs]
    if p or inside:
        result.starts = [(output, Cost(DSP_CLOCK + max(inside, default=0.0))) for output in outputs]
    return result


def load(sink: Cell, target: Pin) -> float:
    """What an input adds to the loads of its net: 1, or less where the inputs of a slice are one."""
    if sink.kind.startswith("FD") and target.port in ("CE", "R", "S", "CLR", "PRE"):
        return 1 / 8
    if re.match(r"RAM\d", sink.kind) and re.fullmatch(r"WE|ADDRD|A\d*", target.port):
        return 1 / 4
    return 0.0 if target.port in CLOCKS else 1.0


def net(driver: Cell | None, source: Pin, sink: Cell, target: Pin, alone: bool, loads: float = 1.0) -> Cost:
    """The net from an output to an input.

    Args:
        alone: the net has this register input only, whatever else it drives.
        loads: the sum of `load` over all that it drives.
    """
    kind = driver.kind if driver else ""
    routed = ROUTE + DOUBLED * math.log2(max(1.0, loads))
    lut = bool(re.fullmatch(r"LUT[1-6]|INV|RAM\d+(M|X1[DS])", kind))
    if (sink.kind == "MUXF7" and target.port in ("I0", "I1")) or (sink.kind == "CARRY4" and target.port == "S"):
        # Only a LUT reaches these: anything else goes through one that does nothing.
        return Cost(0.0) if lut else Cost(routed + LUT, 1)
    if sink.kind == "MUXF8" and target.port in ("I0", "I1") and kind == "MUXF7":
        return Cost(0.0)
    if sink.kind == "CARRY4" and target.port == "CI" and kind == "CARRY4" and source == Pin("CO", 3):
        return Cost(0.0)
    if sink.kind.startswith("FD") and target.port == "D" and alone and (lut or kind in ("MUXF7", "MUXF8", "CARRY4")):
        return Cost(0.0)
    if sink.kind == "BUFG" or sink.kind.startswith("phantom_"):
        return Cost(0.0)  # a clock, which is no path; a border, which has the net in it
    return Cost(routed)
