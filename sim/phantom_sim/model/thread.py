"""phantom_thread: fetch, word slots, read-modify-write. Only addresses count; there are no values."""

from __future__ import annotations

from typing import Any

from .kernel import kernel, registers

NOWHERE = -1  # an address that no partial sum has

# p_*: pend_q. first .. chan: job_q. fill, use, arrived: the pointers of the word slots. want, low, high, by slot: halves to be multiplied,
# addresses of their partial sums. v1 .. v4, a1 .. a4: valid and address of the stages.
THREAD = registers(
    "p_first", "p_last", "p_base", "p_skip", "p_chan", "bank",
    "job_valid", "first", "last", "base", "skip", "chan", "word", "first_word",
    "fill", "use", "arrived", "second", ("want", 2), ("low", 2), ("high", 2),
    "v1", "v2", "v3", "v4", "a1", "a2", "a3", "a4",
    bits=16,
)  # fmt: skip
GO, STALL, LOADED, JOB, ACTIVE = 1, 2, 4, 8, 16  # what step_thread tells


@kernel
def wants_word(th: Any) -> bool:
    """rd_req_o."""
    return th.job_valid != 0 and ((th.fill ^ th.use) & 3) != 2


@kernel
def _fetch(th: Any, entries: Any, last_word: bool) -> None:
    """The word goes into its slot (the RTL has it there two cycles later; nobody looks before `arrived`)."""
    slot = th.fill & 1
    low, high = entries[th.word, 0], entries[th.word, 1]
    skip = th.skip << 1
    want = 0
    if not (th.first_word and th.first & 1) and not (skip >> (low >> 8)) & 1:
        want = 1
    if not (last_word and not th.last & 1) and not (skip >> (high >> 8)) & 1:
        want |= 2
    th.want[slot] = want
    bank = th.base & 0x100
    th.low[slot] = bank | ((th.base + low) & 0xFF)
    th.high[slot] = bank | ((th.base + high) & 0xFF)


@kernel
def step_thread(th: Any, entries: Any, granted: bool, pending: int, drain: int, clear: int) -> int:
    """One cycle. granted: rd_gnt_i. pending: pend_valid_q. drain, clear: drain_en_i, drain_clear_i. Returns a set of flags."""
    result = 0
    # Stages 2 to 4.
    stall = th.v2 and (drain or (th.v3 and th.a3 == th.a2) or (th.v4 and th.a4 == th.a2))
    go = th.v2 and not stall
    arrived = th.arrived != th.use
    th.v4 = th.v3
    th.a4 = th.a3
    if drain:
        th.v3 = clear
        th.a3 = NOWHERE
    else:
        th.v3 = 1 if go else 0
        th.a3 = th.a2
    if stall:
        result = STALL
    else:
        if go:
            result = GO
        # Stage 1: an entry.
        th.v2 = th.v1
        th.a2 = th.a1
        th.v1 = 0
        if arrived:
            slot = th.use & 1
            want = th.want[slot]
            if want:
                th.v1 = 1
                th.a1 = th.low[slot] if want & 1 and not th.second else th.high[slot]
            if want == 3 and not th.second:
                th.second = 1
            else:
                th.second = 0
                th.use = (th.use + 1) & 3
    # Fetch.
    th.arrived = th.fill
    finished = False
    if granted:
        finished = th.word == th.last >> 1
        _fetch(th, entries, finished)
        th.fill = (th.fill + 1) & 3
        th.word = (th.word + 1) & 0x1FF
        th.first_word = 0
    if pending and (finished or not th.job_valid):
        th.first = th.p_first
        th.last = th.p_last
        th.base = th.p_base
        th.skip = th.p_skip
        th.chan = th.p_chan
        th.word = th.p_first >> 1
        th.first_word = 1
        th.job_valid = 1
        result |= LOADED
    elif finished:
        th.job_valid = 0
    if th.job_valid:
        result |= JOB | ACTIVE
    elif th.fill != th.use or th.v1 or th.v2 or th.v3 or th.v4:
        result |= ACTIVE
    return result
