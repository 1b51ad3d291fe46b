"""Random networks of all kinds of layers that can be scheduled: planes shrink only where a single tensor is left to be read."""

from __future__ import annotations

import math

import numpy as np

from phantom.network import Add, AnyLayer, Concat, Conv, FullyConnected, MaxPool, Network
from phantom.quantise import multipliers_of
from phantom.selftest import random_parameters, random_weights

UINT8, INT8 = np.dtype(np.uint8), np.dtype(np.int8)
# Pairs of (type, smallest, largest) of outputs: no stage has more than two ranges, those of carried tensors included.
FORMATS = (
    ((UINT8, 0, 255), (INT8, -128, 127)),
    ((UINT8, 0, 255), (UINT8, 3, 100)),
    ((INT8, -128, 127), (INT8, 0, 127)),
)
KERNELS = ((1, 1), (3, 3), (3, 3), (2, 3), (5, 1))
Tensor = tuple[str, int, np.dtype]  # name, channels, type
POOLS = tuple((size, step) for size in (1, 2, 3) for step in (1, 2, 3))


class Graph:
    """Makes one network; `live` are the tensors that have the planes of this moment."""

    def __init__(self, seed: int, most: int = 6, sections: int = 2) -> None:
        self.rng = np.random.default_rng(seed)
        self.formats = FORMATS[self.pick(3)]
        self.layers: list[AnyLayer] = []
        self.input = ("input", 1 + self.pick(4), self.formats[self.pick(2)][0])
        self.plane = (5 + self.pick(9), 5 + self.pick(9))
        self.shape = (self.input[1], *self.plane)
        self.live = [self.input]
        for _ in range(sections):
            for _ in range(self.pick(most)):
                [self.conv, self.depthwise, self.add, self.add, self.concat][self.pick(5)]()
            self.shrink()
        if self.pick(2):
            self.full()

    def pick(self, count: int) -> int:
        """0 .. count - 1."""
        return int(self.rng.integers(count))

    @property
    def network(self) -> Network:
        """What nobody reads is an output."""
        read = {name for layer in self.layers for name in layer.inputs}
        outputs = [layer.name for layer in self.layers if layer.name not in read or self.rng.random() < 0.05]
        return Network("random", self.shape, self.input[2], self.layers, outputs)

    def put(self, layer: AnyLayer, channels: int, dtype: np.dtype) -> None:
        self.layers.append(layer)
        self.live.append((layer.name, channels, dtype))

    def common(self, reads: str) -> dict[str, object]:
        dtype, low, high = self.formats[self.pick(2)]
        return {"inputs": (reads,), "out_dtype": dtype, "low": low, "high": high}

    def name(self, kind: str) -> str:
        return f"{kind}{len(self.layers)}"

    def conv(self, stride: int = 1, reads: int | None = None, filters: int = 0) -> None:
        source, channels, _ = self.live[self.pick(len(self.live)) if reads is None else reads]
        kernel, filters = KERNELS[self.pick(len(KERNELS))], filters or 1 + self.pick(12)
        dilation = 1 + (self.pick(3) == 0)
        padding = [0] * 4
        for axis in (0, 1):
            spread = (kernel[axis] - 1) * dilation
            padding[axis] = self.pick(spread + 1)
            padding[axis + 2] = spread - padding[axis]
        weights = random_weights(self.rng, (filters, channels, *kernel), float(self.rng.choice([0.2, 0.6])))
        common = self.common(source)
        self.put(
            Conv(self.name("c"), weights, *random_parameters(self.rng, weights), stride, tuple(padding), 1, dilation, **common),
            filters,
            common["out_dtype"],
        )  # type: ignore[arg-type]

    def depthwise(self) -> None:
        source, channels, _ = self.live[self.pick(len(self.live))]
        times = 1 + self.pick(2)
        weights = random_weights(self.rng, (channels * times, 1, 3, 3), 0.7)
        common = self.common(source)
        parameters = random_parameters(self.rng, weights)
        layer = Conv(self.name("dw"), weights, *parameters, 1, (1, 1, 1, 1), channels, **common)  # type: ignore[arg-type]
        self.put(layer, channels * times, common["out_dtype"])  # type: ignore[arg-type]

    def add(self) -> None:
        a = self.live[self.pick(len(self.live))]
        same = [b for b in self.live if b[1] == a[1] and b is not a]
        if not same:
            return self.conv()
        self.sum_of(a, same[self.pick(len(same))])

    def residual(self) -> None:
        """A convolution whose result is added to what was there, and nothing else stays."""
        older = self.live[self.pick(len(self.live))]
        self.conv(filters=older[1])
        self.sum_of(*[(older, self.live[-1]), (self.live[-1], older)][self.pick(2)])
        self.live = self.live[-1:]

    def sum_of(self, a: Tensor, b: Tensor) -> None:
        factors = tuple(int(self.rng.choice([0, 1, -127, -128, 128, 255, -300, 508, 2032])) for _ in range(2))
        (multiplier,), (sel,) = multipliers_of(np.array([0.7 / max(1.0, math.hypot(*factors))]))
        common = self.common(a[0]) | {"inputs": (a[0], b[0])}
        self.put(Add(self.name("add"), factors, int(multiplier), int(sel), **common), a[1], common["out_dtype"])  # type: ignore

    def concat(self) -> None:
        dtype = self.live[self.pick(len(self.live))][2]
        parts = [self.live[self.pick(len(self.live))] for _ in range(3)]
        parts = [part for part in parts if part[2] == dtype and part[1] < 20]
        if parts:
            self.put(Concat(self.name("cat"), inputs=tuple(p[0] for p in parts)), sum(p[1] for p in parts), dtype)

    def shrink(self) -> None:
        """Stride 2 once or twice over the same tensor, or pooling, alone or at once; sometimes behind a residual addition."""
        if self.pick(2):
            self.residual()
        last, kind = len(self.live) - 1, self.pick(4)
        if kind == 0:
            self.conv(2)
            reads = self.layers[-1].inputs[0]
            if self.pick(2):  # the shortcut beside it
                self.conv(2, [name for name, _, _ in self.live].index(reads))
            self.live = self.live[last + 1 :]
            self.plane = tuple((n + 1) // 2 for n in self.plane)  # type: ignore[assignment]
            return
        if kind > 1:
            self.conv()
        name, channels, dtype = self.live[-1] if kind > 1 else self.live[self.pick(len(self.live))]
        size, step = POOLS[self.pick(len(POOLS))]
        size = min(size, *self.plane)
        padding = tuple(min(self.pick(size), step) for _ in range(4))
        pool = MaxPool(self.name("p"), (size, size), step, padding, inputs=(name,))  # type: ignore[arg-type]
        self.plane = pool.out_shape((channels, *self.plane))[1:]
        self.layers.append(pool)
        self.live = [(pool.name, channels, dtype)]

    def full(self) -> None:
        name, channels, _ = self.live[-1]
        weights = random_weights(self.rng, (1 + self.pick(20), channels * self.plane[0] * self.plane[1]), 0.3)
        parameters = random_parameters(self.rng, weights)
        self.layers.append(FullyConnected(self.name("fc"), weights, *parameters, **self.common(name)))  # type: ignore[arg-type]


def random_graph(seed: int, most: int = 6, sections: int = 2) -> Network:
    """A network of up to `most` layers in each of `sections` sizes of planes."""
    return Graph(seed, most, sections).network
