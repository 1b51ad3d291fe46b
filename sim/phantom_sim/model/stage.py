"""A stage or a layer through the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phantom.config import Config
from phantom.counters import Counters
from phantom.program import Program
from phantom_sim.rtl import Timing

from .counters import FLAGS, STATES
from .layer_config import layer_record, tile_of_core
from .machine import run
from .nonzeros import row_counts
from .state import new_state


@dataclass(frozen=True)
class StageResult:
    cycles: int
    counters: Counters


def simulate_stage(program: Program, activations: np.ndarray, result: np.ndarray, config: Config, timing: Timing | None = None) -> StageResult:
    timing = timing or Timing(clock_mhz=config.clock_mhz)
    layer = layer_record(program, config)
    state = new_state(layer)
    state.ports["bytes_per_cycle"] = timing.bytes_per_cycle
    state.ports["latency"] = timing.latency
    state.ports["outstanding"] = timing.outstanding
    act = (activations if activations.dtype==np.uint64 else program.source.compress(activations)).view(np.int64)
    tile_of = tile_of_core(program, config)
    cycles, end = run(state, layer, tile_of, np.flatnonzero(tile_of >= 0), act, program.weights.view(np.int64), program.result_words, row_counts(program.result, result))
    c = state.counters[0]
    counters = Counters(cycles=int(cycles), macs=int(c["macs"]), **{n: int(v) for n, v in zip(FLAGS, c["flags"])},
        sampled={n: int(v) * config.cores for n, v in zip(STATES, c["states"])})
    return StageResult(int(cycles), counters), end
