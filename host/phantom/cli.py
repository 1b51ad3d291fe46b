"""The command line: `phantom run`, `compile`, `estimate`, `compare`, `info`, `selftest`, `prune-quantize`, and SIMULATED.

Exit codes: 0 all is well, 1 a self-test failed, 2 an error (one line on stderr), 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from . import __version__, command_compile, command_estimate, command_info, command_run, prune_quantize
from .compiling import uncompiled
from .devices import DEVICES, open_overlay
from .errors import PhantomError
from .files import check_writable, read_images, write_document
from .hints import hint
from .input_note import input_note
from .optional import HOW, SIMULATION, available, simulated
from .options import config_of, device_options
from .shipped import MODEL, QUANTISED, network_path

# Commands of the simulation, and the modules that have them.
SIMULATED = {
    "bench": "bench",
    "bench-networks": "bench_networks",
    "evaluate": "evaluate",
    "sweep": "sweep",
    "scaling": "command_scaling",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    options = None
    try:
        options = _parser(arguments).parse_args(arguments)
        return int(options.action(options) or 0)
    except PhantomError as error:
        print(f"phantom: error: {error}{hint(error, options)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("phantom: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="phantom", description="A CNN accelerator that skips zeros on both sides.")
    parser.add_argument("--version", action="version", version=f"phantom {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    for command in (command_run, command_compile, command_estimate):
        command.add_parser(commands)
    prune_quantize.add_parser(commands)

    compare = commands.add_parser("compare", help="compare every tensor of a quantised ONNX model with ONNX Runtime")
    compare.add_argument(
        "network",
        metavar="MODEL.onnx",
        help=f"a model that onnxruntime.quantization wrote, or one that comes along: {', '.join(QUANTISED)}",
    )
    compare.add_argument("--input", metavar="X.npy", help="images [C, H, W] or [N, C, H, W], real or integer")
    compare.add_argument("--images", type=int, metavar="N", help="only the first N images")
    device_options(compare, DEVICES, "reference")
    compare.add_argument("--json", metavar="FILE", help="write the comparison")
    compare.set_defaults(action=_compare)

    command_info.add_parser(commands)
    selftest = commands.add_parser("selftest", help="check a device: registers, clock, memory, layers of each kind, cycles")
    device_options(selftest, ("rtl", "board"))
    selftest.add_argument("--json", metavar="FILE", help="write what was found")
    selftest.set_defaults(action=_selftest)

    # The evaluation belongs to the simulation, which is slow to import and not on a board: look only when it may be wanted.
    if not arguments or (arguments[0] not in commands.choices and arguments[0] != "--version"):
        _add_simulated(commands, arguments[0] if arguments else None)
    return parser


def _add_simulated(commands: Any, wanted: str | None) -> None:
    """The commands of the simulation. Raises PhantomError where `wanted` is one of them and the simulation is not there."""
    if not simulated():
        if wanted in SIMULATED:
            raise PhantomError(f"{wanted} needs the simulation; {HOW}")
        return
    for command, module in SIMULATED.items():
        try:
            importlib.import_module(f"{SIMULATION}.{module}").add_parser(commands)
        except (ImportError, PhantomError) as error:  # what it needs is not installed
            if wanted == command:
                needed = "numba" if not available("numba") else getattr(error, "name", None) or error
                raise PhantomError(f"{wanted} needs {needed}; {HOW}") from None


def _compare(options: argparse.Namespace) -> int:
    from .compare import compare
    from .onnx import import_model
    from .run import as_images

    check_writable(options.json)
    imported = import_model(network_path(options.network, (MODEL,), QUANTISED))
    images, _ = read_images(options)
    network = imported.network
    if options.input:
        print("\n".join(input_note(network, images)))
    runner = command_run.runner_on(options.device, uncompiled(network), config_of(options), as_images(network, images)[0])
    comparison = compare(imported, images, runner, options.device)
    print(comparison.table())
    print("\n".join(imported.host), end="\n" if imported.host else "")
    if options.json:
        write_document(options.json, comparison.document())
    if not comparison.rounding_only:
        print("some layer differs by more than rounding (1) from ONNX Runtime", file=sys.stderr)
    return 0 if comparison.rounding_only else 1


def _selftest(options: argparse.Namespace) -> int:
    from .selftest import selftest

    config = config_of(options)
    check_writable(options.json)
    overlay = open_overlay(options.device, config)
    print(f"Phantom on {options.device}, configuration {config.name}")
    passed, document = selftest(overlay, config, exact=options.device == "rtl")
    if options.json:
        write_document(options.json, {"device": options.device, **document})
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
