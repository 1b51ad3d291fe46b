"""phantom_packet_check against stream.end_word: right ends, wrong ones, early TLAST, several streams in a row."""

from __future__ import annotations

import random
from typing import Any

import bench
import cocotb
import numpy as np
from cocotb.triggers import RisingEdge
from streams import PROFILES, pauses, start

from phantom.stream import end_word


class Bench:
    """Sends words as accepted ones and keeps the verdicts."""

    def __init__(self, dut: Any, profile: str) -> None:
        self.dut, self.pause = dut, pauses(profile)
        self.verdict: list[tuple[int, int, int]] = []
        dut.valid_i.value = dut.at_header_i.value = dut.last_i.value = dut.data_i.value = 0

    async def word(self, data: int, header: bool, last: bool = False) -> None:
        """One word, after a pause with noise on the inputs."""
        dut = self.dut
        while True:
            valid = not next(self.pause)
            dut.valid_i.value = int(valid)
            dut.data_i.value = data if valid else random.getrandbits(60) << 4 | 0xE
            dut.at_header_i.value, dut.last_i.value = (int(header), int(last)) if valid else (1, 1)
            await RisingEdge(dut.clk_i)
            self._look()
            if valid:
                assert dut.end_o.value == int(header and data & 15 == 0xE)
                return

    def _look(self) -> None:
        dut = self.dut
        got = int(dut.ended_o.value), int(dut.bad_end_o.value), int(dut.truncated_o.value)
        if any(got):
            self.verdict.append(got)

    async def finish(self) -> list[tuple[int, int, int]]:
        """The verdicts since the last call."""
        self.dut.valid_i.value = 0
        for _ in range(3):
            await RisingEdge(self.dut.clk_i)
            self._look()
        got, self.verdict = self.verdict, []
        return got


def body() -> list[int]:
    """Words that look like END every now and then, where no header is."""
    return [random.getrandbits(60) << 4 | random.choice((0xE, 1, 2)) for _ in range(random.choice((0, 1, 2, 40, 70)))]


@cocotb.test()
@cocotb.parametrize(profile=PROFILES)
async def verdicts(dut, profile: str) -> None:
    for _ in range(12):
        b = Bench(dut, profile)
        if _ == 0:
            await start(dut)
        for last in (False, True):  # two streams in a row, TLAST on the second one's END
            words = body()
            for word in words:
                await b.word(word, header=False)
            await b.word(end_word(np.array(words, dtype=np.uint64)), header=True, last=last)
            assert await b.finish() == [(1, 0, 0)]
        words = body()
        end = end_word(np.array(words, dtype=np.uint64)) ^ 1 << random.randrange(4, 64)
        for word in words:
            await b.word(word, header=False)
        await b.word(end, header=True, last=True)
        assert await b.finish() == [(0, 1, 0)], "one bit of END is wrong"
        words = [*body(), 1 << 4 | 0xE]
        for i, word in enumerate(words):
            await b.word(word, header=False, last=i == len(words) - 1)
        assert await b.finish() == [(0, 0, 1)], "TLAST on a word that is no END"
        await b.word(0xE, header=True)
        assert await b.finish() == [(0, 1, 0)], "the words before it count for this END"


@cocotb.test()
async def one_flipped_bit_is_found(dut) -> None:
    b = Bench(dut, "none")
    await start(dut)
    for bit in range(64):
        words = [random.getrandbits(64) for _ in range(random.randint(1, 40))]
        end = end_word(np.array(words, dtype=np.uint64))
        words[random.randrange(len(words))] ^= 1 << bit
        for word in words:
            await b.word(word, header=False)
        await b.word(end, header=True)
        assert await b.finish() == [(0, 1, 0)], f"bit {bit}"


def test_phantom_packet_check() -> None:
    bench.run("phantom_packet_check", module=__name__)
