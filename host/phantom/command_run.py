"""`phantom run`: a network or a compiled file on a device, every layer checked and measured."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from . import phantom_file
from .answers import answer_line, read_labels
from .compiling import accelerated, uncompiled
from .config import Config
from .devices import DEVICES, open_overlay
from .driver import Accelerator
from .errors import FormatError
from .files import (
    check_outputs_file,
    check_picture,
    check_writable,
    load_network,
    named_outputs,
    network_path,
    read_images,
    write_document,
    write_outputs,
)
from .input_note import plan_note
from .layer import INPUT
from .optional import require
from .options import NETWORK, TIMEOUT, config_for, config_of, cut_model, device_options, fallback_option
from .phantom_file import SUFFIX
from .plan import Accelerated, Plan
from .references import with_networks
from .report import Report, plural, these
from .run import DeviceRunner, ReferenceRunner, Runner, as_images, run_network
from .run_plan import run_plan
from .selection import choose_layers
from .shipped import SOURCES


def add_parser(commands: Any) -> None:
    """The `run` command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "run",
        help="run a network and check and measure every layer",
        epilog="`phantom info` says what the columns of the table and the causes under `lost to` mean.",
    )
    parser.add_argument("network", metavar="NETWORK", help=f"{NETWORK}; or a compiled file ({SUFFIX})")
    parser.add_argument("--input", metavar="X.npy", help="images [C, H, W] or [N, C, H, W]; digits has its own")
    parser.add_argument("--images", type=int, metavar="N", help="only the first N images")
    parser.add_argument("--labels", metavar="L.npy", help="integers, the class of every image of --input: for the accuracy")
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
    fallback_option(parser)
    parser.set_defaults(action=command)


def command(options: argparse.Namespace) -> None:
    """Run `phantom run`."""
    _check_files(options)
    plan, config = _plan(options)
    check_outputs_file(options.output, plan.outputs)
    images, labels = _images(options, plan)
    check = _check(options, all(segment.network for segment in plan.accelerated))
    known = [layer.name for segment in plan.accelerated for layer in segment.outline.layers]
    chosen = choose_layers(options.layers, known)
    only = plan.alone
    note = plan_note(plan, images) if options.input else []
    if only is not None:
        images = as_images(only.outline, images)
        runner = runner_on(options.device, only, config, images[0])
        outcome = run_network(only.network or only.outline, config, options.device, runner, images, labels, check, chosen)
        report, named = outcome.report, named_outputs(only.outline, outcome.results)
    else:
        runners = [runner_on(options.device, segment, config) for segment in plan.accelerated]
        images = images[None] if images.ndim == 3 else images
        found = run_plan(plan, config, options.device, runners, images, check, chosen, labels)
        report, named = found.report, found.results
    print("\n".join(note), end="\n" if note else "")
    _say(report, list(named.values()) if options.input else [])
    if not all(segment.network for segment in plan.accelerated):
        print(f"not compared: a {SUFFIX} file holds no network; --reference MODEL compares with the model that it was made from")
    if options.output:
        write_outputs(options.output, named)
    if options.json:
        write_document(options.json, report.document())
    if options.plot:
        from .plot import plot

        plot(report, options.plot)


def _check_files(options: argparse.Namespace) -> None:
    """Find out before the long work what cannot be read or written after it."""
    network_path(options.network, (*SOURCES, SUFFIX))
    check_writable(options.output, options.json, options.plot)
    check_picture(options.plot)
    if options.plot and options.device == "reference":
        raise FormatError("--plot draws cycles, and device reference counts no cycles; choose --device rtl or board")
    if options.plot:
        require("matplotlib")
    if options.labels and not options.input:
        raise FormatError("--labels goes with --input: the images of a network that comes along have labels of their own")


def _images(options: argparse.Namespace, plan: Plan) -> tuple[np.ndarray, np.ndarray | None]:
    """Images and labels, the first of them where that is asked for."""
    images, labels = read_images(options)
    if options.labels:
        everything = read_images(argparse.Namespace(input=options.input, network=options.network, images=None))[0]
        count = 1 if everything.ndim == 3 else len(everything)
        shape = None if plan.alone is None else plan.alone.outline.layer(plan.alone.outline.outputs[0]).shape
        labels = read_labels(options.labels, count, plan.outputs, shape)
        labels = labels if options.images is None else labels[: options.images]
    return images, labels


def _plan(options: argparse.Namespace) -> tuple[Plan, Config]:
    """What is to run. What was not compiled yet, and needs no cutting, is left to `runner_on`."""
    if options.network.endswith(SUFFIX):
        compiled = phantom_file.load(options.network)
        plan = compiled.plan
        if options.reference:
            plan = with_networks(plan, options.network, options.reference)
        return plan, config_for(compiled.config, options.network, options.config, options.device)
    if options.reference:
        raise FormatError(f"--reference goes with a {SUFFIX} file; {options.network} is compared with itself")
    config = config_of(options)
    if options.fallback:
        return cut_model(options.network, config, read_images(options)[0]), config
    network = load_network(options.network)
    return Plan(network.name, INPUT, tuple(network.outputs), (uncompiled(network),)), config


def _say(report: Report, results: list[np.ndarray]) -> None:
    """The report; of `results`, the outputs, what they say about the images."""
    print(report.table())
    answer = answer_line(results)
    if answer is not None:
        print(answer)
    if report.accuracy is not None:
        right = round(report.accuracy * report.images)
        print(f"accuracy: {right} of {plural(report.images, 'image')}, {report.accuracy:.2%}")
    if report.bit_exact:
        print(f"bit-exact: {these(report)} equal the reference in every value")


def _check(options: argparse.Namespace, possible: bool) -> bool:
    """Whether to compare. Raises FormatError where that is asked for, or the reference is, and there is no network for it."""
    if possible:
        return options.device != "reference" if options.check is None else bool(options.check)
    if options.device == "reference" or options.check:
        raise FormatError(
            f"{options.network} holds no network that the reference could compute; name the model that it was made from: "
            f"--reference MODEL.onnx"
        )
    return False


def runner_on(device: str, segment: Accelerated, config: Config, image: np.ndarray | None = None) -> Runner:
    """A runner on a device; what is not compiled yet is compiled for the densities that `image` brings about."""
    network, stages = segment.network, segment.stages
    if device == "reference":
        assert network is not None
        return ReferenceRunner(network)
    if not stages:  # before the device: what cannot run should say so at once
        assert network is not None
        stages = accelerated(network, config, image).stages
    return DeviceRunner(Accelerator(open_overlay(device, config), config, timeout=TIMEOUT), stages)
