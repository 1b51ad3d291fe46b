"""phantom_row_memory: two banks of two parts each; two words at a time, two cycles later, while one is written."""

from __future__ import annotations

import random
from collections import deque

import bench
import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from streams import param


@cocotb.test()
async def against_a_model(dut) -> None:
    size = param("Words")
    Clock(dut.clk_i, 10, unit="ns").start()
    low = 1 << (size - 1).bit_length() - 1
    edges = [0, 1, low - 1, min(low, size - 1), size - 2, size - 1]
    model: dict[int, int] = {}
    dut.rd_addr_i.value = 0
    for address in range(size):
        model[address] = random.getrandbits(64)
        dut.wr_en_i.value, dut.wr_addr_i.value, dut.wr_data_i.value = 1, address, model[address]
        await RisingEdge(dut.clk_i)
    dut.wr_en_i.value = 0
    await RisingEdge(dut.clk_i)
    flight: deque[list[int]] = deque()

    def place() -> int:
        return random.choice(edges) if random.random() < 0.3 else random.randrange(size)

    for _ in range(4000):
        read, write = place(), place()
        dut.rd_addr_i.value = read
        both = [read, (read + 1) % size]
        flight.append([model[address] for address in both])
        if len(flight) > 3:
            assert [int(dut.rd_data_o[i].value) for i in range(2)] == flight.popleft()
        on = write not in both and random.random() < 0.5
        data = random.getrandbits(64)
        dut.wr_en_i.value, dut.wr_addr_i.value, dut.wr_data_i.value = int(on), write, data
        if on:
            model[write] = data
        await RisingEdge(dut.clk_i)


@pytest.mark.parametrize("words", [768, 512])
def test_phantom_row_memory(words: int) -> None:
    bench.run("phantom_row_memory", module=__name__, params={"Words": words})
