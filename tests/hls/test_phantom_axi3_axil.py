"""phantom_axi3_axil: all that GP0 can send, and what it must not; a beat is one access, a burst is answered as AXI3 wants it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import bench
import cocotb
import pytest
from gp_master import DECERR, FIXED, INCR, OKAY, RESERVED, SLVERR, WRAP, Burst, GpMaster
from streams import PROFILES, Driver, Monitor, Port, start, stream_test

HLS = Path(bench.HLS)
SOURCES = [HLS / f"phantom_{name}.sv" for name in ("zynq_pkg", "axi3_read", "axi3_write", "axi3_axil")]
BASE, SIZE = 0x43C0_0000, 0x4_0000


class Registers:
    """The slave behind the bridge. It answers each read with a new number, and errors where told to; it logs every access."""

    def __init__(self, dut: Any, pause: str) -> None:
        self.errors: dict[int, int] = {}
        self.read: list[tuple[int, int, int]] = []  # address, data, response
        self.written: list[tuple[int, int, int]] = []  # address, data, response
        self._aw = Monitor(Port(dut, "lite_aw", ("addr",)), pause)
        self._w = Monitor(Port(dut, "lite_w", ("data", "strb")), pause)
        self._b = Driver(Port(dut, "lite_b", ("resp",)), pause)
        self._ar = Monitor(Port(dut, "lite_ar", ("addr",)), pause)
        self._r = Driver(Port(dut, "lite_r", ("data", "resp")), pause)
        cocotb.start_soon(self._reads())
        cocotb.start_soon(self._writes())

    async def _reads(self) -> None:
        while True:
            (address,) = await self._ar.collect(1, 1 << 30)
            data, response = random.getrandbits(32), self.errors.get(address, OKAY)
            self.read.append((address, data, response))
            self._r.send([(data, response)])
            await self._r.drain()
            assert not self._ar.items, "a second read before the first was answered"

    async def _writes(self) -> None:
        while True:
            (address,) = await self._aw.collect(1, 1 << 30)
            ((data, strobes),) = await self._w.collect(1)
            assert strobes == 0xF
            response = self.errors.get(address, OKAY)
            self.written.append((address, data, response))
            self._b.send([response])
            await self._b.drain()
            assert not self._aw.items, "a second write before the first was answered"


def inside(address: int) -> bool:
    return BASE <= address < BASE + SIZE


def random_burst(write: bool) -> Burst:
    """Mostly what a processor does; now and then something odd, or wrong."""
    kind, size = random.choices((INCR, WRAP, FIXED, RESERVED), (6, 3, 2, 1))[0], random.choices((2, 1, 0, 3), (8, 2, 2, 1))[0]
    beats = random.choice((2, 4, 8, 16)) if kind == WRAP and random.random() < 0.9 else random.randint(1, 16)
    near = random.choice((BASE, BASE + SIZE - 40, BASE - 24, BASE + 0x1_0000, BASE + 0x20, 0x7FFF_FF00, BASE + (1 << 22)))
    address = near + random.randrange(64)
    if random.random() < 0.8:
        address &= -(1 << size)
    burst = Burst(random.getrandbits(12), address, beats, size, kind)
    if write:
        # Whole words, what the size allows, or fewer bytes.
        burst.payload = [
            (random.getrandbits(32), random.choice((lanes, lanes, lanes & random.getrandbits(4)))) for lanes in burst.lanes()
        ]
    return burst


def expected_reads(burst: Burst) -> list[tuple[int | None, int]]:
    """By beat: the word that is read, or None and the answer without a read."""
    if not burst.legal:
        return [(None, SLVERR)] * burst.beats
    return [(address & ~3, OKAY) if inside(address) else (None, DECERR) for address in burst.addresses()]


def expected_writes(burst: Burst) -> list[tuple[int | None, int]]:
    """The same for writes, where only whole words go through."""
    result: list[tuple[int | None, int]] = []
    for (word, answer), (_, strobes) in zip(expected_reads(burst), burst.payload):
        partial = None, OKAY if strobes == 0 else SLVERR
        result.append((word, answer) if word is None or strobes == 0xF else partial)
    return result


async def check_write(master: GpMaster, slave: Registers, burst: Burst) -> None:
    answer, worst = await master.answer_to_write(), OKAY
    for (word, response), (data, _) in zip(expected_writes(burst), burst.payload):
        if word is not None:
            address, written, response = slave.written.pop(0)
            assert (address, written) == (word, data), f"{address:#x} = {written:#x} in {burst}"
        worst = max(worst, response)
    assert answer == worst, f"answer {answer} to {burst}, not {worst}"


async def check_read(master: GpMaster, slave: Registers, burst: Burst) -> None:
    for (word, response), got in zip(expected_reads(burst), await master.answer_to_read(), strict=True):
        data = 0
        if word is not None:
            address, data, response = slave.read.pop(0)
            assert address == word, f"read of {address:#x}, not {word:#x}, in {burst}"
        assert got == (data, response), f"{got} for {word} in {burst}"


@stream_test()
async def random_bursts_both_ways(dut, idle: str, stall: str) -> None:
    """Reads and writes at the same time, several under way, data before its address, errors of the slave."""
    master, slave = GpMaster(dut, idle, stall), Registers(dut, random.choice(PROFILES))
    slave.errors = {BASE + 4 * i: random.choice((SLVERR, DECERR)) for i in random.sample(range(24), 5)}
    await start(dut)

    async def several(write: bool, send: Any, check: Any) -> None:
        """Thirty bursts, up to four of them under way."""
        count = 30
        while count:
            bursts = [random_burst(write) for _ in range(min(count, random.randint(1, 4)))]
            for burst in bursts:
                send(burst)
            for burst in bursts:
                await check(master, slave, burst)
            count -= len(bursts)

    writes, reads = several(True, master.send_write, check_write), several(False, master.send_read, check_read)
    tasks = [cocotb.start_soon(writes), cocotb.start_soon(reads)]
    for task in tasks:
        await task
    await master.silence()
    assert not slave.read and not slave.written, "accesses that nobody asked for"


@cocotb.test()
async def registers_as_the_processor_reads_them(dut) -> None:
    """Single words, a cache line as it is filled (WRAP) and written back, a copy of many words, bytes."""
    master, slave = GpMaster(dut), Registers(dut, "none")
    await start(dut)
    await master.write_dword(BASE + 0x44, 0x1234_5678)
    assert slave.written.pop() == (BASE + 0x44, 0x1234_5678, OKAY)
    assert await master.read_dword(BASE + 0x2_0004) == slave.read.pop()[1]
    for burst, words in (
        (Burst(7, BASE + 0x54, 8, burst=WRAP), [0x54, 0x58, 0x5C, 0x40, 0x44, 0x48, 0x4C, 0x50]),
        (Burst(8, BASE + 0x54, 4, burst=WRAP), [0x54, 0x58, 0x5C, 0x50]),
        (Burst(9, BASE + 0x54, 3, burst=FIXED), [0x54, 0x54, 0x54]),
        (Burst(10, BASE + 0x54, 5), [0x54, 0x58, 0x5C, 0x60, 0x64]),
        (Burst(11, BASE + 0x56, 3), [0x54, 0x58, 0x5C]),
        (Burst(12, BASE + 0x55, 4, 0), [0x54, 0x54, 0x54, 0x58]),
        (Burst(13, BASE + 0x56, 3, 1), [0x54, 0x58, 0x58]),
    ):
        master.send_read(burst)
        got = await master.answer_to_read()
        assert [address - BASE for address, _, _ in slave.read] == words, f"{burst}"
        assert got == [(data, response) for _, data, response in slave.read]
        slave.read.clear()


@cocotb.test()
async def writes_of_parts_change_nothing(dut) -> None:
    master, slave = GpMaster(dut), Registers(dut, "none")
    await start(dut)
    for strobes, answer in ((0x0, OKAY), (0x1, SLVERR), (0x7, SLVERR), (0xC, SLVERR)):
        master.send_write(Burst(1, BASE, 3, payload=[(1, 0xF), (2, strobes), (3, 0xF)]))
        assert await master.answer_to_write() == answer
        assert slave.written == [(BASE, 1, OKAY), (BASE + 8, 3, OKAY)]
        slave.written.clear()


@cocotb.test()
async def one_answer_for_the_worst_beat(dut) -> None:
    master, slave = GpMaster(dut), Registers(dut, "none")
    await start(dut)
    for responses, answer in (((SLVERR, DECERR, OKAY), DECERR), ((DECERR, SLVERR, OKAY), DECERR), ((OKAY, OKAY, SLVERR), SLVERR)):
        slave.errors = {BASE + 4 * i: response for i, response in enumerate(responses)}
        master.send_write(Burst(1, BASE, 3, payload=[(0, 0xF)] * 3))
        assert await master.answer_to_write() == answer
    slave.errors.clear()
    master.send_write(Burst(1, BASE, 1, payload=[(0, 0xF)]))
    assert await master.answer_to_write() == OKAY, "no error is left over from the burst before"


@cocotb.test()
async def data_of_another_burst_is_a_fault_of_the_master(dut) -> None:
    """The design says so: interleaved write data is not supported."""
    master, _ = GpMaster(dut), Registers(dut, "none")
    await start(dut)
    master.aw.send([Burst(1, BASE, 2).request])
    master.w.send([(1, 0, 0xF, 0), (2, 0, 0xF, 1)])
    await master.b.collect(1)  # what comes without an assertion


def test_phantom_axi3_axil() -> None:
    tests = ["random_bursts_both_ways", "registers_as_the_processor_reads_them", "writes_of_parts_change_nothing"]
    tests += ["one_answer_for_the_worst_beat"]
    bench.run("axi3_bench", [*SOURCES, Path(__file__).with_name("axi3_bench.sv")], module=__name__, testcase=tests)


def test_interleaved_write_data_stops_the_simulation() -> None:
    sources = [*SOURCES, Path(__file__).with_name("axi3_bench.sv")]
    with pytest.raises(AssertionError, match=r"ended early|failed"):
        bench.run("axi3_bench", sources, module=__name__, testcase="data_of_another_burst_is_a_fault_of_the_master")
