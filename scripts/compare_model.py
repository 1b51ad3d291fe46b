#!/usr/bin/env python3
"""The cycle model beside the RTL on the layers of `make bench`: cycles, every counter, and how long the model takes.

    make bench                                    # measures the RTL, into build/bench.json
    scripts/compare_model.py                      # runs the model on the same layers and compares
    scripts/compare_model.py --rtl FILE --layers conv5_1 fc7

Fails when a layer is off by more than 1 % of its cycles. What is left on a clock of 125 MHz (6.4 bytes a cycle) is the fraction
of a beat that a memory port has saved up when the layer starts, which depends on what ran before.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "host"), str(ROOT / "sim")]

from phantom import reference
from phantom.config import Config, load_config
from phantom.errors import ConfigError, PhantomError
from phantom.program import compile_layer
from phantom.report import grid
from phantom_sim.bench import CASES, Case, make, source_of
from phantom_sim.model import simulate_stage

MOST = 0.01
HEAD = ("layer", "RTL", "model", "off by", "worst counter", "seconds")


def row(case: Case, measured: dict[str, Any], config: Config) -> tuple[tuple[str, ...], float]:
    """A line of the table, and by what share of the cycles the model is off."""
    layer, image = make(case)
    program = compile_layer(layer, source_of(case), config, case.activations / 100)
    tiling = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(program.tiling).items()}
    if tiling != measured["tiling"]:
        raise ConfigError(f"{case.name}: the RTL was measured with another tiling; `make bench` measures it with the present one")
    result = reference.run_layer(layer, image)
    start = time.process_time()
    found = simulate_stage(program, image, config, result=result)
    seconds = time.process_time() - start
    rtl = measured["counters"]
    ours = {name: value for name, value in asdict(found.counters).items() if name != "sampled"}
    worst = max(ours, key=lambda name: abs(ours[name] - rtl[name]))
    off = found.cycles / rtl["cycles"] - 1
    counter = f"{worst} {ours[worst] - rtl[worst]:+,}" if ours[worst] != rtl[worst] else "all equal"
    return (case.name, f"{rtl['cycles']:,}", f"{found.cycles:,}", f"{off:+.4%}", counter, f"{seconds:.1f}"), off


def main() -> int:
    """Compare; 1 when a layer is off by too much."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rtl", type=Path, default=ROOT / "build" / "bench.json", help="what `make bench` has written")
    parser.add_argument("--layers", nargs="*", choices=[case.name for case in CASES], help="only these")
    arguments = parser.parse_args()
    if not arguments.rtl.exists():
        raise ConfigError(f"{arguments.rtl} does not exist; `make bench` writes it")
    document = json.loads(arguments.rtl.read_text())
    config = load_config(document["config"])
    measured = {layer["name"]: layer for layer in document["layers"]}
    cases = [case for case in CASES if case.name in measured and (not arguments.layers or case.name in arguments.layers)]
    rows = [row(case, measured[case.name], config) for case in cases]
    print("\n".join(grid(HEAD, [line for line, _ in rows], left={"layer", "worst counter"})))
    return int(any(abs(off) > MOST for _, off in rows))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PhantomError as error:
        sys.exit(f"error: {error}")
