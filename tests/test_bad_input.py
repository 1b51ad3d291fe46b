"""Damaged and foreign streams through driver and RTL: reported, or harmless; never a wrong result, never a hang.

One simulated board serves the module. After every fault a right run must give the reference's values, with no help: what a
fault leaves behind must be gone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from bad_input import KINDS, TINY, Case, make_board, make_cases, packets, sealed
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from phantom.driver import Accelerator
from phantom.errors import DeviceError, MismatchError

FEW = settings(
    max_examples=int(os.environ.get("EXAMPLES", "40")),
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
PLACES = st.integers(0, 2**32 - 1)
PORTS = st.integers(0, TINY.weight_ports - 1)
EACH_PORT = pytest.mark.parametrize("port", range(TINY.weight_ports))


@pytest.fixture(scope="module")
def board() -> Iterator[Accelerator]:
    pytest.importorskip("pynq")
    result = make_board()
    yield result
    result.overlay.device.close()


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    return make_cases()


# --- one flipped bit ------------------------------------------------------------------------------------------------------


def survives(board: Accelerator, case: Case, **streams: Any) -> None:
    """Either the device reports it, or the result is right; and the next run is right in any case."""
    try:
        case.check(board, **streams)
    except DeviceError as error:
        assert f"layer '{case.program.name}'" in str(error) and "STATUS = 0x" in str(error)
    case.check(board)


def flipped(words: np.ndarray, word: int, bit: int) -> np.ndarray:
    result = words.copy()
    result[word % len(words)] ^= np.uint64(1 << bit)
    return result


@FEW
@given(kind=st.sampled_from(KINDS), word=PLACES, bit=st.integers(0, 63))
@example(kind="conv", word=0, bit=0)  # of the first header: kind, chunk, row, n0
@example(kind="conv", word=0, bit=4)
@example(kind="conv", word=0, bit=12)
@example(kind="strips", word=0, bit=12)
@example(kind="fc", word=0, bit=32)
@example(kind="conv", word=1, bit=63)  # of a mask
@example(kind="fc", word=-1, bit=1)  # of END: kind, count, checksum
@example(kind="fc", word=-1, bit=4)
@example(kind="stride2", word=-1, bit=63)
def test_flipped_bit_of_the_activations(board: Accelerator, cases: dict[str, Case], kind: str, word: int, bit: int) -> None:
    case = cases[kind]
    survives(board, case, words=flipped(case.words, word, bit))


@FEW
@given(kind=st.sampled_from(KINDS), port=PORTS, word=PLACES, bit=st.integers(0, 63))
@example(kind="conv", port=0, word=0, bit=0)  # of the first header: parameters instead of weights, longer, for another core
@example(kind="conv", port=1, word=0, bit=0)
@example(kind="conv", port=0, word=0, bit=12)
@example(kind="conv", port=1, word=0, bit=27)
@example(kind="strips", port=0, word=0, bit=48)
@example(kind="strips", port=1, word=0, bit=48)
@example(kind="strips", port=0, word=0, bit=49)
@example(kind="fc", port=0, word=-1, bit=2)
@example(kind="fc", port=1, word=-1, bit=40)
def test_flipped_bit_of_the_weights(
    board: Accelerator, cases: dict[str, Case], kind: str, port: int, word: int, bit: int
) -> None:
    case = cases[kind]
    survives(board, case, weights=flipped(case.streams[port], word, bit), port=port)


# --- too short, too long, in another order --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("keep", [1, 0.4, -1])
def test_truncated_activations(board: Accelerator, cases: dict[str, Case], kind: str, keep: float) -> None:
    case = cases[kind]
    short = case.words[: int(keep * len(case.words)) if 0 < keep < 1 else int(keep)]
    with case.refused(board, "error 2, activation stream.*a (u?int8) input of shape"):
        case.run(board, short)


@pytest.mark.parametrize("kind", KINDS)
@EACH_PORT
@pytest.mark.parametrize("keep", [1, 0.4, -1])
def test_truncated_weights(board: Accelerator, cases: dict[str, Case], kind: str, port: int, keep: float) -> None:
    case = cases[kind]
    whole = case.streams[port]
    short = whole[: int(keep * len(whole)) if 0 < keep < 1 else int(keep)]
    with case.refused(board, "error [568], "):  # read once more for the next strip, it goes on with a header for a weight
        case.run(board, weights=short, port=port)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("more", ["a word", "the stream", "END"])
def test_words_after_end(board: Accelerator, cases: dict[str, Case], kind: str, more: str) -> None:
    case = cases[kind]
    tail = {"a word": case.words[:1], "the stream": case.words, "END": sealed([])}[more]
    with case.refused(board, "error 3, activation stream: END .* is not the last word"):
        case.run(board, np.append(case.words, tail))
    for port, stream in enumerate(case.streams):
        with case.refused(board, "error [5678], "):
            case.run(board, weights=np.append(stream, stream[:1]), port=port)


@pytest.mark.parametrize("kind", ["conv", "stride2", "strips"])
def test_packets_of_a_strip_come_in_any_order(board: Accelerator, cases: dict[str, Case], kind: str) -> None:
    case, rng = cases[kind], np.random.default_rng(3)
    source = case.program.source
    body, size = packets(case.words), source.strip_packets
    mixed = [body[i + int(j)] for i in range(0, len(body), size) for j in rng.permutation(len(body[i : i + size]))]
    if source.block_packets:  # in any order within a block of chunks; here there is a single strip
        mixed.sort(key=lambda packet: (int(packet[0]) >> 4 & 0xFF) // source.block)
    case.check(board, words=sealed(mixed))


@pytest.mark.parametrize("kind", ["conv", "stride2", "strips"])
def test_packets_in_another_strip_are_refused(board: Accelerator, cases: dict[str, Case], kind: str) -> None:
    """The sum of the stream is right, so this is for the headers to tell."""
    case = cases[kind]
    source = case.program.source
    body, size = packets(case.words), source.block_packets or source.strip_packets  # a block is as strict
    body[size - 1], body[size] = body[size], body[size - 1]
    with case.refused(board, "error 1, activation stream: a packet's .*rows .*not here"):
        case.run(board, sealed(body))


@pytest.mark.parametrize("kind", KINDS)
def test_words_in_another_order_are_refused(board: Accelerator, cases: dict[str, Case], kind: str) -> None:
    case = cases[kind]
    streams: list[tuple[np.ndarray, dict[str, Any]]] = [(case.words, {}), *((s, {"port": p}) for p, s in enumerate(case.streams))]
    for words, where in streams:
        for at in (0, 1, len(words) // 2, len(words) - 2):
            swapped = words.copy()
            swapped[[at, at + 1]] = words[[at + 1, at]]
            if np.array_equal(swapped, words):
                continue  # two empty masks
            with case.refused(board, "error [1-8], "):
                case.run(board, **where, **{"weights" if where else "words": swapped})


def test_a_wrong_value_would_be_seen(board: Accelerator, cases: dict[str, Case]) -> None:
    """The comparison that all this rests on."""
    case = cases["conv"]
    other = case.image.copy()
    other[other != 0] ^= 0x40
    with pytest.raises(MismatchError, match="conv"):
        case.check(board, words=case.program.source.compress(other))
