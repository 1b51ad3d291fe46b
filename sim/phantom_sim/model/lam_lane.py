"""phantom_lam_lane: token FIFO, scan, pack, and the room of the tile's cores."""

from __future__ import annotations

from typing import Any

from .kernel import kernel, registers
from .lam_pack import FILL_DELAY, FILLS, reset_pack, step_pack
from .lam_scan import STAGES, step_scan

DEPTH = 16  # of the token FIFO
ROOM = DEPTH - 8  # level up to which tok_room_o is given

LANE = registers("enable", "ahead", "tok_room", "level", "front", ("queue", DEPTH), "tile", "back")


@kernel
def reset_lane(lane: Any, scan: Any, pack: Any) -> None:
    """After reset."""
    lane.enable = 1
    lane.tok_room = 1
    scan.fresh_chan = 1
    reset_pack(pack)


@kernel
def push_token(lane: Any, number: int) -> None:
    """tok_valid_i; after the lane's own step, as the FIFO shows it a cycle later."""
    lane.queue[(lane.front + lane.level) % DEPTH] = number
    lane.level += 1


@kernel
def step_lane(
    lane: Any, scan: Any, pack: Any, beats: Any, fills: Any, cfg: Any, tokens: Any, tiles: Any, now: int
) -> None:
    """One cycle. `lane.back`: words of values given back."""
    room = 0 if tiles[lane.ahead].full else 1
    tok_room = 1 if lane.level <= ROOM else 0
    fill = fills[(now + FILL_DELAY) % FILLS]
    fill.word_we = 0
    fill.run_we = 0
    fill.commit = 0
    lane.back = 0
    if lane.enable:
        rank = beats[(scan.stage + STAGES - 1) % STAGES]
        value = beats[(scan.stage + 1) % STAGES]
        if rank.valid and rank.packet_end:
            lane.back = rank.value_words
        lane.ahead = value.tile
        if value.valid:
            step_pack(pack, cfg, value, fill)
        has = 1 if lane.level != 0 else 0
        if step_scan(scan, beats, cfg, tokens, has, lane.queue[lane.front]) and has:
            lane.front = (lane.front + 1) % DEPTH
            lane.level -= 1
    else:
        lane.ahead = beats[(scan.stage + 1) % STAGES].tile
    lane.enable = room
    lane.tok_room = tok_room
