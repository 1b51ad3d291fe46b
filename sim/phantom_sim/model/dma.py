"""phantom_dma_split, phantom_dma_mm2s, phantom_dma_s2mm: between the memory and the streams, without data and errors."""

from __future__ import annotations

from typing import Any

from .kernel import kernel, registers
from .memory import ask_read, ask_write, take_answer, take_read, take_write
from .slice import step_slice

BURST = 16
MM2S_FIFO = 64
S2MM_FIFO = 32
MOST_PENDING = 15  # bursts outstanding
# split_pending, split_valid, beats, pass_last, left, repeat: pending_q ... repeat_q of the split; words: words_i.
SPLIT = ("split_pending", "split_valid", "beats", "pass_last", "left", "words", "repeat")
# ar_beats: of the burst that stands on AR. room, pending: room_q, pending_q. r_valid, r_last: the R register. level: of the FIFO.
# sent: words that have left the slice behind it.
MM2S = registers(*SPLIT, "ar_valid", "ar_beats", "room", "pending", "r_valid", "r_last", "level", "sent", bits=64)
# in_last: the packet's last word has come into the slice in front. end, avail, left_w, pending: end_q, avail_q, w_left_q,
# pending_q.
S2MM = registers(
    *SPLIT, "in_last", "end", "level", "avail", "left_w", "aw_valid", "aw_beats", "pending", "b_valid", bits=64
)  # fmt: skip


@kernel
def start_split(d: Any, words: int, repeat: int) -> None:
    """`start_i`: the transfer is there in the next cycle. Buffers begin on a burst boundary (they are whole pages)."""
    d.words = words
    d.left = words
    d.repeat = repeat
    d.split_pending = 1


@kernel
def step_split(d: Any, ready: int) -> None:
    """One cycle of phantom_dma_split."""
    if d.split_valid:
        if ready:
            d.split_valid = 0
            if d.pass_last:
                if d.repeat == 1:
                    d.split_pending = 0
                d.repeat -= 1
                d.left = d.words
            else:
                d.left -= d.beats
    else:
        d.beats = min(d.left, BURST)
        d.pass_last = 1 if d.left <= BURST else 0
        d.split_valid = d.split_pending


@kernel
def step_mm2s(d: Any, out: Any, port: Any, now: int, out_ready: int) -> None:
    """One cycle; `out` is the slice that drives m_axis."""
    # What is combinational in this cycle.
    issue = 1 if d.split_valid and not d.ar_valid and d.pending != MOST_PENDING and d.room >= d.beats else 0
    push = d.r_valid
    fifo_valid = 1 if d.level != 0 else 0
    pop = 1 if fifo_valid and not out.spare else 0
    accepted = 1 if d.ar_valid and port.ar_ready else 0
    # The memory's side of the clock edge.
    r_valid, r_last = port.held, port.held_last
    take_read(port)
    if accepted:
        ask_read(port, now, d.ar_beats)
    # The design's.
    if out.out and out_ready:
        d.sent += 1
    step_slice(out, fifo_valid, out_ready)
    d.level += push - pop
    d.room += pop
    d.pending += issue - (1 if d.r_valid and d.r_last else 0)
    if issue:
        d.room -= d.beats
        d.ar_beats = d.beats
    d.ar_valid = 1 if issue or (d.ar_valid and not accepted) else 0
    d.r_valid = r_valid
    d.r_last = r_last
    step_split(d, issue)


@kernel
def step_s2mm(d: Any, inlet: Any, outlet: Any, port: Any, now: int, in_valid: int, in_last: int) -> None:
    """One cycle; `inlet` is the slice on s_axis, `outlet` the one before W. `in_last`: the word on s_axis ends the packet."""
    accepted_in = in_valid and not inlet.spare
    push = 1 if inlet.out and not d.end and d.level != S2MM_FIFO else 0
    # Words in the slice behind the packet's last one: none, so it is the last when it stands there alone.
    w_go = 1 if d.level != 0 and d.left_w != 0 else 0
    w_pop = 1 if w_go and not outlet.spare else 0
    full = d.avail >= d.beats
    beats = d.beats if full else d.avail
    w_free = d.left_w == 0 or (d.left_w == 1 and w_pop)
    wanted = full or (d.end and d.avail != 0)
    issue = 1 if d.split_valid and wanted and not d.aw_valid and w_free and d.pending != MOST_PENDING else 0
    last_pushed = push and d.in_last == 1 and not inlet.spare
    # The memory's side of the clock edge.
    b_valid = port.b_valid
    take_answer(port)
    moved = outlet.out and port.w_ready
    if moved:
        take_write(port, now)
    accepted = 1 if d.aw_valid and port.aw_ready else 0
    if accepted:
        ask_write(port, d.aw_beats)
    # The design's.
    if accepted_in and in_last:
        d.in_last = 1
    step_slice(inlet, in_valid, 1 if not d.end and d.level != S2MM_FIFO else 0)
    step_slice(outlet, w_go, 1 if moved else 0)
    d.level += push - w_pop
    d.avail += push
    d.pending += issue - d.b_valid
    if last_pushed:
        d.end = 1
    if issue:
        d.avail -= beats
        d.left_w = beats
        d.aw_beats = beats
    else:
        d.left_w -= w_pop
    d.aw_valid = 1 if issue or (d.aw_valid and not accepted) else 0
    d.b_valid = b_valid
    step_split(d, issue)
