"""From a dense tensor to the activation stream. The way back is `expand`."""

from __future__ import annotations

import numpy as np

from .bytepack import pack
from .expand import expand
from .segments import LANES, POSITIONS, Segmentation, check_tensor, pieces
from .stream import WORD, end_word

__all__ = ["compress", "expand"]

_NIBBLES = 1 << 4 * np.arange(LANES, dtype=np.int64)


def compress(tensor: np.ndarray, strip_rows: int | None = None, span: int = 0, block: int = 0) -> np.ndarray:
    """Compress activations into a complete stream, END included.

    Args:
        tensor: uint8 or int8 [C, H, W]; a zero is a real zero.
        strip_rows: rows of a producer strip, or None for one strip. Packets come strip by strip, inside a strip from top to
            bottom, then from left to right, then chunk by chunk; no segment crosses a strip.
        span: columns of a segment; 0: as few equal parts of a row as possible.
        block: chunks that come together: inside a strip, packets come by blocks of so many chunks first; 0: rows come first.

    Returns:
        uint64 [n].

    Raises:
        ShapeError: not such a tensor. RangeError: too large for the header fields.
    """
    geometry = check_tensor(tensor, span)
    first, nrows = geometry.starts(strip_rows)
    planes = _gather(np.ascontiguousarray(tensor).view(np.uint8), geometry, first, nrows)
    headers = geometry.places(strip_rows)
    if block:
        order = _by_blocks(geometry, first, strip_rows, block)
        planes, headers = planes.reshape(len(order), LANES, POSITIONS)[order], headers[order]
    runs, stream = pack(planes.reshape(-1, POSITIONS))
    counts = runs.nwords.reshape(-1, LANES) @ _NIBBLES
    stream[runs.mask_at[::LANES] - 1] = (counts << 32 | headers).view(np.uint64)
    return np.append(stream, np.array([end_word(stream)], dtype=WORD))


def _by_blocks(geometry: Segmentation, first: np.ndarray, strip_rows: int | None, block: int) -> np.ndarray:
    """Order of the packets [row-segments, columns, chunks] by strips, and in each by blocks of chunks: int64 [packets]."""
    packets = len(first), geometry.columns, geometry.chunks
    strip = np.broadcast_to((first // (strip_rows or geometry.height))[:, None, None], packets)
    blocks = np.broadcast_to(np.arange(geometry.chunks) // block, packets)
    return np.lexsort((blocks.reshape(-1), strip.reshape(-1)))


def _gather(planes: np.ndarray, geometry: Segmentation, first: np.ndarray, nrows: np.ndarray) -> np.ndarray:
    """Copy uint8 [C, H, W] into stream order: [row-segments, columns, chunks * 8, 64], padded with zeros."""
    channels, height, _ = planes.shape
    columns, rows, pitch = geometry.columns, geometry.rows, geometry.pitch
    # Column by column, in rows of whole pitches, a segment is 64 bytes in a row, from any row on.
    padded = np.zeros((channels, columns, height + rows - 1, pitch), dtype=np.uint8)
    for xs in range(columns):
        start, stop = geometry.bounds(xs)
        pieces(padded, 0, stop - start)[:, xs, :height] = pieces(planes, start, stop)
    plane, column, line, _ = padded.strides
    segment = np.dtype((np.void, POSITIONS))
    windows: np.ndarray = np.ndarray((height, columns, channels), segment, buffer=padded, strides=(line, column, plane))

    out = np.empty((len(first), columns, geometry.chunks * LANES, POSITIONS), dtype=np.uint8)
    out[:, :, channels:] = 0
    pieces(out, 0, POSITIONS)[:, :, :channels] = windows[_as_slice(first)]
    for short in np.flatnonzero(nrows < rows):
        out[short, :, :, int(nrows[short]) * pitch :] = 0
    return out


def _as_slice(index: np.ndarray) -> slice | np.ndarray:
    """The same selection as a slice where the steps are equal, which saves numpy a copy."""
    step = int(index[1] - index[0]) if len(index) > 1 else 1
    if np.all(np.diff(index) == step):
        return slice(int(index[0]), int(index[-1]) + 1, step)
    return index
