"""phantom_top at 1 x 2 cores: layers end to end over AXI alone, and an error of the memory in between."""

from __future__ import annotations

import json
from typing import Any

import accelerator_layers
import bench
import cocotb
from accelerator_layers import KINDS, Case, random_case
from axi_memory import SLVERR, AxiMemory
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster
from streams import PROFILES, start

from phantom_sim import verilate

ACT, WGT, WGT1 = 0x1_0000, 0x2_0000, 0x3_0000
S2MM = 0x30
CR, SR, ADDR, LENGTH = 0x00, 0x04, 0x18, 0x28
RS, RESET, IDLE, SLV_ERR, HALTED = 1 << 0, 1 << 2, 1 << 1, 1 << 5, 1 << 0
SOURCE, WEIGHTS, RESULT = 0x10_0000, 0x20_0000, 0x30_0000


class Board:
    """The design with a memory at each port; `registers` are the offsets of the generated register map."""

    def __init__(self, dut: Any, profile: str = "none") -> None:
        self.dut = dut
        self.bus = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk_i)
        for side in (self.bus.write_if, self.bus.read_if):
            side.log.setLevel("WARNING")
        self.source_memory = ReadMemory(dut, "m_axi_hp0", 20, profile)
        self.result_memory = WriteMemory(dut, "m_axi_hp3", 20, profile)
        self.weight_memory = [ReadMemory(dut, f"m_axi_hp{port}", 20, profile) for port in (1, 2)]
        self.registers = self.description()

    @staticmethod
    def description() -> dict[str, Any]:
        """The generated register map of the control block."""
        document = json.loads((verilate.GENERATED / "registers.json").read_text())
        return dict(document["blocks"]["phantom_0"]["registers"])

    async def write(self, address: int, value: int) -> None:
        """Write a register."""
        await self.bus.write_dword(address, value)

    async def read(self, address: int) -> int:
        """Read a register."""
        return int(await self.bus.read_dword(address))

    def offset(self, name: str) -> int:
        """Where a register is."""
        return int(self.registers[name]["offset"])

    async def configure(self, case: Case) -> None:
        """Layer registers and tables."""
        for name, fields in case.program.registers.items():
            register = self.registers[f"LAYER_{name}"]
            value = 0
            for field, content in fields.items():
                value |= content << int(register["fields"][field]["lsb"])
            await self.write(self.offset(f"LAYER_{name}"), value)
        for select, index, value in case.program.tables:
            await self.write(self.offset("TABLE"), select << 16 | index)
            await self.write(self.offset("TABLE_DATA"), value)

    async def launch(self, case: Case) -> None:
        """Put the data into memory, start the layer and the transfers."""
        await self.configure(case)
        self.source_memory.load(SOURCE, case.activations)
        for memory in self.weight_memory:
            memory.load(WEIGHTS, [int(w) for w in case.program.weights])
        streams = zip((WGT, WGT1), case.program.weight_streams, strict=True)
        await self.write(self.offset("CTRL"), 1)
        for engine, address, words in (
            (ACT + S2MM, RESULT, case.program.result_words),
            (ACT, SOURCE, len(case.activations)),
            *((engine, WEIGHTS + 8 * first, count) for engine, (first, count) in streams),
        ):
            await self.write(engine + CR, RS)
            await self.write(engine + ADDR, address)
            await self.write(engine + LENGTH, 8 * words)

    async def poll(self, address: int, mask: int, want: int) -> int:
        """Read until the bits are as wanted."""
        for _ in range(3000):
            value = await self.read(address)
            if value & mask == want:
                return value
        raise AssertionError(f"{address:#x} stays {value:#x}")

    async def run(self, case: Case) -> None:
        """A layer from memory to memory."""
        await self.launch(case)
        status = await self.poll(self.offset("STATUS"), 1, 0)
        assert status & 2, f"STATUS {status:#x}"
        for engine in (ACT, WGT, WGT1, ACT + S2MM):
            await self.poll(engine + SR, IDLE, IDLE)
        count = await self.read(ACT + S2MM + LENGTH) // 8
        case.check([int(w) for w in self.result_memory.dump(RESULT, count)])


class ReadMemory(AxiMemory):
    """Behind a port that only reads."""

    def _sig(self, name: str) -> Any:
        return super()._sig(name) if name[:2] in ("ar", "rv", "rr", "rd", "rl") else _Nothing()


class WriteMemory(AxiMemory):
    """Behind a port that is only written to."""

    def _sig(self, name: str) -> Any:
        return _Nothing() if name[:2] in ("ar", "rv", "rr", "rd", "rl") else super()._sig(name)


class _Nothing:
    """A signal that is not there."""

    value = 0


@cocotb.test()
@cocotb.parametrize(profile=PROFILES, kind=KINDS)
async def layers_end_to_end(dut, profile: str, kind: str) -> None:
    board = Board(dut, profile)
    await start(dut)
    for name, parameter in (("ROWS", "Rows"), ("COLS", "Cols"), ("WEIGHT_PORTS", "WeightPorts"), ("PARAM_DEPTH", "ParamDepth")):
        assert await board.read(board.offset(name)) == accelerator_layers.SIZES[parameter]
    case = random_case(kind)
    await board.run(case)
    counters = board.offset("COUNTERS_CYCLES")
    assert await board.read(counters + 8 * 2) == len(case.activations)
    assert await board.read(counters + 8 * 3) == sum(map(len, case.weights))


@cocotb.test()
async def an_error_of_the_memory_and_a_right_run(dut) -> None:
    board = Board(dut)
    await start(dut)
    case = random_case("conv")
    board.source_memory.errors[SOURCE + 16] = SLVERR
    await board.launch(case)
    status = await board.poll(ACT + SR, HALTED, HALTED)
    assert status & SLV_ERR, f"DMASR {status:#x}"
    await board.write(board.offset("CTRL"), 2)
    await board.poll(board.offset("STATUS"), 1, 0)
    for engine in (ACT, WGT, WGT1):
        await board.write(engine + CR, RESET)
        await board.poll(engine + CR, RESET, 0)
    board.source_memory.errors.clear()
    for _ in range(100):
        await RisingEdge(dut.clk_i)
    await board.run(random_case("conv"))


def test_phantom_top() -> None:
    verilate.generate_registers()
    waivers = verilate.ROOT / "overlay" / "registers.vlt"
    sources = [waivers, *bench.sources_of("phantom_top")]
    bench.run("phantom_top", sources, module=__name__, params=accelerator_layers.SIZES)
