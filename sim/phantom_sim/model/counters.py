"""phantom_counters, and what is counted: flags of a cycle, and the states of the threads of one core after the other."""

from __future__ import annotations

from typing import Any

from .kernel import kernel, registers

FLAGS = (
    "act_words", "wgt_words", "out_words", "lam_starved", "lam_blocked", "row_buffer_full", "wgt_starved", "wgt_blocked",
    "drain_wait", "out_blocked",
)  # fmt: skip
STATES = ("hazard", "fetch", "weight", "channel", "issue", "bank")
HAZARD, FETCH, WEIGHT, CHANNEL, ISSUE, BANK = range(len(STATES))
# Registers from a thread's state to its counter: flags_o, col_flags_q, flags_q, state_o, counts_q.
STATE_DELAY = 5
SCRUB = 528  # cycles that watch_row_q and watch_col_q have gone on when a layer starts

COUNTERS = registers("macs", ("flags", len(FLAGS)), ("states", len(STATES)), bits=64)


@kernel
def watched_core(cfg: Any, now: int) -> int:
    """The core whose flags of this cycle are counted: its row is chosen one cycle later, its column two."""
    row = (SCRUB + now + 1) // cfg.cols % cfg.rows
    return row * cfg.cols + (SCRUB + now + 2) % cfg.cols
