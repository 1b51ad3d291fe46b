"""The command line: `phantom run`, `compile`, `estimate`, `compare`, `info`, `selftest`, `prune-quantize`; `bench` in simulation.

Exit codes: 0 all is well, 1 a self-test failed, 2 an error (one line on stderr), 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence

from . import __version__, command_compile, command_estimate, command_run, prune_quantize
from .compiling import uncompiled
from .config import Config, load_config, load_configs
from .devices import DEVICES, open_overlay
from .driver import PARAMETERS
from .errors import PhantomError
from .files import check_writable, network_path, read_images, write_document
from .options import config_of, device_options
from .report import grid


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        options = _parser(arguments).parse_args(arguments)
        return int(options.action(options) or 0)
    except PhantomError as error:
        print(f"phantom: error: {error}", file=sys.stderr)
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
        help="a model that onnxruntime.quantization wrote, or one that comes along: digits_plain, ...",
    )
    compare.add_argument("--input", metavar="X.npy", help="images [C, H, W] or [N, C, H, W], real or integer")
    compare.add_argument("--images", type=int, metavar="N", help="only the first N images")
    device_options(compare, DEVICES, "reference")
    compare.add_argument("--json", metavar="FILE", help="write the comparison")
    compare.set_defaults(action=_compare)

    info = commands.add_parser("info", help="show the sizes of configurations")
    info.add_argument("--config", metavar="NAME", help="one of them, in full")
    info.set_defaults(action=_info)

    selftest = commands.add_parser("selftest", help="check a device: registers, clock, memory, layers of each kind, cycles")
    device_options(selftest, ("rtl", "board"))
    selftest.add_argument("--json", metavar="FILE", help="write what was found")
    selftest.set_defaults(action=_selftest)

    # The evaluation belongs to the simulation, which is slow to import and not on a board: look only when it may be wanted.
    wanted = not arguments or arguments[0] in ("bench", "bench-networks", "evaluate", "sweep", "scaling", "-h", "--help")
    if wanted and importlib.util.find_spec("phantom_sim"):
        for module in ("bench", "bench_networks", "evaluate", "sweep", "command_scaling"):
            importlib.import_module(f"phantom_sim.{module}").add_parser(commands)
    return parser


def _compare(options: argparse.Namespace) -> int:
    from .compare import compare
    from .onnx import import_model
    from .run import as_images

    check_writable(options.json)
    imported = import_model(network_path(options.network))
    images, _ = read_images(options)
    network = imported.network
    runner = command_run.runner_on(options.device, uncompiled(network), config_of(options), as_images(network, images)[0])
    comparison = compare(imported, images, runner, options.device)
    print(comparison.table())
    print("\n".join(imported.host), end="\n" if imported.host else "")
    if options.json:
        write_document(options.json, comparison.document())
    if not comparison.rounding_only:
        print("some layer differs by more than rounding (1) from ONNX Runtime", file=sys.stderr)
    return 0 if comparison.rounding_only else 1


# --- info, selftest ------------------------------------------------------------------------------------------------------


def memory_bits(config: Config) -> dict[str, int]:
    """Bits of on-chip memory by purpose."""
    threads = config.multipliers
    return {
        "activation buffers": config.cores * config.act_words * 36,
        "partial sums": threads * config.psum_depth * 32,
        "weight queues": threads * config.weight_queue_words * 60,
        "run tables": config.cores * config.run_depth * 20,
        "row buffer": config.row_buffer_words * 64,
        "directory": config.directory_depth * (config.row_buffer_words - 1).bit_length(),
        "parameters": config.param_depth * 59,
    }


def _info(options: argparse.Namespace) -> None:
    if options.config is None:
        overview = [_overview(config) for config in load_configs().values()]
        print("\n".join(grid(("name", "cores", "multipliers", "MHz", "peak GOP/s", "memory"), overview, left={"name"})))
        return
    config = load_config(options.config)
    print(f"{config.name}: {config.description}\n")
    print(f"  {config.rows} x {config.cols} cores x {config.threads} threads = {config.multipliers} multipliers")
    print(f"  {config.clock_mhz:g} MHz: {_peak(config):.1f} GOP/s at most on dense work; a skipped multiply takes no time\n")
    sizes = [(name, f"{getattr(config, name):,}") for name in PARAMETERS if name not in ("rows", "cols", "threads")]
    print("\n".join(f"  {line}" for line in grid(("size", "value"), sizes, {"size"})))
    bits = memory_bits(config)
    rows = [(name, _kib(count)) for name, count in (*bits.items(), ("total", sum(bits.values())))]
    print()
    print("\n".join(f"  {line}" for line in grid(("on-chip memory", ""), rows, {"on-chip memory"})))


def _overview(config: Config) -> tuple[str, ...]:
    memory = _kib(sum(memory_bits(config).values()))
    cores = f"{config.rows}x{config.cols}"
    return config.name, cores, str(config.multipliers), f"{config.clock_mhz:g}", f"{_peak(config):.1f}", memory


def _peak(config: Config) -> float:
    return 2 * config.multipliers * config.clock_mhz / 1e3


def _kib(bits: int) -> str:
    return f"{bits / 8192:.1f} KiB"


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
