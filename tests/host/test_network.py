"""Networks: shapes, ranges, the accumulator proof."""

from __future__ import annotations

import numpy as np
import pytest
from networks_for_tests import random_conv, random_fc

from phantom.errors import OverflowRisk, RangeError, ShapeError
from phantom.network import Conv, FullyConnected, Network

RNG = np.random.default_rng(0)


def conv(**change: object) -> Conv:
    fields: dict[str, object] = {
        "name": "c1",
        "weights": np.ones((2, 3, 3, 3), np.int8),
        "bias": [0, 0],
        "multiplier": [1, 1],
        "sel": [0, 0],
    }
    return Conv(**(fields | change))  # type: ignore[arg-type]


def test_shapes() -> None:
    layers = [
        random_conv(RNG, 8, 3, (3, 3), padding=(1, 1, 1, 1)),
        conv(weights=np.ones((2, 8, 3, 3), np.int8), stride=2, padding=(0, 0, 1, 1)),
        random_fc(RNG, 5, 2 * 4 * 4, out_dtype=np.int8, relu=False),
    ]
    network = Network("n", (3, 8, 8), np.uint8, layers)
    assert network.shapes() == [(8, 8, 8), (2, 4, 4), (5, 1, 1)]
    assert network.layers[2].limits == (-128, 127)
    assert network.layers[0].limits == (0, 255)
    assert conv(out_dtype=np.int8).limits == (0, 127)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"weights": np.ones((2, 3, 3), int)}, ShapeError, "'c1': weights .* 4 axes"),
        ({"weights": np.full((2, 3, 3, 3), 128)}, RangeError, r"'c1': weights = 128 at index \(0, 0, 0, 0\)"),
        ({"weights": np.ones((2, 3, 3, 3))}, RangeError, "integer"),
        ({"weights": np.ones((2, 0, 3, 3), int)}, ShapeError, "empty"),
        ({"bias": [0]}, ShapeError, "bias has 1 elements for 2 filters"),
        ({"bias": [0, 2**31]}, RangeError, "bias"),
        ({"multiplier": [1, 2**24]}, RangeError, "multiplier"),
        ({"sel": [8, 0]}, RangeError, "sel"),
        ({"stride": 5}, RangeError, "stride is 5; it must be 1 to 4"),
        ({"padding": (1, 1, 1)}, RangeError, "padding"),
        ({"padding": (1, 1, 1, -1)}, RangeError, "padding"),
        ({"out_dtype": np.int16}, ShapeError, "out_dtype"),
        ({"channel_groups": 3}, ShapeError, "channel groups"),
        ({"name": ""}, ShapeError, "name"),
    ],
)
def test_wrong_layers(change: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        conv(**change)


def test_layers_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match="'c1' takes 3 channels"):
        Network("n", (4, 8, 8), np.uint8, [conv()])
    with pytest.raises(ShapeError, match="larger than the padded input"):
        Network("n", (3, 2, 8), np.uint8, [conv()])
    with pytest.raises(ShapeError, match="takes 9 inputs"):
        Network("n", (2, 2, 2), np.uint8, [random_fc(RNG, 1, 9)])
    with pytest.raises(ShapeError, match="not distinct"):
        Network("n", (3, 8, 8), np.uint8, [conv(), conv()])
    with pytest.raises(ShapeError, match="no layers"):
        Network("n", (3, 8, 8), np.uint8, [])
    with pytest.raises(ShapeError, match="input_dtype"):
        Network("n", (3, 8, 8), np.float32, [conv()])
    with pytest.raises(ShapeError, match="input_shape"):
        Network("n", (3, 8), np.uint8, [conv()])  # type: ignore[arg-type]


@pytest.mark.parametrize(("dtype", "largest"), [(np.uint8, 255), (np.int8, 128)])
def test_accumulator_proof_is_tight(dtype: type, largest: int) -> None:
    weights = np.array([[1, -1], [3, -4]], np.int8)
    room = 2**31 - 1 - 7 * largest
    for bias, safe in ((room, True), (-room, True), (room + 1, False), (-room - 1, False)):
        layer = FullyConnected("deep", weights, [0, bias], [1, 1], [0, 0])
        if safe:
            Network("n", (2, 1, 1), dtype, [layer])
        else:
            with pytest.raises(OverflowRisk, match=f"'deep', filter 1: .* = 7 \\* {largest}"):
                Network("n", (2, 1, 1), dtype, [layer])


def test_layers_do_not_change_under_their_owner() -> None:
    weights = np.ones((2, 3, 3, 3), np.int8)
    layer = conv(weights=weights)
    weights[:] = 0
    assert layer.weights.all()
    with pytest.raises(ValueError, match="read-only"):
        layer.weights[0, 0, 0, 0] = 0
