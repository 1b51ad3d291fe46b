"""phantom_stream_in: packets of the activation stream into the row buffer, space given back by strips."""

from __future__ import annotations

from typing import Any

from .kernel import kernel, registers

HEADER, BODY, ROWS = range(3)  # state_q
STRIPS = 64  # strip_end
MOST_STRIPS = 60
SPACE = 4  # words that room_q keeps free
KIND_END = 0xE
DIRECTORY = 2048  # entries of the largest directory

STREAM_IN = registers(
    "state", "left", "wr", "tail", "head", "chunk", "xs", "row", "more_rows", "row_pending",
    "was_end",  # was_end_q of phantom_packet_check
    "ended", "packet_done", "packets", "strip_wr", "strip_rd", "rows_ready", "tail_row", "oldest_row", "row_limit", "room",
    "strip_room", "fits", "block", "rows_coming", "chunks_ready",
    ("strip_end", STRIPS),
)  # fmt: skip


@kernel
def reset_stream_in(s: Any, cfg: Any) -> None:
    """As it stands when a layer starts: some hundred cycles after its reset."""
    s.tail_row = cfg.in_strip_rows
    s.rows_coming = cfg.in_strip_rows
    s.row_limit = cfg.directory_depth >> cfg.dir_row_shift
    s.room = 1
    s.strip_room = 1


@kernel
def directory_index(cfg: Any, row: int, xs: int, chunk: int) -> int:
    """Of phantom_pkg."""
    return ((row << cfg.dir_row_shift) | (xs << cfg.dir_xs_shift) | chunk) & 0x7FF


@kernel
def stream_in_ready(s: Any) -> int:
    """in_ready_o."""
    if s.state == HEADER:
        return 1 if s.room and s.strip_room and s.fits else 0
    return s.room if s.state == BODY else 0


@kernel
def _row_fits(s: Any, word: int) -> int:
    """Whether the directory has room for the rows of a header's packet."""
    if (word & 0xF) == KIND_END:
        return 1
    return 1 if ((word >> 12) & 0x3FF) + ((word >> 26) & 0x3F) < s.row_limit else 0


@kernel
def step_stream_in(
    s: Any, cfg: Any, memory: Any, directory: Any, valid: int, accept: int, word: int, need_row: int
) -> None:
    """One cycle. The row memory and the directory are written at once: nobody reads them before the chunk is complete."""
    state = s.state
    start = state == HEADER and accept and (word & 0xF) != KIND_END
    s.fits = 1 if state == HEADER and valid and not accept and _row_fits(s, word) else 0
    # Strips: what was registered in the cycle before.
    strip_done = s.packet_done and s.packets == cfg.strip_packets
    block_done = s.packet_done and s.block == cfg.block_packets
    if strip_done:
        s.chunks_ready = 0
    elif block_done:
        s.chunks_ready += cfg.block_chunks
    used = s.wr - s.tail
    if used < 0:
        used += cfg.row_buffer_words
    free_strip = s.strip_rd != s.strip_wr and need_row >= s.tail_row
    strip_room = (s.strip_wr - s.strip_rd) % STRIPS < MOST_STRIPS
    if strip_done:
        s.strip_end[s.strip_wr] = s.wr
        s.strip_wr = (s.strip_wr + 1) % STRIPS
        s.rows_ready += cfg.in_strip_rows
        s.rows_coming += cfg.in_strip_rows
    if s.was_end:
        s.ended = 1
        s.rows_ready = cfg.in_rows
    s.row_limit = s.oldest_row + (cfg.directory_depth >> cfg.dir_row_shift)
    s.oldest_row = s.tail_row - cfg.in_strip_rows
    if free_strip:
        s.tail = s.strip_end[s.strip_rd]
        s.strip_rd = (s.strip_rd + 1) % STRIPS
        s.tail_row += cfg.in_strip_rows
    s.strip_room = 1 if strip_room else 0
    s.room = 1 if used < cfg.row_buffer_words - SPACE else 0
    s.was_end = 1 if accept and state == HEADER and not start else 0

    # The packet.
    done = 0
    if state == BODY and accept and s.left == 1:
        done = 0 if s.row_pending else 1
        s.state = ROWS if s.row_pending else HEADER
    elif state == ROWS and not s.row_pending:
        done = 1
        s.state = HEADER
    s.packets = done if strip_done else s.packets + done
    s.block = done if strip_done or block_done else s.block + done
    s.packet_done = done
    if s.row_pending:
        directory[directory_index(cfg, s.row, s.xs, s.chunk)] = s.head
        s.row += 1
        s.row_pending = 1 if s.more_rows != 0 else 0
        s.more_rows -= 1
    if start:
        s.state = BODY
        s.head = s.wr
        s.chunk = (word >> 4) & 0xFF
        s.row = (word >> 12) & 0x3FF
        s.xs = (word >> 22) & 0xF
        s.more_rows = (word >> 26) & 0x3F
        s.row_pending = 1
        left = 8
        for i in range(8):
            left += (word >> (32 + 4 * i)) & 0xF
        s.left = left
    elif accept and state == BODY:
        s.left -= 1
    if accept and (start or state == BODY):
        memory[s.wr] = word
        s.wr = s.wr + 1 if s.wr != cfg.row_buffer_words - 1 else 0
