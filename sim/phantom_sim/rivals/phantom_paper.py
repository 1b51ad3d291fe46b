"""Phantom as its paper describes it (M. A. Qureshi, A. Munir, arXiv 2111.05002), to be compared with our core.

From the paper's abstract: binary masks, by which the core looks ahead and gives work to its threads; a two-dimensional mesh of
cores; load balance on two levels; all kinds of layers. As its blocks are generally described: a lookahead mask (LAM) of the next
Lf windows; a top-down selector (TDS), in order or out of order; cores of 3 PEs with 3 threads, a PE for each column of a 3 x 3
filter; sums of a PE's threads (L1) and of the PEs (L2).

Assumed, since no text with more details was at hand:
 - A PE's entries are the output positions of a tile for one column of one channel of a filter: three weights, three activations.
   A tile is as many whole rows as have at most 1,024 positions; the lookahead drains at its end.
 - Kernels with more than three rows are cut into pieces of three, each a column of its own; 1x1 kernels take three channels.
 - Fully connected: three activations stay, the entries are the outputs.
 - A column without weights (three activations that stay and are zero) has entries like any other, all empty: they use up the
   lookahead. With `skip_empty` it takes no time, which no description says; the core is then nearly as good as the bound.
 - The balance inside a core is perfect: its PEs share a filter's cycles evenly.
 - Mesh rows divide the tiles evenly, mesh columns the filters, from dense to sparse, back and forth. With fewer tiles than rows,
   the rows left over divide the filters, too. The layer lasts as long as its slowest core.
 - The mesh of the paper's size is 8 x 14, about as many multipliers as SCNN and SparTen have.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phantom.errors import RangeError
from phantom_sim.workloads.layer import LayerMasks

from . import lookahead
from .design import Design
from .traffic import mask_bytes

PES = 3
BITS = 3  # of an entry
POSITIONS = 1024  # of a list of entries
LISTS = 1 << 22  # entries at a time
# Popcount of the AND of two codes.
MEET = np.array([[(a & b).bit_count() for b in range(1 << BITS)] for a in range(1 << BITS)], np.uint8)


@dataclass(frozen=True)
class PhantomPaper(Design):
    """A mesh of rows x cols cores with a lookahead of `lf` entries."""

    rows: int = 8
    cols: int = 14
    lf: int = 27
    out_of_order: bool = True
    skip_empty: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.lf <= lookahead.MAX_LF:
            raise RangeError(f"Phantom of the paper: lf = {self.lf}; it must be within 1..{lookahead.MAX_LF}")

    @property
    def multipliers(self) -> int:
        """9 a core."""
        return self.rows * self.cols * PES * lookahead.THREADS

    def traffic(self, layer: LayerMasks) -> float:
        """Masks and nonzeros."""
        return mask_bytes(layer)

    def compute(self, layer: LayerMasks) -> int:
        """Cycles of a layer."""
        if layer.connected:
            return self._connected(layer)
        codes, patterns = _columns(layer)
        tiles = _tiles(codes, layer.plane, self.rows)  # [lists, tiles, positions]
        groups, filters = layer.groups, layer.filters // layer.groups
        busy = np.zeros((groups, filters, tiles.shape[1]))
        patterns = patterns.reshape(groups, filters, -1)
        for pattern in range(1 if self.skip_empty else 0, 1 << BITS):
            uses = patterns == pattern
            wanted = uses.any(axis=1).reshape(-1)
            each = np.zeros(tiles.shape[:2])
            each[wanted] = self._cycles(MEET[pattern], tiles[wanted])
            busy += uses.astype(np.float64) @ each.reshape(groups, -1, tiles.shape[1])
        return self._slowest(busy.reshape(layer.filters, -1), layer.weights.reshape(layer.filters, -1).sum(axis=1))

    def _cycles(self, meet: np.ndarray, lists: np.ndarray) -> np.ndarray:
        """Cycles [lists, tiles] of lists of codes [lists, tiles, positions] with one pattern's popcounts."""
        if not meet.any():
            return np.full(lists.shape[:2], -(-lists.shape[2] // self.lf))
        flat = lists.reshape(-1, lists.shape[-1])
        step = max(1, LISTS // flat.shape[1])
        parts = [lookahead.cycles(meet[flat[i : i + step]], self.lf, self.out_of_order) for i in range(0, len(flat), step)]
        return np.concatenate([*parts, np.zeros(0, np.int64)]).reshape(lists.shape[:2])

    def _slowest(self, busy: np.ndarray, weights: np.ndarray) -> int:
        """Cycles of the slowest core for cycles of PEs [filters, tiles] and nonzero weights of each filter."""
        tiles = busy.shape[1]
        rows = max(r for r in range(1, self.rows + 1) if self.rows % r == 0 and r <= tiles)
        cols = self.rows * self.cols // rows
        shares = np.array([part.sum(axis=1) for part in np.array_split(busy, rows, axis=1)])  # [rows, filters]
        place = np.empty(len(weights), np.int64)
        turn = np.arange(len(weights)) % (2 * cols)
        place[np.argsort(-weights, kind="stable")] = np.where(turn < cols, turn, 2 * cols - 1 - turn)
        cores = np.stack([np.bincount(place, share, minlength=cols) for share in shares])
        return int(np.ceil(cores.max() / PES))

    def _connected(self, layer: LayerMasks) -> int:
        kept = layer.activations.reshape(-1)
        pad = -len(kept) % BITS
        stay = _code(np.append(kept, np.zeros(pad, bool)).reshape(-1, BITS))
        weights = np.pad(layer.weights.reshape(layer.filters, -1), ((0, 0), (0, pad)))
        weights = weights.reshape(layer.filters, -1, BITS)
        if self.skip_empty:
            weights, stay = weights[:, stay > 0], stay[stay > 0]
        if not len(stay):
            return 1
        codes = _code(weights).T  # [lists, outputs]
        parts = -(-layer.filters // POSITIONS)
        width = -(-layer.filters // parts)
        lists = np.pad(codes, ((0, 0), (0, parts * width - layer.filters))).reshape(len(codes), parts, width)
        busy = np.zeros((len(codes), parts))
        for pattern in np.unique(stay):
            mine = stay == pattern
            busy[mine] = self._cycles(MEET[pattern], lists[mine])
        pes = self.rows * self.cols * PES
        return int(np.bincount(np.arange(busy.size) % pes, busy.reshape(-1)).max())


def _code(bits: np.ndarray) -> np.ndarray:
    """uint8 [...] of bool [..., 3]."""
    return (bits[..., 0] + 2 * bits[..., 1].astype(np.uint8) + 4 * bits[..., 2].astype(np.uint8)).astype(np.uint8)


def _columns(layer: LayerMasks) -> tuple[np.ndarray, np.ndarray]:
    """Activation codes uint8 [lists, positions] and weight codes uint8 [K, lists of a group], lists in the same order."""
    filters, channels, rows, cols = layer.weights.shape
    if rows == cols == 1:
        pad = -channels % BITS
        planes = layer.window(0, 0).reshape(layer.groups, channels, -1)
        planes = np.pad(planes, ((0, 0), (0, pad), (0, 0))).reshape(-1, BITS, layer.positions)
        weights = np.pad(layer.weights[:, :, 0, 0], ((0, 0), (0, pad))).reshape(filters, -1, BITS)
        return _code(planes.transpose(0, 2, 1)), _code(weights)
    acts: list[np.ndarray] = []
    kernels: list[np.ndarray] = []
    nothing = np.zeros((layer.activations.shape[0], layer.positions), bool)
    for col in range(cols):
        for top in range(0, rows, BITS):
            own = range(top, min(rows, top + BITS))
            three = [layer.window(row, col).reshape(len(nothing), -1) for row in own] + [nothing] * (BITS - len(own))
            acts.append(_code(np.stack(three, axis=-1)))
            column = layer.weights[:, :, top : top + BITS, col]
            kernels.append(_code(np.pad(column, ((0, 0), (0, 0), (0, BITS - len(own))))))
    # Lists channel by channel, so that those of a group lie together.
    return np.stack(acts, axis=1).reshape(-1, layer.positions), np.stack(kernels, axis=2).reshape(filters, -1)


def _tiles(codes: np.ndarray, plane: tuple[int, int], shares: int) -> np.ndarray:
    """Codes [lists, positions] by tiles of whole output rows: [lists, tiles, positions]; so many that `shares` divide them
    evenly, or they divide `shares`.
    """
    rows, cols = plane
    count = -(-rows // max(1, POSITIONS // cols))
    while shares % count and count % shares:
        count += 1
    high = -(-rows // count)
    full = np.zeros((len(codes), count * high * cols), np.uint8)
    full[:, : rows * cols] = codes
    return full.reshape(len(codes), count, high * cols)
