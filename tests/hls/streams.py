"""Drivers, monitors and idle patterns for valid/ready streams.

Everything moves just after the rising edge and is sampled just before the next one, so any mix of these with the
buses of cocotbext-axi sees the same cycle.
"""

from __future__ import annotations

import ast
import os
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

PROFILES = ("none", "light", "heavy", "bursty")
Item = Any  # an int for a port with one payload field, else a tuple in the order of the fields


def pauses(profile: str, seed: int | None = None) -> Iterator[bool]:
    """Yield for every cycle whether to pause.

    ``none`` never pauses, ``light`` one cycle in eight, ``heavy`` three in four; ``bursty`` goes and pauses for up to 24
    cycles at a time, which fills and empties every buffer on the way.
    """
    rng = random.Random(random.getrandbits(32) if seed is None else seed)
    if profile == "none":
        while True:
            yield False
    elif profile in ("light", "heavy"):
        share = {"light": 0.125, "heavy": 0.75}[profile]
        while True:
            yield rng.random() < share
    elif profile == "bursty":
        while True:
            for pause in (False, True):
                for _ in range(rng.randint(1, 24)):
                    yield pause
    else:
        raise ValueError(f"profile {profile!r}: must be one of {PROFILES}")


def stream_test(**kwargs: Any) -> Callable[[Any], Any]:
    """Decorate ``async def check(dut, idle, stall)``: a cocotb test for every pair of idle and backpressure profiles."""

    def decorate(func: Any) -> Any:
        return cocotb.test(**kwargs)(cocotb.parametrize(idle=PROFILES, stall=PROFILES)(func))

    return decorate


def param(name: str, default: int | None = None) -> int:
    """Return the Verilog parameter ``name`` as ``bench.run`` set it, else ``default``."""
    params = ast.literal_eval(os.environ.get("BENCH_PARAMS", "{}"))
    if name not in params and default is None:
        raise KeyError(f"parameter {name} was not set by bench.run and has no default")
    return int(params.get(name, default))


async def start(dut: Any, cycles: int = 10, period_ns: int = 10) -> None:
    """Start the clock and reset the design; construct drivers and monitors before, so that inputs are at rest."""
    dut.rst_ni.value = 0
    Clock(dut.clk_i, period_ns, unit="ns").start()
    await reset(dut, cycles)


async def reset(dut: Any, cycles: int = 10) -> None:
    """Hold ``rst_ni`` low for some cycles of a running clock."""
    dut.rst_ni.value = 0
    await ClockCycles(dut.clk_i, cycles)
    dut.rst_ni.value = 1
    await RisingEdge(dut.clk_i)


class Port:
    """The signals of one stream.

    Args:
        dut: the design.
        prefix: ``in`` finds ``in_valid_i``, ``in_ready_o``, ``in_data_i``; ``m_axis_t`` finds ``m_axis_tvalid``.
        fields: names of the payload signals, without prefix and suffix.
        index: of the stream, where the signals are arrays.

    """

    def __init__(self, dut: Any, prefix: str, fields: Sequence[str] = ("data",), index: int | None = None) -> None:
        stem = prefix if prefix.endswith("axis_t") else prefix + "_"
        self.name = prefix
        self.clk = dut.clk_i
        found = [self._find(dut, stem + name) for name in ("valid", "ready", *fields)]
        self.valid, self.ready, *self.payload = found if index is None else [signal[index] for signal in found]

    @staticmethod
    def _find(dut: Any, stem: str) -> Any:
        for name in (stem + "_i", stem + "_o", stem):
            if hasattr(dut, name):
                return getattr(dut, name)
        raise AttributeError(f"{dut._name} has no port {stem}, {stem}_i or {stem}_o")

    def read(self) -> Item:
        """Return the payload that stands on the port."""
        values = tuple(int(signal.value) for signal in self.payload)
        return values[0] if len(values) == 1 else values

    def write(self, item: Item) -> None:
        """Put a payload on the port."""
        values = item if isinstance(item, tuple) else (item,)
        if len(values) != len(self.payload):
            raise ValueError(f"{self.name}: item {item!r} must have {len(self.payload)} fields")
        for signal, value in zip(self.payload, values, strict=True):
            signal.value = value


