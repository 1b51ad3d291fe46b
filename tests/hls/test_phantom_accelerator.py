"""phantom_accelerator: small random layers through all streams, each of them with breaks, and what goes wrong between."""

from __future__ import annotations

from typing import Any

import accelerator_layers
import bench
import cocotb
from accelerator_layers import KINDS, Case, random_case
from cocotb.triggers import ClockCycles, RisingEdge
from streams import PROFILES, Driver, Monitor, Port, start
from structs import layer_structs, pack

CHECKSUM, WATCHDOG = 3, 8
FIELDS = ("data", "last")


class Bench:
    """The design with its streams; the same one runs layer after layer."""

    def __init__(self, dut: Any, idle: str = "none", stall: str = "none") -> None:
        self.dut = dut
        for name in ("start_i", "soft_reset_i", "watchdog_i", "table_we_i", "cnt_req_i", "cnt_index_i"):
            getattr(dut, name).value = 0
        self.act = Driver(Port(dut, "act", FIELDS), idle)
        self.wgt = [Driver(Port(dut, "wgt", FIELDS, port), idle) for port in range(accelerator_layers.SIZES["WeightPorts"])]
        self.out = Monitor(Port(dut, "out", FIELDS), stall)

    def stop(self) -> None:
        """Cut all streams."""
        for stream in (self.act, *self.wgt, self.out):
            stream.stop()

    async def configure(self, case: Case) -> None:
        """Registers and tables of a layer."""
        dut, s = self.dut, layer_structs(case.program.registers)
        for name in ("input_cfg", "lam_cfg", "core_cfg", "drain_cfg"):
            getattr(dut, name + "_i").value = pack(name + "_t", s[name])
        for i, view in enumerate(s["views"]):
            dut.view_i[i].value = pack("view_t", view)
        for select, index, value in case.program.tables:
            dut.table_we_i.value, dut.table_select_i.value = 1, select
            dut.table_index_i.value, dut.table_data_i.value = index, value
            await RisingEdge(dut.clk_i)
        dut.table_we_i.value = 0

    async def pulse(self, name: str) -> None:
        """One cycle of a signal."""
        getattr(self.dut, name).value = 1
        await RisingEdge(self.dut.clk_i)
        getattr(self.dut, name).value = 0
        await RisingEdge(self.dut.clk_i)

    def send(self, driver: Driver, words: list[int]) -> None:
        """Words with TLAST."""
        driver.send([(word, int(i == len(words) - 1)) for i, word in enumerate(words)])

    def send_weights(self, case: Case) -> None:
        """All weight streams."""
        for driver, words in zip(self.wgt, case.weights, strict=True):
            self.send(driver, words)

    async def finish(self, cycles: int = 60000) -> int:
        """Wait until it is not busy; return the error."""
        await RisingEdge(self.dut.clk_i)
        for _ in range(cycles):
            if self.dut.busy_o.value == 0:
                return int(self.dut.error_o.value)
            await RisingEdge(self.dut.clk_i)
        raise AssertionError("still busy")

    async def run(self, case: Case) -> None:
        """A whole layer, and its result."""
        await self.configure(case)
        await self.pulse("start_i")  # first: after an error, what comes before the start is thrown away
        self.send(self.act, case.activations)
        self.send_weights(case)
        assert await self.finish() == 0
        assert self.dut.done_o.value == 1
        lasts = [last for _, last in self.out.items]
        assert lasts == [0] * (len(lasts) - 1) + [1]
        case.check([word for word, _ in self.out.items])
        self.out.items.clear()

    async def counter(self, index: int) -> int:
        """One performance counter."""
        halves = []
        for half in (0, 1):
            self.dut.cnt_req_i.value, self.dut.cnt_index_i.value = 1, 2 * index + half
            await RisingEdge(self.dut.clk_i)
            self.dut.cnt_req_i.value = 0
            while self.dut.cnt_ack_o.value == 0:
                await RisingEdge(self.dut.clk_i)
            halves.append(int(self.dut.cnt_data_o.value))
        return halves[0] | halves[1] << 32


