"""phantom_weight_stream: multicast, room of every core in the mask, parameters, streams that are repeated, errors."""

from __future__ import annotations

import random
from typing import Any

import bench
import cocotb
import numpy as np
import pytest
from cocotb.triggers import ClockCycles, RisingEdge
from streams import Driver, Monitor, Port, param, pauses, start, stream_test

from phantom.stream import end_word

HEADER, TRUNCATED, CHECKSUM = 5, 6, 7
WGT, PRM = 2, 3


def own_columns() -> int:
    """Column bits of the cores that the stream serves."""
    return sum(1 << c for c in range(param("Cols")) if c % param("Ports") == param("Port"))


def random_stream(packets: int) -> tuple[list[int], list[tuple[int, int, int, int]], list[int]]:
    """Words with END; (rows, cols, thread, word) as the mesh must see them; parameters."""
    words: list[int] = []
    weights: list[tuple[int, int, int, int]] = []
    params: list[int] = []
    for _ in range(packets):
        count = random.choice((0, 1, 2, random.randint(1, 40)))
        if random.random() < 0.3 and param("Port") == 0:
            body = [random.getrandbits(60) for _ in range(count)]
            words += [count << 12 | PRM, *body]
            params += body
        else:
            rows, cols = random.randrange(1, 1 << param("Rows")), 0
            while not cols:
                cols = random.getrandbits(param("Cols")) & own_columns()
            words.append(cols << 48 | rows << 32 | count << 12 | WGT)
            for _ in range(count):
                thread, word = random.randrange(param("Threads")), random.getrandbits(60)
                words.append(thread << 60 | word)
                weights.append((rows, cols, thread, word))
    words.append(end_word(np.array(words, dtype=np.uint64)))
    return words, weights, params


class Bench:
    """The design with cores whose threads have room by a profile."""

    def __init__(self, dut: Any, idle: str, room: str, stall: str) -> None:
        self.dut = dut
        self.cores = [(r, c) for r in range(param("Rows")) for c in range(param("Cols"))]
        self.room = dict.fromkeys(self.cores, 0)
        self.pauses = {core: pauses(room) for core in self.cores}
        for r, c in self.cores:
            dut.room_i[r][c].value = 0
        self.driver = Driver(Port(dut, "in", ("data", "last")), idle)
        self.params = Monitor(Port(dut, "prm"), stall)
        self.weights: list[tuple[int, int, int, int]] = []
        self.waited = False

    async def start(self) -> None:
        """Reset, and let the cores begin."""
        await start(self.dut)
        cocotb.start_soon(self._run())

    async def _run(self) -> None:
        dut, before, known = self.dut, dict(self.room), dict(self.room)  # known: registered in the design
        while True:
            await RisingEdge(dut.clk_i)
            self.waited |= dut.waiting_o.value == 1
            if dut.wgt_valid_o.value == 1:
                names = ("rows", "cols", "thread", "word")
                item = tuple(int(getattr(dut, f"wgt_{name}_o").value) for name in names)
                rows, cols, thread, _ = item
                for r, c in self.cores:
                    if rows >> r & 1 and cols >> c & 1:
                        assert known[r, c] >> thread & 1, f"core {r}, {c} had no room for thread {thread}"
                self.weights.append(item)
            known, before = before, dict(self.room)
            for core in self.cores:
                if not next(self.pauses[core]):
                    self.room[core] = random.getrandbits(8) | random.getrandbits(8)
                dut.room_i[core[0]][core[1]].value = self.room[core]

    def send(self, words: list[int], last: bool = True) -> None:
        """Send words, with TLAST on the last one."""
        self.driver.send([(word, int(last and i == len(words) - 1)) for i, word in enumerate(words)])


@stream_test()
async def multicasts_in_order(dut, idle: str, stall: str) -> None:
    b = Bench(dut, idle, "light", stall)
    await b.start()
    words, weights, params = random_stream(12)
    b.send(words)
    await b.params.expect(params, 20000)
    await b.driver.drain()
    await ClockCycles(dut.clk_i, 5)
    assert b.weights == weights
    assert dut.ended_o.value == 1 and int(dut.error_o.value) == 0


