"""phantom_lam_fetch: packet table, and what the readers are to read next."""

from __future__ import annotations

from typing import Any

import numpy as np

from .kernel import kernel, registers
from .lam_reader import has_port, offer, step_reader
from .lam_scan import TOKEN_FIELDS
from .lam_walk import advance, start_walk, step_walk, walked
from .stream_in import directory_index

IDLE, NEXT, STRIP, DIR, ADDRESS, HEAD, HEAD_WAIT, STORE, LOAD, FIND = range(10)  # state_q
PACKETS = 64  # table_mem
MAX_LANES = 16
VALUE_ROOM = 56  # words used of a lane's value memory up to which a packet still fits

FETCH = registers(
    "state", "need_row", "fresh", "last_visit",
    "index", "tile_index", "count", "row", "col", "xs", "head_addr",
    ("p_addr", PACKETS), ("p_counts", PACKETS), ("p_y0", PACKETS), ("p_y_last", PACKETS), ("p_col", PACKETS),
    ("p_last_xs", PACKETS),
    "view_at", "py", "tile", "chan", "new_tile", "chan_end",
    "origin", "first_row", "last_row", "first_col", "last_col", "left_col", "flat_done",
    "token", "found", "found_token", "found_lane", "sized", "sized_token", "sized_lane", ("values_used", MAX_LANES),
    bits=64,
)  # fmt: skip
# Tokens are kept in a ring while they travel from the finder to the end of the lane; there are never more.
TOKENS = 1024
TOKEN = np.dtype([(name, np.int64) for name in TOKEN_FIELDS])


@kernel
def _there(w: Any, stream_in: Any) -> bool:
    """Whether the rows of the strip have come, of this chunk at least."""
    if stream_in.rows_ready >= w.need_end:
        return True
    return stream_in.rows_coming >= w.need_end and w.chan >> 3 < stream_in.chunks_ready


@kernel
def fetch_waiting(f: Any, w: Any, stream_in: Any) -> int:
    """waiting_o."""
    return 1 if f.state == STRIP and not f.fresh and not _there(w, stream_in) else 0


@kernel
def _found(f: Any, cfg: Any, tokens: Any, memory: Any, view_end: bool) -> None:
    """A packet of the view, or its end: what the scan must know of it."""
    number = f.token = (f.token + 1) % TOKENS
    t = tokens[number]
    i = f.index % PACKETS
    col_offset = f.p_col[i] - f.first_col
    cols_left = f.last_col - f.p_col[i]
    if view_end:
        t.value_words = 0
        t.mask = 0
    else:
        offset = (f.chan & 7) + 1
        for c in range(f.chan & 7):
            offset += (f.p_counts[i] >> (4 * c)) & 0xF
        t.value_words = (f.p_counts[i] >> (4 * (f.chan & 7))) & 0xF
        t.mask = memory[(f.p_addr[i] + offset) % cfg.row_buffer_words]
    t.row = (0 if cfg.in_flat else f.p_y0[i]) - f.origin
    t.more_rows = 63 if cfg.in_flat else (f.p_y_last[i] - f.p_y0[i]) & 0x3F
    t.first_col = -col_offset & 0x3F if col_offset < 0 else 0
    t.last_col = cols_left & 0x3F if cols_left < cfg.in_span else cfg.in_span - 1
    t.col = col_offset & 0x1FF
    t.row_end = 1 if f.p_last_xs[i] or cols_left < cfg.in_span else 0
    t.tile = f.tile
    t.view_no = f.view_at
    t.view_end = 1 if view_end else 0
    t.chan_end = f.chan_end if view_end else 0
    f.found = 1
    f.found_token = number
    f.found_lane = t.tile % cfg.lanes


@kernel
def _find(f: Any, cfg: Any, tokens: Any, memory: Any) -> None:
    """StFind, with room for what is found: is this packet one that overlaps the view?"""
    i = f.index % PACKETS
    first = 0 if cfg.in_flat else f.p_y0[i]
    last = 0 if cfg.in_flat else f.p_y_last[i]
    beside = f.p_col[i] > f.last_col or f.p_col[i] <= f.left_col
    other_parity = cfg.stride2 and not cfg.in_flat and first == last and (first & 1) != f.py
    if f.index == f.count or first > f.last_row or f.flat_done:
        _found(f, cfg, tokens, memory, True)
        f.state = IDLE if f.last_visit else NEXT
        return
    if last < f.first_row:
        if f.new_tile:
            f.tile_index = f.index + 1
    elif not beside and not other_parity:
        _found(f, cfg, tokens, memory, False)
        f.flat_done = 1 if cfg.in_flat else 0
    f.index += 1


