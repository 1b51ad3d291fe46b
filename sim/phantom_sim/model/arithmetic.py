"""What a stage computes, as it was lowered: its result, and how many of its multiplies count."""

from __future__ import annotations

import numpy as np

from phantom.quantise import requantise
from phantom.stage import Stage


def stage_result(stage: Stage, tensor: np.ndarray) -> np.ndarray:
    """The result bundle [C, H, W], of the bundle's type, for a source bundle. Exact."""
    values = _values(stage, tensor)
    sums = _flat_sums(stage, values) if stage.flat else _sums(stage, values)
    low, high = (np.array([clamp[i] for clamp in stage.clamps])[stage.clamp].reshape(-1, 1, 1) for i in range(2))
    bias, multiplier, sel = (a.reshape(-1, 1, 1) for a in (stage.bias, stage.multiplier, stage.sel))

    def finished(these: slice, sums: np.ndarray) -> np.ndarray:
        wide = requantise(sums, bias[these], multiplier[these], sel[these], -(2**15), 2**15 - 1)
        return np.clip(wide, low[these], high[these])

    written = slice(stage.filters - stage.outputs, stage.filters)
    if stage.residual is not None:
        kept = finished(slice(stage.outputs), sums[: stage.outputs])
        sums[written] += stage.residual.factor * kept.astype(np.int64)
    result = finished(written, sums[written])
    if stage.pool is not None:
        result = _pooled(stage, result)
    return result.astype(np.uint8).view(stage.result.dtype)


def effectual_pairs(stage: Stage, tensor: np.ndarray) -> int:
    """Pairs of a nonzero weight and a nonzero activation; those of channels that are carried past count, too."""
    there = (tensor != 0).astype(np.int64)
    if stage.flat:
        return int(there.reshape(-1)[stage.at].sum())
    counts = np.stack([window.sum(axis=(1, 2)) for window in _windows(stage, there)])
    return int(counts[stage.tap, stage.at].sum())


def _values(stage: Stage, tensor: np.ndarray) -> np.ndarray:
    """The numbers that the bytes of a bundle stand for, float64 [C, H, W]."""
    signed = stage.source.signed.reshape(-1, 1, 1)
    return np.where(signed, tensor.view(np.int8), tensor.view(np.uint8)).astype(np.float64)


def _windows(stage: Stage, values: np.ndarray) -> list[np.ndarray]:
    """For each tap, what the output positions meet there: [C, rows, columns]."""
    _, rows, cols = stage.shape
    taps = np.array(stage.taps)
    step = stage.stride
    low = np.minimum(taps.min(axis=0), 0)
    high = taps.max(axis=0) + (np.array([rows, cols]) - 1) * step + 1
    pad = [(0, 0)] + [(int(-low[d]), max(0, int(high[d]) - values.shape[d + 1])) for d in range(2)]
    padded = np.pad(values, pad)
    starts = taps - low
    return [padded[:, y : y + (rows - 1) * step + 1 : step, x : x + (cols - 1) * step + 1 : step] for y, x in starts]


def _sums(stage: Stage, values: np.ndarray) -> np.ndarray:
    """Accumulators int64 [filters, rows, columns]: a matrix product a tap, of integers that float64 holds exactly."""
    filters, rows, cols = stage.shape
    total = np.zeros((filters, rows * cols))
    for tap, window in enumerate(_windows(stage, values)):
        mine = stage.tap == tap
        k, at, value = stage.k[mine], stage.at[mine], stage.value[mine]
        if not len(k):
            continue
        used, column = np.unique(at, return_inverse=True)
        if len(used) * filters <= 4 * len(k) + 4096 or len(k) > filters:
            weights = np.zeros((filters, len(used)))
            weights[k, column.reshape(-1)] = value
            total += weights @ window[used].reshape(len(used), -1)
        else:  # one channel a filter, or nearly so
            np.add.at(total, k, value[:, None] * window[at].reshape(len(at), -1))
    return total.astype(np.int64).reshape(filters, rows, cols)


def _flat_sums(stage: Stage, values: np.ndarray) -> np.ndarray:
    """The same for a fully connected stage."""
    products = stage.value * values.reshape(-1)[stage.at]
    return np.bincount(stage.k, products, stage.filters).astype(np.int64).reshape(-1, 1, 1)


def _pooled(stage: Stage, result: np.ndarray) -> np.ndarray:
    """The largest value of each window; padding never is."""
    assert stage.pool is not None
    size, step, (top, left, _, _) = stage.pool.kernel[0], stage.pool.stride, stage.pool.padding
    rows, cols = stage.result.plane
    need = [(n - 1) * step + size for n in (rows, cols)]
    pad = [(0, 0), (top, max(0, need[0] - top - result.shape[1])), (left, max(0, need[1] - left - result.shape[2]))]
    padded = np.pad(result, pad, constant_values=-(2**15))
    windows = [
        padded[:, y : y + (rows - 1) * step + 1 : step, x : x + (cols - 1) * step + 1 : step]
        for y in range(size)
        for x in range(size)
    ]
    return np.maximum.reduce(windows)
