"""From a network to a plan: everything that a device needs to run it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import network_file
from .config import Config
from .densities import channel_shares, shares, tensors_of, with_margin
from .estimate import assumed_densities, stage_cycles
from .layer import INPUT
from .lower import lower
from .network import Network
from .outline import outline_of
from .plan import Accelerated, Plan, Port
from .program import compile_stages

CHOICES = (1.0, 0.75, 0.5, 0.35, 0.25)  # densities of activations, the safest first


def accelerated(
    network: Network,
    config: Config,
    image: np.ndarray | None = None,
    tensor: str = INPUT,
    ports: Sequence[Port] | None = None,
) -> Accelerated:
    """Compile a network.

    Args:
        image: a typical input [C, H, W], by whose densities tiles are sized. Without one they are sized for dense activations
            or, stage by stage, where these do not fit, for the first density of CHOICES that does; `densities` of the result
            says which. The estimates are for the densities of the image, or for assumed ones (`estimate.assumed_densities`).
        tensor, ports: names of input and outputs in the model; by default those of the network.

    Raises:
        ShapeError: a layer does not fit, or cannot be scheduled.
    """
    if ports is None:
        scales, shapes = network.output_quantisation, dict(zip((layer.name for layer in network.layers), network.shapes()))
        ports = [Port(name, name, shapes[name], scales.get(name), name in scales) for name in network.outputs]
    outline = outline_of(network, network_file.checksum(network))
    stages = lower(network)
    if image is None:
        found, channels = assumed_densities(stages), None
        choices: list[Sequence[float]] = [[1.0], *[CHOICES] * (len(stages) - 1)]
    else:
        tensors = tensors_of(network, image)
        found, channels = shares(stages, tensors), channel_shares(stages, tensors)
        choices = [[density] for density in with_margin(found[:-1])]
    programs = compile_stages(network, stages, config, choices, channels=channels)
    densities = tuple(program.work.act_density for program in programs)
    figures = stage_cycles(programs, found, outline, config)
    return Accelerated(tensor, tuple(ports), outline, programs, densities, figures, image is not None, network)


def uncompiled(network: Network) -> Accelerated:
    """A segment without stages, for who only wants the reference of it, or compiles later."""
    return Accelerated(INPUT, (), outline_of(network), (), network=network)


def plan_of(network: Network, config: Config, image: np.ndarray | None = None) -> Plan:
    """The plan of a network that runs on the accelerator as a whole. Arguments and errors as for `accelerated`."""
    segment = accelerated(network, config, image)
    return Plan(network.name, segment.tensor, tuple(port.tensor for port in segment.ports), (segment,))
