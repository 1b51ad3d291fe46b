"""From the activation stream back to a dense tensor, with every rule of the format checked on the way.

Checks come before use: no header steers a write until the stream as a whole is known to be well-formed. Error messages name
the index of the word at fault and what would be right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .bytepack import Runs, unpack
from .errors import FormatError, ShapeError
from .segments import LANES, POSITIONS, Segmentation, pieces
from .stream import KIND_ACT, KIND_END, as_words, check_end


def expand(words: np.ndarray, channels: int, height: int, width: int, dtype: object = np.uint8) -> np.ndarray:
    """Expand a complete activation stream. Packets may come in any order.

    Args:
        words: uint64 [n], END included.
        channels, height, width: the shape of the tensor, which the stream does not carry.
        dtype: uint8 or int8.

    Returns:
        [channels, height, width] of `dtype`.

    Raises:
        FormatError: the stream breaks a rule of the format. ShapeError, RangeError: no such tensor can be streamed.
    """
    kind = np.dtype(dtype)  # type: ignore[call-overload]
    if kind not in (np.dtype(np.uint8), np.dtype(np.int8)):
        raise ShapeError(f"activations are uint8 or int8, not {kind}")
    geometry = Segmentation(channels, height, width)
    words = as_words(words)
    packets = _walk(words)
    _check_place(packets, geometry)
    _check_masks(packets, geometry)
    line = _lines(packets, geometry)
    planes = unpack(packets.runs, _values(words, packets))
    _check_values(planes, packets)

    # Row by row in the order of the tensor; the lines beyond the last row or channel are not read.
    by_line = pieces(planes.reshape(-1, geometry.pitch), 0, geometry.pitch)
    dense = np.empty((channels, height, width), dtype=np.uint8)
    for column in range(geometry.columns):
        start, stop = column * POSITIONS, min(width, (column + 1) * POSITIONS)
        rows = by_line.take(line[:channels, :, column]).view(np.uint8).reshape(channels, height, geometry.pitch)
        pieces(dense, start, stop)[...] = pieces(rows, 0, stop - start)
    return dense.view(kind)


@dataclass(frozen=True)
class _Packets:
    """The headers and masks of all packets, in stream order. Arrays of length P, or [P, 8]."""

    at: np.ndarray  # index of the header
    chunk: np.ndarray
    y0: np.ndarray
    xs: np.ndarray
    nrows: np.ndarray
    nwords: np.ndarray  # [P, 8]: n_i
    mask_at: np.ndarray  # [P, 8]: index of the mask
    masks: np.ndarray  # [P, 8], uint64
    runs: Runs  # of all masks in order


def _walk(words: np.ndarray) -> _Packets:
    """Find the packets and check kinds, lengths and END."""
    if not len(words):
        raise FormatError("the stream is empty; it must hold at least an END word")
    # The length of a packet is known only from its header, so this is a walk. What can be known beforehand is computed for
    # all words at once: how long would a packet be that starts here?
    high = words.view(np.uint32)[1::2]
    size = (high & np.uint32(0x0F0F0F0F)) + ((high >> np.uint32(4)) & np.uint32(0x0F0F0F0F))
    size *= np.uint32(0x01010101)
    size >>= np.uint32(24)
    size += np.uint32(1 + LANES)
    steps = memoryview(size)
    last = len(words) - 1
    starts = []
    at = 0
    while at < last:
        starts.append(at)
        at += steps[at]
    index = np.array(starts, dtype=np.int64)
    header = words[index].astype(np.int64)
    strange = np.flatnonzero(header & 15 != KIND_ACT)
    if len(strange):
        _refuse_kind(words, starts[int(strange[0])])
    if at > last + 1:
        raise FormatError(
            f"the packet at word {starts[-1]} needs {at - starts[-1]} words; "
            f"the stream ends after {last + 1 - starts[-1]} of them"
        )
    if at == last + 1:
        raise FormatError(f"the stream ends with a packet at word {starts[-1]}; an END word must follow")
    _refuse_kind(words, last)

    nwords = header[:, None] >> (32 + 4 * np.arange(LANES)) & 15
    flat = nwords.reshape(-1)
    group = np.arange(len(flat), dtype=np.int64)
    mask_at = (np.cumsum(flat) - flat + group + (group >> 3) + 1).reshape(-1, LANES)
    masks = words.take(mask_at)
    return _Packets(
        at=index,
        chunk=header >> 4 & 0xFF,
        y0=header >> 12 & 0x3FF,
        xs=header >> 22 & 0xF,
        nrows=(header >> 26 & 0x3F) + 1,
        nwords=nwords,
        mask_at=mask_at,
        masks=masks,
        runs=Runs(masks.reshape(-1)),
    )


def _refuse_kind(words: np.ndarray, at: int) -> None:
    """Raise FormatError unless word `at`, which is not followed by a whole packet, is the END that closes the stream."""
    kind = int(words[at]) & 15
    if kind == KIND_END:
        check_end(words, at)
    elif kind == KIND_ACT:
        raise FormatError(f"the packet at word {at} needs more words than the stream has; it is truncated")
    else:
        raise FormatError(f"word {at} has kind 0x{kind:x}; a header here is ACT (0x1) or END (0xe)")


def _check_place(packets: _Packets, geometry: Segmentation) -> None:
    """Check that every header points into the tensor."""
    for name, value, limit in (
        ("chunk", packets.chunk, geometry.chunks - 1),
        ("xs", packets.xs, geometry.columns - 1),
        ("nrows", packets.nrows, geometry.rows),
        ("last row", packets.y0 + packets.nrows - 1, geometry.height - 1),
    ):
        bad = np.flatnonzero(value > limit)
        if len(bad):
            raise FormatError(
                f"word {packets.at[bad[0]]} (header) has {name} {value[bad[0]]}; a tensor of "
                f"{geometry.channels} x {geometry.height} x {geometry.width} allows at most {limit}"
            )


def _check_masks(packets: _Packets, geometry: Segmentation) -> None:
    """Check masks against n_i and against the edges of the tensor."""
    right = packets.runs.nwords.reshape(-1, LANES)
    if not np.array_equal(right, packets.nwords):
        p, lane = np.argwhere(right != packets.nwords)[0]
        raise FormatError(
            f"word {packets.at[p]} (header) has n{lane} = {packets.nwords[p, lane]}; "
            f"the mask at word {packets.mask_at[p, lane]} needs {right[p, lane]}"
        )
    allowed = geometry.allowed_rows()[packets.nrows] & geometry.allowed_columns()[packets.xs]
    lanes = np.arange(geometry.chunks * LANES).reshape(-1, LANES) < geometry.channels
    outside = packets.masks & ~(allowed[:, None] * lanes[packets.chunk])
    if outside.any():
        p, lane = np.argwhere(outside != 0)[0]
        bit = (int(outside[p, lane]) & -int(outside[p, lane])).bit_length() - 1
        raise FormatError(
            f"word {packets.mask_at[p, lane]} (mask of channel {packets.chunk[p] * LANES + lane}) has bit {bit} set, which is "
            f"outside of the tensor or of the {packets.nrows[p]} rows of the segment; it must be 0"
        )


def _lines(packets: _Packets, geometry: Segmentation) -> np.ndarray:
    """Where each row lies among the rows of all groups: int64 [chunks * 8, height, columns].

    Checks that every row of every chunk comes exactly once.
    """
    packet = np.repeat(np.arange(len(packets.at)), packets.nrows)
    row = np.arange(len(packet)) - np.repeat(np.cumsum(packets.nrows) - packets.nrows, packets.nrows)
    cell = (packets.chunk * geometry.height + packets.y0) * geometry.columns + packets.xs
    cell = cell[packet] + row * geometry.columns
    total = geometry.chunks * geometry.height * geometry.columns
    seen = np.bincount(cell, minlength=total)
    if np.any(seen != 1):

        def name(c: int) -> str:
            return (
                f"row {c // geometry.columns % geometry.height} of chunk {c // geometry.columns // geometry.height}, "
                f"xs {c % geometry.columns}"
            )

        again = np.flatnonzero(seen > 1)
        if len(again):
            first, second = packets.at[packet[cell == again[0]][:2]]
            raise FormatError(
                f"word {second} (header) brings {name(int(again[0]))}, which the packet at word {first} has brought; "
                f"every row comes once"
            )
        missing = np.flatnonzero(seen == 0)
        raise FormatError(
            f"word {int(packets.at[-1]) if len(packets.at) else 0} is followed by no packet with {name(int(missing[0]))}; "
            f"{len(missing)} of {total} such rows are missing"
        )
    line = np.empty(total, dtype=np.int64)
    line[cell] = packet * (LANES * geometry.rows) + row
    line = line.reshape(geometry.chunks, 1, geometry.height, geometry.columns)
    lane = np.arange(LANES, dtype=np.int64).reshape(-1, 1, 1) * geometry.rows
    return (line + lane).reshape(-1, geometry.height, geometry.columns)


def _values(words: np.ndarray, packets: _Packets) -> np.ndarray:
    """All payload words in order."""
    nwords = packets.nwords.reshape(-1)
    before = np.cumsum(nwords) - nwords
    at = np.repeat(packets.mask_at.reshape(-1) + 1 - before, nwords)
    at += np.arange(len(at))
    values = words.take(at)
    # The padding of the last word of a group must be zero.
    rest = (packets.runs.counts & 7).reshape(-1, LANES)
    last = packets.mask_at + packets.nwords
    beyond = words.take(last) >> (rest.astype(np.uint64) << np.uint64(3))
    beyond[rest == 0] = 0
    if beyond.any():
        p, lane = np.argwhere(beyond != 0)[0]
        raise FormatError(
            f"word {last[p, lane]} (last values of channel {packets.chunk[p] * LANES + lane}) holds {rest[p, lane]} values; "
            f"the bytes above must be zero"
        )
    return values


def _check_values(planes: np.ndarray, packets: _Packets) -> None:
    """Check that no packed value is zero: only then do the unpacked planes have the masks that they were unpacked by."""
    masks = np.packbits((planes != 0).reshape(-1), bitorder="little").view(np.uint64).reshape(-1, LANES)
    if not np.array_equal(masks, packets.masks):
        p, lane = np.argwhere(masks != packets.masks)[0]
        lost = int(masks[p, lane] ^ packets.masks[p, lane])
        below = int(packets.masks[p, lane]) & ((lost & -lost) - 1)
        rank = bin(below).count("1")
        raise FormatError(
            f"byte {rank & 7} of word {packets.mask_at[p, lane] + 1 + (rank >> 3)} (values of channel "
            f"{packets.chunk[p] * LANES + lane}) is zero; a packed value must not be zero"
        )
