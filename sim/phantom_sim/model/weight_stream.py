"""phantom_weight_stream: packets of the weight stream to the cores of their masks, parameters to the output."""

from __future__ import annotations

from typing import Any

from .kernel import kernel, registers

HEADER, WEIGHTS, PARAMS = range(3)  # state_q
KIND_WGT, KIND_PRM, KIND_END = 0x2, 0x3, 0xE
ARRIVE = 2  # wgt_valid_o, wgt_valid_q of the core: the queue is written in the second cycle after the word was accepted
SLOTS = 4  # words on their way, by the cycle in which they arrive

# roomy: roomy_q. word, ready, go: what stands on the stream in this cycle, in_ready_o, and whether the word is taken.
WEIGHT_STREAM = registers("state", "left", "rows", "cols", "roomy", "was_end", "ended", "word", "ready", "go", bits=64)
ARRIVAL = registers("valid", "rows", "cols", "word", bits=64)


@kernel
def weight_ready(w: Any, prm_ready: int) -> int:
    """in_ready_o."""
    if w.state == PARAMS:
        return prm_ready
    if w.state == HEADER:
        return 1
    return w.roomy >> ((w.word >> 60) & 0xF) & 1


@kernel
def _look_for_room(w: Any, cfg: Any, cores: Any) -> None:
    """roomy_d: behind a header its mask holds."""
    rows, cols = w.rows, w.cols
    if w.state == HEADER:
        rows = (w.word >> 32) & 0xFFFF
        cols = (w.word >> 48) & 0xFFFF
    w.roomy = 0xFF
    for r in range(cfg.rows):
        if rows >> r & 1:
            for c in range(cfg.cols):
                if cols >> c & 1:
                    w.roomy &= cores[r * cfg.cols + c].weight_room


@kernel
def step_weight_stream(w: Any, cfg: Any, cores: Any, arrivals: Any, now: int, last: int) -> None:
    """One cycle; before the cores'."""
    _look_for_room(w, cfg, cores)
    arrival = arrivals[(now + ARRIVE) % SLOTS]
    arrival.valid = 0
    if w.was_end:
        w.ended = 1
    w.was_end = 0
    if not w.go:
        return
    word = w.word
    if w.state == HEADER:
        kind = word & 0xF
        w.left = (word >> 12) & 0xFFFF
        w.rows = (word >> 32) & 0xFFFF
        w.cols = (word >> 48) & 0xFFFF
        if kind == KIND_END:
            w.was_end = last
        elif w.left != 0:
            w.state = WEIGHTS if kind == KIND_WGT else PARAMS
        return
    if w.state == WEIGHTS:
        arrival.valid = 1
        arrival.rows = w.rows
        arrival.cols = w.cols
        arrival.word = word
    w.left -= 1
    if w.left == 0:
        w.state = HEADER
