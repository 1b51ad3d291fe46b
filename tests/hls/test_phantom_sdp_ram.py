"""phantom_sdp_ram: against a model, with collisions and held outputs."""

from __future__ import annotations

import random

import bench
import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from streams import param


@cocotb.test()
async def agrees_with_model(dut) -> None:
    """Random reads and writes, half of them of the same address: a read returns the word from before the write."""
    width, depth = param("Width"), param("Depth")
    dut.wr_en_i.value = 0
    dut.rd_en_i.value = 0
    Clock(dut.clk_i, 10, unit="ns").start()
    await RisingEdge(dut.clk_i)
    model: dict[int, int] = {}
    expected: int | None = None
    collisions = 0
    for cycle in range(depth + 4000):
        filling = cycle < depth
        write, read = filling or random.random() < 0.6, not filling and random.random() < 0.6
        wr_addr = cycle if filling else random.randrange(depth)
        rd_addr = wr_addr if random.random() < 0.5 else random.randrange(depth)
        word = random.getrandbits(width)
        dut.wr_en_i.value, dut.wr_addr_i.value, dut.wr_data_i.value = int(write), wr_addr, word
        dut.rd_en_i.value, dut.rd_addr_i.value = int(read), rd_addr
        await RisingEdge(dut.clk_i)
        if expected is not None:  # what the edge before this one left at the output
            assert int(dut.rd_data_o.value) == expected, f"cycle {cycle}"
        if read:
            expected = model[rd_addr]
            collisions += write and wr_addr == rd_addr
        if write:
            model[wr_addr] = word
    assert collisions > 100


@cocotb.test()
async def every_word_keeps(dut) -> None:
    """All addresses are distinct words: written once, read back once."""
    width, depth = param("Width"), param("Depth")
    Clock(dut.clk_i, 10, unit="ns").start()
    words = [random.getrandbits(width) for _ in range(depth)]
    dut.rd_en_i.value = 0
    dut.wr_en_i.value = 1
    for address, word in enumerate(words):
        dut.wr_addr_i.value, dut.wr_data_i.value = address, word
        await RisingEdge(dut.clk_i)
    dut.wr_en_i.value = 0
    dut.rd_en_i.value = 1
    for address in range(depth + 1):
        dut.rd_addr_i.value = address % depth
        await RisingEdge(dut.clk_i)
        if address:
            assert int(dut.rd_data_o.value) == words[address - 1], f"address {address - 1}"


@pytest.mark.parametrize(("width", "depth", "style"), [(36, 512, "block"), (9, 32, "distributed"), (18, 48, "block")])
def test_phantom_sdp_ram(width: int, depth: int, style: str) -> None:
    bench.run("phantom_sdp_ram", module=__name__, params={"Width": width, "Depth": depth, "Style": f'"{style}"'})
