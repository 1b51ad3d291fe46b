"""Checksum and END against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_model import serial_checksum, with_end

from phantom.errors import FormatError, RangeError, ShapeError
from phantom.stream import as_words, check_end, checksum, end_word

WORDS = st.lists(st.integers(0, 2**64 - 1), max_size=100)


@given(WORDS)
def test_checksum_equals_the_serial_definition(words: list[int]) -> None:
    array = np.array(words, dtype=np.uint64)
    assert checksum(array) == serial_checksum(words)
    assert end_word(array) == int(with_end(words)[-1])


@given(WORDS.filter(bool), st.data())
def test_every_flipped_bit_changes_the_checksum(words: list[int], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(words) - 1))
    bad = list(words)
    bad[at] ^= 1 << data.draw(st.integers(0, 63))
    assert checksum(np.array(bad, dtype=np.uint64)) != serial_checksum(words)


def test_end_is_checked() -> None:
    words = with_end([3, 4, 5])
    check_end(words, 3)
    for change, message in ((1 << 4, "counts 2 words before it; there are 3"), (1 << 40, "has checksum 0x")):
        bad = words.copy()
        bad[3] ^= np.uint64(change)
        with pytest.raises(FormatError, match=message):
            check_end(bad, 3)
    with pytest.raises(FormatError, match="1 more words follow"):
        check_end(np.append(words, words[:1]), 3)


def test_arguments() -> None:
    for wrong in (np.zeros(3, np.int64), np.zeros((2, 2), np.uint64), [1.0]):
        with pytest.raises(ShapeError):
            as_words(np.asarray(wrong))
    with pytest.raises(RangeError):
        end_word(np.broadcast_to(np.uint64(0), 2**28))
