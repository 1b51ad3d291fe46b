"""SparTen (A. Gondimalla et al., MICRO 2019).

From the paper: 32 clusters of 32 compute units, one multiplier each. Tensors are stored along the channels first, in chunks of
128 values: a bit mask and the packed nonzeros. A cluster broadcasts a chunk of the input to its units; each holds the chunk of a
filter, ANDs the masks and multiplies where both have a bit, one pair a cycle. Units work on neighbouring output channels. Greedy
balancing gives each unit two filters: sorted by density, the densest with the sparsest; GB-S by whole filters, in software; GB-H
chunk by chunk, with a network that brings the sums back to their places. The units wait for each other at each broadcast.

Assumed, since the paper does not say:
 - A filter takes a cycle for a chunk at least, also when nothing meets.
 - A chunk lies within one kernel position; a last one of fewer than 128 channels is padded.
 - Clusters divide the output positions evenly, or, when there are fewer positions than clusters (fully connected), positions and
   groups of filters. The layer lasts as long as its slowest cluster.
 - Where filters in pairs would leave units or clusters without any, each filter gets a unit of its own.
 - GB-H pairs within the filters that GB-S puts into a cluster at the same time.
 - Depthwise: the units of a cluster hold neighbouring filters and get the chunk that has their channels; each finds one pair at
   most, and takes the cycle that every filter takes at least.

`balance`: "none", "GB-S", "GB-H". `buffered`: units have a second buffer for chunks, so that one may be a chunk ahead of the
slowest of them; the default is the paper's barrier.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from phantom.errors import ConfigError
from phantom_sim.workloads.layer import LayerMasks

from .design import Design
from .traffic import mask_bytes

BALANCES = ("none", "GB-S", "GB-H")
ROWS = 1 << 22  # pairs of position and filter at a time


@dataclass(frozen=True)
class SparTen(Design):
    """SparTen with so many clusters and units in each."""

    clusters: int = 32
    units: int = 32
    chunk: int = 128
    balance: str = "GB-H"
    buffered: bool = False

    def __post_init__(self) -> None:
        if self.balance not in BALANCES:
            raise ConfigError(f"SparTen: balance {self.balance!r}; it must be one of {', '.join(BALANCES)}")

    @property
    def multipliers(self) -> int:
        """One a unit."""
        return self.clusters * self.units

    def traffic(self, layer: LayerMasks) -> float:
        """Masks and nonzeros."""
        return mask_bytes(layer)

    def compute(self, layer: LayerMasks) -> int:
        """Cycles of a layer: its groups of channels one after the other, but for depthwise ones."""
        if layer.depthwise:
            return self._depthwise(layer)
        return sum(self._plain(layer.group(i) if layer.groups > 1 else layer) for i in range(layer.groups))

    def _depthwise(self, layer: LayerMasks) -> int:
        """One cycle a filter, tap and position."""
        taps = layer.weights.shape[2] * layer.weights.shape[3]
        items = layer.positions * -(-layer.filters // self.units)
        return -(-items // self.clusters) * taps

    def _plain(self, layer: LayerMasks) -> int:
        chunks = list(self._chunks(layer))
        lots = self._lots(layer, chunks)
        rows = max(1, ROWS // layer.filters)
        parts = [self._lot_cycles(layer, chunks, lots, slice(i, i + rows)) for i in range(0, layer.positions, rows)]
        items = np.concatenate(parts)  # [positions, groups of filters]
        if len(items) < self.clusters:
            items = items.reshape(-1)
        return int(max(part.sum() for part in np.array_split(items, self.clusters)))

    def _chunks(self, layer: LayerMasks) -> Iterator[tuple[int, int, slice]]:
        """(row, column, channels) of the chunks of a filter in the order of the broadcasts."""
        _, channels, rows, cols = layer.weights.shape
        for row in range(rows):
            for col in range(cols):
                for first in range(0, channels, self.chunk):
                    yield row, col, slice(first, min(channels, first + self.chunk))

    def _lots(self, layer: LayerMasks, chunks: list[tuple[int, int, slice]]) -> np.ndarray:
        """Filters by chunk, group, unit and turn, int64 [chunks or 1, groups, units, turns]; K stands for none."""
        filters = layer.filters
        pairs = layer.positions if layer.positions >= self.clusters else filters // (2 * self.units)
        turns = 1 if self.balance == "none" or filters < 2 * self.units or pairs < self.clusters else 2
        groups = -(-filters // (turns * self.units))
        order = np.full(groups * turns * self.units, filters)
        if turns == 1:
            order[:filters] = np.arange(filters)
            return order.reshape(1, groups, self.units, 1)
        # The densest with the sparsest; neighbouring pairs together.
        order[:filters] = np.argsort(-layer.weights.reshape(filters, -1).sum(axis=1), kind="stable")
        pairs = np.stack([order[: len(order) // 2], order[len(order) // 2 :][::-1]], axis=1)
        lots = pairs.reshape(groups, self.units * 2)
        if self.balance == "GB-S":
            return lots.reshape(1, groups, self.units, 2)
        found = []
        for row, col, channels in chunks:
            load = np.append(layer.weights[:, channels, row, col].sum(axis=1), 0)
            sorted_ = np.take_along_axis(lots, np.argsort(-load[lots], axis=1, kind="stable"), axis=1)
            found.append(np.stack([sorted_[:, : self.units], sorted_[:, self.units :][:, ::-1]], axis=2))
        return np.stack(found)

    def _lot_cycles(
        self, layer: LayerMasks, chunks: list[tuple[int, int, slice]], lots: np.ndarray, rows: slice
    ) -> np.ndarray:
        """Cycles int64 [positions, groups] for the output positions `rows`."""
        groups = lots.shape[1]
        positions = min(rows.stop, layer.positions) - rows.start
        clock = Broadcast(positions * groups, self.buffered)
        for number, (row, col, channels) in enumerate(chunks):
            window = layer.window(row, col)[channels].reshape(channels.stop - channels.start, -1)[:, rows]
            weights = layer.weights[:, channels, row, col].astype(np.float32)
            pairs = np.maximum(weights @ window.astype(np.float32), 1)  # [K, positions]
            pairs = np.concatenate([pairs, np.zeros((1, positions), np.float32)])
            lot = lots[number if len(lots) > 1 else 0]
            busy = pairs[lot[:, :, 0]]  # [groups, units, positions]
            for turn in range(1, lot.shape[2]):
                busy += pairs[lot[:, :, turn]]
            clock.step(busy)
        return clock.finish().reshape(groups, positions).T


class Broadcast:
    """Time of units that get the same chunks, for many independent lots of units side by side."""

    def __init__(self, lots: int, buffered: bool) -> None:
        self.buffered = buffered
        self.total = np.zeros(lots)
        self.free: np.ndarray | None = None
        self.sent: np.ndarray = np.zeros(0)

    def step(self, busy: np.ndarray) -> None:
        """One chunk: float32 [groups, units, positions], the cycles that each unit needs for it."""
        if not self.buffered:
            self.total += busy.max(axis=1).reshape(-1)
            return
        # A chunk is sent when all units have begun the one before it, which empties the second buffer.
        if self.free is None:
            self.free = np.zeros_like(busy)
            self.sent = np.zeros_like(busy[:, :1])
        begin = np.maximum(self.free, self.sent)
        self.sent = begin.max(axis=1, keepdims=True)
        self.free = begin + busy

    def finish(self) -> np.ndarray:
        """Cycles of each lot, int64 [groups x positions]."""
        if self.free is not None:
            self.total = self.free.max(axis=1).reshape(-1)
        return self.total.astype(np.int64)
