"""Eyeriss v2's model: against loops over PEs, and against what was published of it."""

from __future__ import annotations

import itertools

import masks_for_tests as small
import numpy as np
import pytest

from phantom_sim.rivals.eyeriss_v2 import ACTIVATIONS, WEIGHTS, EyerissV2, _pass_max, _shares, _tasks
from phantom_sim.workloads.layer import LayerMasks
from phantom_sim.workloads.networks import recipes


def column_cycles(layer: LayerMasks, filters: range, channel: int, row: int, col: int, macs: int) -> int:
    return -(-int(layer.weights[filters.start : filters.stop, channel, row, col].sum()) // macs)


@pytest.mark.parametrize("kind", [kind for kind in small.KINDS if kind != "connected"])
def test_one_pe_takes_one_column_after_the_other(kind: str) -> None:
    """A single PE: each nonzero activation takes its column of at most 32 filters, half of its nonzeros rounded up."""
    layer = small.conv(21, **small.KINDS[kind])
    own, per_group = layer.filters // layer.groups, layer.weights.shape[1]
    for macs in (1, 2):
        total = 0
        for group, c, r, s in itertools.product(range(layer.groups), *map(range, layer.weights.shape[1:])):
            spent = column_cycles(layer, range(group * own, (group + 1) * own), c, r, s, macs)
            total += spent * int(layer.window(r, s)[group * per_group + c].sum())
        assert EyerissV2("one", pes=1, macs=macs).compute(layer) == total
    assert EyerissV2("one", pes=1, macs=1).compute(layer) == layer.macs_effectual


def test_fully_connected_is_pointwise() -> None:
    layer = small.conv(22, connected=True, shape=(4, 3, 3), filters=11)
    flat = LayerMasks("1x1", layer.weights.reshape(11, 36, 1, 1), layer.activations.reshape(36, 1, 1))
    for pes in (1, 5, 64):
        assert EyerissV2("e", pes=pes).compute(layer) == EyerissV2("e", pes=pes).compute(flat)


def test_tasks_of_pes() -> None:
    """[filter groups, channel groups, kernel rows, output rows], each counted by itself."""
    layer = small.conv(23, shape=(5, 6, 7), filters=6)
    cycles = np.array([[-(-layer.weights[f : f + 4].sum(axis=0) // 2) for f in (0, 4)]])
    counts = np.stack([[layer.window(r, s).sum(axis=2) for s in range(3)] for r in range(3)]).transpose(2, 0, 1, 3)[None]
    found = _tasks(cycles, counts, 2)
    assert found.shape == (2, 3, 3, 6)
    for m, g, r, e in np.ndindex(*found.shape):
        total = 0
        for c, s in itertools.product(range(2 * g, min(5, 2 * g + 2)), range(3)):
            total += column_cycles(layer, range(4 * m, min(6, 4 * m + 4)), c, r, s, 2) * int(layer.window(r, s)[c, e].sum())
        assert found[m, g, r, e] == total


def test_passes_last_as_long_as_their_slowest_pe() -> None:
    work = np.array([[5, 1, 2], [7, 7, 0]], float)
    assert _pass_max(work, 1, 2).tolist() == [[5, 2], [7, 0]] and _pass_max(work, 0, 2).tolist() == [[7, 7, 2]]
    assert _shares(10, 4) == [1, 2, 3, 4] and _shares(3, 100) == [1, 2, 3] and _shares(7, 1) == [1]


def test_more_pes_are_never_slower_and_never_beyond_the_bound() -> None:
    layer = small.conv(24, shape=(32, 10, 10), filters=64)
    times = [EyerissV2("e", pes=pes).compute(layer) for pes in (3, 12, 48, 192)]
    assert times == sorted(times, reverse=True)
    for pes, cycles in zip((3, 12, 48, 192), times):
        assert cycles >= layer.macs_effectual / (2 * pes)


def test_a_kernel_with_more_rows_than_pes() -> None:
    layer = small.conv(25, kernel=5)
    assert EyerissV2("e", pes=2).compute(layer) >= EyerissV2("e", pes=1).compute(layer) / 2


def test_scratchpads_limit_the_channels() -> None:
    from phantom_sim.rivals.eyeriss_v2 import Table

    layer = small.conv(26, shape=(16, 4, 4), filters=32, kernel=1, weights=2)
    for nonzeros in (np.full((1, 1, 16, 1, 1), 32, np.int16), np.full((1, 1, 16, 1, 3), 4, np.int16)):
        own = max(Table._channels(nonzeros))
        assert own * nonzeros.shape[4] <= ACTIVATIONS and own * nonzeros[0, 0, 0].sum() <= WEIGHTS
    assert layer.macs_effectual


# --- published results ---------------------------------------------------------------------------------------------------------

# Cycles over dense multiplies of a PE with one multiplier, as they come with Sparseloop's validation (Wu et al., MICRO 2022), for
# the layers of the sparse MobileNet (width 0.5, 128 x 128) whose densities are published, too.
POINTWISE = {"pw3": 0.41, "pw4": 0.71, "pw6": 0.55, "pw9": 0.35, "pw10": 0.40, "pw11": 0.43, "pw12": 0.45, "pw13": 0.18}
DEPTHWISE = (0.84, 1.0)


@pytest.fixture(scope="module")
def layers() -> dict[str, LayerMasks]:
    return {recipe.name: recipe.make() for recipe in recipes("mobilenet_v1_half")}


def ratio(layer: LayerMasks) -> float:
    return EyerissV2("one", pes=1, macs=1).compute(layer) / layer.macs_dense


@pytest.mark.parametrize("name", POINTWISE)
def test_cycles_of_pointwise_layers(name: str, layers: dict[str, LayerMasks]) -> None:
    """Within 10 %. The published ones are 1 to 8 % above the product of the densities, which the model gives."""
    assert ratio(layers[name]) == pytest.approx(POINTWISE[name], rel=0.10)


def test_cycles_of_the_first_and_the_last_layer(layers: dict[str, LayerMasks]) -> None:
    """1.0 and 0.19; the latter is how we chose the layer's density, so it shows that a dense input costs what it must, no more.
    """
    assert ratio(layers["conv1"]) == pytest.approx(1.0, abs=0.02) and ratio(layers["fc"]) == pytest.approx(0.19, rel=0.03)


def test_cycles_of_depthwise_layers_are_missed(layers: dict[str, LayerMasks]) -> None:
    """Published: 0.84 to 1.0. The model: 0.39 for the one layer with published densities: their product (0.47) less what meets
    padding. Why: a depthwise column has one weight, so the PE needs an activation a cycle; theirs probably cannot fetch
    addresses that fast (with two cycles an activation it would be 0.78). We know of no text that says so, and leave the model in
    their favour.
    """
    assert 0.37 < ratio(layers["dw10"]) < 0.41 < DEPTHWISE[0]


def test_inferences_a_second_are_missed(layers: dict[str, LayerMasks]) -> None:
    """Published: 1,470.6 inferences/s, 136,000 cycles at 200 MHz. The model: 77,000 to 83,000 cycles, 1.7x as fast, since it
    hides all loading, has the best mapping for every layer, and takes depthwise layers at less than half of the published
    cycles.
    """
    cycles = sum(EyerissV2("Eyeriss v2").compute(layer) for layer in layers.values())
    assert 75_000 < cycles < 85_000
    depthwise = sum(EyerissV2("Eyeriss v2").compute(layer) for layer in layers.values() if layer.depthwise)
    assert 9_000 < depthwise < 11_000
