"""Random small stages, compiled, with an input and the result that must come back; for the tests of whole accelerators."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from phantom.config import Config
from phantom.errors import ShapeError
from phantom.layer import INPUT
from phantom.layout import Layout
from phantom.lower import lower
from phantom.network import Add, AnyLayer, Conv, FullyConnected, MaxPool, Network
from phantom.program import Program, compile_stage
from phantom.reference import run
from phantom.stage import Bundle

SIZES = {
    "Rows": 1,
    "Cols": 2,
    "RowBufferWords": 1536,
    "DirectoryDepth": 256,
    "ParamDepth": 64,
    "WeightPorts": 2,
}
KINDS = ("conv", "fc", "pool", "bundle")
CONFIG = Config(
    "small", "test", 100.0, SIZES["Rows"], SIZES["Cols"], 8, 16, 512, 512, 16, 512,
    SIZES["RowBufferWords"], SIZES["DirectoryDepth"], SIZES["ParamDepth"], SIZES["WeightPorts"],
)  # fmt: skip
SIGNED = {"relu": False, "out_dtype": np.dtype(np.int8)}
UNSIGNED = {"relu": True, "out_dtype": np.dtype(np.uint8)}


@dataclass(frozen=True)
class Case:
    """One stage with data: tensors of its bundles."""

    program: Program
    image: np.ndarray
    want: np.ndarray

    @property
    def activations(self) -> list[int]:
        """The activation stream."""
        return [int(w) for w in self.program.source.compress(self.image)]

    @property
    def weights(self) -> list[list[int]]:
        """Each weight stream, of all strips."""
        words, strips = [int(w) for w in self.program.weights], self.program.strips
        return [words[start : start + count] * strips for start, count in self.program.weight_streams]

    def check(self, words: list[int]) -> None:
        """Compare a result stream."""
        got = self.program.result.expand(np.array(words, dtype=np.uint64))
        assert np.array_equal(got, self.want), f"{np.count_nonzero(got != self.want)} of {got.size} values differ"

    def __str__(self) -> str:
        stage = self.program.stage
        return f"{stage.name} of {[(p.name, str(p.dtype)) for p in stage.source.parts]} {self.image.shape}, {self.program.tiling}"


def random_case(kind: str) -> Case:
    """A stage that the sizes above can run.

    `conv`: a convolution, also in channel groups or dilated. `fc`: fully connected. `pool`: a maximum pooling, behind a
    convolution or alone. `bundle`: one of the stages of a network that carries its input past two convolutions to an addition.
    """
    rng = np.random.default_rng(random.getrandbits(32))
    while True:
        shape = (random.choice((1, 3, 9)), random.randint(3, 9), random.randint(3, 11))
        dtype = np.dtype(random.choice((np.int8, np.uint8)))
        try:
            network = Network(kind, shape, dtype, _layers(rng, kind, shape, dtype))
            stage = random.choice(lower(network))
            layout = Layout.plain(stage.source.shape, stage.source.dtype)
            program = compile_stage(stage, layout, CONFIG, rank=random.choice((0, 0, 2, 9, 40)))
        except ShapeError:
            continue
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max + 1
        image = np.where(rng.random(shape) < 0.5, rng.integers(low, high, shape), 0).astype(dtype)
        tensors = {INPUT: image} | dict(zip((layer.name for layer in network.layers), run(network, image), strict=True))
        return Case(program, joined(stage.source, tensors), joined(stage.result, tensors))


def joined(bundle: Bundle, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """A bundle of tensors, of the bundle's shape and type."""
    return np.concatenate([tensors[part.name].view(bundle.dtype) for part in bundle.parts])


def _layers(rng: np.random.Generator, kind: str, shape: tuple[int, int, int], dtype: np.dtype) -> list[AnyLayer]:
    channels, size = shape[0], random.choice((1, 3, 3))
    same = (size // 2,) * 4
    if kind == "fc":
        weights, *rest = _weights(rng, (random.choice((3, 8, 19)), int(np.prod(shape))))
        return [FullyConnected("l", weights, *rest, **random.choice((SIGNED, UNSIGNED)))]
    if kind == "bundle":
        # A type other than the input's for the tensor that travels with it.
        other = UNSIGNED if dtype == np.int8 else SIGNED
        dilation = random.choice((1, 2)) if size > 1 else 1
        wide = (size // 2 * dilation,) * 4
        filters = random.choice((3, 8))
        first = Conv("a", *_weights(rng, (filters, channels, size, size)), padding=same, **other)
        then = Conv("b", *_weights(rng, (channels, filters, size, size)), padding=wide, dilation=dilation, **other)
        factors = random.choice(((1, 1), (100, -3), (300, 127), (-128, 130)))
        return [first, then, Add("c", factors, 1 << 14, 2, inputs=("b", INPUT), **random.choice((SIGNED, UNSIGNED)))]
    window, step, pad = random.choice(((2, 2, 0), (3, 2, 1), (3, 2, 0), (3, 1, 1), (2, 1, 0)))
    pool = MaxPool("p", (window, window), step, (pad,) * 4)
    if kind == "pool" and random.random() < 0.2:
        return [pool]
    groups = random.choice((1, 1, channels))
    filters = random.choice((3, 8, 19)) if groups == 1 else groups * random.choice((1, 2))
    layer = Conv(
        "l", *_weights(rng, (filters, channels // groups, size, size)), stride=random.choice((1, 2)), padding=same,
        channel_groups=groups, dilation=random.choice((1, 1, 2)), **random.choice((SIGNED, UNSIGNED)),
    )  # fmt: skip
    return [layer, pool] if kind == "pool" else [layer]


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Weights, bias, multiplier and sel, such that results spread over the whole range."""
    filters = shape[0]
    dense = rng.random(shape) < random.choice((0.2, 0.6))
    weights = np.where(dense, rng.integers(-128, 128, shape), 0).astype(np.int8)
    bias = rng.integers(-3000, 3000, filters).astype(np.int32)
    return weights, bias, rng.integers(1 << 20, 1 << 23, filters).astype(np.uint32), np.full(filters, 4, np.uint8)
