"""Magnitude pruning: which weights stay, decided layer by layer or over all layers together. Only numpy.

`sparsity` is the fraction of zeros that is asked for, 0 up to but not including 1. The number of weights that stay is exact, also
where magnitudes are equal (then the earlier weight stays), and weights that are zero already count as pruned.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .errors import RangeError


def kept(size: int, sparsity: float) -> int:
    """How many of `size` weights stay. Raises RangeError unless 0 <= sparsity < 1."""
    if not 0 <= sparsity < 1:
        raise RangeError(f"sparsity = {sparsity}; it must be 0 at least and below 1 (0.7 makes 70 % of the weights zero)")
    return size - round(sparsity * size)


def keep_largest(magnitudes: np.ndarray, count: int) -> np.ndarray:
    """Mask (bool, the shape of `magnitudes`) of the `count` largest ones, never of a zero.

    Takes one copy of `magnitudes`, float [...] without NaN, and linear time.
    """
    flat = magnitudes.reshape(-1)
    if count <= 0:
        return np.zeros(magnitudes.shape, bool)
    if count >= flat.size:
        return magnitudes > 0
    limit = np.partition(flat, flat.size - count)[flat.size - count]
    mask = flat > max(limit, 0)
    if limit > 0:  # of those equal to the limit, the first ones fill up
        mask[np.flatnonzero(flat == limit)[: count - np.count_nonzero(mask)]] = True
    return mask.reshape(magnitudes.shape)


def prune(weights: Mapping[str, np.ndarray], sparsity: float, across_layers: bool = False) -> dict[str, np.ndarray]:
    """Copies of `weights` (float, any shapes) with the smallest magnitudes set to zero.

    Each layer gets `sparsity`, or, with `across_layers`, all of them together do and one threshold decides.
    Raises RangeError for an impossible sparsity.
    """
    if not across_layers:
        return {
            name: np.where(keep_largest(np.abs(w), kept(w.size, sparsity)), w, w.dtype.type(0)) for name, w in weights.items()
        }
    sizes = [w.size for w in weights.values()]
    magnitudes = np.concatenate([np.abs(w).reshape(-1) for w in weights.values()]) if sizes else np.zeros(0)
    mask = keep_largest(magnitudes, kept(magnitudes.size, sparsity))
    parts = np.split(mask, np.cumsum(sizes)[:-1]) if sizes else []
    return {name: np.where(part.reshape(w.shape), w, w.dtype.type(0)) for (name, w), part in zip(weights.items(), parts)}
