"""phantom_axil_split: three register blocks and a window of nothing, or four; both directions at once; answers that take time."""

from __future__ import annotations

import random
from typing import Any

import bench
import cocotb
import pytest
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp
from streams import PROFILES, param, pauses, start


class Blocks:
    """Slaves with words of their own; writes honour the strobes. Channels pause by a profile."""

    def __init__(self, dut: Any, profile: str) -> None:
        self.dut = dut
        self.words: list[dict[int, int]] = [{} for _ in range(param("Blocks"))]
        for name in ("awready", "wready", "bvalid", "arready", "rvalid", "bresp", "rresp", "rdata"):
            getattr(dut, name + "_i").value = 0
        cocotb.start_soon(self._write(pauses(profile)))
        cocotb.start_soon(self._read(pauses(profile)))

    async def _accept(self, valid: Any, ready: Any, pause: Any, what: str) -> int:
        """Take one item; return the block."""
        while True:
            offer = 0 if next(pause) else (1 << param("Blocks")) - 1
            ready.value = offer
            await RisingEdge(self.dut.clk_i)
            bits = int(valid.value)
            assert bits & bits - 1 == 0, f"{what} to several blocks"
            if bits and offer:
                ready.value = 0
                return bits.bit_length() - 1

    async def _answer(self, block: int, valid: Any, ready: Any, pause: Any) -> None:
        while next(pause):
            await RisingEdge(self.dut.clk_i)
        valid.value = 1 << block
        while True:
            await RisingEdge(self.dut.clk_i)
            if int(ready.value) >> block & 1:
                break
        valid.value = 0

    async def _write(self, pause: Any) -> None:
        dut = self.dut
        while True:
            taken: dict[str, int] = {}
            address = data = strobe = 0

            async def take(name: str, taken: dict[str, int] = taken) -> None:
                taken[name] = await self._accept(
                    getattr(dut, name + "valid_o"), getattr(dut, name + "ready_i"), pause, name
                )
                taken[name + "data"] = int((dut.awaddr_o if name == "aw" else dut.wdata_o).value)
                taken[name + "strb"] = int(dut.wstrb_o.value)

            tasks = [cocotb.start_soon(take("aw")), cocotb.start_soon(take("w"))]
            for task in tasks:
                await task
            assert taken["aw"] == taken["w"]
            block, address, data, strobe = taken["aw"], taken["awdata"], taken["wdata"], taken["wstrb"]
            keep = sum(0xFF << 8 * i for i in range(4) if not strobe >> i & 1)
            address &= ~3
            self.words[block][address] = self.words[block].get(address, 0) & keep | data & ~keep
            dut.bresp_i.value = (2 if address == 0x44 else 0) << 2 * block
            await self._answer(block, dut.bvalid_i, dut.bready_o, pause)

    async def _read(self, pause: Any) -> None:
        dut = self.dut
        while True:
            block = await self._accept(dut.arvalid_o, dut.arready_i, pause, "ar")
            address = int(dut.araddr_o.value)
            dut.rdata_i.value = self.words[block].get(address, 0) << 32 * block
            dut.rresp_i.value = (2 if address == 0x44 else 0) << 2 * block
            await self._answer(block, dut.rvalid_i, dut.rready_o, pause)


@cocotb.test()
@cocotb.parametrize(profile=PROFILES, master=("none", "heavy"))
async def reads_and_writes(dut, profile: str, master: str) -> None:
    bus = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk_i)
    for side in (bus.write_if, bus.read_if):
        side.log.setLevel("WARNING")
    for channel in (bus.write_if.aw_channel, bus.write_if.w_channel, bus.write_if.b_channel, bus.read_if.ar_channel):
        channel.set_pause_generator(pauses(master))
    bus.read_if.r_channel.set_pause_generator(pauses(master))
    blocks = Blocks(dut, profile)
    await start(dut)
    model: dict[int, int] = {}

    def place() -> int:
        return random.randrange(4) << 16 | random.choice((0x00, 0x10, 0x44, 0x58, 0xFFFC))

    async def writer() -> None:
        for _ in range(40):
            address, value = place(), random.getrandbits(32)
            result = await bus.write(address, value.to_bytes(4, "little"))
            assert result.resp == expected(address)
            if address >> 16 < param("Blocks"):
                model[address] = value
        await bus.write(0x1_0011, b"\x5a")  # one byte: the strobes come through
        model[0x1_0010] = model.get(0x1_0010, 0) & 0xFFFF00FF | 0x5A00

    async def reader() -> None:
        for _ in range(40):
            address = place()
            assert (await bus.read(address, 4)).resp == expected(address)

    def expected(address: int) -> AxiResp:
        if address >> 16 == param("Blocks"):
            return AxiResp.DECERR
        return AxiResp.SLVERR if address & 0xFFFF == 0x44 else AxiResp.OKAY

    tasks = [cocotb.start_soon(writer()), cocotb.start_soon(reader())]
    for task in tasks:
        await task
    for address, value in model.items():
        assert blocks.words[address >> 16][address & 0xFFFF] == value
        assert int.from_bytes((await bus.read(address, 4)).data, "little") == value
    if param("Blocks") == 3:
        assert int.from_bytes((await bus.read(0x3_0000, 4)).data, "little") == 0


@pytest.mark.parametrize("blocks", [3, 4])
def test_phantom_axil_split(blocks: int) -> None:
    bench.run("phantom_axil_split", module=__name__, params={"Blocks": blocks})
