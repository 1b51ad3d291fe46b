"""Compiled layers read back: which weight the hardware will find where, in terms of the layer."""

from __future__ import annotations

import numpy as np

from phantom.network import Conv
from phantom.program import TABLE_DRAIN, TABLE_SLOT, TABLE_TILE, TABLE_WINDOW, Program
from phantom.weight_decode import decode_core, packet_table


def table(program: Program, select: int) -> dict[int, int]:
    """Entries of one of the tables."""
    assert select in (TABLE_WINDOW, TABLE_SLOT, TABLE_TILE, TABLE_DRAIN)
    return {index: value for which, index, value in program.tables if which == select}


def filter_places(program: Program) -> np.ndarray:
    """int64 [passes, groups, slots, 8]: the filter that a lane of a group holds, from the layout of the result; -1 for none."""
    t = program.tiling
    index = program.result.index
    flat = bool(program.registers["DRAIN"]["flat"])
    if flat:  # [passes * groups * lanes, 1, slots]
        return index.reshape(t.passes, t.groups, 8, -1).transpose(0, 1, 3, 2)
    height, width = program.result.logical[1:]
    first = index[:, 0, 0]
    return np.where(first >= 0, first // (height * width), -1).reshape(t.passes, t.groups, t.slots, 8)


def received(program: Program, threads: int) -> dict[tuple[int, int], np.ndarray]:
    """For each core in use (row, column): rows of (filter, stream channel, window, w), sorted, as it will apply them.

    A channel with a view of its own is counted as what it is. Asserts that no weight goes to a place that holds no filter.
    """
    registers, t = program.registers, program.tiling
    places = filter_places(program)
    bits = registers["CORE"]["window_bits"], registers["CORE"]["slot_bits"]
    views = registers["LAM_LOOPS"]["views"] if registers["LAM_LOOPS"]["view_chans"] else 1
    result = {}
    for tile in range(t.tiles):
        for group in range(t.groups):
            row, col = t.place(tile, group)
            core = decode_core(program.weights, row, col, threads, *bits)
            filters = places[core.pass_, group, core.slot, core.thread]
            assert np.all(filters >= 0), "a weight for a place without a filter"
            assert np.all(core.channels == registers["LAM_LOOPS"]["chans"] * views), "every thread counts all channels"
            rows = np.stack([filters, core.channel, core.window, core.w])
            result[row, col] = rows[:, np.lexsort(rows[::-1])].T
    return result


def cores_reached(program: Program) -> set[tuple[int, int]]:
    """Cores that any weight packet is for."""
    packets = packet_table(program.weights)
    return {(r, c) for r in range(16) for c in range(16) if packets.reaches(r, c).any()}


def taps_of(program: Program) -> np.ndarray:
    """Rows of (filter, stream channel, window, w) that a convolution's layer says, sorted."""
    layer, source = program.stage.layers[0], program.source
    assert isinstance(layer, Conv) and source.channel_order is not None
    place = {int(c): i for i, c in enumerate(source.channel_order) if c >= 0}
    k, c, ky, kx = np.nonzero(layer.weights)
    window = ky * layer.weights.shape[3] + kx
    rows = np.stack([k, np.array([place[int(i)] for i in c], dtype=np.int64), window, layer.weights[k, c, ky, kx]])
    return rows[:, np.lexsort(rows[::-1])].T
