"""From the name of a configuration to a pynq.Overlay that runs in simulation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pynq import Overlay
from pynq.pl_server.device import Device

from phantom.config import Config, load_config
from phantom_sim import verilate
from phantom_sim.design import memory_ports, named_design, source_of
from phantom_sim.device import SimulatedDevice
from phantom_sim.hwh import write_overlay
from phantom_sim.timing import Timing


def make_device(config: str | verilate.Design, timing: Timing | None = None, **options: Any) -> SimulatedDevice:
    """Build (if needed) and start the simulation of a configuration.

    Args:
        config: name in overlay/configs.yaml, or a design of your own with the same ports.
        timing: clock, memory latency and bandwidth; the configuration's clock if none is given.
        options: those of SimulatedDevice; ``trace`` also makes the build one with tracing.
    """
    if isinstance(config, verilate.Design):
        design, timing = config, timing or Timing()
    else:
        sizes = load_config(config)
        design, timing = named_design(sizes), timing or Timing(clock_mhz=sizes.clock_mhz)
    library = verilate.build(design, trace=options.get("trace") is not None)
    ports = memory_ports(source_of(design.top, design.sources), design.parameters)
    write_overlay(bit_of(library), design.registers / "registers.json", design.parameters, timing.clock_mhz, tuple(ports))
    device = SimulatedDevice(library, timing, name=f"phantom_sim_{design.name}", **options)
    device.bit = bit_of(library)
    return device


def library_of(config: Config) -> Path:
    """The simulation's library for a configuration, built if needed."""
    return verilate.build(named_design(config))


def bit_of(library: Path) -> Path:
    """The (empty) bitstream that stands for a library; its .hwh is beside it."""
    return library.with_name("phantom.bit")


def board(config: str | verilate.Design = "tiny", timing: Timing | None = None, **options: Any) -> Overlay:
    """A loaded overlay on a new simulated device, which becomes PYNQ's active device.

    Arguments as for `make_device`. The overlay has ``phantom_0``, ``dma_act``, ``dma_wgt`` (and ``dma_wgt1``, with two weight
    ports); ``overlay.device`` is the SimulatedDevice (``overlay.device.model`` has cycles and memory traffic).
    """
    device = make_device(config, timing, **options)
    Device.active_device = device
    return Overlay(str(device.bit), device=device)
