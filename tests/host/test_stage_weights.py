"""Weights of a stage by window: split where they go beyond 8 bits, taken for signed where the activations are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_layers import add, conv

from phantom.errors import ShapeError
from phantom.layers_plain import MAX_FACTOR
from phantom.layout import Layout
from phantom.lower import lower
from phantom.network import Add, AnyLayer, FullyConnected, Network
from phantom.stage import Stage
from phantom.stage_weights import StageWeights, stage_weights

UINT8, INT8 = np.dtype(np.uint8), np.dtype(np.int8)


def stages(*layers: AnyLayer, dtype: np.dtype = UINT8, **rest: object) -> list[Stage]:
    return lower(Network("n", (3, 6, 6), dtype, layers, **rest))  # type: ignore[arg-type]


def weights_of(stage: Stage) -> StageWeights:
    return stage_weights(stage, Layout.plain(stage.source.shape, stage.source.dtype))


@given(factors=st.tuples(st.integers(-MAX_FACTOR, MAX_FACTOR), st.integers(-MAX_FACTOR, MAX_FACTOR)))
def test_parts_of_a_weight_add_up(factors: tuple[int, int]) -> None:
    """For every channel: parts within 8 bits, as few as can be, each in a window of its own."""
    layers = [conv("a", 3, 2), conv("b", 3, 2, inputs=("input",)), Add("s", factors, 1, 0, inputs=("a", "b"))]
    stage = stages(*layers)[-1]
    found = weights_of(stage)
    place = np.stack([found.filters, found.channel, found.window])
    assert np.unique(place, axis=1).shape == place.shape, "one weight a place"
    assert np.abs(found.value).max(initial=0) <= 128 and found.value.min(initial=0) >= -128 and np.all(found.value != 0)
    for k in range(2):
        for tensor, factor in enumerate(factors):
            mine = found.value[(found.filters == k) & (found.channel == 2 * tensor + k)]
            assert mine.sum() == factor
            assert len(mine) == (1 if factor == -128 else -(-abs(factor) // 127))
    assert len(found.signed) == max(1, *(1 if f == -128 else -(-abs(f) // 127) for f in factors))


def test_a_tap_has_a_window_for_each_type() -> None:
    signed = {"out_dtype": INT8, "relu": False}
    a, b = conv("a", 3, 2, **signed), conv("b", 3, 4, inputs=("input",))
    stage = stages(a, b, add("t", "a", "a"), add("u", "b", "b"), outputs=("t", "u"))[1]
    found = weights_of(stage)
    assert found.signed == (False, True)
    assert np.array_equal(found.window, (found.channel < 2).astype(int)), "a is int8"
    assert found.geometry_of(6).windows[0] == found.geometry_of(6).windows[1]
    assert weights_of(stages(a)[0]).signed == (False,) * 9
    assert weights_of(stages(conv("a", 3, 2), dtype=INT8)[0]).signed == (True,) * 9


def test_what_nobody_reads_needs_no_window() -> None:
    a, b = conv("a", 3, 2, out_dtype=INT8, relu=False), conv("b", 3, 4, inputs=("input",))
    stage = stages(a, b, conv("c", 4, 5, inputs=("b",)), outputs=("a", "c"))[1]
    assert {part.name for part in stage.source.parts} == {"a", "b"}
    assert weights_of(stage).signed == (False,) * 9


def test_too_many_windows() -> None:
    stage = stages(conv("b", 3, 3, 13))[0]
    with pytest.raises(ShapeError, match=r"'b': 338 windows; the table holds 256"):
        weights_of(replace(stage, value=np.full_like(stage.value, 254)))  # two parts at each of 169 taps


def test_windows_without_a_weight_are_left_out() -> None:
    """A carried tensor of the other type has one window, not one for each tap."""
    a = conv("a", 3, 3, out_dtype=INT8, relu=False)
    b, c = conv("b", 3, 3, 13, inputs=("a",)), conv("c", 3, 3, stride=2, inputs=("input",))
    found = weights_of(stages(a, b, c, outputs=("b", "c"))[1])
    assert np.count_nonzero(found.signed) == 169 and len(found.signed) == 170
    assert sorted(set(found.window)) == list(range(170))


def test_fully_connected_reads_one_type_and_8_bits() -> None:
    full = FullyConnected("f", np.ones((2, 3 * 36), np.int8), [0] * 2, [1] * 2, [0] * 2, inputs=("b",))
    a, b = conv("a", 3, 2, out_dtype=INT8, relu=False), conv("b", 3, 3, inputs=("input",))
    found = weights_of(stages(a, b, full, outputs=("a", "f"))[1])
    assert found.flat and not any(found.signed) and sorted(set(found.channel)) == [2, 3, 4]
    assert np.array_equal(np.unique(found.window), np.flatnonzero([bit % 8 < 6 for bit in range(46)]))
