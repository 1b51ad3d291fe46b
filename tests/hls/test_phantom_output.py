"""phantom_output as a whole: from partial sums and parameters to the result stream, word for word.

The model keeps the partial sums of every core: those that belong to results, random, and noise everywhere else (padding, gap
columns, rows below the image, lanes without a filter), which must not show. What is right comes from numpy: the rounding rule
on whole planes, the largest value of each window, `compress`; the drain's order is only needed to sort its packets.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import bench
import cocotb
import numpy as np
from cocotb.triggers import RisingEdge
from streams import PROFILES, Driver, Monitor, Port, param, pauses, start
from structs import layer_structs, pack
from test_phantom_drain import OVERLAPPING, Place, compiled, places, random_stage

from phantom.compress import compress
from phantom.errors import ShapeError
from phantom.layer_registers import TABLE_DRAIN
from phantom.program import Program
from phantom.quantise import requantise
from phantom.stage import Residual
from phantom.stream import KIND_END, KIND_PRM, end_word

LATENCY = 4  # cycles from a read to its sums
UNSIGNED, SIGNED = np.dtype(np.uint8), np.dtype(np.int8)
# Both ranges of a layer. Where windows are pooled there is one type of results, and the lower ends are the same.
CLAMPS = {
    ("plain", UNSIGNED): (((0, 255), (0, 255)), ((0, 255), (-128, 127)), ((-128, 127), (0, 200)), ((0, 90), (-77, -1))),
    ("plain", SIGNED): (((-128, 127), (-128, 127)), ((-128, 127), (0, 100)), ((-5, 9), (-100, 100))),
    ("pool", UNSIGNED): (((0, 255), (0, 255)), ((0, 200), (0, 255)), ((0, 255), (0, 31))),
    ("pool", SIGNED): (((-128, 127), (-128, 127)), ((-128, 127), (-128, -1)), ((-100, 127), (-100, -3))),
}


@dataclass(frozen=True)
class Case:
    """A compiled stage, its partial sums int64 [filters, rows, columns], and its results as bytes, uint8 of `result.logical`."""

    program: Program
    sums: np.ndarray
    want: np.ndarray


def random_case(kind: str, dtype: np.dtype) -> Case:
    """A stage with parameters and sums that reach every value and both ends of the ranges.

    kind: of `random_stage`, or `kept`: a maximum pooling whose tiles keep a row for one another.
    """
    rng = np.random.default_rng(random.getrandbits(32))
    while True:
        try:
            stage = random_stage("pool", random.choice(OVERLAPPING)) if kind == "kept" else random_stage(kind)
        except ShapeError:  # a window larger than the image
            continue
        n = stage.filters
        part = replace(stage.result.parts[0], dtype=dtype)
        stage = replace(
            stage,
            result=replace(stage.result, parts=(part,)),
            bias=rng.integers(-(1 << 20), 1 << 20, n),
            multiplier=rng.integers(1 << 18, 1 << 24, n),
            sel=rng.integers(0, 8, n),
            clamp=rng.integers(0, 2, n),
            clamps=random.choice(CLAMPS["pool" if kind in ("pool", "kept") else "plain", dtype]),
        )
        if kind == "sum":  # what is kept has one type; any of the ranges for what is written
            kept = Residual(random.choice((1, -1, 2047, -2048, random.randint(-2048, 2047))), stage.clamps[0][0] < 0)
            clamp = np.where(np.arange(n) < stage.outputs, 0, stage.clamp)
            stage = replace(stage, clamp=clamp, residual=kept)
        program = compiled(stage)
        if program is not None and (kind != "kept" or program.work.kept_rows):
            break
    column = [np.asarray(a, dtype=np.int64).reshape(n, 1, 1) for a in (stage.bias, stage.multiplier, stage.sel, stage.clamp)]
    bias, multiplier, sel, clamp = column
    # Sums whose results spread over a little more than the range, zero in between.
    target = rng.uniform(-300, random.choice((0, 300)), stage.shape) * (rng.random(stage.shape) < random.choice((0.1, 0.6, 1.0)))
    sums = np.clip(np.rint(target * 2.0 ** (14 + 4 * sel) / multiplier), -(2.0**31), 2.0**31 - 1).astype(np.int64) - bias
    added = np.zeros_like(sums)
    sums = np.clip(sums, -(2**31), 2**31 - 1)
    if stage.residual is not None:
        half, limits = stage.outputs, stage.clamps[0]
        added[half:] = stage.residual.factor * requantise(sums[:half], bias[:half], multiplier[:half], sel[:half], *limits)
        sums = np.clip(sums - added, -(2**31), 2**31 - 1)
    low, high = (requantise(sums + added, bias, multiplier, sel, *limits) for limits in stage.clamps)
    values = np.where(clamp, high, low)[-stage.outputs :]
    return Case(program, sums, pooled(program, values).astype(np.int64).astype(np.uint8))


def pooled(program: Program, values: np.ndarray) -> np.ndarray:
    """The largest of every window; positions in the padding are smaller than all others."""
    pool = program.stage.pool
    if pool is None:
        return values
    size, step, (top, left, _, _) = pool.kernel[0], pool.stride, pool.padding
    rows, cols = program.stage.result.plane
    big = np.full((values.shape[0], rows * step + size + 3, cols * step + size + 3), -1000, dtype=np.int64)
    height, width = min(values.shape[1], big.shape[1] - top), min(values.shape[2], big.shape[2] - left)
    big[:, top : top + height, left : left + width] = values[:, :height, :width]
    taken = [big[:, y::step, x::step][:, :rows, :cols] for y in range(size) for x in range(size)]
    return np.max(taken, axis=0)


def filters_of(program: Program, place: Place, col: int) -> list[int]:
    """The filter of each lane at a column of the result of a slot, -1 where there is none."""
    index, (_, height, width) = program.result.index, program.result.logical
    lanes = index[8 * place.chunk : 8 * place.chunk + 8, 0, col if program.stage.flat else 0]
    return [int(i) // (height * width) + place.half * program.stage.outputs if i >= 0 else -1 for i in lanes]


def noise() -> list[int]:
    """Eight sums that nobody may see, mostly large."""
    return [random.choice((-(2**31), 2**31 - 1, random.randint(-(2**31), 2**31 - 1))) for _ in range(8)]


class Cores:
    """The partial sums of all cores, pass after pass, and when each is ready to be drained."""

    def __init__(self, dut: Any, case: Case, profile: str) -> None:
        self.dut, self.case, self.pause = dut, case, pauses(profile)
        self.passes: dict[tuple[int, int], deque[list[Place]]] = {}
        last: dict[tuple[int, int], tuple[int, int]] = {}
        for place in places(case.program):
            queue = self.passes.setdefault(place.core, deque())
            if last.get(place.core) != (place.strip, place.pass_):
                queue.append([])
                last[place.core] = place.strip, place.pass_
            queue[-1].append(place)
        self.banks: dict[tuple[int, int], dict[int, list[int]]] = {core: {} for core in self.passes}
        self.left = dict.fromkeys(self.passes, 0)  # cycles until the pass is done
        for core in self.passes:
            self._next(core)
        for r, c in np.ndindex(param("Rows"), param("Cols")):
            dut.pass_done_i[r][c].value = 0
        for lane in range(8):
            dut.drain_data_i[lane].value = 0

    def _next(self, core: tuple[int, int]) -> None:
        """The sums of a core's next pass."""
        bank = self.banks[core]
        for place in self.passes[core].popleft() if self.passes[core] else []:
            for windows in (*(windows for _, windows in place.segments), place.kept):
                for window in windows:
                    filters = filters_of(self.case.program, place, window.col)
                    for at, y, x, above in window.sums:
                        if not above and at not in bank:
                            bank[at] = self._sums(filters, y, x)
        self.left[core] = random.choice((3, 20, 100))

    def _sums(self, filters: list[int], y: int, x: int) -> list[int]:
        sums, values = self.case.sums, noise()
        if self.case.program.stage.flat:
            y = x = 0
        if 0 <= y < sums.shape[1] and 0 <= x < sums.shape[2]:
            values = [int(sums[k, y, x]) if k >= 0 else junk for k, junk in zip(filters, values, strict=True)]
        return values

    async def run(self) -> None:
        """Answer reads for ever."""
        dut, pipe = self.dut, deque([None] * (LATENCY - 1))
        while True:
            await RisingEdge(dut.clk_i)
            core = tuple(int(s.value).bit_length() - 1 for s in (dut.drain_rows_o, dut.drain_cols_o))
            read = None
            if dut.drain_en_o.value == 1:
                assert self.left[core] == 0, f"core {core} is read before its pass is done"
                at = int(dut.drain_addr_o.value)
                read = self.banks[core].get(at, noise())
                if dut.drain_clear_o.value == 1:
                    self.banks[core].pop(at, None)
            if dut.drained_o.value == 1:
                assert not self.banks[core], f"core {core}: {len(self.banks[core])} sums are left for the next pass"
                self._next(core)
            pipe.append(read)
            for lane, value in enumerate(pipe.popleft() or noise()):
                dut.drain_data_i[lane].value = value & 0xFFFF_FFFF
            for (r, c), left in self.left.items():
                self.left[r, c] = max(0, left - (not next(self.pause)))
                dut.pass_done_i[r][c].value = int(self.left[r, c] == 0)


