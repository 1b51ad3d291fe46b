"""Random layers through compiler, driver and RTL, every value compared with the reference.

One simulated board serves the whole module: what a layer leaves behind must not disturb the next one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from simulated_board import CONFIG, RANKS, SEEDS, SimulatedBoard, few

from phantom import reference
from phantom.check import check_outputs
from phantom.driver import Counters
from phantom.effectual import effectual_macs
from phantom.errors import ShapeError
from phantom.network import Conv, FullyConnected, Layer, Network
from phantom.selftest import random_parameters, random_weights

DENSITIES = st.sampled_from([0.0, 0.1, 0.4, 1.0])
DTYPES = st.sampled_from(["uint8", "int8"])
FEW = few(30)


class Board(SimulatedBoard):
    """Compares what it computes."""

    def run(self, network: Network, image: np.ndarray, rank: int = 0) -> list[Counters]:
        """Run and compare every layer, with the tiling `rank` places behind the best; returns the counters."""
        programs, outputs, counters = self.outputs(network, image, rank)
        right = reference.run(network, image)
        check_outputs(network, right, outputs)
        given = dict(zip((layer.name for layer in network.layers), network.sources()))
        for program, events in zip(programs, counters):
            pairs = 0
            for layer in program.stage.layers:
                pairs += effectual_macs(layer, *(image if i < 0 else right[i] for i in given[layer.name]))
            assert events.macs >= pairs, f"{program.name}: fewer multiplies than there are pairs"
            busy = events.macs + sum(events.sampled.values())
            assert abs(busy - events.cycles * CONFIG.multipliers) <= 0.1 * events.cycles * CONFIG.multipliers + 2000
        return counters


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    pytest.importorskip("pynq")
    result = Board()
    yield result
    result.close()


def conv(
    rng: np.random.Generator,
    channels: int,
    filters: int,
    kernel: tuple[int, int],
    density: float,
    name: str = "conv",
    **rest: object,
) -> Conv:
    weights = random_weights(rng, (filters, channels, *kernel), density)
    return Conv(name, weights, *random_parameters(rng, weights), **rest)  # type: ignore[arg-type]


def full(rng: np.random.Generator, inputs: int, filters: int, density: float, name: str = "fc", **rest: object) -> FullyConnected:
    weights = random_weights(rng, (filters, inputs), density)
    return FullyConnected(name, weights, *random_parameters(rng, weights), **rest)  # type: ignore[arg-type]


def image_of(rng: np.random.Generator, shape: tuple[int, ...], dtype: str, density: float) -> np.ndarray:
    info = np.iinfo(dtype)
    image = rng.integers(info.min, info.max + 1, shape)
    image[image == 0] = 1
    image[rng.random(shape) >= density] = 0
    return image.astype(dtype)


def one(layer: Layer, shape: tuple[int, int, int], dtype: str) -> Network:
    return Network("random", shape, np.dtype(dtype), [layer])


@FEW
@given(
    seed=SEEDS,
    kernel=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    stride=st.sampled_from([1, 2]),
    pads=st.tuples(*[st.integers(0, 3)] * 4),
    densities=st.tuples(DENSITIES, DENSITIES),
    dtypes=st.tuples(DTYPES, DTYPES),
    relu=st.booleans(),
    rank=RANKS,
)
@example(seed=1, kernel=(7, 7), stride=1, pads=(3, 3, 3, 3), densities=(0.4, 0.4), dtypes=("uint8", "int8"), relu=False, rank=0)
@example(seed=2, kernel=(3, 3), stride=2, pads=(1, 1, 1, 1), densities=(1.0, 1.0), dtypes=("int8", "uint8"), relu=True, rank=0)
@example(seed=3, kernel=(1, 1), stride=1, pads=(0, 0, 0, 0), densities=(0.0, 0.4), dtypes=("uint8", "uint8"), relu=True, rank=0)
@example(seed=4, kernel=(5, 2), stride=1, pads=(2, 0, 2, 1), densities=(0.4, 0.0), dtypes=("uint8", "int8"), relu=False, rank=0)
# Once wrong: a channel's last activations while the ring wraps; and an input of one column, which has no odd columns.
@example(
    seed=21479320, kernel=(7, 4), stride=1, pads=(3, 0, 1, 3), densities=(0.4, 1.0), dtypes=("uint8", "uint8"), relu=True, rank=0
)
# Once wrong: strips that lie in the padding below the image as a whole.
@example(seed=0, kernel=(1, 3), stride=1, pads=(1, 1, 3, 0), densities=(0.4, 0.4), dtypes=("int8", "int8"), relu=False, rank=106)
# Once refused: no window meets the input, only padding.
@example(seed=1724, kernel=(2, 1), stride=2, pads=(0, 3, 3, 2), densities=(0.0, 0.0), dtypes=("int8", "int8"), relu=False, rank=0)
@example(
    seed=2025637331, kernel=(3, 1), stride=2, pads=(1, 2, 0, 1), densities=(0.4, 0.4), dtypes=("uint8", "int8"), relu=True, rank=0
)
def test_convolution(
    board: Board,
    seed: int,
    kernel: tuple[int, int],
    stride: int,
    pads: tuple[int, int, int, int],
    densities: tuple[float, float],
    dtypes: tuple[str, str],
    relu: bool,
    rank: int,
) -> None:
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 13)), int(rng.integers(kernel[0], 16)), int(rng.integers(kernel[1], 20)))
    layer = conv(
        rng, shape[0], int(rng.integers(1, 30)), kernel, densities[0],
        stride=stride, padding=pads, relu=relu, out_dtype=np.dtype(dtypes[1]),
    )  # fmt: skip
    board.run(one(layer, shape, dtypes[0]), image_of(rng, shape, dtypes[0], densities[1]), rank)


@FEW
@given(
    seed=SEEDS,
    width=st.integers(50, 70),
    kernel=st.sampled_from([1, 3, 5]),
    stride=st.sampled_from([1, 2]),
    density=DENSITIES,
    rank=RANKS,
)
@example(seed=5, width=64, kernel=3, stride=1, density=0.4, rank=0)
@example(seed=6, width=65, kernel=3, stride=1, density=1.0, rank=0)
@example(seed=7, width=70, kernel=5, stride=2, density=0.4, rank=0)
@example(seed=40543882, width=63, kernel=5, stride=1, density=1.0, rank=0)  # as above: five dense channels of 315 activations
def test_wide_images(board: Board, seed: int, width: int, kernel: int, stride: int, density: float, rank: int) -> None:
    """Rows of more than one segment, tiles of a part of the columns."""
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 6)), int(rng.integers(kernel, 9)), width)
    pad = kernel // 2
    layer = conv(rng, shape[0], int(rng.integers(1, 12)), (kernel, kernel), 0.4, stride=stride, padding=(pad, pad, pad, pad))
    board.run(one(layer, shape, "uint8"), image_of(rng, shape, "uint8", density), rank)


@FEW
@given(
    seed=SEEDS,
    kernel=st.tuples(st.integers(1, 11), st.integers(1, 11)),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 4),
    density=DENSITIES,
    rank=RANKS,
)
@example(seed=14, kernel=(11, 11), stride=1, dilation=1, density=0.4, rank=0)
@example(seed=15, kernel=(3, 3), stride=3, dilation=1, density=0.4, rank=0)
@example(seed=16, kernel=(5, 5), stride=4, dilation=2, density=1.0, rank=0)
@example(seed=17, kernel=(1, 1), stride=4, dilation=1, density=0.4, rank=0)
# Once wrong: a padding of 34 rows above the image; the rows of one parity begin three rows above those of the other.
@example(seed=95643, kernel=(10, 7), stride=1, dilation=4, density=0.0, rank=0)
@example(seed=255, kernel=(2, 1), stride=2, dilation=3, density=0.4, rank=168)
def test_kernels_strides_dilations(
    board: Board, seed: int, kernel: tuple[int, int], stride: int, dilation: int, density: float, rank: int
) -> None:
    """All that a convolution can be. Two layers, so that the second one's stride cannot be folded away by the host."""
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 4)), int(rng.integers(5, 20)), int(rng.integers(5, 20)))
    reach = [(k - 1) * dilation for k in kernel]
    least = [max(0, r + 2 - n) // 2 for r, n in zip(reach, shape[1:])]  # so that the kernel fits
    pads = tuple(int(rng.integers(low, r + 1)) for low, r in zip(least * 2, reach * 2))
    layers: list[Layer] = [
        conv(rng, shape[0], 9, (1, 1), 0.5, "a"),
        conv(rng, 9, int(rng.integers(1, 12)), kernel, 0.3, "b", stride=stride, padding=pads, dilation=dilation),
    ]
    board.run(Network("random", shape, np.dtype(np.uint8), layers), image_of(rng, shape, "uint8", density), rank)


@FEW
@given(
    seed=SEEDS,
    channels=st.integers(1, 40),
    each=st.integers(1, 3),
    kernel=st.sampled_from([1, 3, 5]),
    stride=st.sampled_from([1, 2]),
    densities=st.tuples(DENSITIES, DENSITIES),
    rank=RANKS,
)
@example(seed=11, channels=40, each=1, kernel=3, stride=1, densities=(1.0, 0.4), rank=0)
@example(seed=12, channels=24, each=2, kernel=3, stride=2, densities=(0.4, 0.4), rank=0)
@example(seed=13, channels=33, each=1, kernel=3, stride=1, densities=(0.1, 1.0), rank=0)  # filters without weights
def test_depthwise(
    board: Board, seed: int, channels: int, each: int, kernel: int, stride: int, densities: tuple[float, float], rank: int
) -> None:
    """Every filter reads one channel; a pass and a core may then have channels of their own."""
    rng = np.random.default_rng(seed)
    shape = (channels, int(rng.integers(kernel, 16)), int(rng.integers(kernel, 20)))
    layer = conv(
        rng, 1, channels * each, (kernel, kernel), densities[0],
        stride=stride, padding=(kernel // 2,) * 4, channel_groups=channels,
    )  # fmt: skip
    board.run(one(layer, shape, "uint8"), image_of(rng, shape, "uint8", densities[1]), rank)


@FEW
@given(seed=SEEDS, densities=st.tuples(DENSITIES, DENSITIES), dtypes=st.tuples(DTYPES, DTYPES), relu=st.booleans())
@example(seed=8, densities=(1.0, 1.0), dtypes=("int8", "int8"), relu=False)
def test_fully_connected(board: Board, seed: int, densities: tuple[float, float], dtypes: tuple[str, str], relu: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 20)), int(rng.integers(1, 9)), int(rng.integers(1, 9)))
    layer = full(rng, int(np.prod(shape)), int(rng.integers(1, 60)), densities[0], relu=relu, out_dtype=np.dtype(dtypes[1]))
    board.run(one(layer, shape, dtypes[0]), image_of(rng, shape, dtypes[0], densities[1]))


