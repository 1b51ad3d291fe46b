"""What several commands have in common: options for device and configuration, and what follows from them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from .config import Config, load_config
from .devices import DEFAULT_CONFIG

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
