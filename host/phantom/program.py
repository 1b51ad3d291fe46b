"""Compile a network: from weights and tiling to everything that the hardware needs to run it, stage by stage."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .balance import assign, assign_own
from .config import Config
from .errors import PhantomError, RangeError, ShapeError
from .executable import Executable
from .fold import fold_stride
from .interleave import interleave
from .layer_registers import layer_registers, layer_tables
from .layout import Layout
from .lower import lower
from .network import Layer, Network
from .places import Places, group_mask
from .segments import LANES
from .spread import spread
from .stage import Stage
from .thin import thinned
from .tiling import Tiling, Workload
from .views import Geometry
from .weight_ports import joined, port_streams
from .weight_stream import WeightLayout, Weights

PROFILE_BLOCKS = 64  # blocks of channels in which the balance is watched
# Small packets feed the groups evenly; where the port itself is the limit, headers cost more than that brings.
PACKET_WORDS, FLAT_PACKET_WORDS = 16, 64
QUEUE_MARGIN = 4  # words of a weight queue that a block leaves free: what is on its way when the queue says that it is full


@dataclass(frozen=True)
class Program(Executable):
    """A compiled stage, and how it came about.

    stage: what it computes. work, tiling, geometry: what was chosen for it, and why.
    """

    stage: Stage
    work: Workload
    tiling: Tiling
    geometry: Geometry


def compile_network(
    network: Network,
    config: Config,
    densities: list[float] | None = None,
    rank: int = 0,
    channels: Sequence[np.ndarray] | None = None,
) -> list[Program]:
    """Compile a network.

    Args:
        densities: of the input activations of each stage, expected (1.0 is always safe). rank: as for `compile_stage`. channels:
            as for `compile_stages`.

    Raises:
        ShapeError: a layer does not fit the configuration, or cannot be scheduled.
    """
    stages = lower(network)
    choices = [[1.0]] * len(stages) if densities is None else [[d] for d in densities]
    return compile_stages(network, stages, config, choices, rank, channels)


def compile_stages(
    network: Network,
    stages: Sequence[Stage],
    config: Config,
    choices: Sequence[Sequence[float]],
    rank: int = 0,
    channels: Sequence[np.ndarray] | None = None,
) -> list[Program]:
    """Compile the stages of a network (`lower`).

    Args:
        choices: for each stage the densities that its input may be taken to have, the preferred one first; where a stage does not
            fit, first what the stage behind it reads is taken to be less dense, then what itself reads. rank: as for
            `compile_stage`. channels: densities of the channels of each stage's input (`densities.channel_shares`), if known;
            they only help to choose.

    Raises:
        ShapeError: a layer does not fit the configuration, with the reason for the preferred densities.
    """
    programs: list[Program] = []
    # The image comes by chunks, too, if there are several; with some room to spare, as it may be denser than expected.
    source = Layout.as_written(network.input_shape, network.input_dtype, choices[0][0], config.row_buffer_words * 3 // 4)
    folded = fold_stride(stages[0])
    if folded is not None:
        stages, source = [folded[0], *stages[1:]], folded[1]
    stages = [thinned(stage) for stage in stages]
    own: Sequence[float] = choices[0]
    known = [channels[i] if channels else None for i in range(len(stages))] + [None]
    for i, (stage, after, behind) in enumerate(zip(stages, [*stages[1:], None], [*choices[1:], [1.0]])):
        problem: PhantomError | None = None
        for density, (n, density_after) in itertools.product(own, enumerate(behind)):
            try:
                of_channels = known[i], known[i + 1]
                programs.append(compile_stage(stage, source, config, density, rank, after, density_after, of_channels))
            except (ShapeError, RangeError) as error:
                problem = problem or error
            else:
                own, source, problem = behind[n:], programs[-1].result, None
                break
        if problem is not None:
            problem.blame(*(layer.name for layer in stage.layers))
            raise problem
    return programs


def compile_layer(layer: Layer, source: Layout, config: Config, density: float = 1.0, rank: int = 0) -> Program:
    """Compile a single layer for an input that lies in `source`; else as `compile_stage`, and OverflowRisk."""
    (stage,) = lower(Network(layer.name, source.logical, source.dtype, [layer]))
    return compile_stage(thinned(stage), source, config, density, rank)


def compile_stage(
    stage: Stage,
    source: Layout,
    config: Config,
    density: float = 1.0,
    rank: int = 0,
    after: Stage | None = None,
    density_after: float = 1.0,
    channels: tuple[np.ndarray | None, np.ndarray | None] = (None, None),
) -> Program:
    """Compile one stage.

    Args:
        source: how its input lies in the stream. density: of the input's activations, expected (1.0 is always safe).
        rank: take the tiling so many places behind the best. after, density_after: the stage that reads the result.
        channels: densities of the channels of its input, and of that stage's, if they are known.

    Raises:
        ShapeError: it does not fit the configuration.
    """
    how = spread(stage, source, config, density, rank, after, density_after, channels)
    stage, found, work, tiling, geometry = how.stage, how.weights, how.work, how.tiling, how.geometry
    chans = work.channels
    lanes = tiling.groups * LANES
    channel = found.channel
    if tiling.own_chans:
        reads = np.full(stage.filters, -1)
        reads[found.filters] = channel
        pass_, lane, slot = assign_own(reads, tiling.own_chans, tiling.groups, tiling.passes, tiling.slots)
        channel = channel % tiling.own_chans // tiling.groups
        ends = _own_ends(chans, tiling)
    else:
        # By channels of the result: a kept filter goes with its partner.
        of = found.filters % stage.outputs
        load = np.bincount(of, minlength=stage.outputs)
        profile = _profile(of, found.channel, stage.outputs, chans)
        pass_, lane, slot = assign(load, lanes, tiling.passes, tiling.out_slots, profile)
        if after is not None and not found.flat and not after.flat:
            demand = np.bincount(after.at, minlength=stage.outputs)
            lane, slot = interleave(pass_, lane, slot, demand, (tiling.passes, tiling.groups, tiling.out_slots))
        if stage.residual is not None:
            pass_, lane, slot = np.tile(pass_, 2), np.tile(lane, 2), np.concatenate([2 * slot, 2 * slot + 1])
        ends = np.full((tiling.passes, tiling.groups), chans)
    if not found.flat and tiling.view_chans:
        views = len(geometry.views)
        channel = channel * views + np.array([w.view for w in geometry.windows])[found.window]
        ends = ends * views

    slot_bits = (tiling.slots - 1).bit_length()
    window_bits = (len(geometry.windows) - 1).bit_length()
    k = found.filters
    weights = Weights(pass_[k], lane[k] // LANES, lane[k] % LANES, channel, found.window, slot[k], found.value)
    places = Places(stage.filters, pass_, lane, slot, tiling)
    streams = port_streams(
        weights,
        [places.params(stage, p) for p in range(tiling.passes)],
        WeightLayout(
            threads=config.threads,
            window_bits=window_bits,
            slot_bits=slot_bits,
            block_ends=_blocks(weights, ends, tiling, config),
            packet_words=FLAT_PACKET_WORDS if found.flat else PACKET_WORDS,
            core_masks=np.array([group_mask(tiling, g) for g in range(tiling.groups)]),
        ),
        config.weight_ports,
    )
    result = places.layout(stage, found.flat, tiling)
    return Program(
        name=stage.name,
        layers=tuple(layer.name for layer in stage.layers),
        bundle=stage.result,
        stage=stage,
        work=work,
        tiling=tiling,
        geometry=geometry,
        source=source,
        result=result,
        registers=layer_registers(stage, work, geometry, tiling, source, result, config, (window_bits, slot_bits)),
        tables=layer_tables(work, geometry, tiling, found.signed),
        weights=joined(streams),
        weight_words=tuple(len(stream) for stream in streams),
        strips=-(-work.out_rows // tiling.strip_rows),
    )


def _profile(filters: np.ndarray, channel: np.ndarray, count: int, chans: int) -> np.ndarray:
    """Nonzero weights by filter and block of channels, int [count, blocks]."""
    size = max(1, chans // PROFILE_BLOCKS)
    blocks = -(-chans // size)
    return np.bincount(filters * blocks + channel // size, minlength=count * blocks).reshape(count, blocks)


def _own_ends(chans: int, tiling: Tiling) -> np.ndarray:
    """Channels of each pass and group, [passes, groups], where each has its own."""
    in_pass = np.minimum(tiling.own_chans, chans - tiling.own_chans * np.arange(tiling.passes))
    return -(-(in_pass[:, None] - np.arange(tiling.groups)) // tiling.groups)


def _blocks(weights: Weights, ends_at: np.ndarray, tiling: Tiling, config: Config) -> np.ndarray:
    """Block ends [passes, groups, blocks]: as many channels as keep every thread within what its queue holds.

    So whoever waits for room in a queue waits for a thread that is still in the block before, all of whose words are there.

    ends_at: channels of each pass and group.
    """
    chans = int(ends_at.max())
    lane = (weights.pass_ * tiling.groups + weights.group) * config.threads + weights.thread
    lanes = tiling.passes * tiling.groups * config.threads
    count = np.bincount(lane * chans + weights.channel, minlength=lanes * chans).reshape(lanes, chans)
    total = np.concatenate([np.zeros((lanes, 1), dtype=np.int64), np.cumsum(count, axis=1)], axis=1)
    ends = [0]
    most = 4 * (config.weight_queue_words - QUEUE_MARGIN) - 2  # room for the skip to the end of the block, and one more
    while ends[-1] < chans:
        start = ends[-1]
        fits = np.flatnonzero((total[:, start + 1 : start + 65] - total[:, start : start + 1]).max(axis=0) <= most)
        ends.append(start + 1 + (int(fits[-1]) if len(fits) else 0))
    return np.minimum(ends[1:], ends_at[:, :, None])
