"""SCNN (A. Parashar et al., ISCA 2017, arXiv 1708.04485).

From the paper: 8 x 8 PEs, each multiplies F = 4 nonzero weights by I = 4 nonzero activations of one input channel in a cycle,
all by all, and adds the products to 2 F I = 32 accumulator banks of 32 entries. PEs divide the plane; a PE computes all products
of its activations, also those that belong to a neighbour's outputs (halos are exchanged) or to none. Loops: groups of Kc output
channels, input channels, the activations of a channel, its weights for the group. Kc is what the accumulators hold: entries /
tile area. Nonzeros are stored with 4-bit counts of zeros; after 15 zeros an entry of value zero takes a lane, too. All PEs wait
for the slowest after each group of output channels.

Assumed, since the paper does not say:
 - A bank is (k + 4 x + 20 y) mod 32: neighbours of a group go to different banks. Weights come in the order row, column, filter,
   so that a group holds different filters of one tap, as a public simulator has it.
 - Products wait in queues before their banks ("queue"): a channel takes a tile as many cycles as there are pairs of groups, or as
   the fullest bank gets products, whichever is more. With "stall" each pair takes as many cycles as the fullest bank gets of its
   products, as that simulator has it; 16 products on 32 banks then take 2.5 cycles on average, and the published results
   are missed by far. Products that belong to no output go to banks, too.
 - Draining and halo exchange hide behind the next group.
 - Tiles larger than the accumulators (Kc < 1) are cut and done one after the other.
 - Strides: the s x s phases of plane and kernel are channels of their own, so that no product is wasted. The paper describes no
   such thing; without it all but one of s x s products would be.
 - Depthwise: a filter has one channel; PEs wait for each other after Kc filters.
 - Fully connected: PEs divide the outputs, since there is no plane. An activation meets four weights a cycle: I - 1 of I lanes
   idle.

`barrier` "channel" lets PEs wait after every input channel, as that simulator does; the default is the paper's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phantom.errors import ConfigError
from phantom_sim.workloads.layer import LayerMasks

from .design import Design
from .scnn_banks import BANKS, LANES, NONE, classify, loads
from .traffic import run_bytes

COUNT_BITS = 4
STEP_X, STEP_Y = 4, 20  # of the bank, a column and a row
BARRIERS = ("group", "channel")
CONFLICTS = ("queue", "stall")
COLUMNS = 2048  # of the matrix product at a time
FLOATS = 1 << 23  # of another

Entries = tuple[np.ndarray, np.ndarray]  # (stream, bank) of stored values, in order of the streams


@dataclass(frozen=True)
class Scnn(Design):
    """SCNN with rows x cols PEs and `entries` accumulators in each."""

    rows: int = 8
    cols: int = 8
    entries: int = 1024
    barrier: str = "group"
    conflicts: str = "queue"

    def __post_init__(self) -> None:
        for what, known in (("barrier", BARRIERS), ("conflicts", CONFLICTS)):
            if getattr(self, what) not in known:
                raise ConfigError(f"SCNN: {what} {getattr(self, what)!r}; it must be one of {', '.join(known)}")

    @property
    def multipliers(self) -> int:
        """16 a PE."""
        return self.rows * self.cols * LANES * LANES

    def traffic(self, layer: LayerMasks) -> float:
        """Nonzeros with run lengths."""
        return run_bytes(layer, COUNT_BITS)

    def compute(self, layer: LayerMasks) -> int:
        """Cycles of a layer."""
        if layer.connected:
            return self._connected(layer)
        planes, weights = unit_stride(layer)
        tiles, rounds = self._tiles(planes)
        room = max(1, self.entries // (tiles.shape[2] * tiles.shape[3]))  # Kc
        block = min(room, layer.filters // layer.groups)
        sides = _elements(*tiles_as_streams(tiles)), _elements(*_blocks(weights, layer.groups, block))
        channels, places = tiles.shape[:2]
        sizes = places, -(-layer.filters // layer.groups // block)
        pairs = stalled_cycles if self.conflicts == "stall" else queued_cycles
        cycles = pairs(*sides, channels, sizes)
        cycles = cycles.transpose(0, 2, 1).reshape(channels, -1, rounds, self.rows * self.cols)  # [C, blocks, rounds, PEs]
        if self.barrier == "group":
            # The channels of as many groups of filters as the accumulators hold come between two barriers.
            held = max(1, room * layer.groups // layer.filters)
            starts = np.arange(0, channels, channels // layer.groups * held)
            cycles = np.add.reduceat(cycles, starts, axis=0)
        return int(cycles.max(axis=-1).sum())

    def _tiles(self, planes: np.ndarray) -> tuple[np.ndarray, int]:
        """Planes [C, H, W] as tiles [C, rounds x PEs, rows, columns], and the number of rounds."""
        channels, height, width = planes.shape
        high, wide = -(-height // self.rows), -(-width // self.cols)
        down = side = 1  # rounds
        while -(-high // down) * -(-wide // side) > self.entries:
            if -(-high // down) >= -(-wide // side):
                down += 1
            else:
                side += 1
        th, tw = -(-high // down), -(-wide // side)
        full = np.zeros((channels, self.rows * down * th, self.cols * side * tw), bool)
        full[:, :height, :width] = planes
        cut = full.reshape(channels, self.rows, down, th, self.cols, side, tw).transpose(0, 2, 5, 1, 4, 3, 6)
        return np.ascontiguousarray(cut).reshape(channels, down * side * self.rows * self.cols, th, tw), down * side

    def _connected(self, layer: LayerMasks) -> int:
        pes = self.rows * self.cols
        inputs = layer.activations.reshape(-1)
        columns = layer.weights.reshape(layer.filters, -1)[:, inputs]
        own = -(-layer.filters // pes)
        padded = np.zeros((pes * own, columns.shape[1]), bool)
        padded[: layer.filters] = columns
        streams = padded.reshape(pes, own, -1).transpose(0, 2, 1)
        rows, _ = _elements(np.ascontiguousarray(streams).reshape(-1, own), np.zeros(own, np.int64))
        counts = np.bincount(rows, minlength=pes * columns.shape[1]).reshape(pes, -1)
        return int((-(-counts // LANES)).sum(axis=1).max())


def unit_stride(layer: LayerMasks) -> tuple[np.ndarray, np.ndarray]:
    """Planes bool [C s s, H / s, W / s] and weights bool [K, C s s / groups, R', S'] of the same layer without stride."""
    step = layer.stride
    filters, channels, rows, cols = layer.weights.shape
    spread = np.zeros((filters, channels, (rows - 1) * layer.dilation + 1, (cols - 1) * layer.dilation + 1), bool)
    spread[:, :, :: layer.dilation, :: layer.dilation] = layer.weights
    if step == 1:
        return layer.activations, spread
    phases = []
    for array in (layer.padded, spread):
        high, wide = (-(-n // step) * step for n in array.shape[-2:])
        full = np.zeros((*array.shape[:-2], high, wide), bool)
        full[..., : array.shape[-2], : array.shape[-1]] = array
        cut = full.reshape(*array.shape[:-2], high // step, step, wide // step, step)
        cut = np.moveaxis(cut, (-3, -1), (-4, -3))  # [..., py, px, rows, columns]
        phases.append(cut.reshape(*array.shape[:-3], -1, high // step, wide // step))
    return phases[0], phases[1]


def tiles_as_streams(tiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tiles as bool [channels x tiles, places], and the bank of each place, int64 [places]."""
    high, wide = tiles.shape[-2:]
    y, x = np.divmod(np.arange(high * wide), wide)
    return tiles.reshape(-1, high * wide), (STEP_X * x + STEP_Y * y) % BANKS


