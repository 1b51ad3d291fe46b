"""`phantom run`: a network or a compiled file on a device, every layer checked and measured."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import network_file, phantom_file
from .compiling import plan_of
from .config import Config, load_config
from .devices import DEVICES, open_overlay
from .driver import PARAMETERS, Accelerator
from .errors import ConfigError, FormatError, MismatchError
from .executable import Executable
from .files import check_outputs_file, check_writable, load_network, read_images, write_document, write_outputs
from .network import Network
from .options import NETWORK, TIMEOUT, config_of, device_options
from .outline import Outline
from .phantom_file import SUFFIX, Compiled
from .run import DeviceRunner, ReferenceRunner, Runner, as_images, run_network
from .selection import choose_layers


def add_parser(commands: Any) -> None:
    """The `run` command."""
    parser: argparse.ArgumentParser = commands.add_parser("run", help="run a network and check and measure every layer")
    parser.add_argument("network", metavar="NETWORK", help=f"{NETWORK}; or a compiled file ({SUFFIX})")
    parser.add_argument("--input", metavar="X.npy", help="images [C, H, W] or [N, C, H, W]; digits has its own")
    parser.add_argument("--images", type=int, metavar="N", help="only the first N images")
    parser.add_argument("--output", metavar="Y.npy", help="write the output, [N, K, H, W]; several outputs as .npz")
    device_options(parser, DEVICES)
    shown = "report and check these only: names or patterns, with commas between: conv1,'layer2.*'"
    parser.add_argument("--layers", metavar="NAMES", help=shown)
    parser.add_argument("--json", metavar="FILE", help="write the measurements")
    parser.add_argument("--plot", metavar="FILE.png", help="draw the measurements (needs matplotlib)")
    parser.add_argument(
        "--check",
        action=argparse.BooleanOptionalAction,
        help="compare every layer's output with the reference (default: yes, except on the reference itself)",
    )
    shown = f"the model that a {SUFFIX} file was made from, to compare with: it holds none itself"
    parser.add_argument("--reference", metavar="MODEL", help=shown)
    parser.set_defaults(action=command)


def command(options: argparse.Namespace) -> None:
    """Run `phantom run`."""
    check_writable(options.output, options.json, options.plot)
    compiled = phantom_file.load(options.network) if options.network.endswith(SUFFIX) else None
    config = config_of(options) if compiled is None else _config_for(compiled, options)
    network: Network | Outline
    stages: Sequence[Executable] | None = None
    if compiled is None:
        if options.reference:
            raise FormatError(f"--reference goes with a {SUFFIX} file; {options.network} is compared with itself")
        network = load_network(options.network)
    else:
        segment = compiled.plan.accelerated[0]
        network, stages = _reference(options, segment.outline), segment.stages
    check = _check(options, network)
    chosen = choose_layers(options.layers, [layer.name for layer in network.layers])
    images, labels = read_images(options)
    images = as_images(network, images)
    check_outputs_file(options.output, network)
    runner = runner_on(options.device, network, config, images[0], stages)
    outcome = run_network(network, config, options.device, runner, images, labels, check, chosen)

    report = outcome.report
    print(report.table())
    if report.accuracy is not None:
        right = round(report.accuracy * report.images)
        print(f"accuracy: {right} of {report.images} images, {report.accuracy:.2%}")
    if report.bit_exact:
        print(f"bit-exact: all {len(report.layers)} layers equal the reference in every value")
    if isinstance(network, Outline):
        print(f"not compared: a {SUFFIX} file holds no network; --reference MODEL compares with the model that it was made from")
    if options.output:
        write_outputs(options.output, network, outcome.results)
    if options.json:
        write_document(options.json, report.document())
    if options.plot:
        from .plot import plot

        plot(report, options.plot)


def _config_for(compiled: Compiled, options: argparse.Namespace) -> Config:
    """The configuration that a file is for. Raises ConfigError where another one is asked for, or known by its name."""
    mine = compiled.config
    if options.config is None and options.device == "board":
        return mine  # the driver compares it with the hardware
    asked = load_config(options.config or mine.name)
    for name in PARAMETERS:
        if getattr(asked, name) != getattr(mine, name):
            raise ConfigError(
                f"{options.network} is compiled for configuration {mine.name!r}, {name} = {getattr(mine, name)}; {asked.name!r} "
                f"has {getattr(asked, name)}: compile it again with --config {asked.name}"
            )
    return asked


def _reference(options: argparse.Namespace, outline: Outline) -> Network | Outline:
    """The network that a file was made from, where it is given; else the outline."""
    if not options.reference:
        return outline
    network = load_network(options.reference)
    if network_file.checksum(network) != outline.checksum:
        raise MismatchError(f"{options.network} was not made from {options.reference}: compile that, or name the right one")
    return network


def _check(options: argparse.Namespace, network: Network | Outline) -> bool:
    """Whether to compare. Raises FormatError where that is asked for, or the reference is, and there is no network for it."""
    if isinstance(network, Outline):
        if options.device == "reference" or options.check:
            raise FormatError(
                f"{options.network} holds no network that the reference could compute; name the model that it was made from: "
                f"--reference MODEL.onnx"
            )
        return False
    return options.device != "reference" if options.check is None else bool(options.check)


def runner_on(
    device: str, network: Network | Outline, config: Config, image: np.ndarray, stages: Sequence[Executable] | None = None
) -> Runner:
    """A runner on a device; what is not compiled yet is compiled for the densities that `image` brings about."""
    if device == "reference":
        assert isinstance(network, Network)
        return ReferenceRunner(network)
    if stages is None:  # before the device: what cannot run should say so at once
        assert isinstance(network, Network)
        stages = plan_of(network, config, image).accelerated[0].stages
    return DeviceRunner(Accelerator(open_overlay(device, config), config, timeout=TIMEOUT), stages)
