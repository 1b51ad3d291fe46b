"""Dense machines: every multiply is done, also those with zeros. The measure of all speedups is `Ideal`.

`Systolic` is a real one: a weight-stationary array of rows x cols, as of a TPU. Known of such arrays: rows take the inputs of a
filter (C R S of them), columns the filters; for each block of the weight matrix the array is filled with weights from above
(`rows` cycles), then the output positions stream through it, one a cycle, and drain (rows + cols - 2 more). Assumed: weights of
the next block are not preloaded, as in SCALE-Sim, whose cycles this gives exactly. Depthwise layers have as many weight matrices
as channels, each of one column.

`Planar` is what SCNN's paper measures itself by (DCNN): SCNN's PEs and planar tiles, each PE with a dense dot product of 16 in
place of the Cartesian product. Assumed: K filters one after the other, dot products over all C R S.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from phantom_sim.workloads.layer import LayerMasks

from .design import Design
from .traffic import dense_bytes


@dataclass(frozen=True)
class Ideal(Design):
    """All multipliers busy in every cycle."""

    count: int = 128

    @property
    def multipliers(self) -> int:
        """How many."""
        return self.count

    def compute(self, layer: LayerMasks) -> int:
        """Multiplies over multipliers."""
        return -(-layer.macs_dense // self.count)

    def traffic(self, layer: LayerMasks) -> float:
        """Uncompressed."""
        return dense_bytes(layer)


@dataclass(frozen=True)
class Systolic(Design):
    """Weight-stationary array."""

    rows: int = 16
    cols: int = 8

    @property
    def multipliers(self) -> int:
        """One a cell."""
        return self.rows * self.cols

    def compute(self, layer: LayerMasks) -> int:
        """Blocks of the weight matrices times the cycles of a block."""
        inputs = math.prod(layer.weights.shape[1:])
        blocks = layer.groups * -(-inputs // self.rows) * -(-(layer.filters // layer.groups) // self.cols)
        return blocks * (2 * self.rows + self.cols + layer.positions - 2)

    def traffic(self, layer: LayerMasks) -> float:
        """Uncompressed."""
        return dense_bytes(layer)


@dataclass(frozen=True)
class Planar(Design):
    """DCNN: rows x cols PEs that divide the output plane, a dot product of `length` in each."""

    rows: int = 8
    cols: int = 8
    length: int = 16

    @property
    def multipliers(self) -> int:
        """`length` a PE."""
        return self.rows * self.cols * self.length

    def compute(self, layer: LayerMasks) -> int:
        """Positions of a PE times dot products; without a plane, PEs divide the filters."""
        dots = -(-math.prod(layer.weights.shape[1:]) // self.length)
        if layer.connected:
            return -(-layer.filters // (self.rows * self.cols)) * dots
        high, wide = layer.plane
        return -(-high // self.rows) * -(-wide // self.cols) * layer.filters * dots

    def traffic(self, layer: LayerMasks) -> float:
        """Uncompressed."""
        return dense_bytes(layer)
