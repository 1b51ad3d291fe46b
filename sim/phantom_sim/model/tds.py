"""phantom_tds: from the entries of the chosen threads to jobs; empty runs are dropped.

A thread has at most one entry in the pipe, and its index and the head of its queue stand still meanwhile. So the model does
all the work of an entry in S3, where the RTL decides; S1, S2, S4 and S5 are the cycles that it takes.
"""

from __future__ import annotations

from typing import Any

from .kernel import kernel
from .run_ring import EMPTY, run_of, set_oldest
from .thread import is_idle, place_of
from .weight_queue import head

END_OF_PASS, HOP = 127, 126  # delta, where w is 0


@kernel
def _end_pass(core: Any, b: Any, t: int) -> bool:
    """Whether the thread may turn to its other bank; then it does."""
    if core.passed >> t & 1 or not core.was_idle:
        return False
    core.passed |= 1 << t
    b.bank[place_of(core.number, t)] ^= 0x100
    return True


@kernel
def look_idle(core: Any, b: Any, t: int) -> None:
    """S2 of thread `t`: idle_q, as S3 will see it."""
    core.was_idle = 0 if core.pending >> t & 1 or not is_idle(b, place_of(core.number, t)) else 1


@kernel
def _find_job(core: Any, b: Any, tile: Any, cfg: Any, t: int, index: int) -> None:
    """Run, base and the rest of a job; it waits in the thread's pending registers until S5, which are free."""
    window = (index >> cfg.slot_bits) & ((1 << cfg.window_bits) - 1)
    chan = index >> (cfg.slot_bits + cfg.window_bits)
    run = run_of(tile, cfg, chan, cfg.window_run[window])
    if run == EMPTY:
        return
    i = place_of(core.number, t)
    slot = index & ((1 << cfg.slot_bits) - 1)
    b.p_first[i] = run >> 10
    b.p_last[i] = run & 0x3FF
    b.p_base[i] = b.bank[i] | ((cfg.slot_base[slot] - cfg.window_offset[window]) & 0xFF)
    b.p_skip[i] = cfg.window_skip[window]
    b.p_chan[i] = chan
    core.job |= 1 << t


@kernel
def decide(core: Any, b: Any, tile: Any, queue: Any, cfg: Any, t: int) -> None:
    """S3 of thread `t`: go on, or leave the entry in the queue."""
    entry = head(core, queue, t)
    delta, w = entry >> 8, entry & 0xFF
    bits = cfg.slot_bits + cfg.window_bits
    # The index is {channel, window, slot} without the bits that the layer does not use.
    index = core.index[t]
    end_of_pass = w == 0 and delta == END_OF_PASS
    if end_of_pass:
        if not _end_pass(core, b, t):
            return
        free = ((index >> bits) + 1) & 0xFF
    elif w or delta == HOP:
        index = (index + delta) & ((0x100 << bits) - 1)
        free = index >> bits
    else:
        chan = ((index >> bits) + delta) & 0xFF
        index = (chan + 1 << bits) - 1
        free = (chan + 1) & 0xFF
    core.taken[t] = free
    if not (core.jobs | core.pending) >> t & 1:
        set_oldest(core, t, free)
    if not end_of_pass and not ((index >> bits) - tile.filled) & 0x80:
        core.park |= 1 << t
        return
    core.index[t] = index
    core.popping = t + 1
    if w:
        _find_job(core, b, tile, cfg, t, index)
