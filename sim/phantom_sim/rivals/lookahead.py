"""The top-down selector (TDS) of the paper's core: how many cycles a PE takes for a list of lookahead entries.

An entry is the AND of three weights with three activations; its popcount is how many of the PE's three threads it needs. In a
cycle the TDS looks at the next `lf` entries, from the first that is not done, and gives threads to them from the top down: in
order, as long as they fit; out of order, also past one that does not fit. Empty entries need no thread, but places in the
lookahead.

Many lists are done side by side, a cycle of all of them at a time. Windows are integers, with a bit an entry.
"""

from __future__ import annotations

import numpy as np

THREADS = 3
MAX_LF = 31  # a window and what is shifted in come out of 64 bits
_WORD = 32


def cycles(entries: np.ndarray, lf: int, out_of_order: bool) -> np.ndarray:
    """Cycles int64 [n] for lists of popcounts, uint8 [n, length] of 0..3."""
    count, length = entries.shape
    words = [_packed(entries == need) for need in (1, 2, 3)]
    width = words[0].shape[1]
    flat = [word.reshape(-1) for word in words]
    base = np.arange(count) * width
    head = np.zeros(count, np.int64)
    done = np.zeros(count, np.int64)
    result = np.zeros(count, np.int64)
    number = np.arange(count)
    window = (1 << lf) - 1
    while len(number):
        place, shift = base + (head >> 5), head & 31
        ones, twos, threes = ((part[place] >> shift) & window & ~done for part in flat)
        done |= _select(ones, twos, threes, out_of_order)
        left = (ones | twos | threes) & ~done
        # On to the first entry that is left, or past the window.
        ahead = np.where(left == 0, lf, _lowest(left))
        head += ahead
        done >>= ahead
        result[number] += 1
        going = head < length
        if not going.all():
            number, base, head, done = (a[going] for a in (number, base, head, done))
    return result


def _select(ones: np.ndarray, twos: np.ndarray, threes: np.ndarray, out_of_order: bool) -> np.ndarray:
    """The entries that get threads, as bits, from the entries that need one, two, three."""
    every = ones | twos | threes
    first = every & -every
    above = _above(first)
    one, two = first & ones != 0, first & twos != 0
    second = _fitting(above, every, np.where(one, ones | twos, np.where(two, ones, 0)), out_of_order)
    third = _fitting(_above(second), every, np.where(one & (second & ones != 0), ones, 0), out_of_order)
    return first | second | third


def _fitting(above: np.ndarray, every: np.ndarray, fitting: np.ndarray, out_of_order: bool) -> np.ndarray:
    """The next entry that fits; in order only if it is the next of all."""
    if out_of_order:
        wanted = fitting & above
        return wanted & -wanted
    wanted = every & above
    return (wanted & -wanted) & fitting


def _above(bit: np.ndarray) -> np.ndarray:
    """All bits above a single one; none where there is none."""
    return np.where(bit == 0, 0, ~(bit | (bit - 1)))


def _lowest(bits: np.ndarray) -> np.ndarray:
    """Index of the lowest bit; exact, since powers of two up to 2**31 are floats."""
    return np.frexp((bits & -bits).astype(np.float64))[1].astype(np.int64) - 1


def _packed(flags: np.ndarray) -> np.ndarray:
    """int64 [n, words] of bool [n, length]: word i holds entries 32 i .. 32 i + 62, so that any window lies in one."""
    count, length = flags.shape
    words = length // _WORD + 2
    full = np.zeros((count, words * _WORD), bool)
    full[:, :length] = flags
    halves = np.packbits(full, axis=1, bitorder="little").view(np.uint32).astype(np.int64)
    halves = np.concatenate([halves, np.zeros((count, 1), np.int64)], axis=1)
    return halves[:, :-1] | ((halves[:, 1:] & 0x7FFFFFFF) << _WORD)
