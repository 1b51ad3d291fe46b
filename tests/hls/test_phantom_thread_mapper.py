"""phantom_thread_mapper: round robin and fairness, one weight in flight a thread, parking and release."""

from __future__ import annotations

import random

import bench
import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from streams import param, pauses, start, stream_test


class Tds:
    """What answers the mapper: each selection is done some cycles later, at most one in a cycle, parked by `park`."""

    def __init__(self, dut) -> None:
        self.dut, self.threads = dut, param("Threads")
        self.parked: set[int] = set()
        self.flight: dict[int, int] = {}  # thread -> cycles until it is done
        self.count = [0] * self.threads
        self.last = 0
        self.expect: int | None = None
        for name in ("filled", "job_ready", "release", "done"):
            getattr(dut, name + "_i").value = 0

    async def cycle(self, filled: int, ready: int, release: bool, park: bool, latency: int) -> None:
        """Drive one cycle; compare the selection with what the inputs of the cycle before ask for."""
        dut = self.dut
        due = [t for t, left in self.flight.items() if left <= 0]
        done = due[0] if due else None
        dut.filled_i.value, dut.job_ready_i.value, dut.release_i.value = filled, ready, int(release)
        dut.done_i.value = int(done is not None)
        dut.done_thread_i.value = random.randrange(self.threads) if done is None else done
        dut.done_park_i.value = int(park) if done is not None else random.getrandbits(1)
        await RisingEdge(dut.clk_i)
        assert dut.sel_valid_o.value == int(self.expect is not None)
        if self.expect is not None:
            assert dut.sel_thread_o.value == self.expect, "not the next one in turn"
        assert dut.parked_o.value == sum(1 << t for t in self.parked)
        able = {t for t in range(self.threads) if filled & ready & 1 << t} - self.parked - self.flight.keys()
        order = [(self.last + 1 + i) % self.threads for i in range(self.threads)]
        self.expect = next((t for t in order if t in able), None)
        self.flight = {t: left - 1 for t, left in self.flight.items() if t != done}
        if release:
            self.parked.clear()
        elif done is not None and park:
            self.parked.add(done)
        if self.expect is not None:
            self.last = self.expect
            self.flight[self.expect] = latency
            self.count[self.expect] += 1


@stream_test()
async def random_threads(dut, idle: str, stall: str) -> None:
    tds = Tds(dut)
    await start(dut)
    no_weight, no_slot = ([pauses(profile) for _ in range(tds.threads)] for profile in (idle, stall))
    for _ in range(600):
        filled, ready = (sum((not next(p)) << t for t, p in enumerate(ps)) for ps in (no_weight, no_slot))
        await tds.cycle(filled, ready, random.random() < 0.1, random.random() < 0.3, random.randint(3, 8))
    assert min(tds.count) > 0


@cocotb.test()
async def fair_at_full_rate(dut) -> None:
    """All threads always have work: one selection a cycle where the TDS allows it, and the same share for each."""
    tds = Tds(dut)
    await start(dut)
    everyone = (1 << tds.threads) - 1
    for _ in range(800):
        await tds.cycle(everyone, everyone, False, False, 4)
    assert max(tds.count) - min(tds.count) <= 1
    assert sum(tds.count) >= 800 * min(1, tds.threads / 7)


@cocotb.test()
async def parked_threads_wait_for_a_release(dut) -> None:
    tds = Tds(dut)
    await start(dut)
    everyone = (1 << tds.threads) - 1
    for _ in range(4):
        for _ in range(3 * tds.threads):
            await tds.cycle(everyone, everyone, False, True, 3)
        assert tds.parked == set(range(tds.threads)) and not tds.flight
        assert tds.count == [tds.count[0]] * tds.threads
        await tds.cycle(everyone, everyone, True, False, 3)
    dut.done_i.value = dut.release_i.value = 0
    await ClockCycles(dut.clk_i, 2)


def test_phantom_thread_mapper() -> None:
    bench.run("phantom_thread_mapper", module=__name__, params={"Threads": 8})
