"""Stages, layers and networks through the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from phantom import reference
from phantom.config import Config
from phantom.counters import CAUSES, Counters
from phantom.densities import channel_shares, stage_densities
from phantom.error_codes import explain
from phantom.errors import DeviceError, ShapeError
from phantom.layer import INPUT
from phantom.layout import Layout
from phantom.lower import lower
from phantom.network import FullyConnected, Layer, Network
from phantom.program import Program, compile_layer, compile_network
from phantom.run import by_name
from phantom.stage import Bundle
from phantom_sim.timing import Timing

from .arithmetic import effectual_pairs, stage_result
from .counters import FLAGS, STATES
from .layer_config import layer_record, tile_of_core
from .machine import DONE, ROW_BUFFER, run
from .state import new_state
from .written import row_counts, written_stream

ROW_BUFFER_ERROR, WATCHDOG_ERROR = 4, 8  # as the hardware numbers them
SEED = 1  # of results of which only the density is given


@dataclass(frozen=True)
class StageResult:
    """What the model has found.

    name: of the stage. cycles: as the hardware would count them. counters: all of its counters (`sampled` likewise scaled to all
    cores). multipliers: of the configuration. effectual: pairs of a nonzero weight and a nonzero activation, those of carried
    channels included.
    """

    name: str
    cycles: int
    counters: Counters
    multipliers: int
    effectual: int

    @property
    def utilisation(self) -> float:
        """Effectual multiplies a multiplier cycle."""
        return self.effectual / (self.multipliers * self.cycles)

    @property
    def stalls(self) -> dict[str, float]:
        """Fractions of the thread cycles that were lost, by cause (CAUSES)."""
        return {cause: self.counters.sampled[cause] / (self.multipliers * self.cycles) for cause in CAUSES}


def simulate_stage(
    program: Program,
    activations: np.ndarray,
    config: Config,
    timing: Timing | None = None,
    result: np.ndarray | float | None = None,
    stream: np.ndarray | None = None,
) -> StageResult:
    """Run a compiled stage through the model.

    Args:
        program: from compile_stage, compile_layer or compile_network, for `config`.
        activations: its input [C, H, W] of shape program.source.logical: values, or a mask (bool) when `result` is given.
        timing: of the memory; the configuration's clock and the board's memory if none is given.
        result: its result [C, H, W] of shape program.result.logical, values or a mask, or a density: then that share of
            it, chosen at random, is not zero. Computed if not given. The model has to know, because zeros are not written.
        stream: the input as a stream uint64 [n], as a stage before has written it (`written_stream`); by default as the host
            compresses it.

    Raises:
        ShapeError: an array does not fit the program. ConfigError: a configuration that the RTL could not be built for.
        DeviceError: the hardware would stop with an error, which the message explains.
    """
    if activations.shape != program.source.logical:
        raise ShapeError(f"stage {program.name!r}: an input of shape {activations.shape}; it reads {program.source.logical}")
    # A first stage may be folded: it reads other planes than it is given.
    source = activations.astype(program.source.dtype) if activations.dtype == bool else activations
    if source.shape != program.stage.source.shape:
        source = program.source.arrange(source).reshape(program.stage.source.shape)
    if result is None:
        if activations.dtype == bool:
            raise ShapeError(f"stage {program.name!r}: a mask says nothing about the result; give one (`result`), or values")
        result = stage_result(program.stage, source)
    elif not isinstance(result, np.ndarray):
        result = np.random.default_rng(SEED).random(program.result.logical) < result
    if stream is None:
        stream = program.source.compress(activations)
    layer, tile_of, state = layer_record(program, config), tile_of_core(program, config), new_state(config, program)
    timing = timing or Timing(clock_mhz=config.clock_mhz)
    state.ports["bytes_per_cycle"] = timing.bytes_per_cycle
    state.ports["latency"] = timing.latency
    state.ports["outstanding"] = timing.outstanding
    cycles, end = run(
        state, layer, tile_of, np.flatnonzero(tile_of >= 0), stream.view(np.int64), program.weights.view(np.int64),
        np.array(program.weight_streams, dtype=np.int64).T.copy(), program.result_words, row_counts(program, result),
    )  # fmt: skip
    if end != DONE:
        code = ROW_BUFFER_ERROR if end == ROW_BUFFER else WATCHDOG_ERROR
        raise DeviceError(f"stage {program.name!r}, cycle {cycles} of the model: {explain(code, program)}")
    found = state.counters[0]
    counters = Counters(
        cycles=int(cycles),
        macs=int(found["macs"]),
        **{name: int(count) for name, count in zip(FLAGS, found["flags"], strict=True)},
        sampled={name: int(count) * config.cores for name, count in zip(STATES, found["states"], strict=True)},
    )
    return StageResult(program.name, int(cycles), counters, config.multipliers, effectual_pairs(program.stage, source))


def simulate_layer(
    layer: Layer, activations: np.ndarray, config: Config, timing: Timing | None = None, density: float | None = None
) -> StageResult:
    """Compile a single layer for an input [C, H, W] (values, uint8 or int8) and run it through the model.

    `density`: what the compiler is told of the input; by default what it is. A fully connected layer gets a vector
    as another such layer would have written it. Raises as `simulate_stage`, and what the compiler raises.
    """
    channels, rows, cols = activations.shape
    if isinstance(layer, FullyConnected) and rows * cols == 1:
        source = Layout.vector(channels, activations.dtype)
    else:
        source = Layout.plain((channels, rows, cols), activations.dtype)
    share = np.count_nonzero(activations) / activations.size if density is None else density
    program = compile_layer(layer, source, config, share)
    return simulate_stage(program, activations, config, timing, reference.run_layer(layer, activations))


def simulate_network(
    network: Network, image: np.ndarray, config: Config, timing: Timing | None = None
) -> Iterator[StageResult]:
    """All stages of a network for one input [C, H, W], each fed with what the stage before it writes.

    The tensors are those of the reference; the compiler is told their densities. Raises as `simulate_stage`.
    """
    tensors = {INPUT: image, **by_name(network, reference.run(network, image))}
    stages = lower(network)
    programs = compile_network(network, config, stage_densities(stages, tensors), channels=channel_shares(stages, tensors))
    activations, stream = image, None
    for program in programs:
        result = joined(program.stage.result, tensors)
        yield simulate_stage(program, activations, config, timing, result, stream)
        stream = written_stream(program, result)
        activations = result


def joined(bundle: Bundle, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """A bundle of tensors, of the bundle's shape and type."""
    return np.concatenate([tensors[part.name].view(bundle.dtype) for part in bundle.parts])
