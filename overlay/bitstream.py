"""Build the bitstream of a configuration: `make bitstream CONFIG=pynq_z2 FLOW=vivado`, or FLOW=open.

The results are ``build/bitstream/CONFIG/phantom.bit`` and ``phantom.hwh``, and reports beside them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import build_plan
import open_flow
import vivado_flow
from phantom.errors import PhantomError

FLOWS = {"vivado": vivado_flow.build, "open": open_flow.build}


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; exit code 1 and a message when there is no bitstream in the end."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", default="pynq_z2", help="configuration (pynq_z2)")
    parser.add_argument("--flow", choices=sorted(FLOWS), default="vivado", help="tools that build it (vivado)")
    parser.add_argument("--results", type=Path, default=build_plan.RESULTS, help="folder for all builds (build/bitstream)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes of Vivado (as many as there are cores)")
    options = parser.parse_args(arguments)
    try:
        plan = build_plan.plan(options.config, options.flow, options.results.resolve())
        FLOWS[options.flow](plan, options.jobs)
        bit = plan.finish()
    except PhantomError as error:
        print(f"bitstream: {error}", file=sys.stderr)
        return 1
    print(f"{bit} and {bit.with_suffix('.hwh').name}: configuration {plan.config}, {plan.fclk_mhz:g} MHz, {plan.board.part}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
