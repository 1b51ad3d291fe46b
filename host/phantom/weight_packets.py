"""Words and packets of the weight stream: who gets what in which order (docs/stream-format.md, WGT).

    word     63    60 59        45 44        30 29        15 14         0
            +--------+------------+------------+------------+------------+
            | thread |  entry 3   |  entry 2   |  entry 1   |  entry 0   |
            +--------+------------+------------+------------+------------+

Inside a block the threads of a group take turns word by word, so that none starves while the queue of another fills; and the
groups take turns packet by packet.
"""

from __future__ import annotations

import numpy as np

from .stream import KIND_WGT
from .weight_entries import ENTRIES

MAX_PACKET = 2**16 - 1  # words of a packet
MAX_THREADS = 16


def packets(
    entries: np.ndarray,
    nwords: np.ndarray,
    shape: tuple[int, ...],
    threads: int,
    masks: np.ndarray,
    packet_words: int,
) -> list[np.ndarray]:
    """Pack entries into words and words into packets.

    Args:
        entries: uint16 [words, 4], in the order (pass, block, group, thread).
        nwords: int64 [segments], words of each segment in that order.
        shape: (passes, groups, blocks).
        masks: int64 [passes, groups], core masks.
        packet_words: most words of a packet.

    Returns:
        The words of each pass, headers included: uint64 arrays.
    """
    passes, groups, blocks = shape
    words = np.repeat(np.arange(len(nwords), dtype=np.uint64) % np.uint64(threads) << np.uint64(60), nwords)
    for i in range(ENTRIES):
        words |= entries[:, i].astype(np.uint64) << np.uint64(15 * i)

    # Round-robin: word i of a thread comes after words 0..i of the threads below it and words 0..i-1 of those above.
    number = np.arange(len(words), dtype=np.int64) - np.repeat(np.cumsum(nwords) - nwords, nwords)
    by_owner = nwords.reshape(-1, threads)
    total = by_owner.sum(axis=1)
    rank = np.zeros(len(words), dtype=np.int64)
    own = np.tile(np.arange(threads), len(total))
    for t in range(threads):
        rank += np.minimum(np.repeat(np.repeat(by_owner[:, t], threads), nwords), number + np.repeat(t < own, nwords))
    ordered = np.empty_like(words)
    ordered[rank + np.repeat(np.cumsum(total) - total, total)] = words

    # Packets, in the order (pass, block, turn, group).
    pieces = -(-total // packet_words)
    owner = np.repeat(np.arange(len(total)), pieces)
    turn = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    order = np.lexsort((owner % groups, turn, owner // groups))
    owner, turn = owner[order], turn[order]
    length = np.minimum(packet_words, total[owner] - packet_words * turn)
    source = (np.cumsum(total) - total)[owner] + packet_words * turn
    pass_ = owner // (groups * blocks)
    mask = masks[pass_, owner % groups]
    header = (mask.astype(np.uint64) << np.uint64(32)) | (length << 12 | KIND_WGT).astype(np.uint64)
    target = np.cumsum(length + 1) - length
    out = np.empty(len(words) + len(header), dtype=np.uint64)
    out[target - 1] = header
    out[np.repeat(target, length) + _ramp(length)] = ordered[np.repeat(source, length) + _ramp(length)]
    cut = np.cumsum(np.bincount(pass_, weights=length + 1, minlength=passes).astype(np.int64))
    return np.split(out, cut[:-1])


def _ramp(length: np.ndarray) -> np.ndarray:
    """0, 1, ... length[i] - 1 for each i in turn."""
    return np.arange(int(length.sum())) - np.repeat(np.cumsum(length) - length, length)
