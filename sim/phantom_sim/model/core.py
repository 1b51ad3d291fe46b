"""phantom_core: the front end of a core in one cycle, and what its threads and the front end tell each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from .kernel import kernel
from .run_ring import set_oldest, step_ring
from .tds import decide, look_idle
from .thread import PES, load_job, place_of
from .thread_mapper import step_mapper
from .weight_queue import THREADS, pop_entry

# Sets of threads are masks. queued: filled_o of the queue; roomy, weight_room: threads with room, now and as room_o says.
# pending, jobs: pend_valid_q, job_valid_q of the threads. busy, parked, last, selected: of the mapper. pipe: S1 to S5 of the
# TDS, a thread (plus one) for each, four bits each. park, job, arriving: what S3 has found, until S5. passed: pass_done_q;
# pass_done: pass_done_o. idle: threads that will begin their pending job in this cycle, because they have none.
# was_idle: whether the thread in S2 is idle. popping: the thread (plus one) whose entry the TDS has taken,
# popped: whose queue a word leaves in this cycle. taken, index: chan_q and index_mem of the TDS. oldest: a byte for each thread.
_ONCE = (
    "number", "tile", "queued", "roomy", "weight_room", "pending", "jobs", "busy", "parked", "last", "selected", "pipe", "park",
    "job", "arriving", "passed", "pass_done", "draining", "idle", "was_idle", "popping", "popped", "tail",
    "tail_word", "room",
)  # fmt: skip
_EACH = ("taken", "index", "level", "queue_wr", "queue_rd")
CORE = np.dtype(
    [(name, np.int32) for name in _ONCE]
    + [(name, np.int32, (THREADS,)) for name in _EACH]
    + [("oldest", np.int64), ("oldest_d", np.int64)]
)
ALL = (1 << THREADS) - 1


@kernel
def reset_core(core: Any, cfg: Any) -> None:
    """As it stands when a layer starts."""
    core.room = 1
    core.roomy = ALL
    core.weight_room = ALL
    for t in range(THREADS):
        core.index[t] = (0x100 << (cfg.slot_bits + cfg.window_bits)) - 1


@kernel
def step_front(core: Any, b: Any, tile: Any, queue: Any, cfg: Any, now: int, drained: int, drained_next: int) -> None:
    """One cycle of run ring, mapper and TDS; before the threads move. drained, drained_next: drained_q, drained_i."""
    core.pass_done = 1 if core.passed == ALL and not drained and not drained_next else 0
    step_ring(core, tile, cfg)
    core.weight_room = core.roomy
    core.popped = 0
    done = core.pipe >> 16 & 0xF
    deciding = core.pipe >> 8 & 0xF
    done_bit = 1 << (done - 1) if done else 0
    core.arriving = done_bit & core.job
    core.idle = core.pending & ~core.jobs
    step_mapper(core, ALL & ~core.pending, tile.release_at == now, done_bit, done_bit & core.park)
    core.job &= ~done_bit
    core.park &= ~done_bit
    if core.popping:
        pop_entry(core, cfg.queue_words, core.popping - 1)
        core.popping = 0
    if deciding:
        decide(core, b, tile, queue, cfg, deciding - 1)
    adding = core.pipe >> 4 & 0xF
    if adding:
        look_idle(core, b, adding - 1)
    if drained:
        core.passed = 0
    core.pipe = (core.pipe << 4 | core.selected) & 0xFFFFF


@kernel
def lend_port(core: Any, b: Any, drain: int, clear: int) -> None:
    """drain_en_q, drain_clear_q, for all threads of the core."""
    if drain or core.draining:
        for t in range(THREADS):
            i = place_of(core.number, t)
            b.drain[i] = -drain
            b.clear[i] = -clear
        core.draining = drain


@kernel
def begin_jobs(core: Any, b: Any) -> None:
    """Pending jobs of threads that had none in this cycle (`idle`)."""
    idle = core.idle
    while idle:
        bit = idle & -idle
        _begin(core, b, (bit & 0xAA != 0) | (bit & 0xCC != 0) << 1 | (bit & 0xF0 != 0) << 2)
        idle ^= bit


@kernel
def _begin(core: Any, b: Any, t: int) -> None:
    i = place_of(core.number, t)
    load_job(b, i)
    core.pending &= ~(1 << t)
    core.jobs |= 1 << t
    set_oldest(core, t, b.chan[i])


@kernel
def end_jobs(core: Any, b: Any) -> None:
    """A job ends with its last word; the pending one follows at once. After words were fetched."""
    half = (core.number & 1) * (PES // 2)
    for pe in range(PES // 2):
        i = half + pe
        if b.finished[i] | b.finished[i + PES]:
            t = 2 * pe if b.finished[i] else 2 * pe + 1
            if core.pending >> t & 1:
                _begin(core, b, t)
            else:
                b.job[place_of(core.number, t)] = 0
                core.jobs &= ~(1 << t)
                set_oldest(core, t, core.taken[t])


@kernel
def take_arriving(core: Any, b: Any) -> None:
    """S5: the job is pending from the next cycle on; after the words of this cycle."""
    if core.arriving:
        core.pending |= core.arriving
        if not core.jobs & core.arriving:
            t = (core.arriving & 0xAA != 0) | (core.arriving & 0xCC != 0) << 1 | (core.arriving & 0xF0 != 0) << 2
            set_oldest(core, t, b.p_chan[place_of(core.number, t)])