class Driver:
    """Source of a stream: sends items in order, pausing by a profile. Valid never waits for ready.

    While it has nothing to offer, the payload is random, so that a design which looks at it without valid is found out.
    """

    def __init__(self, port: Port, idle: str = "none") -> None:
        self.port = port
        self.queue: deque[Item] = deque()
        self.idle = pauses(idle)
        self.sent = 0
        port.valid.value = 0
        port.write(self._noise())
        self._task = cocotb.start_soon(self._run())

    def send(self, items: Iterable[Item]) -> None:
        """Queue items (pass a list; it does not wait)."""
        self.queue.extend(items)

    async def drain(self, cycles: int | None = None) -> None:
        """Wait until every item was taken, for a generous number of cycles at most."""
        for _ in range(2000 + 100 * len(self.queue) if cycles is None else cycles):
            if not self.queue:
                return
            await RisingEdge(self.port.clk)
        raise AssertionError(f"{self.port.name}: {len(self.queue)} items were never taken")

    def stop(self) -> None:
        """Take valid away and drop the queue, for a reset in the middle."""
        self._task.cancel()
        self.queue.clear()
        self.port.valid.value = 0

    def _noise(self) -> Item:
        return tuple(random.getrandbits(len(signal)) for signal in self.port.payload)

    async def _run(self) -> None:
        port, offered = self.port, False
        edge = RisingEdge(port.clk)
        while True:
            await edge
            if offered and port.ready.value == 1:
                offered = False
                self.queue.popleft()
                self.sent += 1
            if not offered:
                offered = bool(self.queue) and not next(self.idle)
                port.valid.value = int(offered)
                port.write(self.queue[0] if offered else self._noise())


class Monitor:
    """Sink of a stream: stalls by a profile, collects what arrives and holds the source to the rules.

    The rules: valid and ready are never unknown, and an offered item stays, unchanged, until it is taken.
    With ``drive=False`` it only watches a link whose ready someone else drives.
    """

    def __init__(self, port: Port, stall: str = "none", drive: bool = True) -> None:
        self.port = port
        self.items: list[Item] = []
        self.cycles: list[int] = []  # the cycle in which each item was taken
        self.cycle = 0
        self.stall = pauses(stall)
        self._drive = drive
        if drive:
            port.ready.value = 0
        self._task = cocotb.start_soon(self._run())

    async def expect(self, items: Sequence[Item], cycles: int | None = None) -> None:
        """Wait for as many items as given and compare; then forget them.

        Args:
            items: what must have arrived since the last call.
            cycles: how long to wait at most; by default a generous multiple of the number of items.

        """
        got = await self.collect(len(items), cycles)
        for index, (have, want) in enumerate(zip(got, items, strict=True)):
            assert have == want, f"{self.port.name}: item {index} is {_hex(have)}, expected {_hex(want)}"

    async def collect(self, count: int, cycles: int | None = None) -> list[Item]:
        """Wait for ``count`` items and hand them over."""
        limit = self.cycle + (2000 + 100 * count if cycles is None else cycles)
        while len(self.items) < count:
            assert self.cycle < limit, f"{self.port.name}: only {len(self.items)} of {count} items arrived"
            await RisingEdge(self.port.clk)
        got, self.items = self.items[:count], self.items[count:]
        self.cycles = self.cycles[count:]
        return got

    async def silence(self, cycles: int = 50) -> None:
        """Check that nothing (more) arrives."""
        await ClockCycles(self.port.clk, cycles)
        assert not self.items, f"{self.port.name}: {len(self.items)} items too many, first {_hex(self.items[0])}"

    def stop(self) -> None:
        """Stop watching, for a reset in the middle."""
        self._task.cancel()

    async def _run(self) -> None:
        port, edge = self.port, RisingEdge(self.port.clk)
        held: Item | None = None
        ready = False
        while True:
            await edge
            self.cycle += 1
            valid = port.valid.value
            assert valid.is_resolvable, f"{port.name}: valid is unknown"
            if not self._drive:
                ready = port.ready.value == 1
            if valid == 1:
                item = port.read()
                assert held is None or item == held, f"{port.name}: payload changed while stalled"
                held = None if ready else item
                if ready:
                    self.items.append(item)
                    self.cycles.append(self.cycle)
            else:
                assert held is None, f"{port.name}: valid was withdrawn while stalled"
            if self._drive:
                ready = not next(self.stall)
                port.ready.value = int(ready)


def _hex(item: Item) -> str:
    return "(" + ", ".join(map(hex, item)) + ")" if isinstance(item, tuple) else hex(item)
