"""Where the packets of an activation stream go, checked: every row of every chunk must come exactly once.

That depends on the headers alone, without their n_i, and streams of one layer have the same ones image after image; so results
are kept.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from .errors import FormatError
from .segments import LANES, Segmentation


@dataclass(frozen=True)
class Placement:
    """Where packets go.

    line: int64 [chunks * 8, height, columns], where each row of the tensor lies among the rows of all groups in stream order.
    chunk, nrows: int64 [packets]. outside: uint64 [packets, 8], the mask bits that must be 0.
    """

    line: np.ndarray
    chunk: np.ndarray
    nrows: np.ndarray
    outside: np.ndarray


class Misplaced(Exception):
    """A packet is wrong: `packets` are the ones that `text` refers to as {0}, {1}."""

    def __init__(self, text: str, *packets: int) -> None:
        super().__init__(text)
        self.text, self.packets = text, packets


def place(geometry: Segmentation, headers: np.ndarray, at: np.ndarray) -> Placement:
    """Check and place packets.

    Args:
        geometry: of the tensor.
        headers: uint64 [packets], all of kind ACT.
        at: int64 [packets], the words at which they are, for error messages.

    Raises:
        FormatError: a field points out of the tensor, or rows come twice or not at all.
    """
    try:
        return _place(geometry, headers.astype(np.uint32).tobytes())
    except Misplaced as error:
        raise FormatError(error.text.format(*(f"word {at[p]} (header)" for p in error.packets))) from None


@functools.lru_cache(maxsize=64)
def _place(geometry: Segmentation, places: bytes) -> Placement:
    header = np.frombuffer(places, dtype=np.uint32).astype(np.int64)
    chunk, y0, xs = header >> 4 & 0xFF, header >> 12 & 0x3FF, header >> 22 & 0xF
    nrows = (header >> 26 & 0x3F) + 1
    shape = f"{geometry.channels} x {geometry.height} x {geometry.width}"
    for name, value, limit in (
        ("chunk", chunk, geometry.chunks - 1),
        ("xs", xs, geometry.columns - 1),
        ("nrows", nrows, geometry.rows),
        ("last row", y0 + nrows - 1, geometry.height - 1),
    ):
        bad = np.flatnonzero(value > limit)
        if len(bad):
            raise Misplaced(f"{{}} has {name} {value[bad[0]]}; a tensor of {shape} allows at most {limit}", int(bad[0]))

    packet = np.repeat(np.arange(len(header)), nrows)
    row = np.arange(len(packet)) - np.repeat(np.cumsum(nrows) - nrows, nrows)
    cell = ((chunk * geometry.height + y0) * geometry.columns + xs)[packet] + row * geometry.columns
    _check_coverage(geometry, packet, cell)

    line = np.empty(len(cell), dtype=np.int64)
    line[cell] = packet * (LANES * geometry.rows) + row
    line = line.reshape(geometry.chunks, 1, geometry.height, geometry.columns)
    line = line + np.arange(LANES, dtype=np.int64).reshape(-1, 1, 1) * geometry.rows
    inside = geometry.allowed()[nrows, xs]
    real = np.arange(geometry.chunks * LANES).reshape(-1, LANES) < geometry.channels
    outside = ~(inside[:, None] * real[chunk])
    return Placement(line.reshape(-1, geometry.height, geometry.columns), chunk, nrows, outside)


def _check_coverage(geometry: Segmentation, packet: np.ndarray, cell: np.ndarray) -> None:
    """Check that the rows `cell`, brought by the packets `packet`, are all rows of all chunks."""
    total = geometry.chunks * geometry.height * geometry.columns
    seen = np.bincount(cell, minlength=total)

    def name(c: int) -> str:
        row, xs = c // geometry.columns, c % geometry.columns
        return f"row {row % geometry.height} of chunk {row // geometry.height}, xs {xs}"

    again = np.flatnonzero(seen > 1)
    if len(again):
        first, second = packet[cell == again[0]][:2]
        text = f"{{1}} brings {name(int(again[0]))}, which {{0}} has brought; every row comes once"
        raise Misplaced(text, int(first), int(second))
    missing = np.flatnonzero(seen == 0)
    if len(missing):
        text = f"no packet brings {name(int(missing[0]))}; {len(missing)} of {total} such rows are missing"
        if not len(packet):
            raise Misplaced(f"word 0 is END: {text}")
        raise Misplaced(f"{{}} is the last packet: {text}", int(packet[-1]))
