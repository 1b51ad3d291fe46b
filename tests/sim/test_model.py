"""The cycle model against the RTL: random layers of every kind, stage by stage, cycles and every counter.

Each stage of the model gets the stream that the RTL got. What the model has to say of values (results, streams) is compared, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pytest
from graphs_for_tests import random_graph
from hypothesis import example, given
from hypothesis import strategies as st
from simulated_board import RANKS, SEEDS, SimulatedBoard, few

from phantom.config import Config, load_config
from phantom.counters import Counters
from phantom.driver import expand_result
from phantom.effectual import effectual_macs
from phantom.errors import ConfigError, ShapeError
from phantom.network import Conv, FullyConnected, Layer, MaxPool, Network
from phantom.program import Program, compile_network
from phantom.run import DeviceRunner
from phantom.selftest import random_parameters, random_weights
from phantom_sim.model import StageResult, Timing, simulate_layer, simulate_network, simulate_stage, written_stream
from phantom_sim.model.arithmetic import effectual_pairs, stage_result

# What a stage may be off by, and the share of stages that may be off at all: the LAM's lanes look at the room of a tile of long
# ago while they have no token; at the start that is one of the layer before. All others are equal in every cycle and every
# counter, so that no rule of the model that is wrong hides in what is allowed.
SLACK = 8
PARTS = 0.01
INEXACT = 0.01
EXACT = ("macs", "act_words", "wgt_words", "out_words")  # what does not depend on time

# All lanes of the LAM, both of its readers, two weight streams.
CONFIG = load_config(os.environ.get("CONFIG", "middle"))
DENSITIES = st.sampled_from([0.1, 0.4, 1.0])
MEMORY = Timing(clock_mhz=CONFIG.clock_mhz)


@dataclass(frozen=True)
class Ran:
    """A stage as the RTL ran it."""

    program: Program
    stream: np.ndarray
    written: np.ndarray
    counters: Counters


class Recorder(DeviceRunner):
    """Keeps the streams of every stage."""

    kept: list[Ran]

    def run_stage(self, number: int, source: Any, words: int) -> tuple[Any, int, Counters]:
        stream = np.array(source[:words])
        result, count, events = super().run_stage(number, source, words)
        self.kept.append(Ran(self.programs[number], stream, np.array(result[:count]), events))
        return result, count, events


class Board(SimulatedBoard):
    """Compares the model with what it measures."""

    runner = Recorder
    config = CONFIG

    def __init__(self) -> None:
        super().__init__()
        self.stages: list[str] = []  # how each differs from the RTL

    def run(self, network: Network, image: np.ndarray, rank: int = 0) -> list[StageResult]:
        """All stages of a network through both."""
        Recorder.kept = []
        self.outputs(network, image, rank)
        assert Recorder.kept
        found = []
        activations = image
        for ran in Recorder.kept:
            result = expand_result(ran.program.result, ran.written, len(ran.written))
            found.append(simulate_stage(ran.program, activations, CONFIG, MEMORY, stream=ran.stream))
            self.stages.append(compare(found[-1].counters, ran.counters, ran.program.name))
            assert np.array_equal(written_stream(ran.program, result), ran.written)
            activations = result
        return found


def compare(model: Counters, rtl: Counters, name: str) -> str:
    """Every counter, within what is allowed; in words what is not equal."""
    off = []
    for field in fields(Counters):
        if field.name == "sampled":
            continue
        ours, theirs = getattr(model, field.name), getattr(rtl, field.name)
        allowed = 0 if field.name in EXACT else SLACK + PARTS * (theirs if field.name == "cycles" else rtl.cycles)
        assert abs(ours - theirs) <= allowed, f"{name}: {field.name} is {ours}, of the RTL {theirs} ({rtl})"
        if ours != theirs:
            off.append(f"{field.name} {ours - theirs:+}")
    for cause, theirs in rtl.sampled.items():
        allowed = SLACK * CONFIG.multipliers + PARTS * theirs
        assert abs(model.sampled[cause] - theirs) <= allowed, f"{name}: {cause} is {model.sampled[cause]}, of the RTL {theirs}"
        if model.sampled[cause] != theirs:
            off.append(f"{cause} {model.sampled[cause] - theirs:+}")
    return f"{name}: {', '.join(off)}" if off else ""


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    pytest.importorskip("pynq")
    pytest.importorskip("numba")
    result = Board()
    yield result
    result.close()
    off = [stage for stage in result.stages if stage]
    assert len(off) <= INEXACT * len(result.stages), f"of {len(result.stages)} stages {len(off)} are not equal: {off}"


def conv(rng: np.random.Generator, channels: int, filters: int, kernel: tuple[int, int], density: float, **rest: object) -> Conv:
    weights = random_weights(rng, (filters, channels // rest.get("channel_groups", 1), *kernel), density)  # type: ignore[call-overload]
    return Conv("layer", weights, *random_parameters(rng, weights), **rest)  # type: ignore[arg-type]


def image_of(rng: np.random.Generator, shape: tuple[int, ...], density: float, dtype: str = "uint8") -> np.ndarray:
    info = np.iinfo(dtype)
    image = rng.integers(info.min, info.max + 1, shape)
    image[image == 0] = 1
    image[rng.random(shape) >= density] = 0
    return image.astype(dtype)


def one(layer: Layer, image: np.ndarray) -> Network:
    return Network("random", image.shape, image.dtype, [layer])  # type: ignore[arg-type]


@few(15)
@given(
    seed=SEEDS, kernel=st.tuples(st.integers(1, 7), st.integers(1, 7)), stride=st.sampled_from([1, 2]),
    densities=st.tuples(DENSITIES, DENSITIES), dtype=st.sampled_from(["uint8", "int8"]), rank=RANKS,
)  # fmt: skip
@example(seed=1, kernel=(7, 7), stride=1, densities=(0.4, 0.4), dtype="uint8", rank=0)
@example(seed=2, kernel=(3, 3), stride=2, densities=(1.0, 1.0), dtype="int8", rank=0)
@example(seed=3, kernel=(1, 1), stride=1, densities=(0.4, 0.4), dtype="uint8", rank=0)
def test_convolutions(
    board: Board, seed: int, kernel: tuple[int, int], stride: int, densities: tuple[float, float], dtype: str, rank: int
) -> None:
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 30)), int(rng.integers(kernel[0], 16)), int(rng.integers(kernel[1], 20)))
    pads = tuple(int(n) for n in rng.integers(0, 4, 4))
    layer = conv(rng, shape[0], int(rng.integers(1, 60)), kernel, densities[0], stride=stride, padding=pads)
    image = image_of(rng, shape, densities[1], dtype)
    board.run(one(layer, image), image, rank)


@few(6)
@given(seed=SEEDS, width=st.integers(50, 130), stride=st.sampled_from([1, 2]), density=DENSITIES, rank=RANKS)
def test_wide_images(board: Board, seed: int, width: int, stride: int, density: float, rank: int) -> None:
    """Several segments a row, and tiles side by side."""
    rng = np.random.default_rng(seed)
    image = image_of(rng, (int(rng.integers(1, 6)), int(rng.integers(3, 9)), width), density)
    layer = conv(rng, image.shape[0], int(rng.integers(1, 24)), (3, 3), 0.4, stride=stride, padding=(1, 1, 1, 1))
    board.run(one(layer, image), image, rank)


@few(6)
@given(seed=SEEDS, kernel=st.sampled_from([1, 3, 5]), stride=st.sampled_from([1, 2]), density=DENSITIES, rank=RANKS)
def test_depthwise_convolutions(board: Board, seed: int, kernel: int, stride: int, density: float, rank: int) -> None:
    rng = np.random.default_rng(seed)
    image = image_of(rng, (int(rng.integers(2, 40)), *(int(n) for n in rng.integers(kernel, 14, 2))), density)
    channels, pad = image.shape[0], (kernel // 2,) * 4
    layer = conv(rng, channels, channels, (kernel, kernel), 0.6, stride=stride, padding=pad, channel_groups=channels)
    board.run(one(layer, image), image, rank)


@few(8)
@given(seed=SEEDS, pool=st.sampled_from([(3, 2, 1), (2, 1, 1), (3, 2, 0), (2, 2, 0)]), density=DENSITIES, rank=RANKS)
@example(seed=4, pool=(3, 2, 1), density=1.0, rank=1)  # rows are kept for the tile below
@example(seed=5, pool=(2, 1, 1), density=0.4, rank=1)
def test_maximum_pooling(board: Board, seed: int, pool: tuple[int, int, int], density: float, rank: int) -> None:
    rng = np.random.default_rng(seed)
    image = image_of(rng, (int(rng.integers(1, 9)), int(rng.integers(8, 30)), int(rng.integers(8, 60))), density)
    size, step, pad = pool
    layer = conv(rng, image.shape[0], int(rng.integers(1, 64)), (3, 3), 0.5, padding=(1, 1, 1, 1))
    network = Network("random", image.shape, image.dtype, [layer, MaxPool("pool", (size, size), step, (pad,) * 4)])
    board.run(network, image, rank)
    (ran,) = Recorder.kept
    result = expand_result(ran.program.result, ran.written, len(ran.written))
    assert np.array_equal(result, stage_result(ran.program.stage, image))


@few(8)
@given(seed=SEEDS, densities=st.tuples(DENSITIES, DENSITIES), vector=st.booleans())
def test_fully_connected_layers(board: Board, seed: int, densities: tuple[float, float], vector: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 500)), 1, 1) if vector else tuple(int(n) for n in rng.integers(1, (20, 9, 9)))
    weights = random_weights(rng, (int(rng.integers(1, 80)), int(np.prod(shape))), densities[0])
    layer = FullyConnected("layer", weights, *random_parameters(rng, weights))
    image = image_of(rng, shape, densities[1])
    board.run(one(layer, image), image)


@few(10)
@given(seed=SEEDS, rank=RANKS)
@example(seed=34091, rank=173)  # once too large for the row buffer: packets of two positions, whose words are not half full
def test_graphs(board: Board, seed: int, rank: int) -> None:
    """Additions, carried tensors, concatenations, maximum pooling; each stage reads what the one before has written."""
    network = random_graph(seed, most=5)
    try:
        board.run(network, image_of(np.random.default_rng(seed), network.input_shape, 0.6, network.input_dtype.name), rank)
    except ShapeError as error:  # a bundle of many channels: tiny has a row buffer of 16 KiB
        assert "does not fit" in str(error)


def test_every_cause_is_met(board: Board) -> None:
    """Larger layers, limited by each of them in turn, and equal in everything."""
    rng = np.random.default_rng(7)
    found = []
    for channels, filters, size, kernel, weights, activations in (
        (24, 32, 12, 3, 0.5, 0.6),  # fetch, hazards
        (64, 16, 10, 1, 0.3, 0.5),  # the LAM
        (3, 96, 14, 3, 0.6, 1.0),  # the drain and the output
        (96, 64, 3, 3, 0.5, 0.3),  # weights
        (40, 8, 28, 3, 0.3, 1.0),  # the row buffer
    ):
        image = image_of(rng, (channels, size, size), activations)
        layer = conv(rng, channels, filters, (kernel, kernel), weights, padding=(kernel // 2,) * 4)
        found += board.run(one(layer, image), image)
    assert not any(board.stages[-5:]), board.stages[-5:]
    assert found[-1].counters.row_buffer_full > found[-1].cycles // 4
    total = {cause: sum(result.counters.sampled[cause] for result in found) for cause in found[0].counters.sampled}
    assert all(total.values()), total


# --- without the RTL ------------------------------------------------------------------------------------------------------------


def test_values_of_a_stage() -> None:
    """The model's own arithmetic is that of the reference, for networks with everything in them."""
    from phantom import reference
    from phantom.layer import INPUT
    from phantom.run import by_name
    from phantom_sim.model.stage import joined

    pairs = stages = 0
    for seed in range(12):
        network = random_graph(seed, most=5)
        image = image_of(np.random.default_rng(seed), network.input_shape, 0.6, network.input_dtype.name)
        tensors = {INPUT: image, **by_name(network, reference.run(network, image))}
        try:
            programs = compile_network(network, CONFIG)
        except ShapeError:
            continue
        for program in programs[1:]:
            stage = program.stage
            source = joined(stage.source, tensors)
            assert np.array_equal(stage_result(stage, source), joined(stage.result, tensors)), (seed, stage.name)
            stages += 1
            if len(stage.layers) == 1 and len(stage.result.parts) == 1 and isinstance(stage.layers[0], Conv | FullyConnected):
                (name,) = [part.name for part in stage.source.parts][:1] or [""]
                if len(stage.source.parts) == 1 and len(set(stage.k * 2**40 + stage.at * 2**10 + stage.tap)) == len(stage.k):
                    assert effectual_pairs(stage, source) == effectual_macs(stage.layers[0], tensors[name])
                    pairs += 1
    assert stages > 20 and pairs > 2


