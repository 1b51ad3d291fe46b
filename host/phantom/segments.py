"""Geometry of the activation stream: how a tensor [C, H, W] is cut into chunks and segments (docs/stream-format.md, ACT)."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from .errors import RangeError, ShapeError
from .stream import KIND_ACT

LANES = 8  # channels of a chunk
POSITIONS = 64  # mask bits of a segment

MAX_CHUNKS = 256
MAX_HEIGHT = 1024
MAX_COLUMNS = 16  # segments side by side
MAX_WIDTH = MAX_COLUMNS * POSITIONS


@dataclass(frozen=True)
class Segmentation:
    """How the planes of a tensor [channels, height, width] are cut. Raises RangeError where a header field is too small.

    `span` is the number of columns of a segment; by default rows are cut into as few equal parts as possible.
    """

    channels: int
    height: int
    width: int
    span: int = 0

    def __post_init__(self) -> None:
        if not self.span:
            parts = -(-self.width // POSITIONS)
            object.__setattr__(self, "span", -(-self.width // max(1, parts)))
        for name, value, limit in (
            ("channels", self.channels, MAX_CHUNKS * LANES),
            ("height", self.height, MAX_HEIGHT),
            ("width", self.width, MAX_WIDTH),
        ):
            if not 1 <= value <= limit:
                raise RangeError(f"{name} = {value}; an activation stream holds 1..{limit}")
        if not (1 <= self.span <= POSITIONS and self.columns <= MAX_COLUMNS):
            raise RangeError(
                f"segments of {self.span} columns for a width of {self.width}; they have 1..{POSITIONS}, and a row at most "
                f"{MAX_COLUMNS} of them"
            )

    @property
    def chunks(self) -> int:
        """Chunks of 8 channels."""
        return -(-self.channels // LANES)

    @property
    def pitch(self) -> int:
        """Mask bits from one row to the next: the smallest power of two >= span, and 64 when a row has several segments.

        So what lies side by side is in the stream row by row, which is the order in which the LAM wants it.
        """
        return 1 << (self.span - 1).bit_length() if self.columns == 1 else POSITIONS

    @property
    def rows(self) -> int:
        """Rows of a full segment."""
        return POSITIONS // self.pitch

    @property
    def columns(self) -> int:
        """Segments side by side in a row."""
        return -(-self.width // self.span)

    def bounds(self, xs: int) -> tuple[int, int]:
        """First column of the segments with this `xs`, and the one behind their last."""
        return xs * self.span, min(self.width, (xs + 1) * self.span)

    @functools.lru_cache(maxsize=256)  # noqa: B019  (the cache is bounded, and its keys are small)
    def starts(self, strip_rows: int | None) -> tuple[np.ndarray, np.ndarray]:
        """First row and number of rows (both int64) of the row-segments from top to bottom; none crosses a strip."""
        strip = self.height if strip_rows is None else strip_rows
        if strip < 1:
            raise RangeError(f"strip_rows = {strip_rows}; a strip has at least 1 row")
        row = np.arange(self.height, dtype=np.int64)
        first = row[row % strip % self.rows == 0]
        return first, np.diff(np.append(first, self.height))

    @functools.lru_cache(maxsize=256)  # noqa: B019
    def places(self, strip_rows: int | None) -> np.ndarray:
        """Headers without n_i in the order of a stream: int64 [packets]."""
        first, nrows = self.starts(strip_rows)
        place = ((nrows - 1) << 26 | first << 12)[:, None, None]
        place = place | (np.arange(self.columns) << 22)[:, None] | (np.arange(self.chunks) << 4)
        return place.reshape(-1) | KIND_ACT

    @functools.lru_cache(maxsize=256)  # noqa: B019
    def allowed(self) -> np.ndarray:
        """uint64 [rows + 1, columns]: mask bits inside the tensor of a segment, by its number of rows and its `xs`."""
        bits = np.zeros((self.rows + 1, self.columns), dtype=np.uint64)
        for xs in range(self.columns):
            start, stop = self.bounds(xs)
            mask = 0
            for r in range(self.rows):
                mask |= ((1 << stop - start) - 1) << r * self.pitch
                bits[r + 1, xs] = mask
        return bits


def check_tensor(tensor: np.ndarray, span: int = 0) -> Segmentation:
    """Geometry of an activation tensor in segments of `span` columns. Raises ShapeError unless it is uint8 or int8 [C, H, W]."""
    if tensor.ndim != 3 or tensor.dtype not in (np.dtype(np.uint8), np.dtype(np.int8)):
        raise ShapeError(f"activations are uint8 or int8 of shape [C, H, W], not {tensor.dtype} of shape {tensor.shape}")
    channels, height, width = tensor.shape
    return Segmentation(channels, height, width, span)


def pieces(array: np.ndarray, start: int, stop: int) -> np.ndarray:
    """View array[..., start:stop] of a contiguous uint8 array with each piece as a single element (void) of [...].

    numpy then copies a piece in one go, where a short innermost axis would cost it a loop of its own.
    """
    kind = np.dtype((np.void, stop - start))
    return np.ndarray(array.shape[:-1], dtype=kind, buffer=array, offset=start, strides=array.strides[:-1])


def stream_words(rows: int, tile_rows: int, density: float, cut: Segmentation) -> float:
    """Words of the stream for so many rows of planes, where segments do not cross the tiles of `tile_rows` that wrote it."""
    whole, rest = divmod(rows, tile_rows)
    return (whole * _tile_words(tile_rows, density, cut) + _tile_words(rest, density, cut)) * cut.chunks * cut.columns


def _tile_words(rows: int, density: float, cut: Segmentation) -> float:
    full, rest = divmod(rows, cut.rows)
    return full * _packet_words(cut.rows, density, cut) + (_packet_words(rest, density, cut) if rest else 0.0)


def _packet_words(rows: int, density: float, cut: Segmentation) -> float:
    """Words of a packet: header, masks, and values, whose last word is half full on average. At most, from density 1 on."""
    positions = rows * cut.span
    most = -(-positions // 8)
    return 1 + LANES * (1 + (min(most, positions * density / 8 + 0.5) if density < 1.0 else most))
