"""Exact comparison of a result with the reference."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from .errors import MismatchError, ShapeError
from .network import Add, Concat, MaxPool, Network


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


def check_outputs(
    network: Network,
    expected: list[np.ndarray],
    got: Mapping[str, np.ndarray],
    where: str = "",
    chosen: Collection[str] | None = None,
) -> None:
    """Compare outputs by layer with those of all layers, in order; the first layer that differs is reported.

    A layer without an output is one that was pooled, or added to another, at once: every other one must be there, and every
    output of the network.
    `where` is added to names in messages. `chosen`: names of the layers that are compared; None: all.
    """
    readers = [sources for layer, sources in zip(network.layers, network.sources()) if isinstance(layer, MaxPool | Add)]
    at_once = {network.layers[i].name for sources in readers for i in sources if i >= 0}
    for layer, right in zip(network.layers, expected, strict=True):
        if chosen is not None and layer.name not in chosen:
            continue
        if layer.name in got:
            check_equal(layer.name + where, right, got[layer.name])
        elif isinstance(layer, Concat) or (layer.name in at_once and layer.name not in network.outputs):
            continue
        else:
            raise ShapeError(f"layer {layer.name + where!r}: there is no output")
