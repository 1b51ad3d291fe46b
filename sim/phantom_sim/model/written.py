"""What a stage writes: how many words each segment takes, and the stream as the drain and the encoder put it together.

The next stage reads that stream, whose packets come in another order than those of a tensor that the host has compressed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from phantom.bytepack import GROUP, pack
from phantom.errors import ShapeError
from phantom.program import Program
from phantom.segments import LANES, Segmentation
from phantom.stream import KIND_ACT, WORD, end_word

Place = tuple[int, int, int, int]  # chunk, first row, segment of the row, rows


def row_counts(program: Program, tensor: np.ndarray) -> np.ndarray:
    """Nonzeros of each row of each segment: int64 [channels, rows, segments] in the order of the stream.

    `tensor`: values, or a mask, of shape program.result.logical. Raises ShapeError for another shape.
    """
    cut = program.result.geometry
    padded = _padded(program, tensor != 0)
    return (padded != 0).reshape(*padded.shape[:2], cut.columns, cut.span).sum(axis=3, dtype=np.int64)


def _padded(program: Program, tensor: np.ndarray) -> np.ndarray:
    """The planes of the stream as bytes, uint8 [channels, rows, columns of whole segments]."""
    layout = program.result
    if tensor.shape != layout.logical:
        raise ShapeError(f"a result of shape {tensor.shape}; that of stage {program.name!r} has {layout.logical}")
    cut = layout.geometry
    planes = layout.arrange(tensor).view(np.uint8).copy()
    # Lanes without a filter have parameters of zeros: they yield what the first clamp makes of 0.
    low, high = program.stage.clamps[0]
    planes[layout.index < 0] = min(max(0, low), high) & 0xFF
    channels, rows, cols = planes.shape
    padded = np.zeros((channels, rows, cut.columns * cut.span), np.uint8)
    padded[:, :, :cols] = planes
    return padded


def written_stream(program: Program, tensor: np.ndarray) -> np.ndarray:
    """The stream uint64 [n] that the hardware writes for a result [C, H, W] of shape program.result.logical."""
    cut = program.result.geometry
    padded = _padded(program, tensor)
    places = list(_places(program, cut))
    groups = np.zeros((len(places), LANES, GROUP), np.uint8)
    headers = np.empty(len(places), np.int64)
    for n, (chunk, y0, xs, count) in enumerate(places):
        piece = padded[chunk * LANES : (chunk + 1) * LANES, y0 : y0 + count, xs * cut.span : (xs + 1) * cut.span]
        groups[n].reshape(LANES, cut.rows, cut.pitch)[:, :count, : cut.span] = piece
        headers[n] = (count - 1) << 26 | xs << 22 | y0 << 12 | chunk << 4 | KIND_ACT
    runs, stream = pack(groups.reshape(-1, GROUP))
    counts = runs.nwords.reshape(-1, LANES) @ (1 << 4 * np.arange(LANES, dtype=np.int64))
    stream[runs.mask_at[::LANES] - 1] = (counts << 32 | headers).view(np.uint64)
    return np.append(stream, np.array([end_word(stream)], dtype=WORD))


def _places(program: Program, cut: Segmentation) -> Iterator[Place]:
    """Segments in the order of the drain: strip, pass, core (the drain table), slot, row, column."""
    tiling, result = program.tiling, program.result
    flat = bool(program.registers["DRAIN"]["flat"])
    slots = 1 if flat else tiling.out_slots
    pass_chunks = program.registers["OUT_CHUNKS"]["pass_chunks"]
    across = 1 if flat else tiling.tile_cols // tiling.span
    for strip in range(program.strips):
        for pass_ in range(tiling.passes):
            for group in range(tiling.groups):
                for tile in range(tiling.tiles):
                    row, col = tiling.at(tile)
                    first, start = strip * tiling.strip_rows + row, 0 if flat else col // tiling.span
                    end = min(first + result.tile_rows, cut.height)
                    for slot in range(slots):
                        chunk = group * slots + pass_ * pass_chunks + slot
                        if chunk < cut.chunks:
                            for y0 in range(first, end, cut.rows):
                                for xs in range(start, min(start + across, cut.columns)):
                                    yield chunk, y0, xs, min(cut.rows, end - y0)
