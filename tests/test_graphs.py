"""Random networks that are graphs through compiler, driver and RTL, every tensor compared with the reference."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from graphs_for_tests import POOLS, random_graph
from hypothesis import example, given
from hypothesis import strategies as st
from simulated_board import CONFIG, RANKS, SEEDS, SimulatedBoard, few
from small_layers import add, conv

from phantom import phantom_file, reference
from phantom.check import check_outputs
from phantom.compiling import plan_of
from phantom.errors import ShapeError
from phantom.network import Concat, FullyConnected, MaxPool, Network
from phantom.outline import outline_of
from phantom.phantom_file import Compiled
from phantom.run import with_joins

UINT8 = np.dtype(np.uint8)
FEW = few(20)


class Board(SimulatedBoard):
    """Compares what it computes."""

    def run(self, network: Network, image: np.ndarray, rank: int = 0) -> list[str]:
        """Run and compare every tensor; returns the names of the stages."""
        programs, outputs, _ = self.outputs(network, image, rank)
        outputs = with_joins(outline_of(network), image, outputs)
        assert set(network.outputs) <= set(outputs)
        check_outputs(network, reference.run(network, image), outputs)
        return [program.name for program in programs]


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    pytest.importorskip("pynq")
    result = Board()
    yield result
    result.close()


def image_of(seed: int, network: Network, density: float = 0.6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    info = np.iinfo(network.input_dtype)
    image = rng.integers(info.min, info.max + 1, network.input_shape)
    image[rng.random(image.shape) >= density] = 0
    return image.astype(network.input_dtype)


@FEW
@given(seed=SEEDS, rank=RANKS)
def test_graphs(board: Board, seed: int, rank: int) -> None:
    """All kinds of layers, types mixed, tensors carried."""
    network = random_graph(seed, most=5)
    try:
        board.run(network, image_of(seed, network), rank)
    except ShapeError as error:  # a bundle of many channels: tiny has a row buffer of 16 KiB
        assert "words a strip; the row buffer holds" in str(error)


@few(5)
@given(seed=SEEDS)
def test_compiled_files(board: Board, seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same from a file, of which nothing but the file is left."""
    network = random_graph(seed, most=4)
    path = tmp_path_factory.getbasetemp() / "graph.phantom"
    try:
        phantom_file.save(Compiled(CONFIG, plan_of(network, CONFIG)), path)
    except ShapeError as error:
        assert "does not fit configuration" in str(error)
        return
    (segment,) = phantom_file.load(path).plan.accelerated
    image = image_of(seed, network)
    outputs, _ = board.run_stages(segment.stages, image)
    check_outputs(network, reference.run(network, image), with_joins(segment.outline, image, outputs))


@pytest.mark.parametrize("size", [(2, 2), (1, 110)])
def test_fully_connected_behind_tiles_side_by_side(board: Board, size: tuple[int, int]) -> None:
    """Once wrong: segments beside the first one were passed over."""
    count = 2 * size[0] * size[1]
    weights = np.arange(9 * count).reshape(9, count) % 7 - 2
    full = FullyConnected("f", weights, [0] * 9, [40] * 9, [0] * 9)
    network = Network("flat", (3, *size), UINT8, [conv("c", 3, 2), full])
    for rank in (0, 2, 5, 9):
        board.run(network, image_of(rank, network), rank)


@FEW
@given(
    seed=SEEDS,
    kind=st.sampled_from(POOLS),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
    size=st.tuples(st.integers(3, 14), st.integers(3, 18)),
    stride=st.sampled_from([1, 2]),
    at_once=st.booleans(),
    signed=st.booleans(),
    rank=RANKS,
)
@example(seed=1, kind=(3, 2), pads=(1, 1, 0, 0), size=(9, 11), stride=1, at_once=True, signed=True, rank=0)
@example(seed=2, kind=(2, 2), pads=(0, 0, 0, 0), size=(4, 18), stride=2, at_once=True, signed=False, rank=3)
@example(seed=3, kind=(3, 1), pads=(1, 1, 1, 1), size=(7, 7), stride=1, at_once=False, signed=True, rank=1)
@example(seed=4, kind=(2, 3), pads=(1, 0, 1, 1), size=(8, 10), stride=1, at_once=False, signed=False, rank=0)
def test_pooling(
    board: Board,
    seed: int,
    kind: tuple[int, int],
    pads: tuple[int, int, int, int],
    size: tuple[int, int],
    stride: int,
    at_once: bool,
    signed: bool,
    rank: int,
) -> None:
    """Every window and step, with and without a convolution before it."""
    window, step = kind
    dtype = np.dtype(np.int8 if signed else np.uint8)
    first = conv("c", 3, 5 + seed % 20, stride=stride, out_dtype=dtype, relu=not signed)
    plane = first.out_shape((3, *size))[1:]
    window = min(window, *plane)
    pool = MaxPool("p", (window, window), step, tuple(min(pad, window - 1, step) for pad in pads))  # type: ignore[arg-type]
    network = Network("pooled", (3, *size), UINT8, [first, pool], ("p",) if at_once else ("c", "p"))
    assert board.run(network, image_of(seed, network), rank) == (["c+p"] if at_once else ["c", "p"])


@pytest.mark.parametrize("factors", [(1, 1), (-128, 127), (508, -300), (129, 0), (2032, -2032)])
def test_weights_beyond_8_bits(board: Board, factors: tuple[int, int]) -> None:
    """A sum of two types, with factors that take up to four weights."""
    layers = [conv("a", 3, 6, out_dtype=np.dtype(np.int8), relu=False), conv("b", 6, 6), add("s", "a", "b", factors=factors)]
    layers.append(Concat("j", inputs=("s", "b", "s")))
    layers.append(conv("c", 18, 4))
    network = Network("sums", (3, 7, 9), UINT8, layers)
    assert board.run(network, image_of(5, network)) == ["a", "b", "s", "c"]
