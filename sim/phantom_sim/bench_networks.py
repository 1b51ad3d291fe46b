"""Whole networks through the RTL, every layer compared with the reference and with ONNX Runtime: `phantom bench-networks`.

The networks are those of `make networks`, and the digits that come with the package. A run can be interrupted: what a stage
wrote is kept, and the next run goes on behind the last stage, as long as model, configuration and hardware are the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from phantom import reference
from phantom.compare import Count, own_outputs
from phantom.config import Config, load_config
from phantom.counters import Counters
from phantom.densities import channel_shares, stage_densities
from phantom.driver import Accelerator
from phantom.errors import ConfigError
from phantom.files import network_path, read_images
from phantom.layer import INPUT
from phantom.lower import lower
from phantom.onnx import Imported, import_model
from phantom.onnx.runtime import Runtime
from phantom.program import Program, compile_network
from phantom.progress import progress
from phantom.run import DeviceRunner, as_images, by_name, run_network
from phantom_sim.places import BUILD
from phantom_sim.workloads.networks import SHORT

MODELS = BUILD / "networks"
KEPT = BUILD / "bench-networks"
LARGE = ("alexnet", "mobilenet_v1", "mobilenet_v2", "resnet18", "vgg16")
DIGITS = ("digits_plain", "digits_separable", "digits_residual")


class ResumingRunner(DeviceRunner):
    """Keeps what each stage wrote in `directory`, and does not run a stage whose result is there."""

    def __init__(self, accelerator: Accelerator, programs: Sequence[Program], directory: Path, title: str) -> None:
        super().__init__(accelerator, programs)
        self.directory, self.title = directory, title
        directory.mkdir(parents=True, exist_ok=True)

    def order(self) -> list[int]:
        """The stages, with a progress bar."""
        return progress(list(range(len(self.programs))), self.title)  # type: ignore[return-value]

    def run_stage(self, number: int, source: Any, words: int) -> tuple[Any, int, Counters]:
        """Result, its words, counters: from the file, or from the device and then kept."""
        path = self.directory / f"{number:03d}.npz"
        if path.exists():
            with np.load(path) as kept:
                events = Counters(**json.loads(str(kept["counters"])))
                result = self.result(number)
                result[: len(kept["words"])] = kept["words"]
                result.flush()
                return result, len(kept["words"]), events
        result, count, events = super().run_stage(number, source, words)
        temporary = path.with_suffix(".tmp.npz")
        np.savez(temporary, words=np.array(result[:count]), counters=json.dumps(asdict(events)))
        temporary.rename(path)
        return result, count, events


def model_of(name: str) -> tuple[Imported, np.ndarray]:
    """A network and one input, by name. Raises ConfigError when it has not been built."""
    if name in DIGITS:
        images, _ = read_images(argparse.Namespace(input=None, network=name, images=1))
        return import_model(network_path(name)), images
    path = MODELS / f"{name}.onnx"
    image = next(iter(MODELS.glob(f"{name}*.npy")), None)
    if not path.exists() or image is None:
        raise ConfigError(f"{path} is not there; `make networks` builds it")
    return import_model(path), np.load(image)


def digest(imported: Imported, config: Config, programs: Sequence[Program], library: Path) -> str:
    """Of all that a result depends on."""
    result = hashlib.sha256(imported.model.SerializeToString())
    result.update(repr((config, library.name, [(p.tiling, p.registers) for p in programs])).encode())
    return result.hexdigest()[:12]


def against_onnxruntime(imported: Imported, image: np.ndarray, tensors: dict[str, np.ndarray]) -> dict[str, int]:
    """How the tensors that exist compare with ONNX Runtime's.

    `differ`, `max_abs`: values that differ where each layer is given ONNX Runtime's own inputs, and by how much at most (a layer
    on the reference, which the RTL equals). `differ_through`, `max_abs_through`: where the network ran as a whole, so that what
    was rounded the other way spreads from layer to layer.
    """
    expected = Runtime(imported)(image)
    forced = own_outputs(imported, image, expected)
    own, through = Count(), Count()
    for tensor in imported.tensors:
        if tensor.layer in tensors:
            mine = tensors[tensor.layer]
            right = expected[tensor.name].reshape(mine.shape)
            own.add(0, right, forced[tensor.layer])
            through.add(0, right, mine)
    return {
        "outputs": own.values,
        "differ": own.differ,
        "max_abs": own.most,
        "differ_through": through.differ,
        "max_abs_through": through.most,
    }


def onnxruntime_line(same: dict[str, int]) -> str:
    """`against_onnxruntime` in a sentence."""
    values, own, through = (same[name] for name in ("outputs", "differ", "differ_through"))
    if not own and not through:
        return f"ONNX Runtime: all {values:,} values of all layers are equal"
    most = f", by {same['max_abs']} at most," if own else ""
    return (
        f"ONNX Runtime: of {values:,} values {own:,} differ{most} where each layer is given its inputs, "
        f"{through:,} in the network as a whole, where what was rounded the other way spreads"
    )


def run_one(name: str, accelerator: Accelerator, config: Config, library: Path) -> tuple[dict[str, Any], str]:
    """Document and table of one network."""
    imported, array = model_of(name)
    network = imported.network
    image = as_images(network, array)[0]
    right = by_name(network, reference.run(network, image))
    stages, known = lower(network), {INPUT: image, **right}
    programs = compile_network(network, config, stage_densities(stages, known), channels=channel_shares(stages, known))
    runner = ResumingRunner(
        accelerator, programs, KEPT / f"{name}-{digest(imported, config, programs, library)}", f"{name} on {config.name}"
    )
    outcome = run_network(network, config, "rtl", runner, image[None])
    document = outcome.report.document()
    tensors = {INPUT: image, **{layer: right[layer] for stage in runner.stages for layer in stage}}
    document["onnxruntime"] = against_onnxruntime(imported, image, tensors)
    return document, outcome.report.table()


def run(config_name: str, names: Sequence[str]) -> dict[str, Any]:
    """Run networks and print a table of each. Returns the document for --json."""
    from phantom_sim.overlay import board, library_of
    from phantom_sim.timing import Timing

    config = load_config(config_name)
    accelerator = Accelerator(board(config_name, Timing(clock_mhz=config.clock_mhz)), config, timeout=3600)
    documents = {}
    for name in names:
        documents[name], table = run_one(name, accelerator, config, library_of(config))
        print(f"{name}\n{table}")
        print(f"{onnxruntime_line(documents[name]['onnxruntime'])}\n", flush=True)
    return documents


def add_parser(subparsers: Any) -> None:
    """The `bench-networks` command."""
    parser: argparse.ArgumentParser = subparsers.add_parser("bench-networks", help="whole networks through the RTL (long)")
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"of {', '.join((*DIGITS, *LARGE))}; default: all")
    parser.add_argument("--config", default="pynq_z2", help="named configuration (pynq_z2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.set_defaults(action=command)


def command(arguments: argparse.Namespace) -> int:
    """Run `phantom bench-networks`."""
    names = [SHORT.get(name, name) for name in arguments.networks] or [*DIGITS, *LARGE]
    unknown = [name for name in names if name not in (*DIGITS, *LARGE)]
    if unknown:
        raise ConfigError(f"there is no network {unknown[0]!r}; there are {', '.join((*DIGITS, *LARGE, *SHORT))}")
    document = run(arguments.config, names)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        kept = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}
        arguments.json.write_text(json.dumps(kept | document, indent=1) + "\n")
    return 0
