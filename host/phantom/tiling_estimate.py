"""How long a tiling takes, roughly: the figure by which the best one is chosen. Fitted to runs of the RTL (docs/decisions.md)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from .balance import busiest
from .config import Config
from .layout import Cut
from .segments import LANES, POSITIONS, stream_words
from .tiling import RING_MARGIN, Tiling, Workload, need_rows
from .views import NO_VIEW, Geometry, View

BYTES_PER_CYCLE = 6.4  # of a stream: an HP port at 800 MB/s and 125 MHz
READERS = 2  # of the LAM, as far as there are lanes


@dataclass(frozen=True)
class Rows:
    """Rows of the input that a view of a tile has, on average over the tiles below one another.

    wanted: those that exist. missing: those that do not, in the padding. others: rows of the same packets that it does not want.
    packets: those that overlap it. passed: that are looked at in vain. runs: rows of a run that exist, of each tile.
    """

    wanted: float
    missing: float
    others: float
    packets: float
    passed: float
    runs: np.ndarray


@dataclass(frozen=True)
class Fill:
    """What the LAM does for one channel of one tile, on average.

    scan: cycles of a lane. find: of the finder. read: of a reader. entries: activations that are written.
    """

    scan: float
    find: float
    read: float
    entries: float


class Estimate:
    """Estimates tilings of one layer whose input is cut in one way; what several tilings share is worked out once.

    It is the slowest of multiplying, reading weights, filling the activation buffers and draining. Threads are coupled by the
    activation ring: how far one can be ahead of another is what the ring holds, and the fewer weights that is, the more
    their number differs. A ring that holds a single channel is not even filled ahead.
    """

    def __init__(self, work: Workload, cut: Cut, config: Config) -> None:
        self.work, self.cut, self.config = work, cut, config
        self._fills: dict[tuple[int, int], Fill] = {}
        self._rows: dict[int, list[Rows]] = {}
        self._runs: dict[tuple[int, int, int], np.ndarray] = {}
        self._drains: dict[tuple[int, int], float] = {}
        self._waits: dict[int, tuple[float, float]] = {}
        self._busiest: dict[tuple[int, int, int], float] = {}

    def __call__(self, tiling: Tiling, geometry: Geometry) -> float:
        """Cycles of a layer."""
        work, config = self.work, self.config
        strips = -(-work.out_rows // tiling.strip_rows)
        rounds = tiling.slots * tiling.passes
        own = tiling.own_chans > 0
        windows = len(geometry.windows) if not work.flat else geometry.runs
        # Entries that a window skips at the edge of a tile are fetched all the same.
        places = np.ones(strips) if work.flat else self._places(tiling, geometry)
        run = places * min(1.0, work.act_density * work.met)
        jobs = rounds * windows * work.weight_density  # of a thread, a channel; of channels of its own there are fewer
        job = np.maximum(run * (1 + 1 / (run + 1)), config.threads * 0.9)

        fill = self._fill(tiling, geometry)
        ahead = min(work.channels, (2 * config.act_words - RING_MARGIN) / max(fill.entries, 1.0))
        together = max(1.0, jobs / tiling.passes * ahead)
        # A thread whose only heavy filter has no other that makes up for it drifts as far as chance takes it.
        drift = 2.7 if tiling.slots > 1 and tiling.slots * work.heavy < 1.5 else 0.2
        spread = 1 + drift * ((1 - work.weight_density) / together) ** 0.5
        if work.loads is not None and not work.sharers:  # part of it is in what the rest was fitted to
            spread *= self._uneven(tiling, work.loads) ** 0.5
        # Where a filter reads a part of the channels only (groups), a thread needs several for as long as others have work.
        compute = jobs * job * spread / min(1.0, tiling.out_slots * work.covered)
        if own:  # a thread is busy while one of its own channels is in the ring
            compute = 1.1 * jobs * job * max(1.0, config.threads / ahead)
        elif work.sharers:  # and of all threads only those whose channels are there
            compute = np.maximum(compute, windows * work.weight_density * work.channels * job / max(1.0, ahead - 1))
        weights = jobs * tiling.groups * config.threads * 1.16 / 4 * 8 / BYTES_PER_CYCLE * tiling.port_share(config.weight_ports)
        each = max(fill.scan / tiling.lanes, fill.find, fill.read / min(READERS, tiling.lanes))
        filling = (1 if own else tiling.passes) * (tiling.tiles * each + self._heads(tiling))
        if ahead < 2 and not own:
            compute += tiling.passes * max(fill.scan, fill.find, fill.read) * (2 - ahead)
        # Who is nearly as slow as the slowest holds it up at times; all the more where every thread has channels of its own.
        power = 2.5 if own else 6.0
        body = work.channels * (compute**power + weights**power + filling**power) ** (1 / power)  # of each strip
        drain = self._drain(tiling)
        busy = float(np.maximum(body, tiling.passes * drain).sum()) + 400 * strips + drain
        return busy + self._waiting(tiling, strips, float(body[0]) if own else float(body[0]) / tiling.passes)

    def _uneven(self, tiling: Tiling, loads: np.ndarray) -> float:
        """Weights of the busiest thread of a pass, over those of a thread with so many filters on average."""
        key = tiling.groups, tiling.passes, tiling.out_slots
        if key not in self._busiest:
            lanes = tiling.groups * self.config.threads
            mean = max(1.0, float(loads.mean())) * tiling.passes * tiling.out_slots
            self._busiest[key] = busiest(loads, lanes, tiling.passes, tiling.out_slots) / mean
        return self._busiest[key]

    def packing(self, tiling: Tiling, geometry: Geometry) -> float:
        """Cycles that the LAM takes at least for a channel of a strip, in all: two nonzeros a cycle, a row a cycle."""
        work = self.work
        entries = self._fill(tiling, geometry).entries
        rows = sum(work.sum_rows(tiling.tile_rows) + view.runs - 1 for view in geometry.views)
        least = max(entries / 2, geometry.runs if work.flat else rows)
        return (1 if tiling.own_chans else tiling.passes) * tiling.tiles * least / tiling.lanes

    def _waiting(self, tiling: Tiling, strips: int, first_round: float) -> float:
        """Cycles in which the input is waited for: the first strip's rows, and what finds no room before its time.

        Rows come and go by whole strips of the layer that wrote them; while the LAM is at a strip, as much of what the next one
        wants comes in as there is room for. The last of those strips comes by chunks, while the first round over them is under
        way, which takes `first_round` cycles.
        """
        first, later = self._waits_of(tiling, strips)
        cut = self.cut
        if cut.block:
            size, height = cut.strip_rows, cut.segments.height
            end = min(height, -(-need_rows(tiling, self.work, cut, 0)[1] // size) * size)
            rows = min(size, end) if end % size == 0 or end <= size else 0  # a rest of the image does not come by chunks
            last = first * rows / end
            first += max(last * min(1.0, cut.block / cut.segments.chunks), last - first_round) - last
        return first + later

    def _waits_of(self, tiling: Tiling, strips: int) -> tuple[float, float]:
        """Cycles until the first strip's rows are there, and those that are waited for later."""
        if tiling.strip_rows not in self._waits:
            cut = self.cut
            height, size = cut.segments.height, cut.strip_rows
            words = stream_words(height, cut.tile_rows, self.work.act_density, cut.segments) / height
            waits, before, room = [], 0, 0.0
            for strip in range(strips):
                first, end = need_rows(tiling, self.work, cut, strip)
                end = min(height, -(-end // size) * size)
                waits.append(max(0.0, (end - before) * words - room) * 8 / BYTES_PER_CYCLE)
                before, room = end, max(0.0, self.config.row_buffer_words - (end - first // size * size) * words)
            self._waits[tiling.strip_rows] = waits[0], sum(waits[1:])
        return self._waits[tiling.strip_rows]

    def _places(self, tiling: Tiling, geometry: Geometry) -> np.ndarray:
        """Positions of the input in a run, for each strip, on average over windows, of the tile that has most of them."""
        below = tiling.tiles // tiling.col_tiles
        key = tiling.tile_rows, tiling.col_tiles, below
        if key not in self._runs:
            work, rows = self.work, self._rows_of_views(tiling, geometry)
            count = Counter(window.view for window in geometry.windows if window.view != NO_VIEW)
            high = [np.maximum.reduceat(of.runs, range(0, len(of.runs), below)) for of in rows]
            most = np.zeros(len(high[0]))
            for x0 in range(0, work.out_cols, tiling.tile_cols):
                total = np.zeros(len(most))
                for i, windows in count.items():
                    view = geometry.views[i]
                    first = x0 * work.pool[1] + view.col_first // work.stride
                    total += windows * max(0, min(view.width, first + view.cols) - max(0, first)) * high[i]
                most = np.maximum(most, total / max(1, count.total()))
            self._runs[key] = most
        return self._runs[key]

    def _drain(self, tiling: Tiling) -> float:
        """Cycles that drain and encoder take for one pass of a strip, at 60 % of nonzero outputs."""
        work = self.work
        if work.flat:
            return 9.0 * tiling.slots * tiling.groups
        key = tiling.tile_rows, tiling.col_tiles
        if key not in self._drains:
            rows, cols = tiling.tile_rows, work.out_cols / tiling.col_tiles
            side = max(1.0, cols / tiling.span)
            high = POSITIONS >> (tiling.span - 1).bit_length() if work.out_cols == tiling.span else 1
            segments = -(-rows // high) * side
            words = segments * 9 + rows * cols * 0.6
            reads = cols * work.pool[0] * (rows * work.pool[0] + work.kept_rows)
            self._drains[key] = max(3 + 2 * (segments + work.kept_rows) + reads, words * 8 / BYTES_PER_CYCLE, 16.0)
        return tiling.tiles * tiling.groups * (12 + tiling.slots * self._drains[key])

    def _heads(self, tiling: Tiling) -> float:
        """Cycles that the finder takes for the packet table of a strip, of one channel."""
        rows, strip = need_rows(tiling, self.work, self.cut, 0)[1], self.cut.tile_rows
        packets = rows // strip * -(-strip // self.cut.segments.rows) + -(-(rows % strip) // self.cut.segments.rows)
        return (3 + 5 * packets * self.cut.segments.columns) / LANES

    def _fill(self, tiling: Tiling, geometry: Geometry) -> Fill:
        if self.work.flat:
            return Fill(64 + 12.0, 12.0, 12.0, geometry.runs * self.work.act_density)
        key = tiling.tile_rows, tiling.col_tiles
        if key not in self._fills:
            self._fills[key] = self._fill_of(tiling, geometry)
        return self._fills[key]

    def _fill_of(self, tiling: Tiling, geometry: Geometry) -> Fill:
        work, cut = self.work, self.cut.segments
        density, span = work.act_density, cut.span
        scan = find = read = entries = 0.0
        words = min(8.0, cut.rows * span * density / 8 + 0.4)  # of values of a channel in a packet
        for view, rows in zip(geometry.views, self._rows_of_views(tiling, geometry), strict=True):
            for tile in range(tiling.col_tiles):
                first = tile * tiling.tile_cols * work.pool[1] * work.stride + view.col_first
                last = min(cut.width - 1, first + (view.cols - 1) * work.stride)
                first = max(0, first)
                if last < first:
                    continue
                entries += rows.wanted * ((last - first) // work.stride + 1) * density
                beats, across = 0.0, last // span - first // span + 1
                for xs in range(first // span, last // span + 1):
                    left, right = max(first - xs * span, 0), min(last - xs * span, span - 1)
                    for piece in range(left // 16, right // 16 + 1):
                        count = (min(right, 16 * piece + 15) - max(left, 16 * piece)) // work.stride + 1
                        # Two nonzeros a beat; an odd one and an empty piece cost a beat, too.
                        beats += count * density / 2 + (1 - (1 - 2 * density) ** count) / 4 + (1 - density) ** count
                # Rows of a packet that the view does not want take a cycle each, and so do those that do not exist.
                scan += rows.wanted * beats + rows.missing + rows.others * across + 2
                find += 3 + rows.packets * across + rows.passed * cut.columns
                read += rows.packets * across * 2 * -(-(1 + words) // 2) + 1
        tiles = tiling.col_tiles
        return Fill(scan / tiles, find / tiles, read / tiles, entries / tiles)

    def _rows_of_views(self, tiling: Tiling, geometry: Geometry) -> list[Rows]:
        if tiling.tile_rows not in self._rows:
            self._rows[tiling.tile_rows] = [self._rows_of(tiling, view) for view in geometry.views]
        return self._rows[tiling.tile_rows]

    def _rows_of(self, tiling: Tiling, view: View) -> Rows:
        work, cut = self.work, self.cut.segments
        starts, sizes = cut.starts(self.cut.tile_rows)
        _, step, _ = work.pool
        count = work.sum_rows(tiling.tile_rows) + view.runs - 1
        tops = (np.arange(0, work.out_rows, tiling.tile_rows) * step + view.first)[:, None] + np.arange(count)
        rows = tops * work.stride + view.py if work.stride == 2 else tops
        there = (rows >= 0) & (rows < cut.height)
        packet = np.searchsorted(starts, np.clip(rows, 0, cut.height - 1), side="right") - 1
        new = there.copy()
        new[:, 1:] &= (packet[:, 1:] != packet[:, :-1]) | ~there[:, :-1]
        wanted, packets = there.sum(axis=1).mean(), new.sum(axis=1).mean()
        others = (sizes[packet] * new).sum(axis=1).mean() - wanted
        # Packets of a single row belong to the views of its parity.
        passed = packets if work.stride == 2 and cut.rows == 1 else 0.0
        size = work.sum_rows(tiling.tile_rows)
        runs = np.mean([there[:, first : first + size].sum(axis=1) for first in range(view.runs)], axis=0)
        return Rows(wanted, count - wanted, others, packets, passed, runs)
