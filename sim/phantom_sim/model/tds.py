"""phantom_tds: from the entries of the chosen threads to jobs; empty runs are dropped.

A thread has at most one entry in the pipe, and its index and the head of its queue stand still meanwhile. So the model does all the
work of an entry in S3, where the RTL decides; S1, S2, S4 and S5 are the cycles that it takes.
"""

from __future__ import annotations

from typing import Any

from .kernel import kernel
from .run_ring import EMPTY, run_of, set_oldest
from .weight_queue import head, pop_entry

END_OF_PASS, HOP = 127, 126  # delta, where w is 0


@kernel
def decide(core: Any, threads: Any, tile: Any, queue: Any, runs: Any, cfg: Any, t: int) -> None:
    """S3 of thread `t`: go on, or leave the entry in the queue. The job waits in the thread's pending registers until S5."""
    entry = head(core, queue, t)
    delta, w = entry >> 8, entry & 0xFF
    bits = cfg.slot_bits + cfg.window_bits
    index = core.index[t]
    bit = 1 << t
    # The index is {channel, window, slot} without the bits that the layer does not use.
    if w == 0 and delta == END_OF_PASS:
        th = threads[t]
        if not core.idle >> t & 1 or core.passed & bit:
            return
        core.passed |= bit
        th.bank ^= 0x100
        free = ((index >> bits) + 1) & 0xFF
    else:
        if w or delta == HOP:
            index = (index + delta) & ((0x100 << bits) - 1)
            free = index >> bits
        else:
            chan = ((index >> bits) + delta) & 0xFF
            index = (chan << bits) | ((1 << bits) - 1)
            free = (chan + 1) & 0xFF
        core.taken[t] = free
        if not (core.jobs | core.pending) & bit:
            set_oldest(core, t, free)
        chan = index >> bits
        if not ((chan - tile.filled) & 0x80):
            core.park |= bit
            return
        core.index[t] = index
        pop_entry(core, cfg.queue_words, t)
        if w:
            window = (index >> cfg.slot_bits) & ((1 << cfg.window_bits) - 1)
            run = run_of(runs, cfg, chan, cfg.window_run[window])
            if run != EMPTY:
                th = threads[t]
                slot = index & ((1 << cfg.slot_bits) - 1)
                th.p_first = run >> 10
                th.p_last = run & 0x3FF
                th.p_base = th.bank | ((cfg.slot_base[slot] - cfg.window_offset[window]) & 0xFF)
                th.p_skip = cfg.window_skip[window]
                th.p_chan = chan
                core.job |= bit
        return
    core.taken[t] = free
    if not (core.jobs | core.pending) & bit:
        set_oldest(core, t, free)
    pop_entry(core, cfg.queue_words, t)