def parameters(program: Program) -> Iterator[int]:
    """The parameters in the weight stream of all strips."""
    words = [int(w) for w in program.weights] * program.strips
    at = 0
    while at < len(words):
        kind, count = words[at] & 15, words[at] >> 12 & 0xFFFF
        if kind == KIND_PRM:
            yield from (word & (1 << 60) - 1 for word in words[at + 1 : at + 1 + count])
        at += 1 if kind == KIND_END else 1 + count


def stream(case: Case) -> list[int]:
    """The words that must come out: packets as the host makes them when no segment crosses a tile, in the drain's order."""
    result = case.program.result
    planes = result.arrange(case.want.reshape(result.logical).view(result.dtype))
    words = [int(w) for w in compress(planes, result.tile_rows, result.span)][:-1]
    packets: dict[tuple[int, int, int], list[int]] = {}
    while words:
        length = 9 + sum(words[0] >> 32 + 4 * lane & 15 for lane in range(8))
        packets[words[0] >> 22 & 15, words[0] >> 12 & 0x3FF, words[0] >> 4 & 0xFF] = words[:length]
        words = words[length:]
    ordered: list[int] = []
    for place in places(case.program):
        written = place.half == case.program.stage.slots_each - 1
        for (_, xs, y0), _ in place.segments if written else ():
            ordered += packets.pop((xs, y0, place.chunk))
    assert not packets, "the drain makes all packets"
    return [*ordered, end_word(np.array(ordered, dtype=np.uint64))]


