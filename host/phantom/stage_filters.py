"""Filters of a stage, as the layers that share it give them, and the stage that they make together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .network import AnyLayer, Conv, MaxPool
from .stage import Bundle, Residual, Stage, Tap, bundle


@dataclass(frozen=True)
class Filters:
    """Some filters of a stage: weights as (filter, channel of the source bundle, tap, value), and what follows the sums."""

    name: str
    dtype: np.dtype
    k: np.ndarray
    at: np.ndarray
    taps: Sequence[Tap]  # of each weight, by index `tap`
    tap: np.ndarray
    value: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray
    sel: np.ndarray
    low: int
    high: int


def stage_of(
    layers: tuple[AnyLayer, ...],
    source: Bundle,
    filters: list[Filters],
    first: AnyLayer,
    before: tuple[int, int],
    plane: tuple[int, int],
    pool: MaxPool | None,
    residual: Residual | None,
) -> Stage:
    """The stage of all these filters, one behind the other.

    Args:
        first: the layer that decides how the source is read.
        before: rows and columns of what the filters compute, before pooling; `plane` behind it.
        residual: what is added to the results of the first filters, which are then no results of their own.
    """
    taps = tuple(sorted({tap for f in filters for tap in f.taps}))
    index = {tap: i for i, tap in enumerate(taps)}
    starts = np.cumsum([0] + [len(f.bias) for f in filters])
    ranges = list(dict.fromkeys((f.low, f.high) for f in filters))

    def joined(field: str) -> np.ndarray:
        return np.concatenate([np.asarray(getattr(f, field), dtype=np.int64) for f in filters])

    k = np.concatenate([f.k + start for f, start in zip(filters, starts)]).astype(np.int64)
    tap = np.concatenate([np.array([index[tap] for tap in f.taps] or [0], dtype=np.int64)[f.tap] for f in filters])
    k, at, tap, value = _merged(k, joined("at"), tap, joined("value"))
    return Stage(
        layers=layers,
        source=source,
        result=bundle([(f.name, len(f.bias), f.dtype) for f in (filters if residual is None else filters[1:])], plane),
        stride=first.stride if isinstance(first, Conv) else 1,
        taps=taps,
        shape=(int(starts[-1]), *before),
        k=k,
        at=at,
        tap=tap,
        value=value,
        bias=joined("bias"),
        multiplier=joined("multiplier"),
        sel=joined("sel"),
        clamp=np.concatenate([np.full(len(f.bias), ranges.index((f.low, f.high))) for f in filters]),
        clamps=(ranges[0], ranges[-1]),
        pool=pool,
        residual=residual,
    )


def _merged(*weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weights (k, at, tap, value), those of one place added up: a concatenation may hold a channel twice."""
    *place, value = weights
    k, at, tap = place
    key = (k * (int(at.max(initial=0)) + 1) + at) * (int(tap.max(initial=0)) + 1) + tap
    if np.all(key[1:] > key[:-1]):  # as a layer by itself has them: nothing to add up, and a sort of many weights is slow
        return k[value != 0], at[value != 0], tap[value != 0], value[value != 0]
    order = np.lexsort(place[::-1])
    rows = np.stack(place)[:, order]
    new = np.append(True, np.any(rows[:, 1:] != rows[:, :-1], axis=0))[: len(order)]
    total = np.bincount(np.cumsum(new) - 1, value[order], int(new.sum())).astype(np.int64)
    k, at, tap = rows[:, new][:, total != 0]
    return k, at, tap, total[total != 0]