def _blocks(weights: np.ndarray, groups: int, block: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights as bool [channels x blocks of filters, places], and the bank of each place."""
    filters, channels, rows, cols = weights.shape
    own = filters // groups
    count = -(-own // block)
    full = np.zeros((groups, count * block, channels, rows, cols), bool)
    full[:, :own] = weights.reshape(groups, own, channels, rows, cols)
    streams = full.reshape(groups, count, block, channels, rows, cols).transpose(0, 3, 1, 4, 5, 2)
    r, s, k = (axis.reshape(-1) for axis in np.indices((rows, cols, block)))
    return np.ascontiguousarray(streams).reshape(groups * channels * count, -1), (k - STEP_X * s - STEP_Y * r) % BANKS


def _elements(streams: np.ndarray, banks: np.ndarray) -> Entries:
    """Stored entries of streams bool [n, places]: (stream, bank) of each, in order; NONE for those of value zero."""
    places = np.flatnonzero(streams)
    stream, place = np.divmod(places, streams.shape[1])
    first = np.diff(stream, prepend=-1) != 0
    before = np.where(first, -1, np.concatenate([[-1], place[:-1]])) if len(place) else place
    entries = 1 + (place - before - 1 >> COUNT_BITS)
    last = np.cumsum(entries) - 1
    bank = np.full(int(entries.sum()), NONE)
    bank[last] = banks[place]
    return np.repeat(stream, entries), bank


def _groups(stream: np.ndarray, bank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Entries (stream, bank) four by four: (stream, class) of each group."""
    if not len(stream):
        return stream, np.zeros(0, np.int16)
    begins = np.flatnonzero(np.diff(stream, prepend=-1))
    counts = np.diff(begins, append=len(stream))
    rank = np.arange(len(stream)) - np.repeat(begins, counts)
    per_stream = -(-counts // LANES)
    base = np.cumsum(per_stream) - per_stream
    groups = np.full((int(per_stream.sum()), LANES), NONE)
    groups[np.repeat(base, counts) + rank // LANES, rank % LANES] = bank
    return np.repeat(stream[begins], per_stream), classify(groups)


def queued_cycles(left: Entries, right: Entries, channels: int, sizes: tuple[int, int]) -> np.ndarray:
    """Cycles float64 [channels, m, n] of each stream of one side with each of the other, channel by channel: pairs of groups, or
    the products of the fullest bank.

    sizes: streams (m, n) of a channel on either side.
    """
    held = []
    for (stream, bank), size in zip((left, right), sizes, strict=True):
        table = np.bincount(stream * (NONE + 1) + bank, minlength=channels * size * (NONE + 1))
        held.append(table.reshape(channels, size, -1).astype(np.float32))
    mine, its = (-(-table.sum(axis=-1) // LANES) for table in held)
    result = mine[:, :, None] * its[:, None, :]
    # Products by bank: the cyclic convolution of both sides' entries by bank, as a matrix product.
    m, n = sizes
    bank = np.arange(BANKS)
    step = max(1, FLOATS // (BANKS * n * max(BANKS, m)))
    for first in range(0, channels, step):
        part = slice(first, first + step)
        turned = held[1][part][:, :, (bank - bank[:, None]) % BANKS]  # [channels, n, bank of the left side, bank]
        turned = np.ascontiguousarray(turned.transpose(0, 2, 1, 3)).reshape(-1, BANKS, n * BANKS)
        products = np.ascontiguousarray(held[0][part, :, :BANKS]) @ turned
        full = products.reshape(-1, m, n, BANKS).max(axis=-1)
        np.maximum(result[part], full, out=result[part])
    return result.astype(np.float64)


def stalled_cycles(left: Entries, right: Entries, channels: int, sizes: tuple[int, int]) -> np.ndarray:
    """The same when a pair of groups takes as many cycles as the fullest bank gets of its products."""
    return _pair_cycles(_groups(*left), _groups(*right), channels, sizes)


def _pair_cycles(
    left: Entries, right: Entries, channels: int, sizes: tuple[int, int]
) -> np.ndarray:
    """The same for sides given as (stream, class) of groups, in order."""
    m, n = sizes
    if m > n:
        return _pair_cycles(right, left, channels, (n, m)).transpose(0, 2, 1)
    table = loads()
    result = np.zeros((channels, m, n))
    step = max(1, COLUMNS // m)
    for first in range(0, channels, step):
        count = min(step, channels - first)
        mine, its = (_between(side, first * size, (first + count) * size) for side, size in ((left, m), (right, n)))
        if not len(mine[0]) or not len(its[0]):
            continue
        # How many groups of each class a stream has; then the cycles that they take with a group of each class.
        held = np.bincount(mine[0] * len(table) + mine[1], minlength=count * m * len(table))
        taken = (held.reshape(count * m, -1).astype(np.float32) @ table).reshape(count, m, -1)
        each = taken[its[0] // n, :, its[1]]  # [groups, m]
        begins = np.flatnonzero(np.diff(its[0], prepend=-1))
        channel, stream = np.divmod(its[0][begins], n)
        result[first + channel, :, stream] = np.add.reduceat(each, begins, axis=0, dtype=np.float64)
    return result


def _between(side: Entries, first: int, stop: int) -> Entries:
    """The groups of streams first..stop - 1, these counted from 0."""
    low, high = np.searchsorted(side[0], (first, stop))
    return side[0][low:high] - first, side[1][low:high].astype(np.int64)
