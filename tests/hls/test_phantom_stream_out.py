"""phantom_stream_out: words pass unchanged, END and TLAST close the stream once, and reset opens a new one."""

from __future__ import annotations

import random

import bench
import numpy as np
from cocotb.triggers import ClockCycles
from streams import Driver, Monitor, Port, reset, start, stream_test

from phantom.stream import end_word


@stream_test(timeout_time=1, timeout_unit="ms")
async def closes_the_stream(dut, idle: str, stall: str) -> None:
    dut.finish_i.value = 0
    driver, monitor = Driver(Port(dut, "in"), idle), Monitor(Port(dut, "out", ("data", "last")), stall)
    await start(dut)
    for count in (random.randint(40, 120), 1, 0):
        words = [random.getrandbits(64) for _ in range(count)]
        driver.send(words)
        await driver.drain()
        await ClockCycles(dut.clk_i, random.choice((0, 30)))
        assert dut.done_o.value == 0
        dut.finish_i.value = 1
        end = end_word(np.array(words, dtype=np.uint64))
        await monitor.expect([*((word, 0) for word in words), (end, 1)])
        await monitor.silence()
        assert dut.done_o.value == 1, "it stays up"
        dut.finish_i.value = 0
        await reset(dut)


def test_phantom_stream_out() -> None:
    bench.run("phantom_stream_out", module=__name__)
