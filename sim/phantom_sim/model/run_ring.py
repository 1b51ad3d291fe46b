"""phantom_run_ring: what a core knows of the channels in its activation buffers.

All cores of a tile get the same fill at the same time. So what is filled (words, run table, ends of channels) is held once for a
tile, and what is released once for a core.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .kernel import kernel

RING = 512  # words
IN_FLIGHT = 64  # end_word
MARGIN = 12
RUNS = 4096  # entries of the largest run table
EMPTY = -1
ONES = 0x0101010101010101  # a byte for each thread
TOPS = -0x7F7F7F7F7F7F7F80  # 0x8080808080808080
RELEASE = 2  # release_q of the core, cycles after the commit

# release_at: when release_q[1] is high. full: cores of the tile whose room_o is low. words: of the activation buffer,
# {edge_col, position} of the high entry 16 bits above that of the low one. runs: {first, last} of the run table, or EMPTY.
TILE = np.dtype(
    [(name, np.int32) for name in ("filled", "wr_word", "full")]
    + [("release_at", np.int64), ("end_word", np.int32, (IN_FLIGHT,)), ("words", np.int32, (RING,)), ("runs", np.int32, (RUNS,))]
)


@kernel
def fill_tile(tile: Any, cfg: Any, f: Any, now: int) -> None:
    """One step of the fill."""
    if f.run_we:
        at = ((tile.filled << cfg.run_shift) | f.run_index) & (cfg.run_depth - 1)
        tile.runs[at] = EMPTY if f.empty else f.first << 10 | f.last
    if f.commit:
        # A last word that comes in this very cycle is not counted yet.
        tile.end_word[tile.filled % IN_FLIGHT] = tile.wr_word
        tile.filled = (tile.filled + 1) & 0xFF
        tile.release_at = now + RELEASE
    if f.word_we:
        tile.words[f.addr] = f.entry1 << 16 | f.entry0
        tile.wr_word = (f.addr + 1) % RING


@kernel
def run_of(tile: Any, cfg: Any, chan: int, index: int) -> int:
    """A run, or EMPTY."""
    return tile.runs[((chan << cfg.run_shift) | index) & (cfg.run_depth - 1)]


@kernel
def set_oldest(core: Any, thread: int, chan: int) -> None:
    """The lowest channel that a thread may still use, as it is from the next cycle on."""
    shift = 8 * thread
    core.oldest_d = (core.oldest_d & ~(0xFF << shift)) | (chan << shift)


@kernel
def step_ring(core: Any, tile: Any, cfg: Any) -> None:
    """One cycle: release a channel, find the room."""
    used = (tile.wr_word - core.tail_word) % RING
    in_flight = (tile.filled - core.tail) & 0xFF
    differ = core.oldest ^ (core.tail * ONES)
    if in_flight and not (differ - ONES) & ~differ & TOPS:
        core.tail_word = tile.end_word[core.tail % IN_FLIGHT]
        core.tail = (core.tail + 1) & 0xFF
    room = 1 if used < cfg.act_words - 1 - MARGIN and in_flight < cfg.chan_cap else 0
    tile.full += core.room - room
    core.room = room
    core.oldest = core.oldest_d
