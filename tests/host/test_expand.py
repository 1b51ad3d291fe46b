"""The expander: any order of packets is right, every corruption is a FormatError that says where."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_model import packets_of, random_tensor, stream_of, with_end

from phantom.compress import compress, expand
from phantom.errors import FormatError


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(1, 140)),
    strip=st.integers(1, 9),
    span=st.one_of(st.just(0), st.integers(9, 64)),
    seed=st.integers(0, 2**32 - 1),
)
def test_packets_in_any_order(shape: tuple[int, int, int], strip: int, span: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    tensor = random_tensor(rng, shape, 0.3, True)
    packets = packets_of(tensor, strip, span)
    shuffled = [packets[i] for i in rng.permutation(len(packets))]
    assert np.array_equal(expand(stream_of(shuffled), *shape, np.int8, span), tensor)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_flip_with_a_mended_checksum(seed: int) -> None:
    """One flipped bit and a right END: refused, or (in a packed value) exactly that value differs."""
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(1, (20, 12, 100)))
    tensor = random_tensor(rng, shape, 0.3, False)  # type: ignore[arg-type]
    words = [int(w) for w in compress(tensor, 5)[:-1]]
    words[int(rng.integers(len(words)))] ^= 1 << int(rng.integers(64))
    try:
        got = expand(with_end(words), *shape)
    except FormatError as error:
        assert re.search(r"word \d+", str(error))
    else:
        assert np.count_nonzero(got != tensor) == 1
        assert np.array_equal(got != 0, tensor != 0)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_words_never_get_through(seed: int) -> None:
    rng = np.random.default_rng(seed)
    words = [int(w) for w in rng.integers(0, 2**64, int(rng.integers(0, 60)), dtype=np.uint64)]
    if words and rng.random() < 0.8:
        words[0] = words[0] & ~15 | 1
    with pytest.raises(FormatError):
        expand(with_end(words), 8, 9, 10)


def test_truncation_at_every_word() -> None:
    words = compress(random_tensor(np.random.default_rng(1), (10, 6, 9), 0.4, False))
    for length in range(len(words)):
        with pytest.raises(FormatError):
            expand(words[:length], 10, 6, 9)
        with pytest.raises(FormatError):
            expand(with_end([int(w) for w in words[:length]][: len(words) - 2]), 10, 6, 9)


Packets = list[list[int]]


def _set(packet: int, word: int, change: Callable[[int], int]) -> Callable[[Packets], object]:
    def apply(packets: Packets) -> None:
        packets[packet][word] = change(packets[packet][word])

    return apply


CASES: dict[str, tuple[Callable[[Packets], object], str]] = {
    "bad kind": (_set(1, 0, lambda h: h & ~15 | 5), r"word 17 has kind 0x5; a header here is ACT"),
    "END in between": (_set(1, 0, lambda h: h & ~15 | 14), r"word 17 is END but \d+ more words follow"),
    "n_i too large": (
        lambda p: (p[0].insert(2, 0x55), _set(0, 0, lambda h: h + (1 << 32))(p)),
        r"word 0 \(header\) has n0 = 2; the mask at word 1 needs 1",
    ),
    "chunk": (_set(1, 0, lambda h: h | 4 << 4), r"word 17 \(header\) has chunk 5; .* at most 1"),
    "xs": (_set(0, 0, lambda h: h | 1 << 22), r"word 0 \(header\) has xs 1; .* at most 0"),
    "nrows": (_set(0, 0, lambda h: h | 63 << 26), r"word 0 \(header\) has nrows 64; .* at most 4"),
    "row": (_set(2, 0, lambda h: h + (2 << 12)), r"word \d+ \(header\) has last row 7; .* at most 5"),
    "column outside": (_set(0, 1, lambda m: m & ~1 | 1 << 15), r"word 1 \(mask of channel 0\) has bit 15 set"),
    "row outside": (_set(2, 1, lambda m: m & ~1 | 1 << 40), r"\(mask of channel 0\) has bit 40 set, .* the 2 rows"),
    "channel outside": (
        lambda p: (p[1].__setitem__(-1, 1), p[1].append(5), _set(1, 0, lambda h: h + (1 << 60))(p)),
        r"\(mask of channel 15\) has bit 0 set",
    ),
    "zero value": (_set(0, 2, lambda v: v & ~(255 << 16)), r"byte 2 of word 2 \(values of channel 0\) is zero"),
    "padding": (_set(0, 2, lambda v: v | 9 << 56), r"word 2 \(last values of channel 0\) holds 6 values"),
    "duplicate": (
        lambda p: p.append(p[0]),
        r"word \d+ \(header\) brings row 0 of chunk 0, xs 0, which word 0 \(header\) has brought",
    ),
    "missing": (lambda p: p.pop(1), r"no packet brings row 0 of chunk 1, xs 0; 4 of 12"),
    "nothing at all": (lambda p: p.clear(), r"word 0 is END: no packet brings row 0 of chunk 0"),
}


@pytest.mark.parametrize("case", CASES)
def test_corruptions_are_named(case: str) -> None:
    tensor = np.zeros((9, 6, 9), dtype=np.uint8)
    tensor[0, 0, :6] = 7
    tensor[0, 4, 0] = 7
    tensor[1:8, 0, 0] = 7
    packets = packets_of(tensor)
    change, message = CASES[case]
    change(packets)
    with pytest.raises(FormatError, match=message):
        expand(stream_of(packets), 9, 6, 9)


def test_end_count_and_checksum() -> None:
    words = compress(np.ones((1, 2, 2), np.uint8))
    for change, message in ((1 << 4, "counts"), (1 << 63, "has checksum")):
        bad = words.copy()
        bad[-1] ^= np.uint64(change)
        with pytest.raises(FormatError, match=message):
            expand(bad, 1, 2, 2)
    with pytest.raises(FormatError, match=r"END must be the last word|truncated|kind"):
        expand(np.append(words, words), 1, 2, 2)
    with pytest.raises(FormatError, match="empty"):
        expand(words[:0], 1, 2, 2)


def test_columns_outside_of_a_wide_tensor() -> None:
    packets = packets_of(np.ones((1, 1, 70), np.uint8), span=64)
    assert packets[1][1] == 0x3F, "columns 64..69"
    packets[1][1:3] = [0x7F, 0x01010101010101]
    with pytest.raises(FormatError, match=r"\(mask of channel 0\) has bit 6 set"):
        expand(stream_of(packets), 1, 1, 70, span=64)
