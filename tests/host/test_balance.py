"""Balance: every filter has a place of its own, and no thread has much more to do than the others."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from phantom.balance import assign, busiest


@settings(max_examples=150, deadline=None)
@given(
    filters=st.integers(1, 300),
    lanes=st.integers(1, 40),
    passes=st.integers(1, 5),
    spread=st.sampled_from([0.0, 0.3, 2.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_filter_has_its_own_place(filters: int, lanes: int, passes: int, spread: float, seed: int) -> None:
    slots = -(-filters // (lanes * passes))
    load = (np.random.default_rng(seed).lognormal(3, spread, filters)).astype(np.int64)
    pass_, lane, slot = assign(load, lanes, passes, slots)
    for values, limit in ((pass_, passes), (lane, lanes), (slot, slots)):
        assert values.shape == (filters,) and values.min() >= 0 and values.max() < limit
    places = set(zip(pass_.tolist(), lane.tolist(), slot.tolist()))
    assert len(places) == filters


def test_dense_filters_are_paired_with_sparse_ones() -> None:
    load = np.arange(16) * 10
    _, lane, _ = assign(load, lanes=8, passes=1, slots=2)
    busy = np.bincount(lane, weights=load, minlength=8)
    assert np.all(busy == 150)


def test_threads_of_a_pass_finish_together() -> None:
    load = np.random.default_rng(3).lognormal(4, 0.25, 128).astype(np.int64)
    pass_, lane, _ = assign(load, lanes=16, passes=2, slots=4)
    busy, naive = np.zeros((2, 16)), load.reshape(2, 4, 16).sum(axis=1)
    np.add.at(busy, (pass_, lane), load)
    assert busy.max(axis=1).sum() <= 1.1 * load.sum() / 16
    assert busy.max(axis=1).sum() < 0.9 * naive.max(axis=1).sum(), "better than the order in which they come"


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**31), passes=st.integers(1, 4), slots=st.integers(1, 5))
def test_the_busiest_threads_are_known_without_placing_filters(seed: int, passes: int, slots: int) -> None:
    """Exactly with one filter a thread; else within what pairing along the channels changes."""
    rng = np.random.default_rng(seed)
    lanes = 16
    load = rng.integers(0, 500, int(rng.integers(1, lanes * passes * slots + 1)))
    pass_, lane, _ = assign(load, lanes, passes, slots)
    total = np.bincount(pass_ * lanes + lane, weights=load, minlength=passes * lanes).reshape(passes, lanes)
    found = busiest(load, lanes, passes, slots)
    assert found >= total.sum() / lanes, "no less than the mean"
    if slots == 1:
        assert found == total.max(axis=1).sum()
    else:
        assert abs(found - total.max(axis=1).sum()) <= passes * load.max()
