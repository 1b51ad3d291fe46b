"""The memory behind one HP port, as axi_memory.h of the simulated board has it: latency, bandwidth, outstanding bursts.

A port is read or written, never both.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .kernel import kernel

RING = 16  # bursts: more than a port ever accepts
PORT = np.dtype(
    [
        ("tokens", np.float64),  # tokens_, and the constants of the port:
        ("bytes_per_cycle", np.float64),
        ("latency", np.int64),
        ("outstanding", np.int64),
        ("read_due", np.int64, (RING,)),  # reads_: ready_at, beats
        ("read_beats", np.int64, (RING,)),
        ("reads", np.int64),  # its length, and the place of its front
        ("read_front", np.int64),
        ("held", np.int64),  # r_held_: a beat stands on R, the last one of its burst?
        ("held_last", np.int64),
        ("write_beats", np.int64, (RING,)),  # writes_
        ("writes", np.int64),
        ("write_front", np.int64),
        ("answer_due", np.int64, (RING,)),  # responses_
        ("answers", np.int64),
        ("answer_front", np.int64),
        ("ar_ready", np.int64),  # what the port drives in this cycle
        ("aw_ready", np.int64),
        ("w_ready", np.int64),
        ("b_valid", np.int64),
    ]
)
BUCKET = 128.0
BEAT = 8.0


@kernel
def drive(p: Any, now: int) -> None:
    """Set what the design sees in this cycle (MemoryPort::drive)."""
    if p.tokens < BUCKET:
        p.tokens += p.bytes_per_cycle
    p.ar_ready = 1 if p.reads < p.outstanding else 0
    if not p.held and p.reads != 0 and now >= p.read_due[p.read_front] and p.tokens >= BEAT:
        p.read_beats[p.read_front] -= 1
        p.held_last = 1 if p.read_beats[p.read_front] == 0 else 0
        p.held = 1
        p.tokens -= BEAT
    p.aw_ready = 1 if p.writes + p.answers < p.outstanding else 0
    p.w_ready = 1 if p.writes != 0 and p.tokens >= BEAT else 0
    p.b_valid = 1 if p.answers != 0 and now >= p.answer_due[p.answer_front] else 0


@kernel
def take_read(p: Any) -> None:
    """R is always ready: the beat that stands there goes."""
    if p.held:
        p.held = 0
        if p.held_last:
            p.read_front = (p.read_front + 1) % RING
            p.reads -= 1


@kernel
def ask_read(p: Any, now: int, beats: int) -> None:
    """A burst was handed over on AR."""
    at = (p.read_front + p.reads) % RING
    p.read_due[at] = now + p.latency
    p.read_beats[at] = beats
    p.reads += 1


@kernel
def take_answer(p: Any) -> None:
    """B is always ready."""
    if p.b_valid:
        p.answer_front = (p.answer_front + 1) % RING
        p.answers -= 1


@kernel
def take_write(p: Any, now: int) -> None:
    """A beat was handed over on W."""
    p.tokens -= BEAT
    p.write_beats[p.write_front] -= 1
    if p.write_beats[p.write_front] == 0:
        p.write_front = (p.write_front + 1) % RING
        p.writes -= 1
        at = (p.answer_front + p.answers) % RING
        p.answer_due[at] = now + p.latency
        p.answers += 1


@kernel
def ask_write(p: Any, beats: int) -> None:
    """A burst was handed over on AW."""
    p.write_beats[(p.write_front + p.writes) % RING] = beats
    p.writes += 1
