"""What a device needs to run one stage, and nothing of how it came about: the compiler makes it, a `.phantom` file holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .layout import Layout
from .segments import LANES, POSITIONS
from .stage import Bundle

WEIGHT_ALIGNMENT = 16  # words: a burst of the memory


@dataclass(frozen=True)
class Executable:
    """One run of the hardware.

    name: for people. layers: names of the layers that it computes. bundle: the tensors of its result.
    source, result: layouts of input and output streams. registers: field values by layer register.
    tables: entries (select, index, value). weights: the weight streams for one strip, uint64 [n], each from a multiple of
    WEIGHT_ALIGNMENT words on. weight_words: words of each. strips: how often they are read.
    """

    name: str
    layers: tuple[str, ...]
    bundle: Bundle
    source: Layout
    result: Layout
    registers: Mapping[str, Mapping[str, int]]
    tables: Sequence[tuple[int, int, int]]
    weights: np.ndarray
    weight_words: tuple[int, ...]
    strips: int

    @property
    def weight_streams(self) -> list[tuple[int, int]]:
        """First word and words of each weight stream."""
        found, start = [], 0
        for words in self.weight_words:
            found.append((start, words))
            start += -(-words // WEIGHT_ALIGNMENT) * WEIGHT_ALIGNMENT
        return found

    @property
    def result_words(self) -> int:
        """Words that the result stream can have at most."""
        cut = self.result.geometry
        strips = -(-cut.height // self.result.strip_rows)
        return strips * self.result.strip_packets * (1 + LANES * (1 + POSITIONS // 8)) + 1
