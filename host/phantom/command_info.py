"""`phantom info`: the sizes of configurations, the networks that come along, and what the table of a run means."""

from __future__ import annotations

import argparse
from typing import Any

from .config import Config, load_config, load_configs
from .driver import PARAMETERS
from .legend import legend
from .report import grid
from .shipped import FLOAT, INTEGER, QUANTISED


def add_parser(commands: Any) -> None:
    """The `info` command."""
    shown = "show configurations, the networks that come along, and what the columns of a run's table mean"
    parser: argparse.ArgumentParser = commands.add_parser("info", help=shown)
    parser.add_argument("--config", metavar="NAME", help="one of the configurations, in full")
    parser.set_defaults(action=command)


def command(options: argparse.Namespace) -> None:
    """Run `phantom info`."""
    if options.config is None:
        overview = [_overview(config) for config in load_configs().values()]
        print("\n".join(grid(("name", "cores", "multipliers", "MHz", "peak GOP/s", "memory"), overview, left={"name"})))
        print("\n" + "\n".join([*_networks(), "", *legend()]))
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


def _networks() -> list[str]:
    """Those that come along, with the commands that take them."""
    uses = (
        (INTEGER, "integers, for numpy alone; run, compile, estimate, evaluate"),
        (QUANTISED, "int8; run, compile, estimate, compare, evaluate"),
        (FLOAT, "float; prune-quantize"),
    )
    return ["networks that come along, with 540 images of digits:", *(f"  {', '.join(names)}: {use}" for names, use in uses)]


def _overview(config: Config) -> tuple[str, ...]:
    memory = _kib(sum(memory_bits(config).values()))
    cores = f"{config.rows}x{config.cols}"
    return config.name, cores, str(config.multipliers), f"{config.clock_mhz:g}", f"{_peak(config):.1f}", memory


def _peak(config: Config) -> float:
    return 2 * config.multipliers * config.clock_mhz / 1e3


def _kib(bits: int) -> str:
    return f"{bits / 8192:.1f} KiB"
