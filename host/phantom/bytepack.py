"""Masks and packed nonzeros of many groups of 64 bytes at once.

One group is the plane of one channel in one segment. `pack` squeezes the zeros out of every group, `unpack` puts them back.
Which bytes are zero is as good as random, so any loop that asks byte by byte pays for a mispredicted branch on every third
of them (numpy's own boolean indexing and nonzero do). Both functions here work on eight bytes at a time, without branches:

1. Inside a 64-bit word, the nonzero bytes move down to byte 0 in three steps, by 1, 2 and 4 bytes. Tables indexed by the
   word's eight mask bits say which bytes take part in a step.
2. The squeezed words (0..8 bytes used) of a group are joined to one run of bytes: each word is shifted to its place, which
   gives a low part for one word of the run and a high part for the next. Parts never overlap, so their sum is their union,
   and the sums over all parts that share a word are differences of one running sum (modulo 2**64) over all parts.
"""

from __future__ import annotations

import numpy as np

from .stream import WORD

GROUP = 64  # bytes of a group

# By mask byte: how many values there are, and the bytes that they use in a squeezed word.
_BITS = np.array([bin(m).count("1") for m in range(256)], dtype=np.int64)
_USED = np.array([(1 << 8 * int(n)) - 1 for n in _BITS], dtype=np.uint64)


def _tables() -> list[tuple[np.uint64, np.ndarray, np.ndarray]]:
    """For steps of 1, 2 and 4 bytes: the shift in bits, and per mask byte the bytes that move, before and after the move."""
    before = np.zeros((3, 256), dtype=np.uint64)
    for mask in range(256):
        kept = [i for i in range(8) if mask >> i & 1]
        for target, source in enumerate(kept):
            at = source
            for step in range(3):
                if (source - target) >> step & 1:
                    before[step, mask] |= np.uint64(0xFF << 8 * at)
                    at -= 1 << step
    shifts = [np.uint64(8 << step) for step in range(3)]
    return [(shift, table, table >> shift) for shift, table in zip(shifts, before)]


_STEPS = _tables()


class Runs:
    """Where the packed values of groups lie, as their masks tell.

    counts, nwords: int64 [G], values of each group and words that they take. index, place: int64 [8 G], for eight positions each:
    their mask byte, and where their values start in the run of all packed values, in bytes.
    """

    def __init__(self, masks: np.ndarray) -> None:
        """Masks: uint64 [G]."""
        self.index = masks.view(np.uint8).astype(np.intp)
        bits = np.empty(len(self.index), dtype=np.int64)
        _BITS.take(self.index, out=bits, mode="wrap")  # the mode that numpy does fastest
        self.place = np.cumsum(bits)
        ends = self.place[7::8]
        self.counts = np.diff(ends, prepend=0)
        self.nwords = (self.counts + 7) >> 3
        # The padding of a group moves everything behind it.
        padding = (self.nwords << 3) - self.counts
        self.place -= bits
        self.place += np.repeat(np.cumsum(padding) - padding, 8)

    def shifts(self) -> np.ndarray:
        """Places inside a word, in bits: uint64 [8 G]."""
        shift = self.place & 7
        shift <<= 3
        return shift.view(np.uint64)


def pack(planes: np.ndarray) -> tuple[np.ndarray, Runs, np.ndarray]:
    """Squeeze the zeros out of every group.

    Args:
        planes: uint8 [G, 64], contiguous.

    Returns:
        masks, uint64 [G]: bit i is set where byte i is not zero. Their runs. values, uint64 [sum(nwords)]: the nonzero bytes of
        each group in order, each group padded with zeros to whole words.
    """
    masks = np.packbits((planes != 0).reshape(-1), bitorder="little").view(WORD)
    runs = Runs(masks)
    words = planes.reshape(-1).view(WORD)
    moving = np.empty_like(words)
    squeezed = np.empty_like(words)
    for shift, before, _ in _STEPS:
        before.take(runs.index, out=moving, mode="wrap")
        np.bitwise_and(words, moving, out=moving)
        np.bitwise_xor(words, moving, out=squeezed)
        np.right_shift(moving, shift, out=moving)
        words = np.bitwise_or(squeezed, moving, out=squeezed)

    total = int(runs.nwords.sum())
    # The word of the run that each squeezed word starts in. Words without values may point one beyond their group.
    home = runs.place >> 3
    last = np.cumsum(np.bincount(home, minlength=total + 1)[:total]) - 1
    shift = runs.shifts()
    low = np.cumsum(np.left_shift(words, shift, out=moving)).take(last)
    words >>= np.uint64(8)  # in two steps, as a shift by 64 is not defined
    words >>= np.subtract(np.uint64(56), shift, out=moving)
    high = np.cumsum(words, out=words).take(last)
    values = low
    values[1:] -= low[:-1].copy()
    values[1:] += high[:-1]
    values[2:] -= high[:-2]
    return masks, runs, values


def unpack(runs: Runs, values: np.ndarray) -> np.ndarray:
    """Undo `pack`: uint8 [G, 64] from the runs of the masks and the packed values (uint64 [sum(nwords)]).

    Bytes of `values` beyond the last value of a group are ignored. `values` must be as long as the masks ask for.
    """
    home = runs.place >> 3
    shift = runs.shifts()
    padded = np.zeros(len(values) + 2, dtype=np.uint64)
    padded[: len(values)] = values
    words = np.empty(len(home), dtype=WORD)
    moving = np.empty_like(words)
    padded.take(home, out=moving, mode="wrap")
    moving >>= shift
    home += 1
    padded.take(home, out=words, mode="wrap")
    words <<= np.uint64(8)
    words <<= np.subtract(np.uint64(56), shift, out=shift)
    words |= moving
    words &= _USED.take(runs.index, out=moving, mode="wrap")
    for step, _, after in reversed(_STEPS):
        after.take(runs.index, out=moving, mode="wrap")
        np.bitwise_and(words, moving, out=moving)
        np.bitwise_xor(words, moving, out=words)
        np.left_shift(moving, step, out=moving)
        np.bitwise_or(words, moving, out=words)
    return words.view(np.uint8).reshape(-1, GROUP)
