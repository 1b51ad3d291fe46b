"""What the encoder sees of a result: how many values of each row of each segment are not zero."""

from __future__ import annotations

import numpy as np

from phantom.layout import Layout


def row_counts(result: Layout, tensor: np.ndarray) -> np.ndarray:
    """int64 [channels, rows, segments] in the order of the stream, for a tensor of the layout's shape (values, or a mask)."""
    there = np.append((tensor != 0).reshape(-1), False)[result.index]
    cut = result.geometry
    channels, rows, cols = there.shape
    padded = np.zeros((cut.chunks * 8, rows, cut.columns * cut.span), bool)
    padded[:channels, :, :cols] = there
    return padded.reshape(-1, rows, cut.columns, cut.span).sum(axis=3, dtype=np.int64)
