"""Estimates of `phantom estimate` by the cycle model: each stage of a compiled network with its own weights.

The activations are those of an input, or drawn at random with the densities that the estimate by formula has; then they are
spread evenly, without the patches and uneven channels that real ones have. Nothing is said of stages that the model does not
take: these keep the formula's cycles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from phantom.config import Config
from phantom.densities import tensors_of
from phantom.errors import ConfigError, DeviceError
from phantom.estimate import MODEL, StageCycles, assumed_density
from phantom.layer import INPUT
from phantom.plan import Accelerated
from phantom.program import Program
from phantom.progress import progress
from phantom.run import as_images
from phantom.stage import Bundle
from phantom_sim.model import simulate_stage, written_stream
from phantom_sim.model.stage import joined

SEED = 1  # of what is drawn


def by_model(
    segment: Accelerated, config: Config, image: np.ndarray | None = None, warn: Callable[[str], None] = print
) -> tuple[StageCycles, ...]:
    """The figures of a segment with the model's cycles in them.

    Args:
        segment: with its network, as the compiler makes it (that of a compiled file has none).
        image: an input [C, H, W] or [N, C, H, W], of which the first counts. Without one, activations are drawn.
        warn: told why a stage keeps the formula's cycles.
    """
    assert segment.network is not None
    programs = [program for program in segment.stages if isinstance(program, Program)]
    if image is None:
        tensors = drawn(segment, programs)
    else:
        tensors = tensors_of(segment.network, as_images(segment.network, image)[0])
    found: list[StageCycles] = []
    activations, stream = tensors[INPUT], None
    steps = list(zip(programs, segment.figures, strict=True))
    for program, figures in progress(steps, f"cycle model of {segment.network.name}"):
        result = joined(program.stage.result, tensors)
        try:
            run = simulate_stage(program, activations, config, result=result, stream=stream)
        except (ConfigError, DeviceError) as error:
            warn(f"{program.name}: by formula, because the cycle model refuses: {error}")
            found.append(figures)
        else:
            bounds = {**figures.bounds, "multipliers": run.effectual / config.multipliers}
            cycles, pairs = float(run.cycles), float(run.effectual)
            found.append(replace(figures, cycles=cycles, bounds=bounds, macs_expected=pairs, method=MODEL, lost=run.stalls))
        activations, stream = result, written_stream(program, result)
    return tuple(found)


def drawn(segment: Accelerated, programs: list[Program]) -> dict[str, np.ndarray]:
    """Masks of all tensors, bool [C, H, W] by name.

    Each has the density that the estimate has for the first stage that reads or writes it: measured ones are known for a
    stage's tensors together, assumed ones for each of them.
    """
    assert segment.network is not None
    rng = np.random.default_rng(SEED)
    found = {INPUT: rng.random(segment.network.input_shape) < segment.figures[0].density}

    def draw(bundle: Bundle, density: float) -> None:
        for part in bundle.parts:
            if part.name not in found:
                share = density if segment.measured else assumed_density(part)
                found[part.name] = rng.random((part.stop - part.start, *bundle.plane)) < share

    for program, figures in zip(programs, segment.figures, strict=True):
        draw(program.stage.source, figures.density)
        draw(program.stage.result, figures.density_after)
    return found
