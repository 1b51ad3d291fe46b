"""A layer in parts for several accelerators: by filters, or by rows of its output. Together they compute what it computes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .layer import LayerMasks


def by_filters(layer: LayerMasks, parts: int) -> list[LayerMasks]:
    """All see the whole input. Filters are dealt out from dense to sparse, back and forth, so that parts are equally dense."""
    weights = layer.weights.reshape(layer.filters, -1).sum(axis=1)
    turn = np.arange(layer.filters) % (2 * parts)
    owner = np.empty(layer.filters, np.int64)
    owner[np.argsort(-weights, kind="stable")] = np.where(turn < parts, turn, 2 * parts - 1 - turn)
    found = [np.flatnonzero(owner == part) for part in range(parts)]
    return [
        replace(layer, name=f"{layer.name}, part {n}", weights=layer.weights[mine], out_size=0)
        for n, mine in enumerate(found)
        if len(mine)
    ]


def by_rows(layer: LayerMasks, parts: int) -> list[LayerMasks]:
    """All have all weights, and the rows of the input that theirs of the output need."""
    top, left, _, right = layer.padding
    height = layer.activations.shape[1]
    reach = layer.dilation * (layer.weights.shape[2] - 1) + 1
    found = []
    for n, rows in enumerate(np.array_split(np.arange(layer.plane[0]), parts)):
        if len(rows):
            first, end = rows[0] * layer.stride - top, rows[-1] * layer.stride - top + reach
            mine = layer.activations[:, max(0, first) : min(height, end)]
            padding = int(max(0, -first)), left, int(max(0, end - height)), right
            found.append(replace(layer, name=f"{layer.name}, part {n}", activations=mine, padding=padding, out_size=0))
    return found