@cocotb.test()
@cocotb.parametrize(
    kind=("plain", "pool", "kept", "sum"), dtype=("uint8", "int8"), idle=PROFILES, stall=("none", "heavy", "bursty")
)
async def convolutions(dut, kind: str, dtype: str, idle: str, stall: str) -> None:
    await run(dut, random_case(kind, np.dtype(dtype)), idle, stall)


@cocotb.test()
@cocotb.parametrize(dtype=("uint8", "int8"), idle=PROFILES, stall=("none", "bursty"))
async def fully_connected(dut, dtype: str, idle: str, stall: str) -> None:
    await run(dut, random_case("flat", np.dtype(dtype)), idle, stall)


async def run(dut: Any, case: Case, idle: str, stall: str) -> None:
    """`idle` is for parameters and cores, `stall` for the output stream."""
    program = case.program
    dut._log.info("%s, %s, %s", program.stage.pool, program.stage.clamps, program.tiling)
    dut.cfg_i.value = pack("drain_cfg_t", layer_structs(program.registers)["drain_cfg"])
    for name in ("start_i", "entry_we_i", "entry_index_i", "entry_i"):
        getattr(dut, name).value = 0
    params = Driver(Port(dut, "prm"), idle)
    out = Monitor(Port(dut, "out", ("data", "last")), stall)
    cores = Cores(dut, case, idle)
    await start(dut)
    for select, index, value in program.tables:
        if select == TABLE_DRAIN:
            dut.entry_we_i.value, dut.entry_index_i.value, dut.entry_i.value = 1, index, value
            await RisingEdge(dut.clk_i)
    dut.entry_we_i.value = 0
    task = cocotb.start_soon(cores.run())
    params.send(list(parameters(program)))
    dut.start_i.value = 1
    await RisingEdge(dut.clk_i)
    dut.start_i.value = 0
    words = stream(case)
    await out.expect([(word, int(i == len(words) - 1)) for i, word in enumerate(words)], 1_000_000)
    await out.silence()
    assert dut.done_o.value == 1 and not params.queue, "all parameters are used"
    task.cancel()
    params.stop()
    out.stop()


def test_phantom_output() -> None:
    bench.run("phantom_output", module=__name__, params={"Rows": 2, "Cols": 2, "ParamDepth": 64})
