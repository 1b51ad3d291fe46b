"""What both streams share: words, kinds of packet, the checksum and the END packet (docs/stream-format.md).

A stream is a one-dimensional array of uint64. Words are little-endian in memory, as the DMA reads them.
"""

from __future__ import annotations

import numpy as np

from .errors import FormatError, RangeError, ShapeError

WORD = np.dtype("<u8")

KIND_ACT = 0x1
KIND_WGT = 0x2
KIND_PRM = 0x3
KIND_END = 0xE

MAX_WORDS = 2**28 - 1  # the word count of END has 28 bits


def as_words(words: np.ndarray) -> np.ndarray:
    """Return `words` as a contiguous array of WORD.

    Raises ShapeError unless it is one-dimensional and of an unsigned 64-bit type.
    """
    words = np.asarray(words)
    if words.ndim != 1 or words.dtype.kind != "u" or words.dtype.itemsize != 8:
        raise ShapeError(f"a stream is a one-dimensional uint64 array, not {words.dtype} of shape {words.shape}")
    return np.ascontiguousarray(words, dtype=WORD)


def checksum(words: np.ndarray) -> int:
    """Checksum of all words (uint64 [n]), as END carries it.

    The definition is serial: c = rotl(c, 1) ^ x with x = low half ^ rotl(high half, 16). Rotation distributes over XOR,
    so word i contributes rotl(x_i, n - 1 - i), and words whose indices agree modulo 32 are rotated alike.
    """
    words = as_words(words)
    # The last row ends with the last word. What does not fill a row comes first; zeros in front of it would change nothing.
    head = len(words) % 32
    columns = [0] * (32 - head) + words[:head].tolist()
    total = 0
    for column, row in enumerate(np.bitwise_xor.reduce(words[head:].reshape(-1, 32), axis=0).tolist()):
        word = row ^ columns[column]
        turn = 31 - column
        value = (word ^ word >> 48 ^ (word >> 16 & 0xFFFF0000)) & 0xFFFFFFFF
        total ^= value << turn | value >> (32 - turn)
    return total & 0xFFFFFFFF


def end_word(words: np.ndarray) -> int:
    """The END packet that closes the stream `words` (uint64 [n]). Raises RangeError beyond 2**28 - 1 words."""
    if len(words) > MAX_WORDS:
        raise RangeError(f"a stream of {len(words)} words is too long; END can count {MAX_WORDS}")
    return checksum(words) << 32 | len(words) << 4 | KIND_END


def check_end(words: np.ndarray, index: int) -> None:
    """Check that word `index`, known to be of kind END, is the last one and states the right count and checksum."""
    if index != len(words) - 1:
        raise FormatError(f"word {index} is END but {len(words) - 1 - index} more words follow; END must be the last word")
    word = int(words[index])
    count = word >> 4 & MAX_WORDS
    if count != index:
        raise FormatError(f"word {index} (END) counts {count} words before it; there are {index}")
    right = checksum(words[:index])
    if word >> 32 != right:
        raise FormatError(f"word {index} (END) has checksum 0x{word >> 32:08x}; the words before it give 0x{right:08x}")
