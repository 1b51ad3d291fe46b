"""phantom_thread: fetch, word slots, read-modify-write. Only addresses count; there are no values.

The threads of two cores stand side by side in a *batch*, so that one vector instruction moves all of them. Place 4 c + p of
it is the first thread of PE p of core c, place 8 + 4 c + p the second one. What happens in every cycle is written without
branches, on 16-bit numbers, and truth is -1 (all ones); what happens once a word or once a job is done thread by thread.
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
    # fill_q, use_q, arrived_q by bits; second_q.
    "fill0", "fill1", "use0", "use1", "arrived0", "arrived1", "second",
    # Word slots, the even and the odd one: is there an entry, are there two, the address of the first and of the other.
    "some_e", "some_o", "two_e", "two_o", "one_e", "one_o", "other_e", "other_o",
    # job_valid_q; rd_req_o, rd_gnt_i (and for which slot); of the word that is granted: edge codes and partial sums of both
    # entries, is it the last one of the run.
    "job", "want", "grant", "grant_e", "grant_o", "low_edge", "high_edge", "low_sum", "high_sum", "finished",
    # drain_en_i, drain_clear_i; mac_o, stall_o, and multiplies so far.
    "drain", "clear", "mac", "stall", "macs",
    # job_q: its next word, the one behind its last; is the next one the first; do the first and the last word begin and end
    # with a half that does not belong to it; base; edge columns that it skips; channel.
    "word", "behind", "first_word", "first_odd", "last_even", "base", "skip1", "skip2", "skip3", "chan",
    # pend_q; the bank of the TDS.
    "p_first", "p_last", "p_base", "p_skip", "p_chan", "bank",
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
    words = (b.fill0[i] ^ b.use0[i]) | (b.fill1[i] ^ b.use1[i])
    return (b.job[i] | words | b.v1[i] | b.v2[i] | b.v3[i] | b.v4[i]) == 0


@kernel
def step_stages(b: Any) -> None:
    """One cycle of the stages behind the word slots; rd_req_o."""
    for i in range(PLACES):
        v1, v2, v3, v4 = b.v1[i], b.v2[i], b.v3[i], b.v4[i]
        a1, a2, a3, a4 = b.a1[i], b.a2[i], b.a3[i], b.a4[i]
        second, drain, odd = b.second[i], b.drain[i], b.use0[i]
        some = (b.some_o[i] & odd) | (b.some_e[i] & ~odd)
        two = (b.two_o[i] & odd) | (b.two_e[i] & ~odd)
        one = (b.one_o[i] & odd) | (b.one_e[i] & ~odd)
        other = (b.other_o[i] & odd) | (b.other_e[i] & ~odd)
        # Chosen like this, both ways of 16 bits, it stays a vector of them.
        same3 = v3 if a3 == a2 else 0
        same4 = v4 if a4 == a2 else 0
        stall = v2 & (drain | same3 | same4)
        go = v2 & ~stall
        take = ((b.arrived0[i] ^ odd) | (b.arrived1[i] ^ b.use1[i])) & ~stall
        both = two & ~second
        leaves = take & ~both
        b.v4[i] = v3
        b.a4[i] = a3
        b.v3[i] = (drain & b.clear[i]) | (go & ~drain)
        b.a3[i] = a2 | drain  # -1: the bank that is drained is not the one of stage 2
        b.v2[i] = (v2 & stall) | (v1 & ~stall)
        b.a2[i] = (a2 & stall) | (a1 & ~stall)
        b.v1[i] = (v1 & stall) | (some & take)
        b.a1[i] = (a1 & stall) | (((other & second) | (one & ~second)) & ~stall)
        b.second[i] = (take & both) | (second & ~take)
        b.want[i] = b.job[i] & ((b.fill0[i] ^ odd) | ~(b.fill1[i] ^ b.use1[i]))
        b.arrived0[i] = b.fill0[i]
        b.arrived1[i] = b.fill1[i]
        b.use0[i] = odd ^ leaves
        b.use1[i] ^= odd & leaves
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
        odd0, odd1 = b.fill0[i], b.fill0[i + PES]
        b.grant[i] = grant0
        b.grant[i + PES] = grant1
        b.grant_e[i] = grant0 & ~odd0
        b.grant_e[i + PES] = grant1 & ~odd1
        b.grant_o[i] = grant0 & odd0
        b.grant_o[i + PES] = grant1 & odd1
        b.turn[i] = grant0 | (turn & ~grant1)


@kernel
def read_words(b: Any, half: int, words: Any) -> None:
    """The words of one core's activation buffer that its PEs have asked for. `half`: the core's first place."""
    for i in range(half, half + PES // 2):
        at = i if b.grant[i] else i + PES
        word, base = words[b.word[at]], b.base[at]
        b.word[at] = (b.word[at] - b.grant[at]) & 0x1FF
        b.low_edge[at] = word & 0x300
        b.high_edge[at] = word >> 16 & 0x300
        b.low_sum[at] = (base & 0x100) | ((base + word) & 0xFF)
        b.high_sum[at] = (base & 0x100) | ((base + (word >> 16)) & 0xFF)


@kernel
def step_fetch_words(b: Any) -> None:
    """What was read goes into its slot; the RTL has it there two cycles later, but nobody looks before `arrived`."""
    for i in range(PLACES):
        grant = b.grant[i]
        low_edge, high_edge = b.low_edge[i], b.high_edge[i]
        skip1, skip2, skip3 = b.skip1[i], b.skip2[i], b.skip3[i]
        low_sum, high_sum = b.low_sum[i], b.high_sum[i]
        low1 = skip1 if low_edge == 0x100 else 0
        low2 = skip2 if low_edge == 0x200 else 0
        low3 = skip3 if low_edge == 0x300 else 0
        high1 = skip1 if high_edge == 0x100 else 0
        high2 = skip2 if high_edge == 0x200 else 0
        high3 = skip3 if high_edge == 0x300 else 0
        word, behind, last_even = b.word[i], b.behind[i], b.last_even[i]
        finished = grant if word == behind else 0
        cut = last_even if word == behind else 0
        low_there = ~((b.first_word[i] & b.first_odd[i]) | low1 | low2 | low3)
        high_there = ~(cut | high1 | high2 | high3)
        one = (low_sum & low_there) | (high_sum & ~low_there)
        some = low_there | high_there
        two = low_there & high_there
        even_slot, odd_slot = b.grant_e[i], b.grant_o[i]
        b.some_e[i] = (some & even_slot) | (b.some_e[i] & ~even_slot)
        b.some_o[i] = (some & odd_slot) | (b.some_o[i] & ~odd_slot)
        b.two_e[i] = (two & even_slot) | (b.two_e[i] & ~even_slot)
        b.two_o[i] = (two & odd_slot) | (b.two_o[i] & ~odd_slot)
        b.one_e[i] = (one & even_slot) | (b.one_e[i] & ~even_slot)
        b.one_o[i] = (one & odd_slot) | (b.one_o[i] & ~odd_slot)
        b.other_e[i] = (high_sum & even_slot) | (b.other_e[i] & ~even_slot)
        b.other_o[i] = (high_sum & odd_slot) | (b.other_o[i] & ~odd_slot)
        b.fill0[i] ^= grant
        b.fill1[i] ^= odd_slot
        b.first_word[i] &= ~grant
        b.finished[i] = finished


@kernel
def load_job(b: Any, i: int) -> None:
    """The pending job is begun."""
    first, last, skip = b.p_first[i], b.p_last[i], b.p_skip[i]
    b.word[i] = first >> 1
    b.behind[i] = ((last >> 1) + 1) & 0x1FF
    b.first_word[i] = -1
    b.first_odd[i] = -(first & 1)
    b.last_even[i] = (last & 1) - 1
    b.base[i] = b.p_base[i]
    b.skip1[i] = -(skip & 1)
    b.skip2[i] = -(skip >> 1 & 1)
    b.skip3[i] = -(skip >> 2 & 1)
    b.chan[i] = b.p_chan[i]
    b.job[i] = -1
