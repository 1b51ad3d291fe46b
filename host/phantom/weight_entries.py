"""Entries of the weight stream: one thread's walk through its weight index space (docs/stream-format.md, WGT).

    entry = { delta[14:8], w[7:0] }

A *segment* is what one thread of one group reads in one block of one pass. All segments are encoded at once: every weight,
and the end of every segment, is an *item*; the gap to the item before it says how many entries it takes; a running sum over
the items gives each its place in the array of all entries.
"""

from __future__ import annotations

import numpy as np

ENTRIES = 4  # entries of a word
MAX_DELTA = 127
END_OF_PASS = 127  # with w == 0
HOP = 126  # with w == 0
MAX_SKIP = 125  # with w == 0


class Segments:
    """Numbers segments in the order (pass, block, group, thread); all arrays have one element per segment."""

    def __init__(self, ends: np.ndarray, threads: int) -> None:
        begins = np.concatenate((np.zeros_like(ends[:, :, :1]), ends[:, :, :-1]), axis=2)
        used = ends > begins
        blocks = ends.shape[2]
        # The end of a pass belongs to the last block that is not empty, or to the first one when all are.
        last = np.where(used.any(axis=2), blocks - 1 - np.argmax(used[:, :, ::-1], axis=2), 0)
        closes = np.arange(blocks) == last[:, :, None]
        self.begin, self.end, self.used, self.closes = (
            np.repeat(a.transpose(0, 2, 1).reshape(-1), threads) for a in (begins, ends, used, closes)
        )


def encode_entries(
    segment: np.ndarray, lin: np.ndarray, w: np.ndarray, segments: Segments, bits: int
) -> tuple[np.ndarray, np.ndarray]:
    """Encode the weights of all segments.

    Args:
        segment, lin, w: integer [n], sorted by segment, then by lin: the number of the segment, {channel, window, slot} counted
            from the start of the pass, and the weight, not 0.
        bits: window_bits + slot_bits.

    Returns:
        Entries, uint16 [words, 4], of all segments in order, each padded to whole words; and the words of each segment,
        int64 [segments].
    """
    ones = (1 << bits) - 1
    first = np.ones(len(lin), dtype=bool)
    first[1:] = segment[1:] != segment[:-1]
    before = np.empty_like(lin)
    before[1:] = lin[:-1]
    before[first] = (segments.begin[segment[first]] << bits) - 1
    delta = lin - before

    # Far weights need skips to the end of the channel before theirs, then hops inside their channel.
    far = np.flatnonzero(delta > MAX_DELTA)
    channels = (lin[far] >> bits) - (before[far] >> bits)
    ended = (before[far] & ones) == ones
    skips = np.where(channels > 0, np.maximum(~ended, -(-(channels - 1) // MAX_SKIP)), 0)
    rest = np.where(channels > 0, (lin[far] & ones) + 1, delta[far])
    hops = np.maximum(0, -(-(rest - MAX_DELTA) // HOP))
    delta[far] = rest - HOP * hops

    # The end of a segment: skips to its last channel (one at least), and the end of the pass where it is due.
    count = np.bincount(segment, minlength=len(segments.end))
    reached = segments.begin - 1
    filled = np.flatnonzero(count)
    reached[filled] = lin[np.cumsum(count)[filled] - 1] >> bits
    tail = segments.end - 1 - reached
    tail_skips = np.where(segments.used, np.maximum(1, -(-tail // MAX_SKIP)), 0)

    # Places: inside its segment, a weight is preceded by the weights before it and by what far ones added.
    extra = np.zeros(len(lin), dtype=np.int64)
    extra[far] = skips + hops
    added = np.cumsum(extra)
    grown = np.zeros(len(segments.end), dtype=np.int64)
    np.add.at(grown, segment[far], skips + hops)
    length = count + grown + tail_skips + segments.closes
    nwords = -(-length // ENTRIES)
    base = ENTRIES * (np.cumsum(nwords) - nwords)
    offset = base - (np.cumsum(count) - count) - (np.cumsum(grown) - grown)
    place = np.arange(len(lin), dtype=np.int64)
    place += added
    place += np.repeat(offset, count)

    # Padding is an entry of 0: a skip by no channel, which changes nothing at the end of a block.
    entries = np.zeros(ENTRIES * int(nwords.sum()), dtype=np.uint16)
    entries[place] = (delta << 8).astype(np.uint16) | (w.astype(np.uint16) & np.uint16(0xFF))
    start = place[far] - skips - hops
    _fill_skips(entries, start, skips, np.maximum(channels - 1, 0))
    _fill(entries, start + skips, hops, np.full(len(far), HOP))
    end = base + count + grown
    _fill_skips(entries, end, tail_skips, tail)
    entries[(end + tail_skips)[segments.closes]] = END_OF_PASS << 8
    return entries.reshape(-1, ENTRIES), nwords


def _fill(entries: np.ndarray, start: np.ndarray, count: np.ndarray, delta: np.ndarray) -> None:
    """Write count[i] entries without a weight and with delta[i] from start[i] on."""
    at = np.repeat(start - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
    entries[at] = np.repeat(delta, count) << 8


def _fill_skips(entries: np.ndarray, start: np.ndarray, count: np.ndarray, channels: np.ndarray) -> None:
    """Write count[i] skips that make channels[i] together: full ones, then the remainder."""
    some = np.flatnonzero(count)
    start, count, channels = start[some], count[some], channels[some]
    _fill(entries, start, count - 1, np.full(len(start), MAX_SKIP))
    entries[start + count - 1] = (channels - MAX_SKIP * (count - 1)) << 8
