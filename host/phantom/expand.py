"""From the activation stream back to a dense tensor, with every rule of the format checked on the way.

Checks come before use: no header steers a write until the stream as a whole is known to be well-formed. Error messages name
the index of the word at fault and what would be right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .bytepack import Runs, mask_places, unpack
from .errors import FormatError, ShapeError
from .placement import Placement, place
from .segments import LANES, Segmentation, pieces
from .stream import KIND_ACT, KIND_END, as_words, check_end

_NIBBLES = 32 + 4 * np.arange(LANES, dtype=np.int64)  # where n_i are in a header


def expand(words: np.ndarray, channels: int, height: int, width: int, dtype: object = np.uint8, span: int = 0) -> np.ndarray:
    """Expand a complete activation stream. Packets may come in any order.

    Args:
        words: uint64 [n], END included.
        channels, height, width: the shape of the tensor, which the stream does not carry.
        dtype: uint8 or int8.
        span: columns of a segment; 0: as few equal parts of a row as possible.

    Returns:
        [channels, height, width] of `dtype`.

    Raises:
        FormatError: the stream breaks a rule of the format. ShapeError, RangeError: no such tensor can be streamed.
    """
    kind = np.dtype(dtype)  # type: ignore[call-overload]
    if kind not in (np.dtype(np.uint8), np.dtype(np.int8)):
        raise ShapeError(f"activations are uint8 or int8, not {kind}")
    geometry = Segmentation(channels, height, width, span)
    words = as_words(words)
    packets = _walk(words)
    placed = place(geometry, packets.header, packets.at)
    _check_masks(packets, placed)
    _check_padding(words, packets, placed)
    planes = unpack(packets.runs, words)
    _check_values(planes, packets, placed)

    # Row by row in the order of the tensor; the lines beyond the last row or channel are not read.
    by_line = pieces(planes.reshape(-1, geometry.pitch), 0, geometry.pitch)
    dense = np.empty((channels, height, width), dtype=np.uint8)
    for column in range(geometry.columns):
        start, stop = geometry.bounds(column)
        rows = by_line.take(placed.line[:channels, :, column]).view(np.uint8).reshape(channels, height, geometry.pitch)
        pieces(dense, start, stop)[...] = pieces(rows, 0, stop - start)
    return dense.view(kind)


@dataclass(frozen=True)
class _Packets:
    """The headers and masks of all packets, in stream order. Arrays of length P, or [P, 8]."""

    at: np.ndarray  # index of the header
    header: np.ndarray  # uint64
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
    steps = memoryview(size.data)
    last = len(words) - 1
    starts = []
    at = 0
    while at < last:
        starts.append(at)
        at += steps[at]
    index = np.array(starts, dtype=np.int64)
    header = words.take(index)
    strange = header & np.uint64(15) != np.uint64(KIND_ACT)
    if strange.any():
        _refuse_kind(words, starts[int(np.argmax(strange))])
    if at > last + 1:
        raise FormatError(
            f"the packet at word {starts[-1]} needs {at - starts[-1]} words; "
            f"the stream ends after {last + 1 - starts[-1]} of them"
        )
    if at == last + 1:
        raise FormatError(f"the stream ends with a packet at word {starts[-1]}; an END word must follow")
    _refuse_kind(words, last)

    nwords = (header.view(np.int64)[:, None] >> _NIBBLES) & 15
    mask_at = mask_places(nwords.reshape(-1))
    masks = words.take(mask_at)
    return _Packets(
        at=index,
        header=header,
        nwords=nwords,
        mask_at=mask_at.reshape(-1, LANES),
        masks=masks.reshape(-1, LANES),
        runs=Runs(masks),
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


def _check_masks(packets: _Packets, placed: Placement) -> None:
    """Check masks against n_i and against the edges of the tensor."""
    right = packets.runs.nwords.reshape(-1, LANES)
    if not np.array_equal(right, packets.nwords):
        p, lane = np.argwhere(right != packets.nwords)[0]
        raise FormatError(
            f"word {packets.at[p]} (header) has n{lane} = {packets.nwords[p, lane]}; "
            f"the mask at word {packets.mask_at[p, lane]} needs {right[p, lane]}"
        )
    outside = packets.masks & placed.outside
    if outside.any():
        p, lane = np.argwhere(outside != 0)[0]
        bit = (int(outside[p, lane]) & -int(outside[p, lane])).bit_length() - 1
        raise FormatError(
            f"word {packets.mask_at[p, lane]} (mask of channel {placed.chunk[p] * LANES + lane}) has bit {bit} set, which is "
            f"outside of the tensor or of the {placed.nrows[p]} rows of the segment; it must be 0"
        )


def _check_padding(words: np.ndarray, packets: _Packets, placed: Placement) -> None:
    """Check that what follows the values in the last word of a group is zero."""
    rest = packets.runs.counts & 7
    last = packets.runs.mask_at + packets.runs.nwords
    beyond = words.take(last) >> (rest << 3).view(np.uint64)
    beyond[rest == 0] = 0
    if beyond.any():
        group = int(np.argmax(beyond != 0))
        channel = placed.chunk[group // LANES] * LANES + group % LANES
        raise FormatError(
            f"word {last[group]} (last values of channel {channel}) holds {rest[group]} values; the bytes above must be zero"
        )


def _check_values(planes: np.ndarray, packets: _Packets, placed: Placement) -> None:
    """Check that no packed value is zero: only then do the unpacked planes have the masks that they were unpacked by."""
    masks = np.packbits((planes != 0).reshape(-1), bitorder="little").view(np.uint64).reshape(-1, LANES)
    if not np.array_equal(masks, packets.masks):
        p, lane = np.argwhere(masks != packets.masks)[0]
        lost = int(masks[p, lane] ^ packets.masks[p, lane])
        below = int(packets.masks[p, lane]) & ((lost & -lost) - 1)
        rank = bin(below).count("1")
        raise FormatError(
            f"byte {rank & 7} of word {packets.mask_at[p, lane] + 1 + (rank >> 3)} (values of channel "
            f"{placed.chunk[p] * LANES + lane}) is zero; a packed value must not be zero"
        )
