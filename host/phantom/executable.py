"""What a device needs to run one stage, and nothing of how it came about: the compiler makes it, a `.phantom` file holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .layout import Layout
from .segments import LANES, POSITIONS
from .stage import Bundle


@dataclass(frozen=True)
class Executable:
    """One run of the hardware.

    name: for people. layers: names of the layers that it computes. bundle: the tensors of its result.
    source, result: layouts of input and output streams. registers: field values by layer register.
    tables: entries (select, index, value). weights: weight stream for one strip, uint64 [n]. strips: how often it is read.
    """

    name: str
    layers: tuple[str, ...]
    bundle: Bundle
    source: Layout
    result: Layout
    registers: Mapping[str, Mapping[str, int]]
    tables: Sequence[tuple[int, int, int]]
    weights: np.ndarray
    strips: int

    @property
    def result_words(self) -> int:
        """Words that the result stream can have at most."""
        cut = self.result.geometry
        strips = -(-cut.height // self.result.strip_rows)
        return strips * self.result.strip_packets * (1 + LANES * (1 + POSITIONS // 8)) + 1
