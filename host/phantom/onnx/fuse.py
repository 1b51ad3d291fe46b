"""Layers that only clamp become limits of the layer before them, where nobody else reads that one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..layer import Requantised
from ..network import AnyLayer


def fuse_clamps(layers: list[AnyLayer], clamps: set[str], outputs: tuple[str, ...]) -> tuple[list[AnyLayer], dict[str, str]]:
    """The layers without those of `clamps` that can be spared, and by which layer each of these is replaced.

    Exact: a clamp after a clamp on one scale is one clamp.
    """
    named = {layer.name: layer for layer in layers}
    readers: dict[str, int] = dict.fromkeys(outputs, 1)
    for layer in layers:
        for name in layer.inputs:
            readers[name] = readers.get(name, 0) + 1
    gone: dict[str, str] = {}
    for layer in layers:
        if layer.name not in clamps:
            continue
        assert isinstance(layer, Requantised)
        source = gone.get(layer.inputs[0], layer.inputs[0])
        before = named.get(source)
        if not isinstance(before, Requantised) or readers[layer.inputs[0]] != 1:
            continue
        low, high = (int(np.clip(value, *layer.limits)) for value in before.limits)
        named[source] = replace(before, low=low, high=high, out_dtype=layer.out_dtype)
        gone[layer.name] = source
    kept = [named[layer.name] for layer in layers if layer.name not in gone]
    return [replace(layer, inputs=tuple(gone.get(n, n) for n in layer.inputs)) for layer in kept], gone
