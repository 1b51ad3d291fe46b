"""A layer on a simulated board that can be run with damaged streams, and the rule for every damage: reported, then forgotten."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from phantom import reference
from phantom.check import check_equal
from phantom.config import load_config
from phantom.driver import Accelerator, expand_result
from phantom.errors import DeviceError
from phantom.network import Conv, FullyConnected, Layer, Network
from phantom.program import compile_network
from phantom.selftest import random_parameters, random_weights
from phantom.stream import KIND_END, end_word
from phantom.weight_ports import joined

TINY = load_config("tiny")
KINDS = ("conv", "stride2", "strips", "fc")  # names of make_cases
WATCHDOG = 16  # 16,384 cycles: longer than anything here stands still, and simulated in 50 ms


def make_board() -> Accelerator:
    """A new simulated board."""
    from phantom_sim.overlay import board

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Accelerator(board("tiny", hang_cycles=200_000), TINY, timeout=300, watchdog=WATCHDOG)


class Case:
    """A layer with an input, compiled; `words` is its activation stream, `weights` its weight streams in one array."""

    def __init__(self, layer: Layer, shape: tuple[int, int, int], dtype: str = "uint8", seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        info = np.iinfo(dtype)
        image = rng.integers(info.min, info.max + 1, shape)
        image[rng.random(shape) < 0.5] = 0
        self.image = image.astype(dtype)
        network = Network("bad input", shape, np.dtype(dtype), [layer])
        (self.program,) = compile_network(network, TINY)
        self.right = reference.run(network, self.image)
        self.words = self.program.source.compress(self.image)
        self.weights = self.program.weights

    @property
    def streams(self) -> list[np.ndarray]:
        """Each weight stream."""
        return [self.weights[start : start + words] for start, words in self.program.weight_streams]

    def run(
        self,
        accelerator: Accelerator,
        words: np.ndarray | None = None,
        weights: np.ndarray | None = None,
        port: int = 0,
        result: Any = None,
    ) -> np.ndarray:
        """The output that the device gives for these streams (by default the right ones). weights: of this port."""
        words, program = self.words if words is None else words, self.program
        if weights is not None:
            streams = self.streams
            streams[port] = weights
            lengths = tuple(len(stream) for stream in streams)
            program = dataclasses.replace(program, weights=joined(streams), weight_words=lengths)
        source, streamed = accelerator.upload(words), accelerator.upload(program.weights)
        result = accelerator.allocate(program.result_words) if result is None else result
        count, _ = accelerator.run_layer(program, source, len(words), streamed, result)
        result.invalidate()
        return expand_result(program.result, result, count)

    def check(self, accelerator: Accelerator, **streams: Any) -> None:
        """Run; every value must be the reference's."""
        check_equal(self.program.name, self.right[0], self.run(accelerator, **streams))

    @contextmanager
    def refused(self, accelerator: Accelerator, message: str, kind: type[DeviceError] = DeviceError) -> Iterator[None]:
        """What is done inside must be refused with this message, and a right run must be right without further ado."""
        cycle = accelerator.overlay.device.model.cycles
        with pytest.raises(kind, match=rf"layer '{self.program.name}'.*{message}"):
            yield
        assert accelerator.overlay.device.model.cycles - cycle < 3_000_000, "that took too long"
        self.check(accelerator)


def conv(channels: int, filters: int, kernel: int = 3, name: str = "conv", seed: int = 2, **rest: Any) -> Conv:
    rng = np.random.default_rng(seed)
    weights = random_weights(rng, (filters, channels, kernel, kernel), 0.4)
    pad = kernel // 2
    return Conv(name, weights, *random_parameters(rng, weights), padding=(pad, pad, pad, pad), **rest)


def make_cases() -> dict[str, Case]:
    """A layer of each kind, by name."""
    rng = np.random.default_rng(7)
    weights = random_weights(rng, (40, 8 * 6 * 6), 0.4)
    return {
        "conv": Case(conv(12, 20), (12, 12, 10)),  # two chunks, three producer strips, the last one full
        "stride2": Case(conv(3, 30, 5, "stride2", stride=2), (3, 15, 17), "int8"),  # the last producer strip is not full
        "strips": Case(conv(6, 40, name="strips"), (6, 16, 40)),  # the weights are read once for each of eight strips
        "fc": Case(FullyConnected("fc", weights, *random_parameters(rng, weights)), (8, 6, 6)),
    }


def packets(words: np.ndarray) -> list[np.ndarray]:
    """The packets of an activation stream, without END."""
    result, at = [], 0
    while int(words[at]) & 15 != KIND_END:
        length = 9 + sum(int(words[at]) >> 32 + 4 * i & 15 for i in range(8))
        result.append(words[at : at + length])
        at += length
    return result


def sealed(body: list[np.ndarray]) -> np.ndarray:
    """A stream of these packets with an END that is right for them."""
    words = np.concatenate([*body, np.empty(0, np.uint64)])
    return np.append(words, np.array([end_word(words)], dtype=np.uint64))
