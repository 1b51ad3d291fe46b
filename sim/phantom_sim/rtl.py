"""The simulated design as a Python object: registers, time, memory timing. A thin layer over harness.cpp."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phantom.errors import DeviceError, DeviceTimeout
from phantom_sim.arena import Arena
from phantom_sim.timing import Timing

OKAY, WAITING, SLVERR, DECERR, TIMEOUT, DEAD = 0, 1, 2, 3, -1, -2
CHANNELS = ("hp0_read", "hp1_read", "hp2_read", "hp3_write", "registers")  # what can be made to stop; all but the last: Beats
NEVER = 2**64 - 1
POLL_INTERVAL = 64
RESET_CYCLES = 16

_u32, _u64, _int, _ptr = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_int, ctypes.c_void_p
SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "create": (_ptr, [_ptr, _u64, _u64, _u32]),
    "destroy": (None, [_ptr]),
    "error": (ctypes.c_char_p, [_ptr]),
    "timing": (None, [_ptr, _u32, ctypes.c_double, _u32, _u32, _u32]),
    "inject_error": (None, [_ptr, _u64, _u64, _int]),
    "inject_stop": (None, [_ptr, _u32, _u64]),
    "reset": (_int, [_ptr, _u32]),
    "step": (_int, [_ptr, _u64]),
    "read": (_int, [_ptr, _u32, ctypes.POINTER(_u32)]),
    "write": (_int, [_ptr, _u32, _u32]),
    "poll": (_int, [_ptr, _u32, _u32, _u32, _u64, _u32, ctypes.POINTER(_u32)]),
    "cycles": (_u64, [_ptr]),
    "beats": (None, [_ptr, ctypes.POINTER(_u64)]),
    "trace": (_int, [_ptr, ctypes.c_char_p]),
}


@dataclass(frozen=True)
class Beats:
    """64-bit transfers so far on each memory channel."""

    hp0_read: int
    hp1_read: int
    hp2_read: int
    hp3_write: int

    @property
    def total(self) -> int:
        """All channels together."""
        return self.hp0_read + self.hp1_read + self.hp2_read + self.hp3_write


class Model:
    """One instance of the simulated design, out of reset, with `arena` as its memory."""

    def __init__(self, library: Path, arena: Arena, timing: Timing, seed: int = 1, trace: Path | None = None) -> None:
        """Load `library` (see verilate.build); `seed` sets the noise that memories and registers start with.

        Raises:
            DeviceError: `trace` names a file but the library was built without tracing.
        """
        self._handle: Any = None
        self._lib = ctypes.CDLL(str(library))
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(self._lib, f"phantom_{name}")
            function.restype, function.argtypes = result, arguments
        self._arena = arena  # keeps the memory alive as long as the model points to it
        self._handle = self._lib.phantom_create(arena.ddr.ctypes.data, arena.base, arena.size, seed)
        self._word = _u32()
        self.set_timing(timing)
        if trace is not None and self._lib.phantom_trace(self._handle, str(trace).encode()):
            raise DeviceError(f"{library} was built without tracing; build it with trace=True")
        self.reset()

    def close(self) -> None:
        """Free the simulation; a trace is complete only then."""
        if self._handle is not None:
            self._lib.phantom_destroy(self._handle)
            self._handle = None

    def __del__(self) -> None:
        self.close()

    def set_timing(self, timing: Timing) -> None:
        """Change the speed of memory and processor from now on."""
        self.timing = timing
        self._lib.phantom_timing(
            self._handle, timing.latency, timing.bytes_per_cycle, timing.outstanding, timing.access_gap, timing.timeout
        )

    def inject_error(self, start: int, end: int, response: int = SLVERR) -> None:
        """From now on the memory answers SLVERR or DECERR to accesses in [`start`, `end`); an empty range ends that."""
        self._lib.phantom_inject_error(self._live(), start, end, response)

    def inject_stop(self, channel: str, beats: int | None = 0) -> None:
        """One of CHANNELS stops for good after `beats` more transfers; None lets it go on (where it stopped).

        A memory channel that stopped takes no bursts, moves no data and answers nothing. The register port stops at once: the
        processor's accesses then end in a time-out.
        """
        self._lib.phantom_inject_stop(self._live(), CHANNELS.index(channel), NEVER if beats is None else beats)

    @property
    def cycles(self) -> int:
        """Clock cycles since the model was made."""
        return int(self._lib.phantom_cycles(self._live()))

    @property
    def beats(self) -> Beats:
        """Memory traffic so far."""
        out = (_u64 * len(CHANNELS[:-1]))()
        self._lib.phantom_beats(self._live(), out)
        return Beats(*out)

    def reset(self) -> None:
        """Hold the design and the memory ports in reset for a few cycles."""
        self._check(self._lib.phantom_reset(self._live(), RESET_CYCLES), "reset", 0)

    def step(self, cycles: int) -> None:
        """Let time pass."""
        self._check(self._lib.phantom_step(self._live(), cycles), "step", 0)

    def read(self, address: int) -> int:
        """Read a 32-bit register.

        Raises:
            DeviceTimeout: no answer.
            DeviceError: an error answer, or the simulation has failed.
        """
        status = self._lib.phantom_read(self._live(), address, self._word)
        self._check(status, "read of", address)
        return self._word.value

    def write(self, address: int, value: int) -> None:
        """Write a 32-bit register; raises what `read` raises."""
        self._check(self._lib.phantom_write(self._live(), address, value), "write to", address)

    def poll(self, address: int, mask: int, waiting: int, limit: int) -> tuple[int, bool]:
        """Read a register again and again until (value & `mask`) != `waiting`, but for no more than `limit` cycles.

        Returns the last value and whether it still says "waiting"; raises what `read` raises.
        """
        status = self._lib.phantom_poll(self._live(), address, mask, waiting, limit, POLL_INTERVAL, self._word)
        if status != WAITING:
            self._check(status, "read of", address)
        return self._word.value, status == WAITING

    def _live(self) -> Any:
        if self._handle is None:
            raise DeviceError("the simulated device is closed; make a new one")
        return self._handle

    def _check(self, status: int, what: str, address: int) -> None:
        if status == OKAY:
            return
        if status == DEAD:
            raise DeviceError(f"simulation failed: {self._lib.phantom_error(self._handle).decode()}")
        where = f"{what} 0x{address:08X} in cycle {self.cycles}"
        if status == TIMEOUT:
            raise DeviceTimeout(f"{where}: no answer within {self.timing.timeout} cycles")
        reason = {SLVERR: "SLVERR (no such register, or not for this kind of access)", DECERR: "DECERR (no block there)"}
        raise DeviceError(f"{where}: {reason.get(status, f'response {status}')}")
