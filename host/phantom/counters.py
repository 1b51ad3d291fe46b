"""What the hardware counts while a layer runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CAUSES = ("hazard", "fetch", "weight", "channel", "issue", "bank")  # for which a thread waits


@dataclass(frozen=True)
class Counters:
    """Events of one layer (see the register description); `sampled` are thread cycles by cause, scaled to all cores."""

    cycles: int
    macs: int
    act_words: int
    wgt_words: int
    out_words: int
    lam_starved: int
    lam_blocked: int
    row_buffer_full: int
    wgt_starved: int
    wgt_blocked: int
    drain_wait: int
    out_blocked: int
    sampled: Mapping[str, int]