@cocotb.test()
@cocotb.parametrize(kind=KINDS, idle=PROFILES, stall=("none", "heavy", "bursty"))
async def random_layers(dut, kind: str, idle: str, stall: str) -> None:
    b = Bench(dut, idle, stall)
    await start(dut)
    case = random_case(kind)
    dut._log.info("%s", case)
    await b.run(case)
    await ClockCycles(dut.clk_i, 40)
    words = [len(case.activations), sum(map(len, case.weights))]
    assert [await b.counter(2), await b.counter(3)] == words, "counters of the words that came in"


@cocotb.test()
async def layers_one_after_the_other(dut) -> None:
    """Nothing of a layer is left over for the next one."""
    b = Bench(dut)
    await start(dut)
    for kind in ("conv", "pool", "fc", "bundle", "conv", "bundle"):
        await b.run(random_case(kind))


@cocotb.test()
@cocotb.parametrize(late=tuple(range(accelerator_layers.SIZES["WeightPorts"])))
async def done_means_that_every_weight_stream_has_ended(dut, late: int) -> None:
    """All results are out, but the END of one stream is not in."""
    b = Bench(dut)
    await start(dut)
    case = random_case("conv")
    await b.configure(case)
    await b.pulse("start_i")
    b.send(b.act, case.activations)
    for port, words in enumerate(case.weights):
        if port == late:
            b.wgt[port].send([(word, 0) for word in words[:-1]])
        else:
            b.send(b.wgt[port], words)
    for _ in range(60000):
        await RisingEdge(dut.clk_i)
        if b.out.items and b.out.items[-1][1]:
            break
    await ClockCycles(dut.clk_i, 50)
    assert dut.busy_o.value == 1
    case.check([word for word, _ in b.out.items])
    b.send(b.wgt[late], case.weights[late][-1:])
    assert await b.finish() == 0


@cocotb.test()
@cocotb.parametrize(soft=(False, True))
async def reset_in_the_middle(dut, soft: bool) -> None:
    b = Bench(dut)
    await start(dut)
    for delay in (100, 700, 1200):
        case = random_case("conv")
        await b.configure(case)
        b.send(b.act, case.activations)
        b.send_weights(case)
        await b.pulse("start_i")
        await ClockCycles(dut.clk_i, delay)
        b.stop()
        if soft:
            await b.pulse("soft_reset_i")
            await ClockCycles(dut.clk_i, 2)
        else:
            dut.rst_ni.value = 0
            await ClockCycles(dut.clk_i, 2)
            dut.rst_ni.value = 1
            await RisingEdge(dut.clk_i)
        assert dut.busy_o.value == 0 and dut.out_valid_o.value == 0
        b = Bench(dut, "light", "light")
        await b.run(random_case("conv"))
        b.stop()
        b = Bench(dut)


@cocotb.test()
async def errors_swallow_the_rest(dut) -> None:
    """A stream with a fault stops the layer, its rest goes away, and the next layer is right."""
    b = Bench(dut)
    await start(dut)
    case = random_case("conv")
    await b.configure(case)
    broken = case.activations
    broken[-1] ^= 1 << 40
    b.send(b.act, broken)
    b.send_weights(case)
    await b.pulse("start_i")
    assert await b.finish() == CHECKSUM and dut.done_o.value == 0
    await b.act.drain()
    for driver in b.wgt:
        await driver.drain()
    b.out.items.clear()
    await b.run(random_case("conv"))
    await b.configure(case)
    dut.watchdog_i.value = 1
    b.act.send([(word, 0) for word in case.activations[:-1]])
    await b.pulse("start_i")
    assert await b.finish() == WATCHDOG, "no weights and no END ever come"


def test_phantom_accelerator() -> None:
    bench.run("phantom_accelerator", module=__name__, params=accelerator_layers.SIZES)
