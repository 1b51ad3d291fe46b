"""Which tiling a layer gets: the fastest by the estimate that fits, with an eye to the layer behind it.

A layer's tiles and strips are how its output is cut into packets, and so the layer behind it must read them: rows come and go by
whole strips, and a packet may hold rows that a tile does not want. So of the best few tilings the one is taken that is the best
for both layers together.
"""

from __future__ import annotations

from dataclasses import replace

from .config import Config
from .errors import ShapeError
from .layout import Cut
from .segments import Segmentation
from .tiling import GeometryOf, Tiling, Workload, candidates, obstacle
from .tiling_estimate import Estimate
from .views import Geometry

LOOK_AT = 8  # cuts of the output that are tried on the layer behind
WORSE = 2.0  # as many times slower than the best a tiling may be to be tried


class Choice:
    """The tilings of one layer, whatever its input is cut like."""

    def __init__(self, work: Workload, geometry_of: GeometryOf, config: Config) -> None:
        self.work, self.config = work, config
        self.tilings = list(candidates(work, geometry_of, config))

    def ranked(self, cut: Cut) -> list[tuple[float, Tiling, Geometry]]:
        """(cycles, tiling, geometry) for an input that is cut like `cut`, the fastest first, whether they fit or not."""
        estimate = Estimate(self.work, cut, self.config)
        found = [(estimate(tiling, geometry), i) for i, (tiling, geometry) in enumerate(self.tilings)]
        return [(cycles, *self.tilings[i]) for cycles, i in sorted(found)]

    def least(self, cut: Cut) -> float:
        """Cycles of the fastest that fits; infinite if none does."""
        for cycles, tiling, geometry in self.ranked(cut):
            if not obstacle(tiling, self.work, geometry, cut, self.config):
                return cycles
        return float("inf")

    def result_cut(self, tiling: Tiling) -> Cut:
        """How a tiling cuts the output."""
        work = self.work
        segments = Segmentation(tiling.out_channels, work.out_rows, work.out_cols, tiling.span)
        return Cut(segments, tiling.strip_rows, tiling.tile_rows, tiling.out_slots)


def choose(choice: Choice, cut: Cut, rank: int = 0, behind: Choice | None = None) -> tuple[Tiling, Geometry]:
    """The tiling for an input that is cut like `cut`, or with `rank` the one so many places behind it; and its geometry.

    Args:
        behind: the layer that reads the output; not with a rank.

    Raises:
        ShapeError: none fits; with the reason of the fastest one.
    """
    best: list[tuple[float, Tiling, Geometry]] = []  # by the two layers together
    seen: set[tuple[int, int, int]] = set()  # rows of strips and tiles, columns of segments
    reason, first = "", 0.0
    for cycles, tiling, geometry in choice.ranked(cut):
        if best and (len(best) > rank if behind is None else cycles > WORSE * first or len(best) == LOOK_AT):
            break
        problem = obstacle(tiling, choice.work, geometry, cut, choice.config)
        reason = reason or problem
        key = tiling.strip_rows, tiling.tile_rows, tiling.span
        if problem or (behind is not None and key in seen):  # a faster one cuts the output in the same way
            continue
        first = first or cycles
        seen.add(key)
        after = behind.least(choice.result_cut(tiling)) if behind else 0.0
        best.append((cycles + after, replace(tiling, cycles=cycles), geometry))
    if not best:
        reason = reason or "no shape of tile was possible"
        raise ShapeError(f"layer {choice.work.name!r} does not fit configuration {choice.config.name!r}: {reason}")
    if behind is None:
        return best[min(rank, len(best) - 1)][1:]
    return min(best, key=lambda item: item[0])[1:]
