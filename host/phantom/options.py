"""What several commands have in common: options for device and configuration, and what follows from them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from .compiling import plan_of
from .config import Config, load_config
from .devices import DEFAULT_CONFIG
from .driver import PARAMETERS
from .errors import ConfigError, FormatError, ShapeError
from .files import load_network, network_path
from .input_note import plan_note
from .plan import Plan
from .run import as_images
from .shipped import MODEL, RUNNABLE

TIMEOUT = 600.0  # seconds that a layer may take; simulated time is slow
NETWORK = f"a network file (.npz), a quantised model (.onnx), or the name of one that comes along: {', '.join(RUNNABLE)}"


def device_options(parser: argparse.ArgumentParser, devices: Sequence[str], default: str = "rtl") -> None:
    """--device and --config."""
    shown = "rtl: the simulated design" + (" (default)" if default == "rtl" else f"; default: {default}")
    parser.add_argument("--device", choices=devices, default=default, help=shown)
    names = ", ".join(sorted({f"{name} on {device}" for device, name in DEFAULT_CONFIG.items() if device in devices}))
    parser.add_argument("--config", metavar="NAME", help=f"configuration of the hardware (default: {names})")


def config_of(options: argparse.Namespace) -> Config:
    """The configuration that is asked for, or the device's default."""
    return load_config(options.config or DEFAULT_CONFIG[options.device])


def config_for(mine: Config, file: str, name: str | None, device: str) -> Config:
    """The configuration `mine` that a compiled file is for.

    Raises ConfigError where another one is asked for by `name`, or known here by its own name, with other build parameters.
    """
    if name is None and device == "board":
        return mine  # the driver compares it with the hardware
    asked = load_config(name or mine.name)
    for parameter in PARAMETERS:
        if getattr(asked, parameter) != getattr(mine, parameter):
            raise ConfigError(
                f"{file} is compiled for configuration {mine.name!r}, {parameter} = {getattr(mine, parameter)}; "
                f"{asked.name!r} has {getattr(asked, parameter)}: compile it again with --config {asked.name}"
            )
    return asked


def fallback_option(parser: argparse.ArgumentParser) -> None:
    """--fallback."""
    shown = "host: what the hardware lacks is computed by ONNX Runtime, and the report says so; without this it is an error"
    parser.add_argument("--fallback", choices=["host"], help=shown)


def cut_model(name: str, config: Config, images: np.ndarray | None) -> Plan:
    """The plan of a model for accelerator and host; tiles are sized by the first image, where there is one."""
    path = network_path(name)
    if path.suffix.lower() != MODEL:
        raise FormatError(f"{name}: --fallback needs an ONNX model, of which the host can compute parts")
    from .onnx.fallback import cut
    from .onnx.graph import read

    graph = read(path)
    if images is None:
        return cut(graph, config)
    image = images if images.ndim == len(graph.input_shape) else images[0] if len(images) else images
    real = image.dtype.kind == graph.input_type.kind == "f"
    if image.shape != graph.input_shape or not (real or image.dtype == graph.input_type):
        raise ShapeError(
            f"the input is {images.dtype} of shape {images.shape}; model {name} takes {graph.input_type} of shape "
            f"{graph.input_shape}, or [N, ...] of them"
        )
    return cut(graph, config, image)


def compile_model(name: str, config: Config, images: np.ndarray | None, fallback: str | None) -> Plan:
    """The plan of a network or model; tiles are sized by the first image, where there is one, and how it is taken is said."""
    if fallback:
        plan = cut_model(name, config, images)
    else:
        network = load_network(name)
        plan = plan_of(network, config, None if images is None else as_images(network, images)[0])
    for line in [] if images is None else plan_note(plan, images):
        print(line)
    return plan