def test_a_layer_and_a_network_alone() -> None:
    pytest.importorskip("numba")
    rng = np.random.default_rng(5)
    image = image_of(rng, (5, 9, 9), 0.5)
    layer = conv(rng, 5, 20, (3, 3), 0.4, padding=(1, 1, 1, 1))
    alone = simulate_layer(layer, image, CONFIG)
    assert 0 < alone.utilisation < 1
    assert alone.counters.macs >= alone.effectual == effectual_macs(layer, image)
    (same,) = simulate_network(one(layer, image), image, CONFIG)
    assert same.counters.macs == alone.counters.macs
    slow = simulate_layer(layer, image, CONFIG, Timing(clock_mhz=100, latency=300, port_mb_per_s=80))
    assert slow.cycles > 1.5 * alone.cycles


def test_a_mask_is_enough_when_the_result_is_given() -> None:
    pytest.importorskip("numba")
    rng = np.random.default_rng(6)
    image = image_of(rng, (5, 9, 9), 0.5)
    (program,) = compile_network(one(conv(rng, 5, 20, (3, 3), 0.4), image), CONFIG)
    values = simulate_stage(program, image, CONFIG)
    result = stage_result(program.stage, image)
    assert simulate_stage(program, image != 0, CONFIG, result=result != 0).counters == values.counters
    share = np.count_nonzero(result) / result.size
    assert abs(simulate_stage(program, image != 0, CONFIG, result=share).cycles - values.cycles) < 0.02 * values.cycles
    with pytest.raises(ShapeError, match="a mask says nothing about the result"):
        simulate_stage(program, image != 0, CONFIG)
    with pytest.raises(ShapeError, match=r"an input of shape \(5, 9, 8\)"):
        simulate_stage(program, image[:, :, 1:], CONFIG)
    with pytest.raises(ShapeError, match="a result of shape"):
        simulate_stage(program, image, CONFIG, result=result[1:])


def test_a_configuration_that_the_rtl_refuses() -> None:
    pytest.importorskip("numba")
    rng = np.random.default_rng(6)
    image = image_of(rng, (5, 9, 9), 0.5)
    (program,) = compile_network(one(conv(rng, 5, 20, (3, 3), 0.4), image), CONFIG)
    sizes = {field.name: getattr(CONFIG, field.name) for field in fields(Config)}
    with pytest.raises(ConfigError, match="lf = 32; the RTL is laid out for 16"):
        simulate_stage(program, image, Config(**{**sizes, "lf": 32}))
