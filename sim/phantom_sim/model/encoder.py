"""phantom_encoder and phantom_stream_out: segments, two deep, then words, then END."""

from __future__ import annotations

from typing import Any

from .kernel import kernel, registers

DEPTH = 2  # segments announced and not yet sent
# open: open_q. announced, collected: segments announced, collected so far. words: of the announced ones. full, hold: full_q,
# hold_valid_q. left: words of the segment that is sent. end_sent: of stream out.
ENCODER = registers("open", "announced", "collected", ("words", DEPTH), "full", "hold", "left", "end_sent")


@kernel
def step_encoder(e: Any, seg: int, seg_words: int, last: int, word_ready: int) -> None:
    """One cycle. seg: a segment is announced. last: its last value comes. word_ready: of the slice behind it."""
    done = e.full and not e.hold
    sent = 0
    if e.hold and word_ready:
        e.left -= 1
        sent = 1 if e.left == 0 else 0
    if done:
        e.hold = 1
        e.left = e.words[e.collected % DEPTH]
        e.collected += 1
    elif sent:
        e.hold = 0
    e.full = 1 if last or (e.full and not done) else 0
    if seg:
        e.words[e.announced % DEPTH] = seg_words
        e.announced += 1
    e.open += seg - sent
