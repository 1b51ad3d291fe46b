"""phantom_weight_queue: the words that wait for each thread of a core."""

from __future__ import annotations

from typing import Any

from .kernel import kernel

THREADS = 8
ENTRIES = 4  # of a word
WORDS = 16  # at most; a configuration says how many of them are used
MARGIN = 3


@kernel
def push_word(core: Any, queue: Any, words: int, word: int) -> None:
    """Write side. `queue` [threads, words]. A word that comes in counts for room_o at once, one that leaves a cycle later."""
    thread = (word >> 60) & 0x7
    queue[thread, core.queue_wr[thread]] = word
    core.queue_wr[thread] = (core.queue_wr[thread] + 1) % words
    core.level[thread] += 1
    core.queued |= 1 << thread
    if core.level[thread] >= words - 1 - MARGIN:
        core.roomy &= ~(1 << thread)
    if core.level[thread] + (1 if core.popped == thread + 1 else 0) >= words - 1 - MARGIN:
        core.weight_room &= ~(1 << thread)


@kernel
def head(core: Any, queue: Any, thread: int) -> int:
    """The entry {delta, w} at the head of a thread's queue."""
    at = core.queue_rd[thread]
    return (queue[thread, at // ENTRIES] >> (15 * (at % ENTRIES))) & 0x7FFF


@kernel
def pop_entry(core: Any, words: int, thread: int) -> None:
    """Read side: the word leaves with its last entry."""
    at = core.queue_rd[thread]
    core.queue_rd[thread] = (at + 1) % (ENTRIES * words)
    if at % ENTRIES == ENTRIES - 1:
        core.level[thread] -= 1
        core.popped = thread + 1
        if core.level[thread] < words - 1 - MARGIN:
            core.roomy |= 1 << thread
        if core.level[thread] == 0:
            core.queued &= ~(1 << thread)
