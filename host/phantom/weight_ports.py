"""The weight streams of a layer, one for each weight port: which of them sends what (docs/stream-format.md, WGT)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from .errors import ShapeError
from .executable import WEIGHT_ALIGNMENT
from .weight_stream import MASK_BITS, Params, WeightLayout, Weights, encode_weights, ended


def port_streams(weights: Weights, params: Sequence[Params], layout: WeightLayout, ports: int) -> list[np.ndarray]:
    """The streams of a layer, uint64 [n] each.

    Port p serves the columns c of the mesh with c % ports == p. A group with cores on both sides is in both streams; the first
    one has the parameters. Between streams there is no order: a core hears one of them only, and in each the blocks come in
    order.

    Raises as `encode_weights`, and ShapeError for core masks that differ from pass to pass.
    """
    masks = np.asarray(layout.core_masks)
    if masks.ndim != 1:
        raise ShapeError(f"core_masks has shape {masks.shape}; with weight ports it must be [groups]")
    streams = []
    for port in range(ports):
        columns = sum(1 << c for c in range(port, MASK_BITS, ports))
        own = masks & (columns << MASK_BITS | (1 << MASK_BITS) - 1)
        there = own >> MASK_BITS != 0
        own_params = [p if port == 0 else _NO_PARAMS for p in params]
        if not there.any():
            streams.append(ended([part for p in own_params for part in p.packets()]))
            continue
        sent = there[weights.group]
        part = Weights(**{field.name: getattr(weights, field.name)[sent] for field in fields(Weights)})
        streams.append(
            encode_weights(
                replace(part, group=(np.cumsum(there) - 1)[part.group]),
                own_params,
                replace(layout, core_masks=own[there], block_ends=layout.block_ends[:, there]),
            )
        )
    return streams


_NO_PARAMS = Params(*(np.array([], dtype=np.int64) for _ in fields(Params)))


def joined(streams: Sequence[np.ndarray]) -> np.ndarray:
    """All streams in one array, each from a multiple of WEIGHT_ALIGNMENT words on, zeros between them."""
    padded = [np.pad(stream, (0, -len(stream) % WEIGHT_ALIGNMENT)) for stream in streams[:-1]]
    return np.concatenate([*padded, streams[-1]])
