"""Compile a network: from weights and tiling to everything that the hardware needs to run it, stage by stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .balance import assign
from .config import Config
from .fold import fold_stride
from .layer_registers import layer_registers, layer_tables
from .layout import Layout
from .lower import lower
from .network import Layer, Network
from .places import Places, group_mask
from .segments import LANES, POSITIONS
from .stage import Stage
from .stage_weights import MAX_FLAT_SEGMENTS, stage_weights
from .tiling import Reader, Tiling, Workload, choose
from .weight_stream import WeightLayout, Weights, encode_weights

PROFILE_BLOCKS = 64  # blocks of channels in which the balance is watched
BLOCK_WORDS = 8  # words of a thread in a block: half a weight queue, so that a block never waits for itself


@dataclass(frozen=True)
class Program:
    """A compiled stage.

    stage: what it computes. registers: field values by layer register. tables: (select, index, value). weights: weight stream
    for one strip. source, result: layouts of input and output streams. tiling: how it is spread.
    """

    stage: Stage
    tiling: Tiling
    source: Layout
    result: Layout
    registers: Mapping[str, Mapping[str, int]]
    tables: tuple[tuple[int, int, int], ...]
    weights: np.ndarray
    strips: int

    @property
    def name(self) -> str:
        """Of the layers that it computes."""
        return self.stage.name

    @property
    def result_words(self) -> int:
        """Words that the result stream can have at most."""
        cut = self.result.geometry
        strips = -(-cut.height // self.result.strip_rows)
        return strips * self.result.strip_packets * (1 + LANES * (1 + POSITIONS // 8)) + 1


def compile_network(
    network: Network, config: Config, densities: list[float] | None = None, rank: int = 0
) -> list[Program]:
    """Compile a network.

    Args:
        densities: of the input activations of each stage, expected (1.0 is always safe). rank: as for `compile_stage`.

    Raises:
        ShapeError: a layer does not fit the configuration, or cannot be scheduled.
    """
    programs: list[Program] = []
    stages = lower(network)
    source = Layout.plain(network.input_shape, network.input_dtype)
    folded = fold_stride(stages[0])
    if folded is not None:
        stages[0], source = folded
    for i, stage in enumerate(stages):
        density = 1.0 if densities is None else densities[i]
        after = stages[i + 1] if i + 1 < len(stages) else None
        density_after = 1.0 if densities is None or after is None else densities[i + 1]
        programs.append(compile_stage(stage, source, config, density, rank, after, density_after))
        source = programs[-1].result
    return programs


def compile_layer(layer: Layer, source: Layout, config: Config, density: float = 1.0, rank: int = 0) -> Program:
    """Compile a single layer for an input that lies in `source`; else as `compile_stage`, and OverflowRisk."""
    (stage,) = lower(Network(layer.name, source.logical, source.dtype, [layer]))
    return compile_stage(stage, source, config, density, rank)


def compile_stage(
    stage: Stage,
    source: Layout,
    config: Config,
    density: float = 1.0,
    rank: int = 0,
    after: Stage | None = None,
    density_after: float = 1.0,
) -> Program:
    """Compile one stage.

    Args:
        source: how its input lies in the stream. density: of the input's activations, expected (1.0 is always safe).
        rank: take the tiling so many places behind the best. after, density_after: the stage that reads the result.

    Raises:
        ShapeError: it does not fit the configuration.
    """
    found = stage_weights(stage, source)
    whole = found.geometry_of(stage.result.plane[1])
    chans = source.index.shape[0] * (len(whole.views) if found.flat else 1)
    rows = [dy for dy, _ in stage.taps] or [0]
    pool = stage.pool
    work = Workload(
        name=stage.name,
        filters=stage.filters,
        channels=chans,
        reach=(min(rows), max(rows)),
        stride=1 if found.flat else stage.stride,
        out_rows=stage.result.plane[0],
        out_cols=stage.result.plane[1],
        weight_density=len(found.value) / max(1, stage.filters * chans * len(whole.windows)),
        act_density=density,
        flat=found.flat,
        most_segments=MAX_FLAT_SEGMENTS if after is not None and after.flat else 0,
        reader=None if after is None else Reader(_rows_at_a_time(after), density_after),
        pool=(pool.kernel[0], pool.stride, pool.padding[0]) if pool else (1, 1, 0),
    )
    tiling, geometry = choose(work, found.geometry_of, source, config, rank)
    lanes = tiling.groups * LANES
    load = np.bincount(found.filters, minlength=stage.filters)
    profile = _profile(found.filters, found.channel, stage.filters, chans)
    pass_, lane, slot = assign(load, lanes, tiling.passes, tiling.slots, profile)
    channel = found.channel
    if not found.flat and tiling.view_chans:
        views = len(geometry.views)
        channel = channel * views + np.array([w.view for w in geometry.windows])[found.window]
        chans *= views

    slot_bits = (tiling.slots - 1).bit_length()
    window_bits = (len(geometry.windows) - 1).bit_length()
    k = found.filters
    weights = Weights(pass_[k], lane[k] // LANES, lane[k] % LANES, channel, found.window, slot[k], found.value)
    places = Places(stage.filters, pass_, lane, slot, tiling)
    stream = encode_weights(
        weights,
        [places.params(stage, p) for p in range(tiling.passes)],
        WeightLayout(
            threads=config.threads,
            window_bits=window_bits,
            slot_bits=slot_bits,
            block_ends=_blocks(weights, chans, tiling, config),
            # Small packets feed the groups evenly; where the port itself is the limit, headers cost more than that brings.
            packet_words=64 if found.flat else 8,
            core_masks=np.array([group_mask(tiling, g) for g in range(tiling.groups)]),
        ),
    )
    result = places.layout(stage, found.flat, tiling)
    return Program(
        stage=stage,
        tiling=tiling,
        source=source,
        result=result,
        registers=layer_registers(stage, work, geometry, tiling, source, result, config, (window_bits, slot_bits)),
        tables=layer_tables(work, geometry, tiling, found.signed),
        weights=stream,
        strips=-(-work.out_rows // tiling.strip_rows),
    )


def _rows_at_a_time(stage: Stage) -> int:
    """Rows of the input that a stage needs for one row of its result; all of them when it is fully connected."""
    if stage.flat:
        return stage.source.plane[0]
    rows = [dy for dy, _ in stage.taps]
    sums = stage.pool.kernel[0] if stage.pool else 1
    return max(rows) - min(rows) + 1 + (sums - 1) * stage.stride


def _profile(filters: np.ndarray, channel: np.ndarray, count: int, chans: int) -> np.ndarray:
    """Nonzero weights by filter and block of channels, int [count, blocks]."""
    size = max(1, chans // PROFILE_BLOCKS)
    blocks = -(-chans // size)
    return np.bincount(filters * blocks + channel // size, minlength=count * blocks).reshape(count, blocks)


def _blocks(weights: Weights, chans: int, tiling: Tiling, config: Config) -> np.ndarray:
    """Block ends [passes, groups, blocks]: as many channels as keep every thread within BLOCK_WORDS words."""
    lane = (weights.pass_ * tiling.groups + weights.group) * config.threads + weights.thread
    lanes = tiling.passes * tiling.groups * config.threads
    count = np.bincount(lane * chans + weights.channel, minlength=lanes * chans).reshape(lanes, chans)
    total = np.concatenate([np.zeros((lanes, 1), dtype=np.int64), np.cumsum(count, axis=1)], axis=1)
    ends = [0]
    most = 4 * BLOCK_WORDS - 2  # room for the skip to the end of the block, and one more
    while ends[-1] < chans:
        start = ends[-1]
        fits = np.flatnonzero((total[:, start + 1 : start + 65] - total[:, start : start + 1]).max(axis=0) <= most)
        ends.append(start + 1 + (int(fits[-1]) if len(fits) else 0))
    return np.broadcast_to(np.array(ends[1:]), (tiling.passes, tiling.groups, len(ends) - 1))
