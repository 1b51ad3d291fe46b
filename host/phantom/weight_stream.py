"""The weight stream: from flat arrays of nonzero weights to WGT and PRM packets (docs/stream-format.md).

A compiler decides which thread holds which weight; this module knows only how that is written down. A *segment* here is what
one thread of one group reads in one block of channels of one pass. All segments are encoded at once:

1. `weight_entries`: every weight, and the end of every segment, becomes one or more entries;
2. `weight_packets`: the words of the threads of a group are interleaved and cut into packets, and the groups take turns.

The way back is `weight_decode`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .errors import RangeError, ShapeError
from .quantise import MAX_MULTIPLIER, MAX_SEL, check_range
from .stream import KIND_PRM, WORD, end_word
from .weight_entries import Segments, encode_entries
from .weight_packets import MAX_PACKET, MAX_THREADS, packets

MASK_BITS = 16  # of rows, and of columns


def core_mask(rows: int, columns: int) -> int:
    """Core mask of a header: every core whose row bit and column bit are set. Bit r of `rows` stands for row r."""
    for name, bits in (("rows", rows), ("columns", columns)):
        if not 1 <= bits < 1 << MASK_BITS:
            raise RangeError(f"{name} = 0x{bits:x}; a core mask has 1 to {MASK_BITS} of them")
    return columns << MASK_BITS | rows


@dataclass(frozen=True)
class Weights:
    """The nonzero weights of a layer, one element of each array (length n, any integer type) per weight, in any order."""

    pass_: np.ndarray
    group: np.ndarray
    thread: np.ndarray
    channel: np.ndarray  # within the pass, from 0
    window: np.ndarray
    slot: np.ndarray
    w: np.ndarray  # -128..127, not 0


@dataclass(frozen=True)
class Params:
    """Requantisation parameters of one pass in drain order (arrays of length m)."""

    bias: np.ndarray  # int32
    multiplier: np.ndarray  # 0..2**24 - 1
    sel: np.ndarray  # 0..7
    clamp: np.ndarray  # 0 or 1: which range of outputs

    def words(self) -> np.ndarray:
        """The words of a PRM packet, uint64 [m]. Raises RangeError or ShapeError."""
        bias, multiplier, sel, clamp = (np.asarray(a) for a in (self.bias, self.multiplier, self.sel, self.clamp))
        if not (bias.ndim == 1 and bias.shape == multiplier.shape == sel.shape == clamp.shape):
            shapes = f"bias {bias.shape}, multiplier {multiplier.shape}, sel {sel.shape} and clamp {clamp.shape}"
            raise ShapeError(f"{shapes} must be of one length")
        check_range("bias", bias, -(2**31), 2**31 - 1)
        check_range("multiplier", multiplier, 0, MAX_MULTIPLIER)
        check_range("sel", sel, 0, MAX_SEL)
        check_range("clamp", clamp, 0, 1)
        high = clamp.astype(np.int64) << 27 | sel.astype(np.int64) << 24 | multiplier.astype(np.int64)
        word = high << 32 | bias.astype(np.int64) & 0xFFFFFFFF
        return word.astype(np.uint64)

    def packets(self) -> list[np.ndarray]:
        """PRM packets with all of them; none gives no packet. Raises as `words`."""
        words, parts = self.words(), []
        for start in range(0, len(words), MAX_PACKET):
            part = words[start : start + MAX_PACKET]
            parts += [np.array([len(part) << 12 | KIND_PRM], dtype=np.uint64), part]
        return parts


@dataclass(frozen=True)
class WeightLayout:
    """What the encoder must know besides the weights.

    threads: threads of a core. window_bits, slot_bits: widths of the fields of the weight index space.
    block_ends: int [passes, groups, blocks]: the channel that each block ends before; the last one of a pass is the number of
        its channels. Equal neighbours make an empty block, for passes or groups with fewer of them.
    core_masks: int [groups] or [passes, groups], made by `core_mask`: the cores that receive the words of a group.
    packet_words: most words of a WGT packet. Groups take turns packet by packet inside a block, so a small number
        feeds all cores evenly, and costs a header word more often.
    """

    threads: int
    window_bits: int
    slot_bits: int
    block_ends: np.ndarray
    core_masks: np.ndarray
    packet_words: int = 64


def encode_weights(weights: Weights, params: Sequence[Params], layout: WeightLayout, repeat: int = 1) -> np.ndarray:
    """Encode the complete weight stream of a layer, END included.

    Every thread of every group gets, in each block that is not empty, its weights and a skip to the end of the block, so that it
    never holds back the release of a channel; at the end of a pass follows the end-of-pass entry. Inside a block, word i
    of every thread comes before word i + 1 of any. After the weights of a pass come its parameters.

    Args:
        weights: the nonzero weights; sorted by (pass, block, group, thread, channel, window, slot) saves a sort.
        params: one per pass. An empty one gives no packet.
        layout: see there.
        repeat: how often the passes come (once per strip).

    Returns:
        uint64 [n].

    Raises:
        RangeError: a value does not fit its field, is zero, or comes twice. ShapeError: arrays do not fit together.
    """
    ends, masks = _check_layout(layout, params, repeat)
    segment, lin, w = _sorted(weights, ends, layout)
    segments = Segments(ends, layout.threads)
    entries, nwords = encode_entries(segment, lin, w, segments, layout.window_bits + layout.slot_bits)
    body = []
    for p, words in enumerate(packets(entries, nwords, ends.shape, layout.threads, masks, layout.packet_words)):
        body += [words, *params[p].packets()]
    return ended(body * repeat)


def ended(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Parts of a stream (uint64 arrays) as a whole one, with END."""
    words = np.concatenate([np.array([], dtype=np.uint64), *parts])
    return np.append(words, np.array([end_word(words)], dtype=np.uint64)).astype(WORD)


