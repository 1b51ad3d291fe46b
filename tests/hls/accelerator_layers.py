"""Random small layers, compiled, with an input and the result that must come back; for the tests of whole accelerators."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from phantom.config import Config
from phantom.errors import ShapeError
from phantom.layout import Layout
from phantom.network import Conv, FullyConnected
from phantom.program import Program, compile_layer
from phantom.reference import run_layer

SIZES = {
    "Rows": 1,
    "Cols": 2,
    "RowBufferWords": 1536,
    "DirectoryDepth": 256,
    "ParamDepth": 64,
}


@dataclass(frozen=True)
class Case:
    """One layer with data."""

    program: Program
    image: np.ndarray
    want: np.ndarray

    @property
    def activations(self) -> list[int]:
        """The activation stream."""
        return [int(w) for w in self.program.source.compress(self.image)]

    @property
    def weights(self) -> list[int]:
        """The weight stream of all strips."""
        return [int(w) for w in self.program.weights] * self.program.strips

    def check(self, words: list[int]) -> None:
        """Compare a result stream."""
        got = self.program.result.expand(np.array(words, dtype=np.uint64))
        assert np.array_equal(got, self.want), f"{np.count_nonzero(got != self.want)} of {got.size} values differ"


def random_case(kind: str) -> Case:
    """A layer (`conv` or `fc`) that the sizes above can run."""
    config = Config(
        "small", "test", 100.0, SIZES["Rows"], SIZES["Cols"], 8, 16, 512, 512, 16, 512,
        SIZES["RowBufferWords"], SIZES["DirectoryDepth"], SIZES["ParamDepth"],
    )  # fmt: skip
    rng = np.random.default_rng(random.getrandbits(32))
    while True:
        size, filters = random.choice((1, 3, 3)), random.choice((3, 8, 19))
        shape = (random.choice((1, 3, 9)), random.randint(size, 9), random.randint(size, 11))
        weights_shape = (filters, shape[0], size, size) if kind == "conv" else (filters, int(np.prod(shape)))
        dense = rng.random(weights_shape) < random.choice((0.2, 0.6))
        weights = np.where(dense, rng.integers(-128, 128, weights_shape), 0).astype(np.int8)
        bias = rng.integers(-3000, 3000, filters).astype(np.int32)
        multiplier, sel = rng.integers(1 << 20, 1 << 23, filters).astype(np.uint32), np.full(filters, 4, np.uint8)
        relu, signed = random.random() < 0.5, random.random() < 0.5
        kwargs = {"relu": relu, "out_dtype": np.dtype(np.uint8 if relu else np.int8)}
        if kind == "conv":
            pad = (size // 2,) * 4
            layer = Conv("l", weights, bias, multiplier, sel, stride=random.choice((1, 2)), padding=pad, **kwargs)
        else:
            layer = FullyConnected("l", weights, bias, multiplier, sel, **kwargs)
        dtype = np.dtype(np.int8 if signed else np.uint8)
        try:
            program = compile_layer(layer, Layout.plain(shape, dtype), config, rank=random.choice((0, 0, 2, 9, 40)))
        except ShapeError:
            continue
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max + 1
        image = np.where(rng.random(shape) < 0.5, rng.integers(low, high, shape), 0).astype(dtype)
        return Case(program, image, run_layer(layer, image))
