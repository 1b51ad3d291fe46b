"""Where filters come out of the mesh, and which cores work on what."""

from __future__ import annotations

import numpy as np

from .layout import Layout
from .segments import LANES
from .stage import Stage
from .tiling import Tiling
from .weight_stream import Params, core_mask


class Places:
    """Where each filter comes out: chunk and lane, and in a flat layer the position."""

    def __init__(self, filters: int, pass_: np.ndarray, lane: np.ndarray, slot: np.ndarray, tiling: Tiling) -> None:
        # filter_at[pass, group, slot, lane of the core]
        self.filter_at = np.full((tiling.passes, tiling.groups, tiling.slots, LANES), -1, dtype=np.int64)
        self.filter_at[pass_, lane // LANES, slot, lane % LANES] = np.arange(filters)
        self.tiles = tiling.tiles
        # Of a pair of slots the second one is written, which holds a filter of the second half.
        kept = tiling.slots_each - 1
        written = self.filter_at[:, :, kept :: tiling.slots_each]
        self.channel_at = np.where(written < 0, -1, written - kept * (filters // tiling.slots_each))

    def params(self, stage: Stage, pass_: int) -> Params:
        """Parameters of a pass in drain order: group, tile, slot, lane (a flat layer has one tile)."""
        order = np.repeat(self.filter_at[pass_][:, None], self.tiles, axis=1).reshape(-1)
        there = order >= 0
        index = np.where(there, order, 0)
        return Params(*(np.where(there, a[index], 0) for a in (stage.bias, stage.multiplier, stage.sel, stage.clamp)))

    def layout(self, stage: Stage, flat: bool, tiling: Tiling) -> Layout:
        """Layout of the result."""
        shape, dtype = stage.result.shape, stage.result.dtype
        at = self.channel_at
        if flat:  # a slot is a column
            index = at.transpose(0, 1, 3, 2).reshape(-1, 1, at.shape[2])
            return Layout(shape, index, 1, 1, dtype)
        return Layout(shape, at.reshape(-1), tiling.strip_rows, tiling.tile_rows, dtype, tiling.span, tiling.out_slots)


def group_mask(tiling: Tiling, group: int) -> int:
    """Core mask of a group of filters."""
    return _mask([tiling.place(tile, group) for tile in range(tiling.tiles)])


def tile_mask(tiling: Tiling, tile: int) -> int:
    """Core mask of a tile; where every group has channels of its own, tiles are numbered on from group to group."""
    if tiling.own_chans:
        return _mask([tiling.place(tile % tiling.tiles, tile // tiling.tiles)])
    return _mask([tiling.place(tile, group) for group in range(tiling.groups)])


def _mask(cores: list[tuple[int, int]]) -> int:
    rows = sum(1 << r for r in {r for r, _ in cores})
    cols = sum(1 << c for c in {c for _, c in cores})
    return core_mask(rows, cols)
