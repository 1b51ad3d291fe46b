"""Which cores and threads have computed wrong values: what all wrong ones have in common tells where to look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..network import Network
from ..program import Program
from ..run import by_name
from ..segments import LANES

Core = tuple[int, int]  # row, column of the mesh


@dataclass(frozen=True)
class Wrong:
    """Wrong values of the first layer that has any. cores, threads: how many values of each core, and of each (core, thread)."""

    layer: str
    values: int
    of: int
    cores: Mapping[Core, int]
    threads: Mapping[tuple[Core, int], int]
    used: int  # cores that have computed values of the layer

    def __str__(self) -> str:
        """In words."""
        text = f"layer {self.layer!r}: {self.values} of {self.of} values differ, "
        if len(self.threads) == 1:
            ((core, thread),) = self.threads
            return f"{text}all of core {core}, thread {thread}"
        if len(self.cores) == 1:
            return f"{text}all of core {next(iter(self.cores))}, {len(self.threads)} of its threads"
        return f"{text}of {len(self.cores)} of the {self.used} cores that computed it"


def owners(program: Program) -> np.ndarray:
    """Core row, core column and thread of each value of a stage's result: int64 [3, C, H, W]."""
    tiling, (channels, height, width) = program.tiling, program.result.logical
    place = np.zeros((channels, 2), np.int64)  # group, thread
    if program.stage.flat:  # [passes * groups * threads, 1, slots], see Places.layout
        at = program.result.places.reshape(tiling.passes, tiling.groups, LANES, -1).transpose(0, 1, 3, 2)
    else:
        at = program.result.places.reshape(tiling.passes, tiling.groups, tiling.out_slots, LANES)
    there = at >= 0
    index = np.indices(at.shape)
    place[at[there]] = np.stack([index[1][there], index[3][there]], axis=1)

    rows, cols = np.arange(height), np.arange(width)
    tile_row = rows % tiling.strip_rows // tiling.tile_rows
    tile = tile_row[:, None] * tiling.col_tiles + (cols // tiling.tile_cols)[None, :]
    if program.stage.flat:
        tile = np.zeros((1, 1), np.int64)
    cores = np.array([[tiling.place(t, g) for t in range(tiling.tiles)] for g in range(tiling.groups)])  # [groups, tiles, 2]
    found = cores[place[:, 0]][:, tile]  # [C, H, W, 2]
    thread = np.broadcast_to(place[:, 1].reshape(-1, 1, 1), found.shape[:3])
    return np.stack([found[..., 0], found[..., 1], thread])


def first_wrong(
    network: Network, programs: Sequence[Program], expected: Sequence[np.ndarray], outputs: Mapping[str, np.ndarray]
) -> Wrong | None:
    """The first layer whose output is not the expected one, and who computed what is wrong; None when all are right."""
    right = by_name(network, expected)
    for program in programs:
        cores = owners(program)
        for part in program.bundle.parts:
            if part.name not in right or part.name not in outputs or part.name not in program.layers:
                continue
            got, want = outputs[part.name], right[part.name]
            if got.shape != want.shape or got.dtype != want.dtype or np.array_equal(got, want):
                continue
            wrong = got != want
            mine = cores[:, part.start : part.stop]
            who = Counter(((int(r), int(c)), int(t)) for r, c, t in mine[:, wrong].T)
            by_core: Counter[Core] = Counter()
            for (core, _), count in who.items():
                by_core[core] += count
            used = len(np.unique(mine[:2].reshape(2, -1), axis=1).T)
            return Wrong(part.name, int(wrong.sum()), wrong.size, by_core, who, used)
    return None
