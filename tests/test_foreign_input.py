"""Streams, shapes and values of something else: refused before they run, or by the hardware; the next run is right.

One simulated board serves the module.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from bad_input import KINDS, TINY, Case, conv, make_board, make_cases

from phantom.check import check_equal
from phantom.config import load_config
from phantom.driver import Accelerator
from phantom.errors import OverflowRisk, RangeError, ShapeError
from phantom.network import Conv, Network
from phantom.program import compile_network
from phantom.run import DeviceRunner
from phantom.weight_stream import core_mask


@pytest.fixture(scope="module")
def board() -> Iterator[Accelerator]:
    pytest.importorskip("pynq")
    result = make_board()
    yield result
    result.overlay.device.close()


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    return make_cases()


# --- streams of something else --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", [(12, 12, 9), (12, 8, 10), (12, 13, 10), (24, 12, 10), (3, 12, 10), (12, 12, 70), (12, 12, 20)])
def test_activations_of_another_shape(board: Accelerator, cases: dict[str, Case], kind: str, other: tuple[int, int, int]) -> None:
    """Of another number of chunks, rows or segments, or other producer strips; (12, 12, 9) shares these with `conv`."""
    case, rng = cases[kind], np.random.default_rng(5)
    layout = Case(conv(other[0], 8), other).program.source
    words = layout.compress(rng.integers(0, 2, other).astype(np.uint8))
    if (kind, other) == ("conv", (12, 12, 9)):
        padded = np.pad(layout.expand(words), ((0, 0), (0, 0), (0, 1)))
        same = Case(case.program.stage.layers[0], case.image.shape)
        assert np.array_equal(same.program.source.compress(padded), words), "the same stream: nobody could tell"
        return
    with case.refused(board, "error [1234], "):
        case.run(board, words)


def test_weights_of_another_layer(board: Accelerator, cases: dict[str, Case]) -> None:
    """The driver knows the stream that it compiled by its last word, before anything runs."""
    case, other = cases["conv"], Case(conv(12, 20, seed=3), (12, 12, 10))
    size = len(case.weights)
    foreign = np.resize(other.weights, size)
    source, result = board.upload(case.words), board.allocate(case.program.result_words)
    with case.refused(board, "the buffer of weights does not hold the layer's stream"):
        board.run_layer(case.program, source, len(case.words), board.upload(foreign), result)


def test_weights_of_a_larger_mesh(board: Accelerator, cases: dict[str, Case]) -> None:
    case = cases["conv"]
    network = Network("n", case.image.shape, case.image.dtype, [case.program.stage.layers[0]])
    (other,) = compile_network(network, load_config("small"))
    assert any(int(word) & 15 == 2 and int(word) & ~core_mask(1, 3) & 0xFFFF << 32 for word in other.weights[:1])
    with case.refused(board, "error 5, weight stream: a packet's kind, core mask"):
        case.run(board, weights=other.weights)


@pytest.mark.parametrize("which", ["input", "weights", "result"])
def test_buffers_that_are_too_small(board: Accelerator, cases: dict[str, Case], which: str) -> None:
    """The DMA would read or write beyond them."""
    case = cases["conv"]
    sizes = {"input": len(case.words), "weights": len(case.weights), "result": case.program.result_words}
    buffers = {name: board.allocate(words - (name == which)) for name, words in sizes.items()}
    buffers["weights"][-1] = case.weights[-1]
    with pytest.raises(
        ShapeError, match=f"layer 'conv': {which} of {8 * sizes[which]} bytes in a buffer of {8 * sizes[which] - 8}"
    ):
        board.run_layer(case.program, buffers["input"], sizes["input"], buffers["weights"], buffers["result"])
    case.check(board)


# --- values and shapes ----------------------------------------------------------------------------------------------------


def test_inputs_that_the_network_does_not_take(board: Accelerator, cases: dict[str, Case]) -> None:
    case = cases["conv"]
    run = DeviceRunner(board, [case.program])
    for image in (case.image[:, :, :-1], case.image[0], case.image.astype(np.int16) + 200, case.image.astype(np.int8)):
        message = rf"input is {image.dtype} of shape \({image.shape[0]}, .*uint8 of shape \(12, 12, 10\)"
        with pytest.raises(ShapeError, match=message):
            run(image)
        check_equal("conv", case.right[0], run(case.image)[0]["conv"])


def test_layers_that_cannot_be(board: Accelerator, cases: dict[str, Case]) -> None:
    """Refused before there is a stream; each message names the layer and what would be right."""
    one, zero = np.ones(1, np.int64), np.zeros(1, np.int64)

    def compiled(weights: np.ndarray, shape: tuple[int, int, int], bias: np.ndarray = zero) -> None:
        layer = Conv("odd", weights, np.resize(bias, len(weights)), np.resize(one, len(weights)), np.resize(zero, len(weights)))
        compile_network(Network("n", shape, np.dtype(np.uint8), [layer]), TINY)

    with pytest.raises(RangeError, match=r"'odd': weights.*128.*-128.*127"):
        compiled(np.full((1, 1, 1, 1), 128), (1, 4, 4))
    with pytest.raises(RangeError, match=r"'odd': bias"):
        compiled(np.ones((1, 1, 1, 1), np.int8), (1, 4, 4), bias=np.array([2**31]))
    with pytest.raises(OverflowRisk, match=r"'odd', filter 1: .*must be below 2\*\*31"):
        compiled(
            np.stack([np.zeros((64, 1, 1), np.int8), np.full((64, 1, 1), 127, np.int8)]), (64, 4, 4), bias=np.array([2**31 - 64])
        )
    with pytest.raises(ShapeError, match=r"'odd' takes 2 channels; its input has shape \(3, 4, 4\)"):
        compiled(np.ones((1, 2, 1, 1), np.int8), (3, 4, 4))
    with pytest.raises(ShapeError, match=r"'odd' .convolution 17 x 17, 289 windows; the table holds 256"):
        compiled(np.ones((1, 1, 17, 17), np.int8), (1, 20, 20))
    with pytest.raises(RangeError, match="width = 1025"):
        compiled(np.ones((1, 1, 3, 3), np.int8), (1, 4, 1025))
    cases["conv"].check(board)
