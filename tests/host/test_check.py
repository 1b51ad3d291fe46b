"""The checker says where the first mismatch is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from networks_for_tests import random_conv

from phantom.check import check_equal, check_outputs
from phantom.errors import MismatchError, ShapeError
from phantom.network import Concat, MaxPool, Network

RNG = np.random.default_rng(0)


def test_the_first_mismatch_is_named() -> None:
    right = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    wrong = right.copy()
    check_equal("conv1", right, wrong)
    wrong[1, 0, 3] = 99
    wrong[1, 2, 0] = 98
    message = "'conv1': 2 of 24 values differ; the first is channel 1, row 0, column 3: expected 15, got 99"
    with pytest.raises(MismatchError, match=message):
        check_equal("conv1", right, wrong)
    with pytest.raises(MismatchError, match=r"'b \(image 3\)'"):
        check_outputs(a_network(), [right] * 4, {"a": right, "b": wrong, "p": right}, " (image 3)")


def a_network(**rest: object) -> Network:
    """a, then b, pooled; and both joined, which no run computes."""
    layers = [random_conv(RNG, 2, 2, (1, 1)), random_conv(RNG, 2, 2, (1, 1)), MaxPool("p", (2, 2), 1, (1, 1, 0, 0))]
    layers = [dataclasses.replace(layer, name=name) for layer, name in zip(layers, "abp")]
    layers.append(Concat("both", inputs=("p", "a")))
    return Network("n", (2, 3, 4), np.dtype(np.uint8), layers, **rest)  # type: ignore[arg-type]


def test_only_what_is_pooled_at_once_may_be_missing() -> None:
    right = np.zeros((2, 3, 4), np.uint8)
    check_outputs(a_network(), [right] * 4, {"a": right, "p": right})
    with pytest.raises(ShapeError, match="layer 'a': there is no output"):
        check_outputs(a_network(), [right] * 4, {"b": right, "p": right})
    with pytest.raises(ShapeError, match="layer 'b': there is no output"):
        check_outputs(a_network(outputs=("both", "b")), [right] * 4, {"a": right, "p": right})


def test_shape_and_type() -> None:
    right = np.zeros((1, 2, 2), np.uint8)
    for wrong in (right.astype(np.int8), right[:, :1], right[0]):
        with pytest.raises(ShapeError, match="it must be uint8 of shape"):
            check_equal("x", right, wrong)