@kernel
def _take(f: Any, w: Any, cfg: Any) -> None:
    """The next visit: rows and columns of its view in the input, and where its packets begin."""
    scale = 2 if cfg.stride2 else 1
    f.view_at = w.view_at
    f.py = cfg.view_py[w.view_at]
    f.tile = w.tile + w.owner
    f.chan = w.chan
    f.new_tile = 1 if w.view_at == 0 else 0
    f.chan_end = 1 if w.view_at + 1 == cfg.views or cfg.view_chans else 0
    parity = f.py if cfg.stride2 else 0
    first = w.tile_base + cfg.view_first[w.view_at]
    last = first + cfg.view_rows[w.view_at] - 1
    f.origin = first * scale + parity
    f.first_row = 0 if first < 0 else f.origin
    f.last_row = -1 if last < 0 else last * scale + parity
    f.first_col = w.tile_col + cfg.view_col_first[w.view_at]
    f.last_col = f.first_col + cfg.view_col_span[w.view_at]
    f.left_col = f.first_col - cfg.in_span
    if w.view_at == 0 and w.tile == 0:
        f.tile_index = 0
    f.index = w.view_at if cfg.in_flat else f.tile_index
    f.flat_done = 0
    f.state = FIND
    advance(w, cfg)
    f.last_visit = 1 if w.going == 0 else 0


@kernel
def _store_packet(f: Any, cfg: Any, memory: Any) -> None:
    """StStore: a line of the packet table."""
    header = memory[f.head_addr]
    y0 = (header >> 12) & 0x3FF
    y_last = y0 + ((header >> 26) & 0x3F)
    i = f.count % PACKETS
    f.p_addr[i] = f.head_addr
    f.p_counts[i] = (header >> 32) & 0xFFFFFFFF
    f.p_y0[i] = y0
    f.p_y_last[i] = y_last
    f.p_col[i] = f.col
    f.p_last_xs[i] = 1 if f.xs == cfg.in_last_xs else 0
    f.count += 1
    f.state = DIR
    if f.xs == cfg.in_last_xs:
        f.xs = 0
        f.col = 0
        f.row = y_last + 1
    else:
        f.xs += 1
        f.col += cfg.in_span


@kernel
def _move(f: Any, readers: Any, tokens: Any, lanes: Any, now: int) -> bool:
    """The readers, and what is on its way to them. Returns whether there is room for what is found."""
    for r in range(len(readers)):
        offer(readers[r], r, lanes, now)
    target = readers[f.sized_lane % len(readers)]
    take_sized = f.sized != 0 and f.values_used[f.sized_lane] <= VALUE_ROOM and not target.spare_valid
    take_found = f.found != 0 and (not f.sized or take_sized)
    look = not f.found or take_found
    for r in range(len(readers)):
        step_reader(readers[r], r, tokens, now)
    if take_sized:
        if target.req_valid:
            target.spare_valid = 1
            target.spare_token = f.sized_token
            target.spare_lane = f.sized_lane
        else:
            target.req_valid = 1
            target.req_token = f.sized_token
            target.req_lane = f.sized_lane
        f.values_used[f.sized_lane] += tokens[f.sized_token].value_words
        f.sized = 0
    if take_found:
        f.sized = 1
        f.sized_token = f.found_token
        f.sized_lane = f.found_lane
        f.found = 0
    return look


@kernel
def step_fetch(
    f: Any, w: Any, readers: Any, cfg: Any, tokens: Any, memory: Any, directory: Any, lanes: Any, now: int, stream_in: Any
) -> None:
    """One cycle, of the readers, too; before that of stream_in."""
    idle, port_free = not f.found and not f.sized, True
    for r in range(len(readers)):
        idle = idle and not readers[r].req_valid and not readers[r].reading
        port_free = port_free and not has_port(readers[r], r, now)
    look = _move(f, readers, tokens, lanes, now)
    state = f.state
    if state == FIND:
        if look:
            _find(f, cfg, tokens, memory)
    elif state == NEXT:
        f.fresh = w.new_strip
        if walked(w):
            if w.new_chunk:
                f.state = STRIP
            else:
                _take(f, w, cfg)
    elif state == LOAD:
        _take(f, w, cfg)
    elif state == STRIP:
        f.row = w.need_first
        f.xs = 0
        f.col = 0
        f.count = 0
        if (idle or not f.fresh) and _there(w, stream_in):
            f.state = DIR if w.need_first < cfg.in_rows else LOAD
        if idle:
            f.fresh = 0
            f.need_row = w.need_first
    elif state == DIR:
        if f.count != 0 and f.xs == 0 and f.row >= w.need_end:
            f.state = LOAD
        else:
            f.head_addr = directory[directory_index(cfg, f.row, f.xs, w.chan >> 3)]
            f.state = ADDRESS
    elif state == ADDRESS:
        f.state = HEAD
    elif state == HEAD:
        if port_free:
            f.state = HEAD_WAIT
    elif state == HEAD_WAIT:
        f.state = STORE
    elif state == STORE:
        _store_packet(f, cfg, memory)
    elif now == 0:  # start_i
        start_walk(w, cfg)
        f.state = NEXT
        return
    step_walk(w)
