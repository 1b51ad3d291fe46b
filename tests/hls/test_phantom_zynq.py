"""phantom_zynq: the open flow's top at 1 x 2 cores, through the pins of the PS7: registers, layers, a memory with errors."""

from __future__ import annotations

import random
from typing import Any

import accelerator_layers
import bench
import cocotb
import zynq_bench
from accelerator_layers import random_case
from cocotb.triggers import FallingEdge, ReadOnly, RisingEdge
from gp_master import DECERR, OKAY, SLVERR, WRAP, Burst, GpMaster
from streams import start
from test_phantom_top import ACT, ADDR, CR, HALTED, LENGTH, RESET, S2MM, SLV_ERR, SOURCE, SR, WGT, WGT1, Board
from test_phantom_top import ReadMemory as Reads
from test_phantom_top import WriteMemory as Writes

from phantom_sim import verilate

BASE = 0x43C0_0000


class ZynqBoard(Board):
    """The design behind a PS7; registers are reached by AXI3 at their place in the processor's address map."""

    def __init__(self, dut: Any, profile: str = "none") -> None:
        self.dut = dut
        self.gp = GpMaster(dut, profile, profile)
        self.source_memory = Reads(dut, "m_axi_hp0", random.randint(5, 60), profile)
        self.result_memory = Writes(dut, "m_axi_hp3", random.randint(5, 60), profile)
        self.weight_memory = [Reads(dut, f"m_axi_hp{port}", random.randint(5, 60), profile) for port in (1, 2)]
        self.registers = Board.description()

    async def write(self, address: int, value: int) -> None:
        await self.gp.write_dword(BASE + address, value)

    async def read(self, address: int) -> int:
        return await self.gp.read_dword(BASE + address)


async def running(dut: Any, profile: str = "none") -> ZynqBoard:
    board = ZynqBoard(dut, profile)
    await start(dut)
    return board


@cocotb.test()
async def each_port_runs_on_the_clock_of_the_design(dut) -> None:
    """FCLK 0; a port of the PS7 with another one, or with none, would hang the processor at the first access."""
    await running(dut)
    for _ in range(20):
        for edge in (RisingEdge, FallingEdge):
            await edge(dut.clk_i)
            await ReadOnly()
            for port in ("gp0", "hp0", "hp1", "hp2", "hp3"):
                assert getattr(dut, f"{port}_aclk_o").value == dut.clk_i.value, f"{port} has another clock"


@cocotb.test()
async def every_readable_register_in_one_burst(dut) -> None:
    """Identity and build parameters, as single words and as bursts that wrap."""
    board = await running(dut)
    assert await board.read(board.offset("ID")) == 0x5048_544D
    parameters = [await board.read(board.offset("ROWS") + 4 * i) for i in range(8)]
    assert parameters[:4] == [1, 2, 8, 16]
    for first in range(4):
        board.gp.send_read(Burst(first, BASE + 0x10 + 4 * first, 4, burst=WRAP))
        got = await board.gp.answer_to_read()
        assert got == [(parameters[(first + i) % 4], OKAY) for i in range(4)]
    board.gp.send_read(Burst(6, BASE + 0x4_0000, 1))
    assert await board.gp.answer_to_read() == [(0, DECERR)], "beyond the registers"
    board.gp.send_write(Burst(7, BASE, 1, payload=[(1, 0xF)]))
    assert await board.gp.answer_to_write() == SLVERR, "ID is read-only"


@cocotb.test()
async def registers_of_the_dma_hold_what_is_written(dut) -> None:
    board = await running(dut, "heavy")
    written = {engine + ADDR + half: random.getrandbits(29) << 3 for engine, half in ((ACT, 0), (ACT, S2MM), (WGT, 0), (WGT1, 0))}
    for address, value in written.items():
        await board.write(address, value)
    for address, value in written.items():
        assert await board.read(address) == value


@cocotb.test()
@cocotb.parametrize(profile=("none", "bursty"))
async def a_layer_from_memory_to_memory(dut, profile: str) -> None:
    board = await running(dut, profile)
    await board.run(random_case("conv"))
    reads = [board.source_memory.reads, *(memory.reads for memory in board.weight_memory)]
    assert max(beats for _, beats in sum(reads, board.result_memory.writes)) <= 16
    assert board.result_memory.writes and all(reads)


@cocotb.test()
async def an_error_of_the_memory_comes_through(dut) -> None:
    board = await running(dut)
    board.source_memory.errors[SOURCE + 16] = SLVERR
    case = random_case("conv")
    await board.launch(case)
    assert await board.poll(ACT + SR, HALTED, HALTED) & SLV_ERR
    for engine in (ACT, WGT, WGT1):
        await board.write(engine + CR, RESET)
        await board.poll(engine + CR, RESET, 0)


@cocotb.test()
async def interrupts_reach_the_processor(dut) -> None:
    """One bit an engine and direction, for as long as the status says so."""
    board = await running(dut)
    for bit, engine in enumerate((ACT, ACT + S2MM, WGT, WGT1)):
        assert dut.irq_o.value == 0
        await board.write(engine + CR, 1 | 1 << 14)  # RS, interrupt on error
        await board.write(engine + LENGTH, 0)  # which is one
        await board.poll(engine + SR, HALTED, HALTED)
        assert dut.irq_o.value == 1 << bit
        await board.write(engine + SR, 1 << 14)


def test_phantom_zynq() -> None:
    verilate.generate_registers()
    bench.run("zynq_bench", zynq_bench.sources(accelerator_layers.SIZES), module=__name__)
