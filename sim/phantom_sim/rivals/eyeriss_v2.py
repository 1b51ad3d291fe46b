"""Eyeriss v2 (Y.-H. Chen et al., JETCAS 2019, arXiv 1807.07928).

From the paper: 8 x 2 clusters of 3 x 4 PEs, two multiplies a PE and cycle (384 in all), 200 MHz. Row-stationary: a PE holds one
row of kernels, for C0 input channels (C0 S <= 16 activations) and M0 output channels (<= 32 partial sums), at most 192 nonzero
weights of them, and walks along a row of the input. Activations and weights are compressed columns: 8 bits and a 4-bit count. A
zero activation takes no time; a nonzero one takes its column of weights, the nonzeros of M0 filters, two a cycle, which share
the activation: an odd one wastes half of a cycle. The mesh between clusters brings any row to any PE.

Assumed, since the paper does not say, or for want of its compiler:
 - Work is spread over PEs as pm filter groups x pc channel groups x R kernel rows x pe output rows; the best pm, pc, pe, M0 and
   C0 are found by trying them, for each layer, with these very masks.
 - A pass lasts as long as its slowest PE; loading, accumulating across PEs and the networks between them hide behind it.
 - An empty column takes no time.
 - Fully connected layers are pointwise ones with a plane of one position.

`macs` = 1 is the form of the PE for which cycles of single layers have been published.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from phantom_sim.workloads.layer import LayerMasks

from .design import Design
from .traffic import run_bytes

FILTERS = (32, 16, 8)  # M0 to try
ACTIVATIONS = 16  # of a PE
WEIGHTS = 192  # nonzeros of a PE


@dataclass(frozen=True)
class EyerissV2(Design):
    """Eyeriss v2 with so many PEs."""

    pes: int = 192
    macs: int = 2

    @property
    def multipliers(self) -> int:
        """`macs` a PE."""
        return self.pes * self.macs

    def traffic(self, layer: LayerMasks) -> float:
        """Compressed columns."""
        return run_bytes(layer)

    def compute(self, layer: LayerMasks) -> int:
        """Cycles of the best mapping."""
        table = Table.of(layer, self.macs)
        return int(min(self._passes(work) for work in table.works()))

    def _passes(self, work: np.ndarray) -> float:
        """Cycles for PE tasks float64 [filter groups, channel groups, kernel rows, output rows], the best way to spread them."""
        m, c, r, e = work.shape
        room = max(1, self.pes // r)
        # A kernel with more rows than PEs takes as many rounds; its rows are tasks like any others.
        tasks = work if r <= self.pes else work.reshape(m, c * r, 1, e)
        best = np.inf
        for pe in _shares(tasks.shape[3], room):
            rows = _pass_max(tasks.max(axis=2), 2, pe)
            for pm in _shares(m, room // pe):
                pc = min(tasks.shape[1], room // pe // pm)
                best = min(best, float(_pass_max(_pass_max(rows, 0, pm), 1, pc).sum()))
        return best


def _shares(size: int, room: int) -> list[int]:
    """PEs to spend on an axis of `size`: as many as fit and lead to another number of passes."""
    return sorted({-(-size // passes) for passes in range(1, size + 1) if -(-size // passes) <= room} or {1})


def _pass_max(work: np.ndarray, axis: int, share: int) -> np.ndarray:
    """The slowest of each `share` neighbours along an axis."""
    return np.maximum.reduceat(work, np.arange(0, work.shape[axis], share), axis=axis)


@dataclass(frozen=True)
class Table:
    """Of a layer: nonzero activations of each input channel, kernel row and column, and output row, float32 [C, R, S, E]; and its
    weights, bool [groups, K / groups, C / groups, R, S].
    """

    counts: np.ndarray
    weights: np.ndarray
    macs: int

    @staticmethod
    def of(layer: LayerMasks, macs: int) -> Table:
        """Count."""
        if layer.connected:
            counts = layer.activations.reshape(-1, 1, 1, 1).astype(np.float32)
            return Table(counts, layer.weights.reshape(1, layer.filters, -1, 1, 1), macs)
        filters, channels, rows, cols = layer.weights.shape
        counts = np.empty((layer.activations.shape[0], rows, cols, layer.plane[0]), np.float32)
        for row in range(rows):
            for col in range(cols):
                counts[:, row, col] = layer.window(row, col).sum(axis=2)
        shape = layer.groups, filters // layer.groups, channels, rows, cols
        return Table(counts, layer.weights.reshape(shape), macs)

    def works(self) -> Iterator[np.ndarray]:
        """Cycles of the PE tasks [filter groups, channel groups, kernel rows, output rows] for each M0 and C0 that is tried."""
        groups, filters, channels, rows, cols = self.weights.shape
        for most in sorted({min(m, filters) for m in FILTERS}):
            nonzeros = np.add.reduceat(self.weights, np.arange(0, filters, most), axis=1, dtype=np.int16)
            cycles = -(-nonzeros // self.macs)  # [groups, filter groups, C, R, S]
            # Only a depthwise PE holds channels of several groups, each with a filter of its own.
            if channels == 1:
                cycles, nonzeros = (a.transpose(2, 1, 0, 3, 4) for a in (cycles, nonzeros))
                counts = self.counts[None]
            else:
                counts = self.counts.reshape(groups, channels, rows, cols, -1)
            for own in self._channels(nonzeros):
                yield _tasks(cycles, counts, own)

    @staticmethod
    def _channels(nonzeros: np.ndarray) -> list[int]:
        """C0 to try: the largest for which activations and weights [groups, filter groups, C, R, S] have room, and half of it."""
        channels, cols = nonzeros.shape[2], nonzeros.shape[4]
        own = max(1, min(channels, ACTIVATIONS // cols))
        held = nonzeros.sum(axis=4)
        while own > 1 and np.add.reduceat(held, np.arange(0, channels, own), axis=2).max() > WEIGHTS:
            own -= 1
        return sorted({own, -(-own // 2)})


def _tasks(cycles: np.ndarray, counts: np.ndarray, own: int) -> np.ndarray:
    """Cycles float32 [filter groups, channel groups, R, E] of PE tasks with `own` channels.

    cycles: of a column, [groups, filter groups, C, R, S]; counts: nonzero activations [groups, C, R, S, E].
    """
    groups, m, channels, rows, cols = cycles.shape
    lots = -(-channels // own)
    pad = lots * own - channels
    left = np.pad(cycles, ((0, 0), (0, 0), (0, pad), (0, 0), (0, 0))).astype(np.float32)
    right = np.pad(counts, ((0, 0), (0, pad), (0, 0), (0, 0), (0, 0)))
    left = left.reshape(groups, m, lots, own, rows, cols).transpose(0, 2, 4, 1, 3, 5)
    right = right.reshape(groups, lots, own, rows, cols, -1).transpose(0, 1, 3, 2, 4, 5)
    depth = own * cols
    weights = np.ascontiguousarray(left).reshape(-1, m, depth)
    product = weights @ np.ascontiguousarray(right).reshape(groups * lots * rows, depth, -1)
    # [groups, channel groups, R, filter groups, E]
    return product.reshape(groups * lots, rows, m, -1).transpose(2, 0, 1, 3)
