"""From the weight stream back to weights and parameters, as a core sees them. For tests and checks.

Unlike the encoder, this follows the rules of docs/stream-format.md one by one, and takes nothing about order for granted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import FormatError
from .stream import KIND_END, KIND_PRM, KIND_WGT, as_words, check_end
from .weight_entries import END_OF_PASS, ENTRIES, HOP
from .weight_stream import Params


@dataclass(frozen=True)
class PacketTable:
    """The packets of a weight stream, in order; int64 [P] each."""

    at: np.ndarray  # index of the header
    kind: np.ndarray
    rows: np.ndarray  # row bits of the core mask
    columns: np.ndarray
    nwords: np.ndarray

    def reaches(self, row: int, column: int) -> np.ndarray:
        """Which packets are WGT packets for the core at (row, column): bool [P]."""
        return (self.kind == KIND_WGT) & ((self.rows >> row & self.columns >> column & 1) == 1)


@dataclass(frozen=True)
class CoreWeights:
    """What one core receives, by thread, then in order of arrival; int64 [n] each."""

    pass_: np.ndarray  # counts on through repeats
    thread: np.ndarray
    channel: np.ndarray  # within the pass
    window: np.ndarray
    slot: np.ndarray
    w: np.ndarray
    channels: np.ndarray  # [passes, threads]: channels of each pass, by the thread's own count


def packet_table(words: np.ndarray) -> PacketTable:
    """Find the packets of a weight stream (uint64 [n]). Raises FormatError."""
    words = as_words(words)
    found = []
    at = 0
    while True:
        if at >= len(words):
            raise FormatError(f"the stream ends at word {len(words)} without END; it is truncated")
        header = int(words[at])
        kind, nwords, rows, columns = header & 15, header >> 12 & 0xFFFF, header >> 32 & 0xFFFF, header >> 48
        if kind == KIND_END:
            check_end(words, at)
            break
        if kind not in (KIND_WGT, KIND_PRM):
            raise FormatError(f"word {at} has kind 0x{kind:x}; a header here is WGT (0x2), PRM (0x3) or END (0xe)")
        if header >> 28 & 15 or header >> 4 & 0xFF:
            raise FormatError(f"word {at} (header) is 0x{header:016x}; bits 4..11 and 28..31 must be 0")
        if (kind == KIND_WGT and not (rows and columns)) or (kind == KIND_PRM and (rows or columns)):
            raise FormatError(
                f"word {at} (header) has rows 0x{rows:x} and columns 0x{columns:x}; both must be 0 for PRM and not 0 for WGT"
            )
        if not nwords or at + nwords >= len(words):
            raise FormatError(
                f"word {at} (header) announces {nwords} words; it must be 1 at least, and {len(words) - 1 - at} are left"
            )
        found.append((at, kind, rows, columns, nwords))
        at += 1 + nwords
    return PacketTable(*np.array(found, dtype=np.int64).reshape(-1, 5).T)


def _payload(words: np.ndarray, table: PacketTable, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The words of the chosen packets in order, and their indices in the stream."""
    at, nwords = table.at[chosen], table.nwords[chosen]
    index = np.repeat(at + 1 - (np.cumsum(nwords) - nwords), nwords) + np.arange(int(nwords.sum()))
    return words[index], index


