"""Bytes of a layer in the formats of the designs. Outputs are counted by the share of nonzeros that the layer hands on."""

from __future__ import annotations

import numpy as np

from phantom_sim.workloads.layer import LayerMasks


def dense_bytes(layer: LayerMasks) -> float:
    """A byte a value."""
    return float(layer.weights.size + layer.activations.size + layer.out_size)


def mask_bytes(layer: LayerMasks) -> float:
    """A bit a value and a byte a nonzero (SparTen, Phantom)."""
    stored = sum(mask.size / 8 + np.count_nonzero(mask) for mask in (layer.weights, layer.activations))
    return float(stored + layer.out_size * (1 / 8 + layer.out_density))


def run_bytes(layer: LayerMasks, count_bits: int = 4) -> float:
    """A byte a nonzero and `count_bits` for the zeros before it; longer runs need entries of value zero (SCNN, Eyeriss v2).

    Runs go on from one plane of activations, or one filter's channel, to the next.
    """
    entry = 1 + count_bits / 8
    stored = sum(run_entries(mask.reshape(-1), count_bits) for mask in (layer.weights, layer.activations))
    return float((stored + layer.out_size * layer.out_density) * entry)


def run_entries(flat: np.ndarray, count_bits: int) -> int:
    """Entries that a stream of bool [n] takes: nonzeros, and one for each further 2**count_bits zeros before them."""
    places = np.flatnonzero(flat)
    zeros = np.diff(places, prepend=-1) - 1
    return len(places) + int((zeros >> count_bits).sum())


def nonzero_bytes(layer: LayerMasks) -> float:
    """A byte a nonzero, and nothing that says where it is: less than any format needs."""
    stored = np.count_nonzero(layer.weights) + np.count_nonzero(layer.activations)
    return float(stored + layer.out_size * layer.out_density)