@FEW
@given(seed=SEEDS, density=st.sampled_from([0.2, 1.0]), rank=RANKS)
@example(seed=9, density=0.4, rank=0)
@example(seed=775038553, density=1.0, rank=126)  # once wrong: channels so short that more came than the run table holds
def test_chained_layers(board: Board, seed: int, density: float, rank: int) -> None:
    """Results go into the next layer as the hardware wrote them: the host touches nothing between."""
    rng = np.random.default_rng(seed)
    channels, height, width = int(rng.integers(1, 6)), int(rng.integers(6, 15)), int(rng.integers(6, 15))
    filters = [int(n) for n in rng.integers(1, 30, 3)]
    same, signed = (1, 1, 1, 1), {"relu": False, "out_dtype": np.dtype(np.int8)}
    layers: list[Layer] = [
        conv(rng, channels, filters[0], (3, 3), density, "a", padding=same),
        conv(rng, filters[0], filters[1], (3, 3), density, "b", stride=2, padding=same, **signed),
        conv(rng, filters[1], filters[2], (1, 1), density, "c"),
    ]
    rows, cols = (height + 1) // 2, (width + 1) // 2
    layers += [full(rng, filters[2] * rows * cols, 24, density, "d"), full(rng, 24, 10, density, "e", **signed)]
    network = Network("random", (channels, height, width), np.dtype(np.uint8), layers)
    board.run(network, image_of(rng, network.input_shape, "uint8", 0.6), rank)


def test_same_layer_twice_is_the_same(board: Board) -> None:
    rng = np.random.default_rng(10)
    network = one(conv(rng, 4, 9, (3, 3), 0.4, padding=(1, 1, 1, 1)), (4, 9, 9), "uint8")
    image = image_of(rng, network.input_shape, "uint8", 0.5)
    first, second = board.run(network, image), board.run(network, image)
    assert first[0].macs == second[0].macs


def test_zeros_take_no_multiplies(board: Board) -> None:
    rng = np.random.default_rng(11)
    network = one(conv(rng, 4, 9, (3, 3), 0.4, padding=(1, 1, 1, 1)), (4, 9, 9), "uint8")
    (counters,) = board.run(network, np.zeros(network.input_shape, np.uint8))
    assert counters.macs == 0


def test_wrong_input_is_refused(board: Board) -> None:
    rng = np.random.default_rng(12)
    network = one(conv(rng, 4, 9, (3, 3), 0.4), (4, 9, 9), "uint8")
    with pytest.raises(ShapeError):
        board.run(network, np.zeros((4, 9, 8), np.uint8))
