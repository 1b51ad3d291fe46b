"""The clock: how the processor has set it, and how fast it is by the accelerator's own counter of cycles."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..config import Config
from ..driver import Accelerator
from ..errors import DeviceError
from ..program import Program
from .registers import Block

START = 1  # in CTRL
EXACT = 0.01  # how far the measured clock may be from the one that is set
LEAST = 0.85  # of the configuration's clock: two integer divisors of a PLL get that near
WORD = 1 << 32


@dataclass(frozen=True)
class Stopwatch:
    """The time that the design lives in. now: seconds. sleep: lets so many seconds pass. seconds: of a measurement."""

    now: Callable[[], float]
    sleep: Callable[[float], None]
    seconds: float


# A register access takes some microseconds from Python, which is less than a thousandth of that.
WALL = Stopwatch(time.perf_counter, time.sleep, 0.05)


def check_clock(accelerator: Accelerator, config: Config, program: Program) -> str:
    """Both clocks, in words. `program` is any layer: it is started without its streams, waits for them, and is given up.

    Raises DeviceError when the setting does not suit the configuration, or when the clock runs at another rate.
    """
    is_set, measured = _setting(), measure(accelerator, program)
    if abs(measured / is_set - 1) > EXACT:
        raise DeviceError(
            f"{measured:.2f} MHz by the counter of cycles, while the processor has set {is_set:g} MHz; they must agree: "
            "another clock drives the design, or the oscillator of the board is another one"
        )
    if is_set > config.clock_mhz * (1 + EXACT):
        raise DeviceError(f"the clock is set to {is_set:g} MHz; configuration {config.name!r} is built for {config.clock_mhz:g}")
    if is_set < config.clock_mhz * LEAST:
        raise DeviceError(
            f"the clock is set to {is_set:g} MHz, too slow for configuration {config.name!r}, {config.clock_mhz:g} MHz: "
            "results are right, but late; load the overlay again, or set pynq.Clocks.fclk0_mhz"
        )
    return f"{measured:.2f} MHz measured, {is_set:g} set, {config.clock_mhz:g} configured"


def _setting() -> float:
    """MHz of the clock of the programmable logic, as the processor's registers say. Raises DeviceError."""
    from pynq import Clocks

    try:
        return float(Clocks.fclk0_mhz)
    except (RuntimeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise DeviceError(f"PYNQ cannot say how the clock is set ({type(error).__name__}: {error})") from None


def measure(accelerator: Accelerator, program: Program) -> float:
    """MHz of the design's clock. Raises DeviceError when its counter stands still."""
    watch, control = stopwatch_of(accelerator.overlay), Block(accelerator.overlay, "phantom_0")
    accelerator.recover()
    watchdog, accelerator.watchdog = accelerator.watchdog, 0
    try:
        accelerator.configure(program)
        control.write("CTRL", START)
        watch.sleep(watch.seconds / 10)  # after a reset, partial sums are cleared before it counts
        first, began = control.read("COUNTERS_CYCLES"), watch.now()  # the low half: it counts on while it is read
        watch.sleep(watch.seconds)
        last, ended = control.read("COUNTERS_CYCLES"), watch.now()
    finally:
        accelerator.watchdog = watchdog
        accelerator.recover()
    if last == first:
        raise DeviceError(
            f"the counter of cycles stands at {first} while a layer runs; it must count, or the design has no clock"
        )
    return (last - first) % WORD / (ended - began) / 1e6


def stopwatch_of(overlay: Any) -> Stopwatch:
    """That of a simulated device, else of the world."""
    return getattr(getattr(overlay, "device", None), "stopwatch", None) or WALL
