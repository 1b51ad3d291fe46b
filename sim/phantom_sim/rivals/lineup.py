"""All designs, at the sizes of their papers, and scaled to one number of multipliers and one memory bandwidth.

Scaling keeps what makes up a PE and changes how many there are. Where the numbers do not divide, a design has a few multipliers
less, never more; speedups over dense are per multiplier, so that nobody loses by it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from phantom.errors import RangeError

from .dense import Ideal, Planar, Systolic
from .design import UNLIMITED, Design
from .eyeriss_v2 import EyerissV2
from .phantom_paper import PES, PhantomPaper
from .scnn import Scnn
from .scnn_banks import LANES
from .sparten import SparTen

LOOKAHEADS = (3, 6, 9, 18, 27)
LEAST = LANES * LANES  # multipliers of an SCNN PE, which cannot be divided


@dataclass(frozen=True)
class Claim:
    """What Phantom's paper says it is faster by than a rival, and which of our models stands for that rival."""

    rival: str
    factor: float


DENSE, PAPER = "dense", "Phantom paper"
CLAIMS = (Claim(DENSE, 12.0), Claim("SCNN", 4.1), Claim("SparTen GB-H", 1.98), Claim("Eyeriss v2", 2.36))


def paper() -> list[Design]:
    """At the sizes of the papers, without a limit of bandwidth."""
    return [
        Ideal("dense (1024)", count=1024),
        Systolic("systolic (1024)", rows=32, cols=32),
        Planar("DCNN (1024)"),
        Scnn("SCNN (1024)"),
        SparTen("SparTen GB-S (1024)", balance="GB-S"),
        SparTen("SparTen GB-H (1024)"),
        EyerissV2("Eyeriss v2 (384)"),
        PhantomPaper("Phantom paper (1008)"),
    ]


def scaled(multipliers: int, bytes_per_cycle: float = UNLIMITED) -> list[Design]:
    """With at most so many multipliers. Raises RangeError for fewer than the smallest PE has."""
    if multipliers < LEAST:
        raise RangeError(f"{multipliers} multipliers; the rivals scale from {LEAST} on, which one PE of SCNN has")
    rows, cols = mesh(multipliers)
    pe_rows, pe_cols = mesh(multipliers // LEAST)
    units = min(32, multipliers)
    core_rows, core_cols = mesh(max(1, multipliers // (PES * PES)))
    own = PhantomPaper(PAPER, rows=core_rows, cols=core_cols)
    designs: list[Design] = [
        Ideal(DENSE, count=multipliers),
        Systolic("systolic", rows=rows, cols=cols),
        Scnn("SCNN", rows=pe_rows, cols=pe_cols),
        SparTen("SparTen GB-S", clusters=multipliers // units, units=units, balance="GB-S"),
        SparTen("SparTen GB-H", clusters=multipliers // units, units=units),
        EyerissV2("Eyeriss v2", pes=multipliers // 2),
        own,
    ]
    # What all are measured by has its data at hand.
    return [design if design.name == DENSE else replace(design, bytes_per_cycle=bytes_per_cycle) for design in designs]


def lookaheads(base: PhantomPaper) -> list[PhantomPaper]:
    """The paper's core with every lookahead, in order and out of order; `base` itself where it is one of them."""
    return [
        base
        if (base.lf, base.out_of_order) == (lf, ooo)
        else replace(base, name=f"{base.name} Lf={lf} {'out of' if ooo else 'in'} order", lf=lf, out_of_order=ooo)
        for ooo in (False, True)
        for lf in LOOKAHEADS
    ]


def mesh(count: int) -> tuple[int, int]:
    """Rows and columns, rows >= columns, of at most `count` cells: as many as do not make it narrower than 1 : 4."""
    for cells in range(count, 0, -1):
        cols = max(c for c in range(1, math.isqrt(cells) + 1) if cells % c == 0)
        if cells // cols <= 4 * cols:
            return cells // cols, cols
    return 1, 1
