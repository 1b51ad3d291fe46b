"""phantom_core with its PEs (phantom_pe): one cycle of a core."""

from __future__ import annotations

from typing import Any

import numpy as np

from .kernel import kernel
from .run_ring import set_oldest, step_ring
from .tds import decide
from .thread import ACTIVE, GO, JOB, LOADED, STALL, step_thread, wants_word
from .thread_mapper import step_mapper
from .weight_queue import THREADS, push_word

# Sets of threads are masks. queued: filled_o of the queue. pending, jobs: pend_valid_q, job_valid_q of the threads. idle: idle_o.
# busy, parked, last: of the mapper. pipe: S1 to S5 of the TDS, a thread (plus one) for each, four bits each. park, job: what
# S3 has found, until S5. passed: pass_done_q. taken, index: chan_q and index_mem of the TDS. oldest: a byte for each
# thread. turns: turn_q of the PEs. macs, stalls: what the threads did in this cycle.
CORE = np.dtype(
    [(name, np.int32) for name in ("tile", "queued", "pending", "jobs", "idle", "busy", "parked", "last", "selected", "pipe", "park")]
    + [(name, np.int32) for name in ("job", "passed", "pass_done", "tail", "tail_word", "room", "turns", "macs", "stalls", "roomy", "weight_room")]
    + [(name, np.int32, (THREADS,)) for name in ("taken", "index", "level", "queue_wr", "queue_rd")]
    + [("oldest", np.int64), ("oldest_d", np.int64)]
)
ALL = (1 << THREADS) - 1


@kernel
def reset_core(core: Any, cfg: Any) -> None:
    """As it stands when a layer starts."""
    core.idle = ALL
    core.room = 1
    core.roomy = ALL
    core.weight_room = ALL
    for t in range(THREADS):
        core.index[t] = (0x100 << (cfg.slot_bits + cfg.window_bits)) - 1


@kernel
def _step_pe(core: Any, threads: Any, entries: Any, pe: int, drain: int, clear: int) -> None:
    """Two threads and their arbiter."""
    first, second = threads[2 * pe], threads[2 * pe + 1]
    turn = core.turns >> pe & 1
    want0, want1 = wants_word(first), wants_word(second)
    grant0 = want0 and not (want1 and turn)
    grant1 = want1 and not (want0 and not turn)
    if grant0:
        core.turns |= 1 << pe
    elif grant1:
        core.turns &= ~(1 << pe)
    _step_one(core, first, entries, 2 * pe, grant0, drain, clear)
    _step_one(core, second, entries, 2 * pe + 1, grant1, drain, clear)


@kernel
def _step_one(core: Any, th: Any, entries: Any, t: int, granted: bool, drain: int, clear: int) -> None:
    """A thread, and what the front end has to know of it."""
    bit = 1 << t
    if core.idle & bit and not core.pending & bit and not drain:
        return
    had_job = core.jobs & bit
    did = step_thread(th, entries, granted, core.pending & bit, drain, clear)
    if did & GO:
        core.macs |= bit
    if did & STALL:
        core.stalls |= bit
    if did & LOADED:
        core.pending &= ~bit
        core.jobs |= bit
        set_oldest(core, t, th.chan)
    elif had_job and not did & JOB:
        core.jobs &= ~bit
        set_oldest(core, t, core.taken[t])
    if did & ACTIVE:
        core.idle &= ~bit
    else:
        core.idle |= bit


@kernel
def step_core(
    core: Any, threads: Any, tile: Any, entries: Any, queue: Any, runs: Any, cfg: Any,
    word_valid: int, word: int, drain: int, clear: int, drained: int, drained_next: int,
) -> int:  # fmt: skip
    """One cycle; returns the multiplies in it.

    word_valid, word: of the weight bus, behind its register. drain, clear, drained: drain_en_q, drain_clear_q, drained_q.
    drained_next: drained_i.
    """
    pass_done = 1 if core.passed == ALL and not drained and not drained_next else 0
    step_ring(core, tile, cfg)
    weight_room = core.roomy
    # What the threads have in S5 and the mapper sees of it.
    done = core.pipe >> 16 & 0xF
    done_bit = 1 << (done - 1) if done else 0
    job_ready = ALL & ~core.pending
    arriving = done_bit & core.job
    # S3 looks at idle as it is now.
    deciding = core.pipe >> 8 & 0xF
    step_mapper(core, job_ready, tile.commits >> 1 & 1, done_bit, done_bit & core.park)
    core.job &= ~done_bit
    core.park &= ~done_bit
    if deciding:
        decide(core, threads, tile, queue, runs, cfg, deciding - 1)
    if drained:
        core.passed = 0
    core.pipe = (core.pipe << 4 | core.selected) & 0xFFFFF
    core.macs = 0
    core.stalls = 0
    if core.idle != ALL or core.pending or drain:
        for pe in range(THREADS // 2):
            _step_pe(core, threads, entries, pe, drain, clear)
    if arriving:
        core.pending |= arriving
        core.idle &= ~arriving
        t = done - 1
        if not core.jobs & arriving:
            set_oldest(core, t, threads[t].p_chan)
    if word_valid:
        push_word(core, queue, cfg.queue_words, word)
    core.weight_room = weight_room
    core.pass_done = pass_done
    macs, count = core.macs, 0
    while macs:
        macs &= macs - 1
        count += 1
    return count
