"""phantom_lam_walk: the layer's loops, a view ahead of the finder."""

from __future__ import annotations

from typing import Any

from .kernel import kernel, registers

AHEAD = 2  # cycles in which a visit is worked out: StView, StRange

WALK = registers(
    "going", "prepare",
    "strip", "pass_", "chan", "pass_end", "owner", "tile", "tile_x", "view_at", "need", "base", "tile_base", "tile_col",
    "need_first", "need_end", "new_chunk", "new_strip",
    bits=64,
)  # fmt: skip


@kernel
def start_walk(w: Any, cfg: Any) -> None:
    """start_i."""
    w.going = 1
    w.prepare = AHEAD
    w.pass_end = cfg.pass_chans
    w.need_end = min(cfg.need_span, cfg.in_rows)
    w.new_chunk = 1
    w.new_strip = 1


@kernel
def walked(w: Any) -> bool:
    """valid_o."""
    return w.going != 0 and w.prepare == 0


@kernel
def advance(w: Any, cfg: Any) -> None:
    """take_i: the loops, one step further. (The RTL compares a cycle ahead.)"""
    w.prepare = AHEAD + 1  # step_walk comes in the same cycle
    w.new_chunk = 0
    w.new_strip = 0
    w.view_at += 1
    if w.view_at < cfg.views:
        return
    w.view_at = 0
    w.tile += 1
    if w.tile < cfg.tiles:
        if w.tile_x == cfg.last_tile_x:
            w.tile_x = 0
            w.tile_col = 0
            w.tile_base += cfg.tile_step_y
        else:
            w.tile_x += 1
            w.tile_col += cfg.tile_step
        return
    w.tile = 0
    w.tile_x = 0
    w.tile_col = 0
    w.tile_base = w.base
    w.chan += 1
    if w.chan == cfg.chans or (w.chan & 7) == 0:
        w.new_chunk = 1
    w.owner = 0 if w.owner == cfg.last_owner else w.owner + cfg.tiles
    if w.chan < cfg.chans and w.chan != w.pass_end:
        return
    w.owner = 0
    w.pass_ += 1
    if cfg.own_chans:
        w.pass_end += cfg.pass_chans
    else:
        w.chan = 0
    if w.pass_ < cfg.passes:
        return
    w.chan = 0
    w.pass_end = cfg.pass_chans
    w.pass_ = 0
    w.strip += 1
    w.base += cfg.lam_strip_rows
    w.tile_base = w.base
    w.need += cfg.need_step
    w.need_first = w.need - cfg.need_above if w.need > cfg.need_above else 0
    w.need_end = min(w.need + cfg.need_span, cfg.in_rows)
    w.new_strip = 1
    if w.strip == cfg.strips:
        w.going = 0


@kernel
def step_walk(w: Any) -> None:
    """One cycle, after what the finder takes."""
    if w.prepare:
        w.prepare -= 1
