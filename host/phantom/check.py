"""Exact comparison of a result with the reference."""

from __future__ import annotations

import numpy as np

from .errors import MismatchError, ShapeError


def check_equal(layer: str, expected: np.ndarray, got: np.ndarray) -> None:
    """Raise MismatchError unless `got` equals `expected` ([C, H, W] both) in every element.

    The message names the first mismatch in C, H, W order and how many there are. Raises ShapeError when shape or type differ.
    """
    if expected.ndim != 3 or expected.shape != got.shape or expected.dtype != got.dtype:
        raise ShapeError(
            f"layer {layer!r}: got {got.dtype} of shape {got.shape}; "
            f"it must be {expected.dtype} of shape {expected.shape}, [C, H, W]"
        )
    differs = expected != got
    count = int(np.count_nonzero(differs))
    if not count:
        return
    channel, row, column = (int(i) for i in np.argwhere(differs)[0])
    raise MismatchError(
        f"layer {layer!r}: {count} of {expected.size} values differ; the first is channel {channel}, row {row}, column {column}: "
        f"expected {expected[channel, row, column]}, got {got[channel, row, column]}"
    )


def check_outputs(names: list[str], expected: list[np.ndarray], got: list[np.ndarray]) -> None:
    """Compare the outputs of several layers in order; the first layer that differs is reported."""
    if not len(names) == len(expected) == len(got):
        raise ShapeError(f"there are {len(got)} outputs for {len(expected)} expected ones of {len(names)} layers")
    for name, right, mine in zip(names, expected, got, strict=True):
        check_equal(name, right, mine)
