"""What several commands have in common: options for device and configuration, and what follows from them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from .config import Config, load_config
from .devices import DEFAULT_CONFIG
from .errors import FormatError, ShapeError
from .files import network_path
from .plan import Plan

TIMEOUT = 600.0  # seconds that a layer may take; simulated time is slow
NETWORK = "a network file (.npz), a quantised model (.onnx), or the name of one that comes along: digits"


def device_options(parser: argparse.ArgumentParser, devices: Sequence[str], default: str = "rtl") -> None:
    """--device and --config."""
    shown = "rtl: the simulated design" + (" (default)" if default == "rtl" else f"; default: {default}")
    parser.add_argument("--device", choices=devices, default=default, help=shown)
    names = ", ".join(sorted({f"{name} on {device}" for device, name in DEFAULT_CONFIG.items() if device in devices}))
    parser.add_argument("--config", metavar="NAME", help=f"configuration of the hardware (default: {names})")


def config_of(options: argparse.Namespace) -> Config:
    """The configuration that is asked for, or the device's default."""
    return load_config(options.config or DEFAULT_CONFIG[options.device])


def fallback_option(parser: argparse.ArgumentParser) -> None:
    """--fallback."""
    shown = "host: what the hardware lacks is computed by ONNX Runtime, and the report says so; without this it is an error"
    parser.add_argument("--fallback", choices=["host"], help=shown)


def cut_model(name: str, config: Config, images: np.ndarray | None) -> Plan:
    """The plan of a model for accelerator and host; tiles are sized by the first image, where there is one."""
    path = network_path(name)
    if path.suffix.lower() != ".onnx":
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
