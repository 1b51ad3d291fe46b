"""The paper's core: its selector against a plain loop, layers against lists made by hand, and what is known of its utilisation.
"""

from __future__ import annotations

import masks_for_tests as small
import numpy as np
import pytest

from phantom.errors import RangeError
from phantom_sim.rivals import lookahead
from phantom_sim.rivals.lineup import LOOKAHEADS, lookaheads
from phantom_sim.rivals.phantom_paper import PhantomPaper
from phantom_sim.workloads.layer import LayerMasks


def select(entries: list[int], lf: int, out_of_order: bool) -> int:
    """Cycles of one list."""
    done = [need == 0 for need in entries]
    head = cycles = 0
    while head < len(entries):
        cycles += 1
        free, end = 3, min(head + lf, len(entries))
        for i in range(head, end):
            if done[i]:
                continue
            if entries[i] <= free:
                free -= entries[i]
                done[i] = True
            elif not out_of_order:
                break
        while head < end and done[head]:
            head += 1
    return cycles


@pytest.mark.parametrize("out_of_order", [False, True])
@pytest.mark.parametrize("lf", [1, 3, 6, 9, 18, 27, 31])
def test_selector(lf: int, out_of_order: bool) -> None:
    rng = np.random.default_rng(lf)
    for _ in range(12):
        entries = rng.choice(4, (5, rng.integers(1, 200)), p=rng.dirichlet([1, 1, 1, 1])).astype(np.uint8)
        found = lookahead.cycles(entries, lf, out_of_order)
        assert found.tolist() == [select(row.tolist(), lf, out_of_order) for row in entries]


def test_selector_on_a_case_by_hand() -> None:
    """2 2 1 1: in order 2 | 2 1 | 1, out of order 2 1 | 2 1."""
    entries = np.array([[2, 2, 1, 1]], np.uint8)
    assert lookahead.cycles(entries, 4, False).tolist() == [3] and lookahead.cycles(entries, 4, True).tolist() == [2]
    assert lookahead.cycles(np.zeros((1, 10), np.uint8), 4, True).tolist() == [3], "empty entries take places of the lookahead"


def by_hand(design: PhantomPaper, layer: LayerMasks) -> float:
    """PE cycles of all filters on one core: a list for each column of each kernel, or three channels of a pointwise one."""
    total = 0
    own = layer.filters // layer.groups
    _, channels, rows, cols = layer.weights.shape
    for k in range(layer.filters):
        base = k // own * channels
        lists = []
        if rows == cols == 1:
            for c in range(0, channels, 3):
                lists.append([(base + i, 0, 0, layer.weights[k, i, 0, 0]) for i in range(c, min(c + 3, channels))])
        else:
            for c in range(channels):
                for s in range(cols):
                    for r in range(0, rows, 3):
                        lists.append([(base + c, i, s, layer.weights[k, c, i, s]) for i in range(r, min(r + 3, rows))])
        for taps in lists:
            if not design.skip_empty or any(weight for *_, weight in taps):
                entries = sum(layer.window(r, s)[c].reshape(-1).astype(int) * bool(weight) for c, r, s, weight in taps)
                total += select(list(entries), design.lf, design.out_of_order)
    return total


@pytest.mark.parametrize("kind", [kind for kind in small.KINDS if kind != "connected"])
def test_layers_on_one_core(kind: str) -> None:
    layer = small.conv(31, **small.KINDS[kind])
    for lf, out_of_order, skip in ((6, False, False), (27, True, False), (9, True, True)):
        design = PhantomPaper("paper", rows=1, cols=1, lf=lf, out_of_order=out_of_order, skip_empty=skip)
        assert design.compute(layer) == int(np.ceil(by_hand(design, layer) / 3))


@pytest.mark.parametrize("skip", [False, True])
def test_fully_connected_on_one_core(skip: bool) -> None:
    layer = small.conv(32, connected=True, shape=(5, 2, 2), filters=13, activations=0.3)
    design = PhantomPaper("paper", rows=1, cols=1, lf=4, skip_empty=skip)
    flat, weights = layer.activations.reshape(-1), layer.weights.reshape(13, -1)
    pes = [0, 0, 0]
    number = 0
    for i in range(0, len(flat), 3):
        if not skip or flat[i : i + 3].any():
            pes[number % 3] += select(list((weights[:, i : i + 3] & flat[i : i + 3]).sum(axis=1)), 4, True)
            number += 1
    assert design.compute(layer) == max(pes)


def test_tiles_and_filters_over_the_mesh() -> None:
    """Two rows of cores share the tiles, two columns the filters, nearly evenly."""
    layer = small.conv(33, shape=(3, 40, 64), filters=64)
    one, four = PhantomPaper("paper", rows=1, cols=1), PhantomPaper("paper", rows=2, cols=2)
    assert layer.macs_effectual / 36 <= four.compute(layer) < one.compute(layer) / 3.5
    single = small.conv(34, shape=(3, 40, 64), filters=1)
    assert four.compute(single) >= one.compute(single) / 2 - 1, "a filter is not divided over columns"


def test_impossible_lookahead() -> None:
    for lf in (0, 32):
        with pytest.raises(RangeError, match=r"within 1\.\.31"):
            PhantomPaper("paper", lf=lf)


# --- what is known of it -------------------------------------------------------------------------------------------------------


def utilisation(weights: float, activations: float, **options: bool) -> dict[tuple[int, bool], float]:
    layer = small.conv(35, shape=(32, 28, 28), filters=64, weights=weights, activations=activations)
    base = PhantomPaper("paper", rows=1, cols=1, **options)  # type: ignore[arg-type]
    return {(d.lf, d.out_of_order): layer.macs_effectual / 9 / d.compute(layer) for d in lookaheads(base)}


def test_utilisation_rises_with_the_lookahead() -> None:
    """Out of order at least as good as in order; 85 to 89 % at 0.3 / 0.35 and 55 to 70 % at 0.1 / 0.4 with Lf = 27, which is
    what is told of the paper's core before any imbalance.
    """
    usual, sparse = utilisation(0.3, 0.35), utilisation(0.1, 0.4)
    for found in (usual, sparse):
        for order in (False, True):
            rising = [found[lf, order] for lf in LOOKAHEADS]
            assert rising == sorted(rising) and rising[-1] > 1.8 * rising[0]
        assert all(found[lf, True] >= found[lf, False] for lf in LOOKAHEADS)
    assert 0.85 < usual[27, True] < 0.90 and 0.55 < sparse[27, True] < 0.70
    assert utilisation(0.1, 0.4, skip_empty=True)[27, True] > 0.95, "what its empty columns cost"
