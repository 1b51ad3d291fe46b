"""Build the bitstream of a configuration: `make bitstream CONFIG=pynq_z2 FLOW=vivado`, or FLOW=open.

The results are ``build/bitstream/CONFIG/phantom.bit`` and ``phantom.hwh``, and reports beside them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import build_plan
import open_flow
import vivado_flow
from phantom.errors import PhantomError

OVERLAYS = build_plan.ROOT / "host" / "phantom" / "overlays"
FLOWS = {"vivado": vivado_flow.build, "open": open_flow.build}


def build(plan: build_plan.Plan, flow: str, jobs: int) -> Path:
    """Build it; the bitstream's path.

    Raises:
        PhantomError: a tool is missing or failed, or the result is not to be used. Then, and when it is interrupted, there is no
        bitstream, not even an earlier one.
    """
    plan.begin()
    try:
        FLOWS[flow](plan, jobs)
        return plan.finish()
    except BaseException:
        plan.withdraw()
        raise


def install(bit: Path, links: bool) -> None:
    """Copy a bitstream and its description, or their links alone, to where PYNQ looks for the package's overlays."""
    for path in (bit, bit.with_suffix(".hwh")):
        name = path.name + ".link" * links
        shutil.copyfile(path.with_name(name), OVERLAYS / name)


def write_links(bit: Path, folder_url: str) -> None:
    """Write ``phantom.bit.link`` and ``phantom.hwh.link``, for the package to fetch the files by (`phantom.overlays`)."""
    for path in (bit, bit.with_suffix(".hwh")):
        digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        document = {"url": f"{folder_url.rstrip('/')}/{path.name}", "md5sum": digest}
        path.with_name(path.name + ".link").write_text(json.dumps(document, indent=1) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; exit code 1 and a message when there is no bitstream in the end."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", default="pynq_z2", help="configuration (pynq_z2)")
    parser.add_argument("--flow", choices=sorted(FLOWS), default="vivado", help="tools that build it (vivado)")
    parser.add_argument("--results", type=Path, default=build_plan.RESULTS, help="folder for all builds (build/bitstream)")
    shown = "also put them into the host package, and so into its wheel; with --link the .link files alone"
    parser.add_argument("--install", action="store_true", help=shown)
    parser.add_argument("--uninstall", action="store_true", help="take what --install put there out again, and build nothing")
    parser.add_argument("--link", metavar="URL", help="also write the .link files of a release in this folder of a server")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes of Vivado (as many as there are cores)")
    options = parser.parse_args(arguments)
    if options.install or options.uninstall:
        build_plan.forget(OVERLAYS)  # before the build: one that fails leaves no bitstream of an earlier one
    if options.uninstall:
        return 0
    try:
        plan = build_plan.plan(options.config, options.flow, options.results.resolve())
        bit = build(plan, options.flow, options.jobs)
        if options.link:
            write_links(bit, options.link)
        if options.install:
            install(bit, links=bool(options.link))
    except PhantomError as error:
        print(f"bitstream: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bitstream: interrupted", file=sys.stderr)
        return 130
    print(f"{bit} and {bit.with_suffix('.hwh').name}: configuration {plan.config}, {plan.fclk_mhz:g} MHz, {plan.board.part}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
