"""phantom_thread: fetch, word slots, read-modify-write. Only addresses count; there are no values.

The threads of two cores stand side by side in a *batch*, so that one vector instruction moves all of them. Place 4 c + p of it
is the first thread of PE p of core c, place 8 + 4 c + p the second one. What happens in every cycle is written without branches, on 16-bit
numbers, and truth is -1 (all ones); what happens once a word or once a job is done thread by thread.
"""

from __future__ import annotations

from typing import Any

from .kernel import kernel, registers

PLACES = 16
PES = PLACES // 2
LONGEST = 32  # cycles that a thread without jobs may still take: four entries of two words, each stalled twice, and the stages

_EACH = (
    # Stages: valid and address.
    "v1", "v2", "v3", "v4", "a1", "a2", "a3", "a4",
    # Word slots: fill_q, use_q, arrived_q, second_q; for each slot: is there an entry, are there two, their addresses.
    "fill", "use", "arrived", "second", "any0", "any1", "two0", "two1", "one0", "one1", "other0", "other1",
    # job_valid_q; rd_req_o, rd_gnt_i; drain_en_i, drain_clear_i; mac_o, stall_o, and multiplies so far.
    "job", "want", "grant", "drain", "clear", "mac", "stall", "macs",
    # job_q, with the word and whether it is the first one; pend_q; the bank of the TDS.
    "first", "last", "base", "skip", "chan", "word", "first_word", "p_first", "p_last", "p_base", "p_skip", "p_chan", "bank",
)  # fmt: skip
# turn: turn_q of the PEs, true when it is the second thread's. awake: cycles until all threads are surely idle.
BATCH = registers(*((name, PLACES) for name in _EACH), ("turn", PES), "awake", bits=16)


@kernel
def place_of(core: int, thread: int) -> int:
    """Place in its batch of a thread of a core."""
    return (thread & 1) * PES + (core & 1) * (PES // 2) + (thread >> 1)


@kernel
def is_idle(b: Any, i: int) -> bool:
    """idle_o, but for the pending job."""
    return not (b.job[i] or b.fill[i] != b.use[i] or b.v1[i] or b.v2[i] or b.v3[i] or b.v4[i])


@kernel
def step_threads(b: Any) -> None:
    """One cycle of everything but fetch and jobs; finds rd_req_o."""
    for i in range(PLACES):
        v1, v2, v3, v4 = b.v1[i], b.v2[i], b.v3[i], b.v4[i]
        a1, a2, a3, a4 = b.a1[i], b.a2[i], b.a3[i], b.a4[i]
        use, second, drain = b.use[i], b.second[i], b.drain[i]
        odd = -(use & 1)
        some = (b.any1[i] & odd) | (b.any0[i] & ~odd)
        two = (b.two1[i] & odd) | (b.two0[i] & ~odd)
        one = (b.one1[i] & odd) | (b.one0[i] & ~odd)
        other = (b.other1[i] & odd) | (b.other0[i] & ~odd)
        same3 = -1 if a3 == a2 else 0
        same4 = -1 if a4 == a2 else 0
        stall = v2 & (drain | (v3 & same3) | (v4 & same4))
        go = v2 & ~stall
        arrived = -1 if b.arrived[i] != use else 0
        take = arrived & ~stall
        both = two & ~second
        address = (other & second) | (one & ~second)
        b.v4[i] = v3
        b.a4[i] = a3
        b.v3[i] = (drain & b.clear[i]) | (go & ~drain)
        b.a3[i] = a2 | drain  # -1: the bank that is drained is not the one of stage 2
        b.v2[i] = (v2 & stall) | (v1 & ~stall)
        b.a2[i] = (a2 & stall) | (a1 & ~stall)
        b.v1[i] = (v1 & stall) | (some & take)
        b.a1[i] = (a1 & stall) | (address & ~stall)
        b.second[i] = (take & both) | (second & ~take)
        b.use[i] = (use - (take & ~both)) & 3
        full = -1 if (b.fill[i] ^ use) == 2 else 0
        b.want[i] = b.job[i] & ~full
        b.arrived[i] = b.fill[i]
        b.mac[i] = go
        b.stall[i] = stall
        b.macs[i] -= go


@kernel
def grant_words(b: Any) -> None:
    """phantom_pe: which of the two threads gets the port of the activation buffer."""
    for i in range(PES):
        want0, want1, turn = b.want[i], b.want[i + PES], b.turn[i]
        grant0 = want0 & ~(want1 & turn)
        grant1 = want1 & ~(want0 & ~turn)
        b.grant[i] = grant0
        b.grant[i + PES] = grant1
        b.turn[i] = grant0 | (turn & ~grant1)


@kernel
def fetch_word(b: Any, i: int, entries: Any) -> bool:
    """A word of the run into its slot (the RTL has it there two cycles later; nobody looks before `arrived`). Was it the last one?"""
    word = b.word[i]
    finished = word == b.last[i] >> 1
    low, high = entries[2 * word], entries[2 * word + 1]
    skip = b.skip[i] << 1
    base = b.base[i]
    bank = base & 0x100
    low_there = not (b.first_word[i] and b.first[i] & 1) and not (skip >> (low >> 8)) & 1
    high_there = not (finished and not b.last[i] & 1) and not (skip >> (high >> 8)) & 1
    high_address = bank | ((base + high) & 0xFF)
    one = bank | ((base + low) & 0xFF) if low_there else high_address
    some = -1 if low_there or high_there else 0
    two = -1 if low_there and high_there else 0
    if b.fill[i] & 1:
        b.any1[i], b.two1[i], b.one1[i], b.other1[i] = some, two, one, high_address
    else:
        b.any0[i], b.two0[i], b.one0[i], b.other0[i] = some, two, one, high_address
    b.fill[i] = (b.fill[i] + 1) & 3
    b.word[i] = (word + 1) & 0x1FF
    b.first_word[i] = 0
    return finished


@kernel
def load_job(b: Any, i: int) -> None:
    """The pending job is begun."""
    b.first[i] = b.p_first[i]
    b.last[i] = b.p_last[i]
    b.base[i] = b.p_base[i]
    b.skip[i] = b.p_skip[i]
    b.chan[i] = b.p_chan[i]
    b.word[i] = b.p_first[i] >> 1
    b.first_word[i] = 1
    b.job[i] = -1