@cocotb.test()
@cocotb.parametrize(room=("light", "heavy", "bursty"))
async def waits_for_every_core_of_the_mask(dut, room: str) -> None:
    b = Bench(dut, "none", room, "none")
    await b.start()
    words, weights, _ = random_stream(20)
    b.send(words)
    await b.driver.drain(20000)
    await ClockCycles(dut.clk_i, 5)
    assert b.weights == weights and b.waited


@stream_test()
async def repeated_for_every_strip(dut, idle: str, stall: str) -> None:
    """TLAST comes once, on the END of the last round; before, the layer has not ended."""
    b = Bench(dut, idle, "none", stall)
    await b.start()
    words, weights, params = random_stream(4)
    for round_ in range(3):
        b.send(words, last=round_ == 2)
        await b.params.expect(params)
        await b.driver.drain()
        await ClockCycles(dut.clk_i, 5)
        assert int(dut.error_o.value) == 0
        assert dut.ended_o.value == int(round_ == 2)
    assert b.weights == weights * 3


def damage(kind: str) -> tuple[list[int], int]:
    """A stream with one fault, and the error that it must give."""
    words, _, _ = random_stream(3)
    header = (own_columns() & -own_columns()) << 48 | 1 << 32 | 2 << 12 | WGT
    more = [header, 7, 0x7 << 60 | 9]
    if kind == "kind":
        words[0] = words[0] & ~15 | random.choice((0, 1, 4, 15))
        return words, HEADER
    if kind == "rows":
        more[0] |= 1 << random.randrange(32 + param("Rows"), 48)
        return more + words, HEADER
    if kind == "cols":  # none there, or another stream's
        more[0] |= 1 << 48 + random.choice([c for c in range(16) if not own_columns() >> c & 1])
        return more + words, HEADER
    if kind == "params":
        return [1 << 12 | PRM, 5, *words], HEADER
    if kind == "thread":
        more[2] |= 1 << 63
        return more + words, HEADER
    if kind == "truncated":
        words = more + words
        return words[: random.randrange(1, len(words) - 1)], TRUNCATED
    if kind == "word":
        more[1] ^= 1 << random.randrange(59)
        body = [header, 7, 0x7 << 60 | 9]
        return [*more, end_word(np.array(body, dtype=np.uint64))], CHECKSUM
    words[-1] ^= 1 << {"count": random.randrange(4, 32), "checksum": random.randrange(32, 64)}[kind]
    return words, CHECKSUM


@cocotb.test()
@cocotb.parametrize(
    kind=("kind", "rows", "cols", "params", "thread", "truncated", "word", "count", "checksum"), idle=("none", "heavy")
)
async def errors(dut, kind: str, idle: str) -> None:
    if kind == "params" and param("Port") == 0:
        return  # they are right there
    words, want = damage(kind)
    b = Bench(dut, idle, "none", "none")
    await b.start()
    b.send(words)
    await b.driver.drain()
    await ClockCycles(dut.clk_i, 4)
    assert int(dut.error_o.value) == want
    seen = len(b.weights), len(b.params.items)
    b.send([random.getrandbits(64) for _ in range(100)])
    await b.driver.drain()
    await ClockCycles(dut.clk_i, 4)
    assert int(dut.error_o.value) == want and dut.ended_o.value == 0
    assert (len(b.weights), len(b.params.items)) == seen, "what is swallowed goes nowhere"


@pytest.mark.parametrize(("ports", "port"), [(1, 0), (2, 0), (2, 1)])
def test_phantom_weight_stream(ports: int, port: int) -> None:
    params = {"Rows": 2, "Cols": 2 * ports, "Threads": 8, "Ports": ports, "Port": port}
    bench.run("phantom_weight_stream", module=__name__, params=params)