def decode_core(words: np.ndarray, row: int, column: int, threads: int, window_bits: int, slot_bits: int) -> CoreWeights:
    """Decode what the core at (row, column) receives. Raises FormatError for a thread that does not exist."""
    words = as_words(words)
    table = packet_table(words)
    mine, index = _payload(words, table, table.reaches(row, column))
    thread = (mine >> np.uint64(60)).astype(np.int64)
    if len(thread) and thread.max() >= threads:
        bad = int(np.argmax(thread >= threads))
        raise FormatError(f"word {index[bad]} is for thread {thread[bad]}; a core has threads 0..{threads - 1}")
    order = np.argsort(thread, kind="stable")
    thread, mine = np.repeat(thread[order], ENTRIES), mine[order]
    entry = (mine[:, None] >> (np.uint64(15) * np.arange(ENTRIES, dtype=np.uint64)) & np.uint64(0x7FFF)).astype(np.int64)
    entry = entry.reshape(-1)
    w = (entry & 0xFF ^ 0x80) - 0x80
    delta = entry >> 8

    # Between two skips, lin just adds up. A skip counts whole channels, wherever in its channel lin was: with `sum` what has been
    # added since the last skip (or the start of the thread), the channel advances by floor((sum - 1) / size) + delta + 1.
    bits = window_bits + slot_bits
    skip = (w == 0) & (delta < HOP)
    step = np.where((w != 0) | (delta == HOP), delta, 0)
    opens = np.ones(len(entry), dtype=bool)
    opens[1:] = skip[:-1] | (thread[1:] != thread[:-1])
    stretch = np.cumsum(opens) - 1
    starts = np.flatnonzero(opens)
    total = np.cumsum(step)
    since = total - (total[starts] - step[starts])[stretch]
    ends = np.append(starts[1:], len(entry))[: len(starts)] - 1
    advance = ((since[ends] - 1) >> bits) + np.where(skip[ends], delta[ends], 0) + 1
    base = np.cumsum(advance) - advance
    new_thread = np.ones(len(starts), dtype=bool)
    new_thread[1:] = thread[starts[1:]] != thread[starts[:-1]]
    base -= base[np.flatnonzero(new_thread)][np.cumsum(new_thread) - 1] if len(starts) else 0
    lin = (base[stretch] << bits) + since - 1

    # Passes: those before this entry in the same thread; channels count from the end of the pass before.
    close = (w == 0) & (delta == END_OF_PASS)
    closed = np.cumsum(close) - close
    first = np.searchsorted(thread, np.arange(threads))
    pass_ = closed - np.append(closed, 0)[first][thread]
    passes = int((pass_ + close).max()) if len(entry) else 0
    upto = np.zeros((passes + 1, threads), dtype=np.int64)
    upto[pass_[close] + 1, thread[close]] = (lin[close] >> bits) + 1
    real = np.flatnonzero(w)
    late = real[pass_[real] >= passes]
    if len(late):
        raise FormatError(f"word {index[order][late[0] // ENTRIES]} holds a weight behind the last end of pass of its thread")
    pass_, thread, lin, w = pass_[real], thread[real], lin[real], w[real]
    return CoreWeights(
        pass_=pass_,
        thread=thread,
        channel=(lin >> bits) - upto[pass_, thread],
        window=lin >> slot_bits & (1 << window_bits) - 1,
        slot=lin & (1 << slot_bits) - 1,
        w=w,
        channels=np.diff(upto, axis=0),
    )


def decode_params(words: np.ndarray) -> list[Params]:
    """The parameters, one element per run of PRM packets with no WGT packet between them."""
    words = as_words(words)
    table = packet_table(words)
    is_prm = table.kind == KIND_PRM
    run = np.cumsum(~is_prm)
    result = []
    for r in np.unique(run[is_prm]):
        mine, index = _payload(words, table, is_prm & (run == r))
        if np.any(mine >> np.uint64(60)):
            bad = int(np.argmax(mine >> np.uint64(60) != 0))
            raise FormatError(f"word {index[bad]} (parameters) has bits 60..63 set; they must be 0")
        result.append(
            Params(
                bias=mine.astype(np.uint32).view(np.int32),
                multiplier=(mine >> np.uint64(32)).astype(np.uint32) & np.uint32(0xFFFFFF),
                sel=(mine >> np.uint64(56)).astype(np.uint8) & np.uint8(7),
                clamp=(mine >> np.uint64(59)).astype(np.uint8),
            )
        )
    return result
