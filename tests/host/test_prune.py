"""Which weights pruning keeps: exactly as many as asked for, and the largest ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from phantom.errors import RangeError
from phantom.prune import keep_largest, kept, prune

WEIGHTS = arrays(np.float32, array_shapes(max_dims=4, max_side=5), elements=st.sampled_from([-3, -1, -0.5, 0, 0.5, 1, 2]))
SPARSITY = st.floats(0, 0.99)


@given(WEIGHTS, SPARSITY)
def test_a_layer(weights: np.ndarray, sparsity: float) -> None:
    pruned = prune({"w": weights}, sparsity)["w"]
    assert pruned.dtype == weights.dtype and pruned.shape == weights.shape
    stay = pruned != 0
    assert np.array_equal(pruned[stay], weights[stay])
    assert np.count_nonzero(stay) == min(np.count_nonzero(weights), weights.size - round(sparsity * weights.size))
    gone = (weights != 0) & ~stay
    assert not gone.any() or not stay.any() or np.abs(weights[gone]).max() <= np.abs(weights[stay]).min()


@given(st.lists(WEIGHTS, min_size=1, max_size=4), SPARSITY)
def test_across_layers(layers: list[np.ndarray], sparsity: float) -> None:
    named = {str(i): w for i, w in enumerate(layers)}
    pruned = prune(named, sparsity, across_layers=True)
    everything = np.concatenate([w.ravel() for w in layers])
    alone = prune({"w": everything}, sparsity)["w"]
    assert np.array_equal(np.concatenate([pruned[name].ravel() for name in named]), alone)
    assert all(pruned[name].shape == w.shape for name, w in named.items())


def test_layers_differ_from_all_together() -> None:
    layers = {"small": np.full((2, 2), 0.1, np.float32), "large": np.array([[1, 2], [3, 4]], np.float32)}
    each = prune(layers, 0.5)
    assert [np.count_nonzero(w) for w in each.values()] == [2, 2]
    together = prune(layers, 0.5, across_layers=True)
    assert [np.count_nonzero(w) for w in together.values()] == [0, 4]


def test_the_first_of_equals_stays() -> None:
    assert keep_largest(np.array([1.0, 2.0, 1.0, 1.0]), 2).tolist() == [True, True, False, False]
    assert prune({"w": np.array([[1.0, -1.0, 1.0, -1.0]], np.float32)}, 0.5)["w"].tolist() == [[1, -1, 0, 0]]


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, 70, float("nan")])
def test_impossible_sparsity(sparsity: float) -> None:
    with pytest.raises(RangeError, match="at least and below 1"):
        kept(10, sparsity)
    with pytest.raises(RangeError):
        prune({"w": np.ones(4)}, sparsity, across_layers=True)
