"""Synthesis for Xilinx devices: registers that stay as many as they are; on 7 series block RAM in halves, short counters in LUTs.

What the RTL marks with ``keep`` are registers alike in places far apart. Yosys makes one of them, unless the flip-flop itself is
marked, not only its name, and is not a bit of a wider one with others like it.

A block RAM of 36 Kbit serves as two of 18 Kbit as well. Open place and route (nextpnr) puts each of them where there is room, one
after the other, and does not move two halves out of the way of a whole one. Our design takes every block RAM of the xc7z020,
most of them by halves, and there the first whole one that finds no place is looked for without end. Halves fit any place. So they
are taken wherever it needs no more of them; Yosys' own library prefers a whole one to two halves by one part in 257.

A counter of up to six bits fits into a LUT for each bit. Yosys takes a carry chain, in front of which open place and route needs
LUTs that do nothing, and from which the register may be far.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from phantom.errors import PhantomError

LIBRARY = "share/xilinx/brams_xc4v.txt"  # that of 7 series, too
WHOLE, DEARER = "cost 257;", "cost 259;"  # a half is 129
# What synth_xilinx itself gives memory_libmap for 7 series, but for the library of block RAM.
OPTIONS = (
    "-logic-cost-rom 0.015625 -lib +/xilinx/lutrams_xc5v.txt -D HAS_SIZE_36 -D HAS_CASCADE -D HAS_CONFLICT_BUG "
    "-D HAS_MIXWIDTH_SDP -no-auto-huge"
)
KEEP = ("setattr -set keep 1 a:keep %ci:+[Q] t:$* %i", "simplemap a:keep t:$*dff* %i")
# Sums with one bit, which are what counters are, where it is the second operand: those that have it first, too, cost more LUTs.
COUNTERS = (
    "select -set counters t:$alu r:Y_WIDTH<=6 %i r:B_WIDTH<=1 %i",
    "techmap -map +/techmap.v @counters",
    "select -clear",
    "opt",
)
MAPS = ("+/xilinx/lutrams_xc5v_map.v", "+/xilinx/brams_xc6v_map.v")


class LibraryError(PhantomError):
    """Yosys' library of block RAM is not as we know it."""


def passes(options: str, family: str, folder: Path) -> list[str]:
    """Those of ``synth_xilinx -family FAMILY OPTIONS``; a library is written to `folder`. Raises LibraryError."""
    synth = f"synth_xilinx -family {family} {options}"
    if family != "xc7":
        return [*KEEP, synth]
    library = folder / "block_rams.txt"
    library.write_text(halves_first())
    return [
        *KEEP,
        f"{synth} -run begin:map_memory",
        *COUNTERS,
        f"memory_libmap {OPTIONS} -lib {library}",
        *(f"techmap -map {name}" for name in MAPS),
        f"{synth} -run map_ffram:",
    ]


def halves_first() -> str:
    """Yosys' library of block RAM in which a whole one costs more than two halves. Raises LibraryError."""
    spec = importlib.util.find_spec("pyosys")
    if spec is None or not spec.submodule_search_locations:
        raise LibraryError("there is no pyosys: run make once, which sets up .venv")
    path = Path(spec.submodule_search_locations[0], LIBRARY)
    text = path.read_text() if path.exists() else ""
    if WHOLE not in text:
        raise LibraryError(f"{path} has no {WHOLE!r}: another version of pyosys than the one of requirements.lock?")
    return text.replace(WHOLE, DEARER)
