"""phantom_drain: reads the sums of finished cores, position by position, and announces segments to the encoder."""

from __future__ import annotations

from typing import Any

from .kernel import kernel, registers

IDLE, ENTRY, WAIT, SLOT, PARAMS, ROWS, SEGMENT, READ, NEXT_SLOT, DRAINED, SETTLE, NEXT = range(12)  # state_q
LANES = 8
# en, clear, drained: what the state means for the core in work; it gets there two cycles later. seg: a segment is taken by the
# encoder in this cycle. last: the read is the last one of a segment. swap: prm_swap_o. keep: the slot, or the row, is
# kept, not written.
DRAIN = registers(
    "state", "strip", "pass_", "pass_chunk", "index", "slot", "slot_base", "seg_row", "chunk", "strip_row", "y", "row_y",
    "width", "col", "wy", "wx", "xs", "tile_xs", "more_rows", "settle", "lane", "row_left", "last_xs", "last_seg_row",
    "core", "en", "clear", "drained", "seg", "seg_words", "last", "swap", "keep",
    "top", "final",
)  # fmt: skip


@kernel
def drain_waiting(d: Any, cores: Any) -> int:
    """waiting_o."""
    return 1 if d.state == WAIT and not cores[d.core].pass_done else 0


@kernel
def _rows_left(d: Any, cfg: Any) -> int:
    return min(cfg.out_rows - d.y, cfg.out_tile_rows - d.seg_row)


@kernel
def _segment(d: Any, cfg: Any, nonzeros: Any) -> None:
    """StSegment, taken by the encoder. Its words: header, masks, values (`nonzeros` [channels, rows, segments])."""
    rows_left = _rows_left(d, cfg)
    kept_row = cfg.keep_row and d.keep
    d.more_rows = 0 if kept_row else min(rows_left - 1, cfg.seg_more_rows)
    d.last_seg_row = 1 if rows_left <= cfg.seg_more_rows + 1 else 0
    image_ends = cfg.out_rows - d.y <= cfg.out_tile_rows - d.seg_row
    d.final = 1 if d.last_seg_row and (image_ends or not cfg.keep_row) else 0
    d.width = cfg.out_last_span if d.xs == cfg.out_last_xs else cfg.out_span
    d.last_xs = 1 if d.xs == cfg.out_last_xs or d.tile_xs == cfg.tile_last_xs else 0
    d.row_left = d.more_rows
    d.row_y = d.y
    d.wx = 0
    d.wy = 0
    d.col = 0
    if d.keep:
        return
    d.seg = 1
    words = 1 + LANES
    for lane in range(LANES):
        count = 0
        for y in range(d.y, d.y + d.more_rows + 1):
            count += nonzeros[d.chunk * LANES + lane, y, d.xs]
        words += (count + 7) // 8
    d.seg_words = words


@kernel
def _read(d: Any, cfg: Any) -> None:
    """StRead: a position; the state that follows."""
    last_col = d.col + 1 == d.width
    last_wx = d.wx == cfg.pool_more
    last_wy = d.wy == cfg.pool_more or (cfg.keep_row and d.keep)
    last_pos = last_col and d.row_left == 0 and last_wx and last_wy
    spent_y = d.wy < cfg.pool_step or (d.row_left == 0 and d.final)
    spent_x = d.wx < cfg.pool_step or (last_col and d.last_xs)
    d.en = 1
    above = cfg.keep_row and d.top and d.wy == 0
    d.clear = 1 if spent_y and spent_x and not above else 0
    d.last = 1 if last_pos and not d.keep else 0
    if not last_wx:
        d.wx += 1
    else:
        d.wx = 0
        d.wy += 1
        if last_wy:
            d.wy = 0
            d.col += 1
            if last_col:
                d.top = 0
                d.col = 0
                d.row_left -= 1
                d.row_y += 1
    if last_pos:
        d.state = SEGMENT
        if not d.last_xs:
            d.xs += 1
            d.tile_xs += 1
        else:
            d.xs = cfg.entry_xs[d.index]
            d.tile_xs = 0
            d.y += d.more_rows + 1
            d.seg_row += d.more_rows + 1
            kept = d.keep or not cfg.keep_row
            d.state = NEXT_SLOT if d.last_seg_row and kept else ROWS
            if d.last_seg_row and cfg.keep_row:
                d.keep = 1
    elif cfg.out_flat:
        d.state = PARAMS


@kernel
def _next(d: Any, cfg: Any) -> None:
    """StNext: the next entry, pass, strip."""
    d.state = ENTRY
    d.index += 1
    if d.index < cfg.entries:
        return
    d.index = 0
    d.pass_ += 1
    d.pass_chunk += cfg.pass_chunks
    if d.pass_ < cfg.passes:
        return
    d.pass_ = 0
    d.pass_chunk = 0
    d.strip += 1
    d.strip_row += cfg.out_strip_rows
    if d.strip == cfg.strips:
        d.state = IDLE


@kernel
def step_drain(d: Any, cfg: Any, cores: Any, nonzeros: Any, start: int, prm_go: int, seg_ready: int) -> None:
    """One cycle. prm_go: a parameter stands there and may be taken. seg_ready: the encoder's seg_ready_o."""
    d.en = 0
    d.drained = 0
    d.seg = 0
    d.last = 0
    d.swap = 1 if d.state == PARAMS and d.lane == LANES else 0
    if d.swap:
        d.lane = 0
    elif prm_go and d.lane != LANES:
        d.lane += 1
    state = d.state
    if state == READ:
        _read(d, cfg)
    elif state == SEGMENT:
        if d.y >= cfg.out_rows:
            d.state = NEXT_SLOT
            d.col = 0
        elif seg_ready or d.keep:
            _segment(d, cfg, nonzeros)
            d.state = READ
    elif state == ROWS:
        d.state = SEGMENT
    elif state == PARAMS:
        if d.swap:
            d.state = READ if cfg.out_flat and d.col != 0 else SEGMENT
    elif state == WAIT:
        if cores[d.core].pass_done:
            d.state = SLOT
    elif state == SLOT:
        d.keep = 1 if cfg.pairs and d.slot & 1 == 0 else 0
        d.chunk = (cfg.entry_chunk[d.index] + d.pass_chunk + (d.slot >> 1 if cfg.pairs else d.slot)) & 0xFF
        d.y = d.strip_row + cfg.entry_row[d.index]
        d.seg_row = 0
        d.top = 1
        d.xs = cfg.entry_xs[d.index]
        d.tile_xs = 0
        d.col = 0
        d.state = PARAMS if d.chunk < cfg.out_chunks else NEXT_SLOT
    elif state == NEXT_SLOT:
        d.slot += 1
        d.state = DRAINED if d.slot == cfg.slots else SLOT
    elif state == ENTRY:
        d.slot = 0
        d.core = cfg.entry_core[d.index]
        d.state = WAIT
    elif state == DRAINED:
        d.drained = 1
        d.settle = 7
        d.state = SETTLE
    elif state == SETTLE:
        if d.settle == 0:
            d.state = NEXT
        d.settle -= 1
    elif state == NEXT:
        _next(d, cfg)
    elif start:
        d.state = ENTRY
