#!/usr/bin/env python3
"""Build the networks that the accelerator is measured on: quantised ONNX models, one input image each, tables of densities.

    make networks                                 # all five, into build/networks
    scripts/make_networks.py vgg16 --out DIR      # one of them; --float keeps the float model, too

The same bytes at every run on a machine; sums of floats may differ in the last bit on a processor with other vector
instructions. Each network is built in a process of its own, so that its memory is free again afterwards.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "host"), str(ROOT / "sim")]
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # before numpy: sums in one order
    os.environ[variable] = "1"

from phantom.errors import PhantomError
from phantom_sim.zoo import build
from phantom_sim.zoo.architectures import ARCHITECTURES, architecture


def one(job: tuple[str, Path, bool]) -> tuple[build.Built, float, float]:
    """Build a network: also seconds of processor time, and the most memory that was used, in GB."""
    name, folder, keep_float = job
    built = build.build(architecture(name), folder, keep_float=keep_float)
    return built, time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def main() -> int:
    """Build what is asked for; the exit code."""
    parser = argparse.ArgumentParser(description="Build the networks that the accelerator is measured on.")
    parser.add_argument("networks", nargs="*", metavar="NAME", help=f"of {', '.join(ARCHITECTURES)} (default: all)")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "networks", metavar="DIR", help="build/networks")
    parser.add_argument("--float", action="store_true", help="keep the float models: NAME.float.onnx with its .data")
    options = parser.parse_args()
    try:
        names = options.networks or list(ARCHITECTURES)
        for name in names:
            architecture(name)  # a wrong name should say so at once
        options.out.mkdir(parents=True, exist_ok=True)
        done = []
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
            for built, seconds, memory in pool.imap(one, [(name, options.out, options.float) for name in names]):
                print(f"{built.name}: {seconds:.0f} s of one core, {memory:.1f} GB, {built.model}\n")
                print(f"{built.table()}\n", flush=True)
                done.append(built)
    except (PhantomError, OSError) as error:
        print(f"make_networks: error: {error}", file=sys.stderr)
        return 2
    print(f"Differences from the published densities over the layers, in percentage points\n\n{build.table_of_all(done)}")
    summary = options.out / "densities.json"
    summary.write_text(json.dumps([built.document() for built in done], indent=1) + "\n")
    print(f"\nas JSON: {summary}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
