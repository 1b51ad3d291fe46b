"""Our design's cycles of a layer given by its masks: the one place where the evaluation meets our cycle models.

METHOD says which model it is, and goes into every table and document: the cycle model (docs/cycle-model.md), which is the RTL
without its values. It is given the layer's masks; all nonzero weights are 1, and of the result only the density is known. A
memory port moves 8 bytes a cycle at most, however fast the memory is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from phantom.config import Config
from phantom.errors import PhantomError
from phantom.fold import fold_stride
from phantom.layout import Layout
from phantom.lower import lower
from phantom.network import Conv, FullyConnected, Layer, Network
from phantom.program import Program, compile_stage
from phantom.segments import LANES, MAX_CHUNKS
from phantom.tiling import SPARE_WORDS, UNEVEN
from phantom_sim.model import StageResult, Timing, simulate_stage
from phantom_sim.rivals.design import Cost
from phantom_sim.workloads.layer import LayerMasks

NAME = "ours"
METHOD = "cycle model"
IMAGE_CHANNELS = 4  # what has at most so many is an image, whose stride the host folds away


def memory_ports(config: Config) -> int:
    """Memory ports: one for activations, one for results, and one for each weight stream."""
    return 2 + config.weight_ports


def with_mesh(config: Config, rows: int, cols: int, **sizes: Any) -> Config:
    """The configuration with a mesh of another size, and other sizes. Raises ConfigError for impossible ones."""
    return replace(config, rows=rows, cols=cols, weight_ports=max(1, min(config.weight_ports, cols)), **sizes)


def simulated(layer: LayerMasks, config: Config, port_bytes: float) -> StageResult:
    """The layer on our hardware, each of whose memory ports moves `port_bytes` a cycle.

    Raises PhantomError where the hardware does not take the layer, or the model not the configuration.
    """
    program = compiled(layer, config)
    timing = Timing(clock_mhz=config.clock_mhz, port_mb_per_s=port_bytes * config.clock_mhz)
    mask = layer.activations.reshape(program.source.logical)
    return simulate_stage(program, mask, config, timing, layer.out_density)


def compiled(layer: LayerMasks, config: Config) -> Program:
    """The layer as a program, all nonzero weights 1. Raises PhantomError where the hardware does not take it."""
    channels, height, width = layer.activations.shape
    shape = (channels, height, width)
    flat = Layout.vector(shape[0], np.dtype(np.uint8)) if shape[1:] == (1, 1) and shape[0] > LANES * MAX_CHUNKS else None
    room = config.row_buffer_words - SPARE_WORDS
    source = flat or Layout.as_written(shape, np.dtype(np.uint8), layer.act_density + UNEVEN, room)
    (stage,) = lower(Network(layer.name, source.logical, source.dtype, [_quantised(layer)]))
    if shape[0] <= IMAGE_CHANNELS:
        folded = fold_stride(stage)
        if folded is not None:
            stage, source = folded
    return compile_stage(stage, source, config, layer.act_density)


def _quantised(layer: LayerMasks) -> Layer:
    filters = layer.filters
    bias, multiplier, sel = np.zeros(filters, np.int64), np.ones(filters, np.int64), np.zeros(filters, np.int64)
    weights = layer.weights.view(np.int8)
    if layer.connected:
        return FullyConnected(layer.name, weights.reshape(filters, -1), bias, multiplier, sel)
    return Conv(
        layer.name,
        weights,
        bias,
        multiplier,
        sel,
        stride=layer.stride,
        padding=layer.padding,
        channel_groups=layer.groups,
        dilation=layer.dilation,
    )


def taken(layer: LayerMasks, config: Config, port_bytes: float) -> tuple[Cost | None, str]:
    """Cycles, and what the multipliers' other cycles were lost to; or None, and why the hardware does not take the layer."""
    try:
        found = simulated(layer, config, port_bytes)
    except PhantomError as error:
        return None, str(error)
    return Cost(found.cycles, found.stalls), ""
