"""phantom_thread_mapper: the next thread that has become free, round robin."""

from __future__ import annotations

from typing import Any

from .kernel import kernel


@kernel
def step_mapper(core: Any, job_ready: int, release: int, done: int, done_park: int) -> None:
    """One cycle. Masks: job_ready, done (the thread that the TDS is through with, or 0), done_park (the same, if refused).

    core.selected: sel_thread_o + 1, or 0 while sel_valid_o is low.
    """
    cand = core.queued & job_ready & ~core.busy & ~core.parked
    if release:
        core.parked = 0
    else:
        core.parked |= done_park
    core.busy &= ~done
    core.selected = 0
    if cand:
        ahead = cand & ~((2 << core.last) - 1)
        pick = ahead if ahead else cand
        pick &= -pick
        index = 4 if pick & 0xF0 else 0
        index |= 2 if pick & 0xCC else 0
        index |= 1 if pick & 0xAA else 0
        core.last = index
        core.busy |= pick
        core.selected = index + 1