def _check_layout(layout: WeightLayout, params: Sequence[Params], repeat: int) -> tuple[np.ndarray, np.ndarray]:
    """Block ends [P, G, B] and core masks [P, G] as int64, checked."""
    ends = np.asarray(layout.block_ends)
    if ends.ndim != 3 or 0 in ends.shape:
        raise ShapeError(f"block_ends has shape {ends.shape}; it must be [passes, groups, blocks], none of them 0")
    check_range("block_ends", ends, 0, 2**31 - 1)
    if np.any(np.diff(ends.astype(np.int64), axis=2) < 0):
        raise RangeError("block_ends must not fall from one block to the next")
    if len(params) != ends.shape[0]:
        raise ShapeError(f"{len(params)} sets of parameters for {ends.shape[0]} passes; there must be one per pass")
    masks = np.asarray(layout.core_masks)
    check_range("core_masks", masks, 0, 2 ** (2 * MASK_BITS) - 1)
    if np.any((masks & 0xFFFF) == 0) or np.any((masks >> MASK_BITS) == 0):
        raise RangeError("core_masks must each have a row and a column at least; core_mask(rows, columns) makes them")
    if masks.shape not in (ends.shape[1:2], ends.shape[:2]):
        raise ShapeError(f"core_masks has shape {masks.shape}; it must be [groups] or [passes, groups]")
    for name, value, low, high in (
        ("threads", layout.threads, 1, MAX_THREADS),
        ("window_bits", layout.window_bits, 0, 16),
        ("slot_bits", layout.slot_bits, 0, 16),
        ("packet_words", layout.packet_words, 1, MAX_PACKET),
        ("repeat", repeat, 1, 2**16),
    ):
        check_range(name, np.asarray(value), low, high)
    return ends.astype(np.int64), np.broadcast_to(masks.astype(np.int64), ends.shape[:2])


def _sorted(weights: Weights, ends: np.ndarray, layout: WeightLayout) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Segment, lin (within the pass) and w of all weights in stream order, checked."""
    passes, groups, blocks = ends.shape
    limits = {
        "pass_": (0, passes - 1),
        "group": (0, groups - 1),
        "thread": (0, layout.threads - 1),
        "channel": (0, int(ends.max()) - 1),
        "window": (0, 2**layout.window_bits - 1),
        "slot": (0, 2**layout.slot_bits - 1),
        "w": (-128, 127),
    }
    arrays = {name: np.asarray(getattr(weights, name)) for name in limits}
    w = arrays["w"]
    if any(a.shape != w.shape or a.ndim != 1 for a in arrays.values()):
        raise ShapeError(f"the arrays of weights have shapes {[a.shape for a in arrays.values()]}; they must be of one length")
    for name, (low, high) in limits.items():
        check_range(name, arrays[name], low, high)
    pass_, group, thread, channel, window, slot = (arrays[name].astype(np.int64) for name in limits if name != "w")
    if np.any(w == 0):
        raise RangeError(f"weight {int(np.flatnonzero(w == 0)[0])} is zero; zero weights are not sent")

    owner = pass_ * groups + group
    # Block of a channel by counting: one table of all channels for each (pass, group).
    size = int(ends.max()) + 1
    starts = np.zeros((passes * groups, size + 1), dtype=np.int64)
    np.add.at(starts, (np.repeat(np.arange(passes * groups), blocks), ends.reshape(-1)), 1)
    block = np.cumsum(starts, axis=1).reshape(-1).take(owner * (size + 1) + channel)
    if np.any(block >= blocks):
        bad = int(np.flatnonzero(block >= blocks)[0])
        raise RangeError(
            f"weight {bad} has channel {channel[bad]}; "
            f"group {group[bad]} has {ends[pass_[bad], group[bad], -1]} of them in pass {pass_[bad]}"
        )
    segment = ((pass_ * blocks + block) * groups + group) * layout.threads + thread
    lin = (channel << layout.window_bits | window) << layout.slot_bits | slot
    bits = max(1, int(lin.max()).bit_length()) if len(lin) else 1
    if (ends.size * layout.threads) << bits >= 2**63:
        raise RangeError(f"{ends.size * layout.threads} blocks of threads times 2**{bits} weight indices are too many to sort")
    key = segment << bits | lin
    if np.any(key[1:] < key[:-1]):
        order = np.argsort(key, kind="stable")
        key, segment, lin, w = key[order], segment[order], lin[order], w[order]
    twice = np.flatnonzero(key[1:] == key[:-1])
    if len(twice):
        at = twice[0]
        raise RangeError(
            f"two weights have the place of thread {segment[at] % layout.threads}, index {lin[at]}; there may be one"
        )
    return segment, lin, w
