"""Compiled layers read back: which weight the hardware will find where, in terms of the layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from phantom.layer_registers import TABLE_DRAIN, TABLE_SLOT, TABLE_TILE, TABLE_WINDOW
from phantom.program import Program
from phantom.quantise import requantise
from phantom.stage import Stage
from phantom.stage_weights import stage_weights
from phantom.weight_decode import decode_core, decode_params, packet_table


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
    channels = np.where(first >= 0, first // (height * width), -1).reshape(t.passes, t.groups, t.out_slots, 8)
    # A channel's filters are side by side in a thread: those of the first half of them, then those of the second.
    each = [np.where(channels >= 0, channels + half * program.stage.outputs, -1) for half in range(program.stage.slots_each)]
    return np.stack(each, axis=3).reshape(t.passes, t.groups, t.slots, 8)


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
            met = [channels_met(registers, p, group, t.tiles) for p in range(t.passes)]
            assert np.all([len(channels) * views for channels in met] == core.channels.T), "every thread counts all its channels"
            channel = [met[p][c // views] * views + c % views for p, c in zip(core.pass_, core.channel)]
            rows = np.stack([filters, np.array(channel, np.int64), core.window, core.w])
            result[row, col] = rows[:, np.lexsort(rows[::-1])].T
    return result


def channels_met(registers: Mapping[str, Mapping[str, int]], pass_: int, group: int, tiles: int) -> range:
    """Stream channels that the LAM sends to a group in a pass, in order."""
    chans, each = registers["LAM_LOOPS"]["chans"], registers["LAM_PASS"]
    if not each["own"]:
        return range(chans)
    first = pass_ * each["chans"]
    return range(first + group, min(chans, first + each["chans"]), each["last_owner"] // tiles + 1)


def cores_reached(program: Program) -> set[tuple[int, int]]:
    """Cores that any weight packet is for."""
    packets = packet_table(program.weights)
    return {(r, c) for r in range(16) for c in range(16) if packets.reaches(r, c).any()}


def taps_of(program: Program) -> np.ndarray:
    """Rows of (filter, stream channel, window, w) that a stage with one window a tap says, sorted."""
    stage, source = program.stage, program.source
    assert source.channel_order is not None
    place = {int(c): i for i, c in enumerate(source.channel_order) if c >= 0}
    window = np.unique(stage.tap, return_inverse=True)[1]
    rows = np.stack([stage.k, np.array([place[int(i)] for i in stage.at], dtype=np.int64), window, stage.value])
    return rows[:, np.lexsort(rows[::-1])].T


def computed(program: Program, planes: np.ndarray, threads: int) -> np.ndarray:
    """What the hardware makes of a stream's planes, bytes [channels, rows, cols], by weight stream, tables and registers.

    Bytes [filters, rows, cols]. Where a window lies is taken from the stage's taps (`test_views` checks views and runs), the rest
    from what the hardware is given: the sign of its activations, parameters, ranges, pooling.
    """
    stage, t, registers = program.stage, program.tiling, program.registers
    places, cores = filter_places(program), received(program, threads)
    windows, kept = table(program, TABLE_WINDOW), registers["RESIDUAL"]
    each_tap = stage_weights(replace(stage, **all_taps(stage)), program.source).geometry_of(t.tile_cols).windows
    tap_of = [each_tap.index(window) for window in program.geometry.windows]
    views = registers["LAM_LOOPS"]["views"] if registers["LAM_LOOPS"]["view_chans"] else 1
    sums = np.zeros(stage.shape, np.int64)
    for group in range(t.groups):
        for k, channel, window, w in cores[t.place(0, group)]:
            signed = windows[window] >> 17 & 1
            dy, dx = stage.taps[tap_of[window]]
            plane = planes[channel // views].view(np.int8 if signed else np.uint8)
            sums[k] += w * shifted(plane, dy, dx, stage.stride, stage.shape[1:])
    out = np.zeros(stage.shape, np.int64)
    for pass_, params in enumerate(decode_params(program.weights)):
        order = np.repeat(places[pass_][:, None], t.tiles, axis=1).reshape(-1)
        for i, k in enumerate(order):
            if k >= 0:
                total = sums[k]
                if kept["pairs"] and k >= stage.outputs:
                    value = out[k - stage.outputs].astype(np.uint8).view(np.int8 if kept["kept_signed"] else np.uint8)
                    total = total + ((kept["factor"] ^ 0x800) - 0x800) * value.astype(np.int64)
                limits = registers[f"CLAMP{params.clamp[i]}"]
                low, high = ((limits[name] ^ 0x100) - 0x100 for name in ("low", "high"))
                out[k] = requantise(total, params.bias[i], params.multiplier[i], params.sel[i], low, high)
    return pooled(out[-stage.outputs :], registers["POOL"], stage.result.plane).astype(np.uint8)


def all_taps(stage: Stage) -> dict[str, np.ndarray]:
    """Weights for a stage that has one, of 1, at every tap: then every tap is a window."""
    taps = np.arange(len(stage.taps))
    return {"k": 0 * taps, "at": 0 * taps, "tap": taps, "value": 0 * taps + 1}


def shifted(plane: np.ndarray, dy: int, dx: int, stride: int, size: tuple[int, int]) -> np.ndarray:
    """Values at (y * stride + dy, x * stride + dx), 0 outside."""
    out = np.zeros(size, np.int64)
    for y in range(size[0]):
        for x in range(size[1]):
            row, col = y * stride + dy, x * stride + dx
            if 0 <= row < plane.shape[0] and 0 <= col < plane.shape[1]:
                out[y, x] = plane[row, col]
    return out


def pooled(values: np.ndarray, pool: dict[str, int], plane: tuple[int, int]) -> np.ndarray:
    """Largest values; the last window of rows and columns has its own end."""
    out = np.zeros((len(values), *plane), np.int64)

    def span(i: int, count: int, first: str, last: str) -> slice:
        start = i * pool["step"] - pool[first]
        return slice(max(0, start), start + 1 + (pool[last] if i == count - 1 else pool["more"]))

    for y in range(plane[0]):
        for x in range(plane[1]):
            rows, cols = span(y, plane[0], "top", "bottom_more"), span(x, plane[1], "left", "right_more")
            assert rows.stop <= values.shape[1] and cols.stop <= values.shape[2], "a window ends inside"
            out[:, y, x] = values[:, rows, cols].max(axis=(1, 2))
    return out
