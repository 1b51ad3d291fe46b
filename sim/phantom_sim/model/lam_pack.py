"""phantom_lam_pack: entries into words of two, ends of rows into runs; what it yields reaches the cores later.

The way of a step of the fill: first stage out (word_we1_q ...), fill_o, fill_o of the lane, fill_o of the LAM, fill_q of the
core. So what a beat brings in cycle b is written into the cores' memories at the end of cycle b + 5.
"""

from __future__ import annotations

from typing import Any

from .kernel import kernel, registers

FILL_DELAY = 5
FILLS = 8  # steps on their way, by the cycle in which they arrive
MAX_TILES = 16

PACK = registers(
    "word", "half", "held", ("place", MAX_TILES), ("cut", 128), "cut_at", "run", "view_start", "new_view",
)  # fmt: skip
FILL = registers("word_we", "addr", "entry0", "entry1", "run_we", "run_index", "empty", "first", "last", "commit", "tile")


@kernel
def reset_pack(p: Any) -> None:
    """After reset."""
    p.new_view = 1


@kernel
def step_pack(p: Any, cfg: Any, b: Any, fill: Any) -> None:
    """Take a beat; `fill` is where its step of the fill goes."""
    ptr = p.word << 1 | p.half
    ptr_next = (ptr + b.count) & 0x3FF
    fill.tile = b.tile
    fill.commit = b.chan_end
    fill.word_we = 1 if (p.half and b.count) or b.count == 2 or (p.half and b.chan_end) else 0
    fill.addr = p.word
    if p.half:
        fill.entry0 = p.held
        fill.entry1 = b.entry0
        if b.count == 2:
            p.held = b.entry1
    else:
        fill.entry0 = b.entry0
        fill.entry1 = b.entry1
        if b.count == 1:
            p.held = b.entry0

    view_start = ptr if p.new_view else p.view_start
    fill.run_we = 1 if b.row_end and p.run >= 0 else 0
    if fill.run_we:
        fill.run_index = (cfg.view_run_base[b.view_no] + p.run) & 0x3F
        fill.first = view_start if p.run == 0 else p.cut[p.run & 0x7F]
        fill.last = (ptr_next - 1) & 0x3FF
        fill.empty = 1 if fill.first == ptr_next else 0
    p.view_start = view_start
    p.new_view = 1 if b.view_end or b.chan_load else 0
    if b.row_end:
        p.cut[(p.cut_at + 1) & 0x7F] = ptr_next
    if p.new_view:
        p.cut_at = 0
        p.run = 1 - cfg.lam_tile_rows
    elif b.row_end:
        p.cut_at = (p.cut_at + 1) & 0x7F
        p.run += 1

    if b.chan_load:
        p.word = p.place[b.tile]
        p.half = 0
    else:
        p.word = ptr_next >> 1
        p.half = ptr_next & 1
    if b.chan_end:
        p.place[b.tile] = ((ptr_next >> 1) + (ptr_next & 1)) & 0x1FF
