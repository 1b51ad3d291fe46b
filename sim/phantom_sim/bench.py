"""Layers of real size with random masks at given densities, through the RTL, compared bit for bit: `phantom bench`.

Each layer is run with the densities of weights and input activations that were published for it, or chosen; the masks are
uniformly random, with a fixed seed. For the fully connected layer the weight stream is what limits, so the share of its
bandwidth that was used is given, too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from phantom import reference
from phantom.check import check_equal
from phantom.config import Config, load_config
from phantom.driver import Accelerator, expand_result
from phantom.layout import Layout
from phantom.measuring import measure, together
from phantom.network import Conv, FullyConnected, Layer
from phantom.program import compile_layer
from phantom.progress import progress
from phantom.quantise import multipliers_of
from phantom.report import Report

SEED = 2021


@dataclass(frozen=True)
class Case:
    """A layer: input shape [C, H, W], filters, kernel, stride, padding; densities of weights and activations in percent."""

    name: str
    shape: tuple[int, int, int]
    filters: int
    kernel: int
    weights: int
    activations: int
    stride: int = 1
    fully_connected: bool = False


CASES = (
    Case("conv1_1", (3, 224, 224), 64, 3, 58, 100),
    Case("conv3_2", (256, 56, 56), 256, 3, 24, 68),
    Case("conv5_1", (512, 14, 14), 512, 3, 35, 34),
    Case("pointwise", (512, 14, 14), 512, 1, 30, 60),
    Case("stride2", (128, 56, 56), 128, 3, 30, 50, stride=2),
    Case("fc7", (4096, 1, 1), 4096, 1, 4, 38, fully_connected=True),
    Case("dense", (128, 28, 28), 128, 3, 100, 100),
)


def nonzeros(rng: np.random.Generator, shape: tuple[int, ...], percent: int, low: int, high: int) -> np.ndarray:
    """Integers within low..high: a random selection of exactly `percent` of them is not zero."""
    values = rng.integers(low, high + 1, shape)
    values[values == 0] = high
    flat = values.reshape(-1)
    flat[rng.permutation(flat.size)[round(flat.size * percent / 100) :]] = 0
    return values


def make(case: Case) -> tuple[Layer, np.ndarray]:
    """The layer of a case and its input (uint8), the same at every call."""
    rng = np.random.default_rng([SEED, *case.name.encode()])
    image = nonzeros(rng, case.shape, case.activations, 1, 255).astype(np.uint8)
    channels = case.shape[0]
    taps = channels * case.kernel**2
    # A scale that spreads the results over the 8 bits: their standard deviation is about 60.
    sigma = np.sqrt(taps * case.weights / 100 * case.activations / 100) * 73 * 147
    multiplier, sel = multipliers_of(np.full(case.filters, 60 / sigma))
    bias = rng.integers(-(2**14), 2**14, case.filters)
    if case.fully_connected:
        weights = nonzeros(rng, (case.filters, channels), case.weights, -127, 127)
        return FullyConnected(case.name, weights, bias, multiplier, sel), image
    weights = nonzeros(rng, (case.filters, channels, case.kernel, case.kernel), case.weights, -127, 127)
    pad = case.kernel // 2
    return Conv(case.name, weights, bias, multiplier, sel, stride=case.stride, padding=(pad,) * 4), image


def source_of(case: Case, config: Config) -> Layout:
    """How the input of a case lies in its stream: as a layer before it would have written it."""
    uint8 = np.dtype(np.uint8)
    if case.fully_connected:
        return Layout.vector(case.shape[0], uint8)
    return Layout.as_written(case.shape, uint8, case.activations / 100, config.row_buffer_words)


def run_case(accelerator: Accelerator, case: Case, config: Any, bytes_per_cycle: float) -> dict[str, Any]:
    """Run one case; raises MismatchError if a value differs. Returns the measure and what else is worth knowing."""
    layer, image = make(case)
    source = source_of(case, config)
    program = compile_layer(layer, source, config, case.activations / 100)
    words = source.compress(image)
    buffers = [accelerator.upload(words), accelerator.upload(program.weights)]
    for buffer in buffers:
        buffer.flush()
    result = accelerator.allocate(program.result_words)
    count, counters = accelerator.run_layer(program, buffers[0], len(words), buffers[1], result)
    result.invalidate()
    check_equal(case.name, reference.run_layer(layer, image), expand_result(program.result, result, count))
    return {
        "measure": together([measure(layer, [image])], counters),
        "stream_utilisation": counters.wgt_words * 8 / (counters.cycles * bytes_per_cycle * config.weight_ports),
        "tiling": program.tiling,
        "counters": counters,
    }


def run(config_name: str, names: list[str] | None = None, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Run the cases (all, or those named) and print a table. Returns the document for --json."""
    from phantom_sim.overlay import board
    from phantom_sim.timing import Timing

    config = load_config(config_name)
    timing = Timing(clock_mhz=config.clock_mhz)
    accelerator = Accelerator(board(config_name, timing), config, timeout=3600)
    cases = [case for case in CASES if not names or case.name in names]
    measures, details = [], []
    for case in progress(cases, f"bench on {config_name}"):
        found = run_case(accelerator, case, config, timing.bytes_per_cycle)
        measures.append(found["measure"])
        details.append(found)
    report = Report("bench", config, "rtl", 1, measures, bit_exact=True)
    document = report.document()
    for layer, found in zip(document["layers"], details):
        layer["bit_exact"] = True
        layer["stream_utilisation"] = found["stream_utilisation"]
        layer["tiling"] = asdict(found["tiling"])
        layer["counters"] = {k: v for k, v in found["counters"].__dict__.items() if k != "sampled"}
    say(report.table())
    for case, found in zip(cases, details):
        if case.fully_connected:
            say(f"{case.name}: {found['stream_utilisation']:.1%} of the weight stream's bandwidth")
    return document


def add_parser(subparsers: Any) -> None:
    """The `bench` command."""
    parser: argparse.ArgumentParser = subparsers.add_parser("bench", help="layers of real size through the RTL")
    parser.add_argument("--config", default="pynq_z2", help="named configuration (pynq_z2)")
    parser.add_argument("--layers", nargs="*", choices=[case.name for case in CASES], help="only these")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.set_defaults(action=command)


def command(arguments: argparse.Namespace) -> int:
    """Run `phantom bench`."""
    document = run(arguments.config, arguments.layers)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")
    return 0
