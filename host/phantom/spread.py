"""How a stage is spread over the mesh: the tilings that it could have, and which of them it gets."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .config import Config
from .errors import ShapeError
from .layout import Layout
from .stage import Stage
from .stage_weights import MAX_FLAT_SEGMENTS, StageWeights, stage_weights
from .thin import thinned_to
from .tiling import KEPT_COLUMNS, Reader, Tiling, Workload
from .tiling_choice import Choice, choose
from .views import Geometry


@dataclass(frozen=True)
class Spread:
    """A stage as the hardware is to compute it, its weights by window, and the tiling that was chosen for it."""

    stage: Stage
    weights: StageWeights
    work: Workload
    tiling: Tiling
    geometry: Geometry


def spread(
    stage: Stage,
    source: Layout,
    config: Config,
    density: float,
    rank: int,
    after: Stage | None,
    density_after: float,
    channels: tuple[np.ndarray | None, np.ndarray | None],
) -> Spread:
    """Choose how to compute a stage; arguments and errors are those of `program.compile_stage`.

    Where every filter reads a single channel, a stride of 2 may be faster computed at stride 1 and thinned out by the drain:
    there are multipliers to spare, and the LAM walks each row once instead of once a phase of its columns. Where pooling windows
    overlap by a row, tiles may keep it for one another instead of computing it twice.
    """
    behind = None
    if after is not None and not stage.flat and not after.flat and rank == 0:
        sketch = Layout.plain(after.source.shape, source.dtype)  # in what order its channels will come is not known yet
        read = stage_weights(after, sketch)
        met = _met(read, sketch, channels[1])
        behind = Choice(_workload(after, read, after.source.shape[0], density_after, met), read.geometry_of, config)

    def chosen(stage: Stage, kept_rows: int = 0) -> Spread:
        found = stage_weights(stage, source, kept_rows)
        met = _met(found, source, channels[0])
        work = _workload(stage, found, source.shape[0], density, met, after, density_after)
        work = replace(work, kept_rows=kept_rows)
        last = None if found.flat else behind
        return Spread(stage, found, work, *choose(Choice(work, found.geometry_of, config), source.cut, rank, last))

    found = chosen(stage)
    try:
        if _rows_can_be_kept(stage):
            other = chosen(stage, 1)
        elif stage.stride > 1 and stage.pool is None and found.work.sharers:
            other = chosen(thinned_to(stage, 1))
        else:
            return found
    except ShapeError:
        return found
    # Other ranks are for tests, which are to see both.
    return other if (other.tiling.cycles < found.tiling.cycles if rank == 0 else rank % 2) else found


def _rows_can_be_kept(stage: Stage) -> bool:
    """Whether pooling windows overlap by a row, the first of which lies in the padding, and results are narrow enough."""
    pool = stage.pool
    if pool is None or stage.result.plane[1] > KEPT_COLUMNS:
        return False
    return pool.kernel[0] == pool.stride + 1 and pool.padding[0] > 0


def _met(found: StageWeights, source: Layout, channels: np.ndarray | None) -> float:
    """Density of the channels that weights meet, by their numbers, over that of all.

    channels: of each, in the tensor's order.
    """
    order = source.channel_order
    if channels is None or found.flat or order is None or order.max() >= len(channels) or not channels.any():
        return 1.0
    share = np.where(order >= 0, channels[order], 0.0)
    return float(share[found.channel].mean() / share[order >= 0].mean()) if len(found.channel) else 1.0


def _workload(
    stage: Stage,
    found: StageWeights,
    channels: int,
    density: float,
    met: float,
    after: Stage | None = None,
    density_after: float = 1.0,
) -> Workload:
    """What the choice of a tiling must know; `channels` of the stream."""
    whole = found.geometry_of(stage.result.plane[1])
    chans = channels * (len(whole.views) if found.flat else 1)
    rows = [dy for dy, _ in stage.taps] or [0]
    pool = stage.pool
    load = np.bincount(found.filters, minlength=stage.filters)
    return Workload(
        name=stage.name,
        filters=stage.outputs,
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
        sharers=0 if found.flat or stage.residual is not None else _sharers(found, stage.filters),
        heavy=float(np.mean(2 * load >= load.mean())),
        met=met,
        slots_each=stage.slots_each,
        covered=_covered(found, stage.filters, chans),
        loads=load.reshape(stage.slots_each, stage.outputs).sum(axis=0),
    )


def _covered(found: StageWeights, filters: int, chans: int) -> float:
    """Share of the eighths of the channels in which a filter has weights, by the weights of the filters."""
    parts = min(8, chans)
    count = np.bincount(found.filters * parts + found.channel * parts // chans, minlength=filters * parts).reshape(filters, parts)
    return float(np.average((count > 0).mean(axis=1), weights=count.sum(axis=1))) if len(found.channel) else 1.0


def _rows_at_a_time(stage: Stage) -> int:
    """Rows of the input that a stage needs for one row of its result; all of them when it is fully connected."""
    if stage.flat:
        return stage.source.plane[0]
    rows = [dy for dy, _ in stage.taps]
    sums = stage.pool.kernel[0] if stage.pool else 1
    return max(rows) - min(rows) + 1 + (sums - 1) * stage.stride


def _sharers(found: StageWeights, filters: int) -> int:
    """Filters that read a channel, at most, if every filter reads a single one; else 0."""
    first = np.full(filters, -1)
    first[found.filters] = found.channel
    if len(found.channel) == 0 or np.any(first[found.filters] != found.channel):
        return 0
    return int(np.bincount(first[first >= 0]).max())
