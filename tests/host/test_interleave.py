"""Interleaving: threads keep their filters, every place is used once, and the demand is spread along the stream."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from phantom.interleave import interleave


def sets(pass_: np.ndarray, lane: np.ndarray) -> set[tuple[int, frozenset[int]]]:
    """The filters that share a thread, by pass."""
    found: dict[tuple[int, int], set[int]] = {}
    for k, place in enumerate(zip(pass_.tolist(), lane.tolist())):
        found.setdefault(place, set()).add(k)
    return {(place[0], frozenset(filters)) for place, filters in found.items()}


def unevenness(pass_: np.ndarray, lane: np.ndarray, slot: np.ndarray, demand: np.ndarray, shape: tuple[int, int, int]) -> float:
    """How far the sum along the stream is from the mean's at most, in units of the largest demand."""
    passes, groups, slots = shape
    stream = np.zeros((passes, groups, slots, 8))
    stream[pass_, lane // 8, slot, lane % 8] = demand
    worst = 0.0
    for one in stream.reshape(passes, -1):
        worst = max(worst, float(np.abs(np.cumsum(one - one.mean())).max()))
    return worst / max(1, demand.max())


@settings(max_examples=80, deadline=None)
@given(
    passes=st.integers(1, 3),
    groups=st.integers(1, 4),
    slots=st.integers(1, 5),
    share=st.floats(0.1, 1.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_threads_keep_their_filters(passes: int, groups: int, slots: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = rng.permutation(passes * groups * 8 * slots)[: max(1, int(share * passes * groups * 8 * slots))]
    pass_, lane, slot = np.unravel_index(places, (passes, groups * 8, slots))
    demand = rng.integers(0, 50, len(places))
    new_lane, new_slot = interleave(pass_, lane, slot, demand, (passes, groups, slots))
    assert sets(pass_, new_lane) == sets(pass_, lane)
    assert len(set(zip(pass_.tolist(), new_lane.tolist(), new_slot.tolist()))) == len(places)
    assert new_lane.max() < groups * 8 and new_slot.max() < slots


def test_carried_channels_come_between_the_others() -> None:
    """Every thread has a filter that many weights want and one that is only carried."""
    lane, slot = np.tile(np.arange(64), 2), np.repeat([0, 1], 64)
    demand = np.where(slot == 0, 100, 1)
    pass_, shape = np.zeros(128, dtype=np.int64), (1, 8, 2)
    before = unevenness(pass_, lane, slot, demand, shape)
    after = unevenness(pass_, *interleave(pass_, lane, slot, demand, shape), demand, shape)
    assert before > 3.9 and after <= 1.0


def test_single_filters_are_mixed_over_the_cores() -> None:
    lane, slot = np.arange(32), np.zeros(32, dtype=np.int64)
    demand = np.where(lane < 16, 60, 2)
    pass_, shape = np.zeros(32, dtype=np.int64), (1, 4, 1)
    assert unevenness(pass_, *interleave(pass_, lane, slot, demand, shape), demand, shape) <= 1.0
