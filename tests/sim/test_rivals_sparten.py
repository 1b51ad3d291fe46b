"""SparTen's model: against loops over chunks and units, and against what SparTen's paper published."""

from __future__ import annotations

import masks_for_tests as small
import numpy as np
import pytest

from phantom.errors import ConfigError
from phantom_sim.rivals.dense import Ideal
from phantom_sim.rivals.scnn import Scnn
from phantom_sim.rivals.sparten import SparTen
from phantom_sim.workloads.layer import LayerMasks
from phantom_sim.workloads.networks import recipes


def by_hand(design: SparTen, layer: LayerMasks) -> int:
    """Cycles of a layer without groups, chunk by chunk, with the strict barrier."""
    rows, cols = layer.plane
    nonzeros = layer.weights.reshape(layer.filters, -1).sum(axis=1)
    paired = design.balance != "none" and layer.filters >= 2 * design.units
    order = sorted(range(layer.filters), key=lambda k: -nonzeros[k]) if paired else list(range(layer.filters))
    groups: list[list[int]]
    if paired:
        size = 2 * design.units
        padded = order + [-1] * (-len(order) % size)
        both = [(padded[i], padded[-1 - i]) for i in range(len(padded) // 2)]
        groups = [[k for pair in both[i : i + design.units] for k in pair] for i in range(0, len(both), design.units)]
    else:
        groups = [order[i : i + design.units] for i in range(0, len(order), design.units)]
    items = []
    for y in range(rows):
        for x in range(cols):
            for group in groups:
                spent = 0
                for r in range(layer.weights.shape[2]):
                    for s in range(layer.weights.shape[3]):
                        for first in range(0, layer.weights.shape[1], design.chunk):
                            chunk = slice(first, first + design.chunk)
                            window = layer.padded[chunk, y * layer.stride + r, x * layer.stride + s]
                            kernel = layer.weights[:, chunk, r, s]
                            busy = {k: max(1, int((kernel[k] & window).sum())) if k >= 0 else 0 for k in group}
                            units = [[k] for k in group]
                            if paired and design.balance == "GB-S":
                                units = [group[i : i + 2] for i in range(0, len(group), 2)]
                            elif paired:
                                dense = sorted(group, key=lambda k: -int(kernel[k].sum()) if k >= 0 else 0)
                                units = [[dense[i], dense[-1 - i]] for i in range(len(dense) // 2)]
                            spent += max(sum(busy[k] for k in unit) for unit in units)
                items.append(spent)
    if rows * cols >= design.clusters:
        items = [sum(items[i : i + len(groups)]) for i in range(0, len(items), len(groups))]
    return max(int(part.sum()) for part in np.array_split(np.array(items), design.clusters))


@pytest.mark.parametrize("balance", ["none", "GB-S", "GB-H"])
@pytest.mark.parametrize("kind", ["3x3", "1x1", "stride", "dense", "sparse", "connected"])
def test_chunk_by_chunk(balance: str, kind: str) -> None:
    layer = small.conv(11, **small.KINDS[kind] | {"filters": 12})
    for clusters, units, chunk in ((3, 4, 128), (2, 3, 2), (2, 12, 3)):
        design = SparTen("sparten", clusters=clusters, units=units, chunk=chunk, balance=balance)
        if kind == "connected" and balance != "none" and 12 // (2 * units) < clusters:
            continue  # too few pairs for all clusters: see below
        assert design.compute(layer) == by_hand(design, layer), (clusters, units, chunk)


def test_pairs_do_not_leave_clusters_idle() -> None:
    layer = small.conv(12, connected=True, shape=(32, 1, 1), filters=16)
    design = SparTen("sparten", clusters=4, units=4)
    assert design.compute(layer) == SparTen("sparten", clusters=4, units=4, balance="none").compute(layer)


def test_groups_of_channels_come_one_after_the_other() -> None:
    layer = small.conv(13, groups=2, shape=(8, 5, 5), filters=16)
    design = SparTen("sparten", clusters=2, units=2)
    assert design.compute(layer) == sum(design.compute(layer.group(i)) for i in range(2))


def test_depthwise_takes_a_cycle_a_tap() -> None:
    layer = small.conv(14, groups=64, shape=(64, 8, 8), filters=64)
    assert SparTen("sparten", clusters=2, units=32).compute(layer) == 64 * 2 // 2 * 9


def test_a_second_buffer_helps() -> None:
    """By hand: two units, three chunks. Unit 0 needs 1, 5, 1 and unit 1 needs 4, 1, 4 cycles."""
    from phantom_sim.rivals.sparten import Broadcast

    needs = [(1, 4), (5, 1), (1, 4)]
    for buffered, expected in ((False, 4 + 5 + 4), (True, 9)):
        clock = Broadcast(1, buffered)
        for need in needs:
            clock.step(np.array(need, np.float32).reshape(1, 2, 1))
        assert clock.finish().tolist() == [expected]
    layer = small.conv(15, shape=(130, 6, 6), filters=64)
    times = [SparTen("sparten", clusters=2, units=8, buffered=b).compute(layer) for b in (True, False)]
    assert layer.macs_effectual / 16 < times[0] < times[1]


def test_unknown_balance_is_refused() -> None:
    with pytest.raises(ConfigError, match="GB-S"):
        SparTen("sparten", balance="best")


# --- published results ---------------------------------------------------------------------------------------------------------


def test_vgg16() -> None:
    """Published over AlexNet, GoogLeNet and VGG16 together: 4.7x over dense, 3x over SCNN; the figures of VGG16 alone are not at
    hand. The model on VGG16's convolutions: 4.0x to 4.5x over dense with GB-H, and 1.1x to 1.4x over SCNN. So it misses 3x, and
    must: our SCNN reaches what SCNN's own paper says (3.5x), and no machine can be three times as fast, since the bound is 5x
    here.
    """
    layers = [recipe.make() for recipe in recipes("vgg16_scnn")]
    dense, scnn = Ideal("dense", count=1024), Scnn("SCNN")
    base = sum(dense.compute(layer) for layer in layers)
    times = {b: sum(SparTen(b, balance=b).compute(layer) for layer in layers) for b in ("none", "GB-S", "GB-H")}
    assert 4.0 < base / times["GB-H"] < 4.7
    assert times["GB-H"] < times["GB-S"] < 0.75 * times["none"], "balance is worth a third, GB-H a little more"
    assert 1.1 < sum(scnn.compute(layer) for layer in layers) / times["GB-H"] < 1.4
    assert base / sum(layer.macs_effectual / 1024 for layer in layers) < 3 * 3.52
