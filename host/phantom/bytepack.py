"""Masks and packed nonzeros of many groups of 64 bytes at once.

One group is the plane of one channel in one segment. `pack` squeezes the zeros out of every group, `unpack` puts them back.
Which bytes are zero is as good as random, so any loop that asks byte by byte pays for a mispredicted branch on every third
of them (numpy's own boolean indexing and nonzero do). Both functions here work on eight bytes at a time, without branches:

1. Inside a 64-bit word, the nonzero bytes move down to byte 0 in three steps, by 1, 2 and 4 bytes. Tables indexed by the
   word's eight mask bits say which bytes take part in a step.
2. The squeezed words (0..8 bytes used) of a group are joined to one run of bytes: each word is shifted to its place, which
   gives a low part for one word of the stream and a high part for the next. Parts never overlap, so their sum is their union,
   and the sums over all parts that share a word are differences of one running sum (modulo 2**64) over all parts.

In the stream, the values of a group follow its mask, and every eighth mask follows a header (docs/stream-format.md, ACT).
"""

from __future__ import annotations

import numpy as np

from .stream import WORD

GROUP = 64  # bytes of a group

# By mask byte: the bytes of a squeezed word that hold values.
_USED = np.array([(1 << 8 * bin(m).count("1")) - 1 for m in range(256)], dtype=np.uint64)


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
    return [(shift, table, table >> shift) for shift, table in zip(shifts, before, strict=True)]


_STEPS = _tables()


class Runs:
    """Where masks and packed values of groups lie in the stream, as the masks tell.

    Of length G: masks (uint64); mask_at (int64), the words that they are; counts, nwords (int64), values of the group and words
    that they take. For eight positions each, of length 8 G: index (intp), their mask byte; home (int64) and shift (uint64), the
    word in which their values start, and the bit.
    """

    def __init__(self, masks: np.ndarray) -> None:
        """Masks: uint64 [G] in stream order; G is a multiple of 8."""
        self.masks = masks
        self.index = masks.view(np.uint8).astype(np.intp)
        # Bits of each byte, then, by a multiplication, of all bytes up to it. At most 64, so bytes do not run over.
        upto = masks - ((masks >> np.uint64(1)) & np.uint64(0x5555555555555555))
        upto = (upto & np.uint64(0x3333333333333333)) + ((upto >> np.uint64(2)) & np.uint64(0x3333333333333333))
        upto = (upto + (upto >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        upto *= np.uint64(0x0101010101010101)
        self.counts = (upto >> np.uint64(56)).view(np.int64)
        self.nwords = (self.counts + 7) >> 3
        self.mask_at = mask_places(self.nwords)
        before = (upto << np.uint64(8)).view(np.uint8)
        self.home = np.repeat(self.mask_at + 1, 8)
        self.home += before >> 3
        self.shift = ((before & 7) << 3).astype(np.uint64)


def mask_places(nwords: np.ndarray) -> np.ndarray:
    """Words at which the masks are, for groups of `nwords` words of values: int64 [G] both."""
    group = np.arange(len(nwords), dtype=np.int64)
    return np.cumsum(nwords) - nwords + group + (group >> 3) + 1


def pack(planes: np.ndarray) -> tuple[Runs, np.ndarray]:
    """Squeeze the zeros out of every group.

    Args:
        planes: uint8 [G, 64], contiguous; G is a multiple of 8.

    Returns:
        The runs, and the stream but for headers (which are left zero) and END: uint64 [n]. Bit i of a mask is set where byte i of
        its group is not zero.
    """
    runs = Runs(np.packbits((planes != 0).reshape(-1), bitorder="little").view(WORD))
    words = planes.reshape(-1).view(WORD)
    moving = np.empty_like(words)
    squeezed = np.empty_like(words)
    for step, before, _ in _STEPS:
        before.take(runs.index, out=moving, mode="wrap")  # the mode that numpy does fastest
        np.bitwise_and(words, moving, out=moving)
        np.bitwise_xor(words, moving, out=squeezed)
        np.right_shift(moving, step, out=moving)
        words = np.bitwise_or(squeezed, moving, out=squeezed)

    # The last squeezed word that starts in each word of the stream or before. One without values may start right behind its
    # group, where it adds nothing. Before the first one there is one word, a header, and the mask that follows it.
    total = int(runs.mask_at[-1] + 1 + runs.nwords[-1])
    last = np.cumsum(np.bincount(runs.home, minlength=total)[2:total]) - 1
    low = np.cumsum(np.left_shift(words, runs.shift, out=moving)).take(last, mode="wrap")
    words >>= np.uint64(8)  # in two steps, as a shift by 64 is not defined
    words >>= np.subtract(np.uint64(56), runs.shift, out=moving)
    high = np.cumsum(words, out=words).take(last, mode="wrap")
    stream = np.zeros(total, dtype=WORD)
    stream[2:] = low
    stream[3:] -= low[:-1]
    stream[3:] += high[:-1]
    stream[4:] -= high[:-2]
    stream[runs.mask_at] = runs.masks
    return runs, stream


def unpack(runs: Runs, stream: np.ndarray) -> np.ndarray:
    """Undo `pack`: uint8 [G, 64]. Bytes behind the last value of a group are ignored."""
    words = np.empty(len(runs.home), dtype=WORD)
    moving = np.empty_like(words)
    # Words behind the end wrap around, and are cut off like all bytes behind the values of a squeezed word.
    stream[1:].take(runs.home, out=words, mode="wrap")
    words <<= np.uint64(8)
    words <<= np.subtract(np.uint64(56), runs.shift, out=moving)
    stream.take(runs.home, out=moving, mode="wrap")
    moving >>= runs.shift
    words |= moving
    words &= _USED.take(runs.index, out=moving, mode="wrap")
    for step, _, after in reversed(_STEPS):
        after.take(runs.index, out=moving, mode="wrap")
        np.bitwise_and(words, moving, out=moving)
        np.bitwise_xor(words, moving, out=words)
        np.left_shift(moving, step, out=moving)
        np.bitwise_or(words, moving, out=words)
    return words.view(np.uint8).reshape(-1, GROUP)
