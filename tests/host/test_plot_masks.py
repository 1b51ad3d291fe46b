"""Pictures of masks: what they count is what a plain loop counts, with padding, strides, dilation and groups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from phantom.config import load_config
from phantom.effectual import dense_macs, effectual_macs
from phantom.errors import ShapeError
from phantom.network import Conv
from phantom.plot_masks import input_masks, left_over, meeting, window
from phantom.plot_skipped import multiplications, skipped
from phantom.reference import accumulate
from phantom.selftest import random_parameters, random_weights

TINY = load_config("tiny")
RNG = np.random.default_rng(7)
FORMS = {  # filters, channels of each, kernel; and how it is laid
    "3x3": ((4, 5, 3, 3), {"padding": (1, 1, 1, 1)}),
    "5x3/2": ((3, 2, 5, 3), {"stride": 2, "padding": (2, 0, 1, 1)}),
    "dilated": ((2, 3, 3, 3), {"dilation": 2, "padding": (2, 2, 2, 2)}),
    "grouped": ((6, 2, 3, 3), {"channel_groups": 3, "padding": (1, 1, 1, 1)}),
    "1x1": ((10, 9, 1, 1), {}),
}


def a_case(form: str) -> tuple[Conv, np.ndarray]:
    shape, laid = FORMS[form]
    weights = random_weights(RNG, shape, 0.4)
    layer = Conv("conv", weights, *random_parameters(RNG, weights), **laid)  # type: ignore[arg-type]
    activations = RNG.integers(1, 256, (shape[1] * layer.channel_groups, 9, 11)).astype(np.uint8)
    activations[RNG.random(activations.shape) < 0.5] = 0
    return layer, activations


@pytest.mark.parametrize("form", FORMS)
def test_a_window_is_what_the_output_is_the_sum_of(form: str) -> None:
    layer, activations = a_case(form)
    sums = accumulate(layer, activations)
    for filter_, y, x in np.ndindex(sums.shape):
        seen, (top, bottom, left, right) = window(layer, activations, filter_, (y, x))
        assert (seen.astype(np.int64) * layer.weights[filter_]).sum() == sums[filter_, y, x]
        assert (bottom - top, right - left) == tuple(layer.dilation * (n - 1) for n in layer.weights.shape[2:])
        assert (top, left) == (layer.stride * y - layer.padding[0], layer.stride * x - layer.padding[1])


@pytest.mark.parametrize("form", FORMS)
def test_pictures_count_the_pairs_of_the_masks(form: str) -> None:
    layer, activations = a_case(form)
    masks = replace(layer, weights=(layer.weights != 0).astype(np.int8))
    pairs = accumulate(masks, (activations != 0).astype(np.uint8))
    ones = accumulate(replace(layer, weights=np.ones_like(layer.weights)), (activations != 0).astype(np.uint8))
    counts = multiplications(layer, activations)
    dense = dense_macs(layer, activations.shape)
    kept = np.count_nonzero(layer.weights) * pairs[0].size
    assert list(counts.values()) == [dense, kept, ones.sum(), pairs.sum()]
    assert pairs.sum() == effectual_macs(layer, activations)
    share = pairs.sum() / dense
    assert f"{share:.1%} of all multiplications are left" in left_over(pairs, layer.weights[0].size).words
    assert meeting(layer, activations, 1, (2, 2)).words.endswith(f"; {pairs[1, 2, 2]} meet")


def test_what_was_skipped_is_said_beside_the_cycles() -> None:
    layer, activations = a_case("3x3")
    dense, useful = dense_macs(layer, activations.shape), effectual_macs(layer, activations)
    words = skipped(layer, activations, 500, TINY).words
    ideal, least = -(-dense // TINY.multipliers), -(-useful // TINY.multipliers)
    assert f"all {dense:,}" in words and f"both not zero {useful:,}" in words
    assert f"dense, never idle {ideal:,}, measured 500, useful, never idle {least:,}" in words
    assert f"{ideal / 500:.1f} times faster than dense" in words


def test_the_input_is_drawn_by_channel() -> None:
    activations = np.zeros((3, 4, 6), np.uint8)
    activations[1, :, :3] = 7
    picture = input_masks(activations[0], activations, (1, 2), (0, 2, -1, 1))
    assert picture.words.endswith("not zero: 1 50%, 2 0%")
    for image, channels in ((activations[0, 1:], (1,)), (activations[0], (3,)), (activations[0], (-1,))):
        with pytest.raises(ShapeError, match="must be"):
            input_masks(image, activations, channels, (0, 2, 0, 2))


@pytest.mark.parametrize(("filter_", "place"), [(4, (0, 0)), (-1, (0, 0)), (0, (9, 0)), (0, (0, 11)), (0, (-1, 0))])
def test_there_must_be_such_a_filter_and_place(filter_: int, place: tuple[int, int]) -> None:
    layer, activations = a_case("3x3")
    with pytest.raises(ShapeError, match="has 4 filters and an output of 9 x 11"):
        meeting(layer, activations, filter_, place)


@pytest.mark.parametrize("form", FORMS)
def test_they_are_drawn_and_fit_a_page(form: str) -> None:
    pytest.importorskip("matplotlib")
    layer, activations = a_case(form)
    pairs = accumulate(replace(layer, weights=(layer.weights != 0).astype(np.int8)), (activations != 0).astype(np.uint8))
    _, corners = window(layer, activations, 1, (2, 2))
    pictures = (
        input_masks(activations[0], activations, range(len(activations)), corners),
        meeting(layer, activations, 1, (2, 2)),
        left_over(pairs, layer.weights[0].size),
        skipped(layer, activations, 500, TINY),
    )
    for picture in pictures:
        _, about = picture._repr_mimebundle_()
        assert about["image/png"]["width"] <= 960 and about["image/png"]["height"] <= 560
        assert about["image/png"]["alt"] == picture.words
