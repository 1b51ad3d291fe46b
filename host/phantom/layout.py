"""How a tensor lies in an activation stream: which physical channel and position holds which logical element.

The hardware writes channels in the order in which the threads hold the filters, and a fully connected layer writes a group of
outputs as one row. Nobody moves them back: the next layer's weights are permuted instead, and only the host, at the very
end, looks through a `Layout`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .compress import compress
from .expand import expand
from .segments import Segmentation, stream_words


@dataclass(frozen=True)
class Cut:
    """How a stream is cut into packets.

    segments: of the planes. strip_rows: rows of a producer strip. tile_rows: rows within which segments do not cross.
    block: chunks that come before all others in a strip, as `Layout.block`.
    """

    segments: Segmentation
    strip_rows: int
    tile_rows: int
    block: int = 0


@dataclass(frozen=True)
class Layout:
    """A tensor [C, H, W] in a stream of [channels, rows, cols].

    logical: shape [C, H, W] of the tensor.
    places: integers [channels], the channel of the tensor that each channel of the stream holds, where positions stay where they
        are; or [channels, rows, cols], the place in the flattened tensor of each element of the stream. -1 where there is none.
    strip_rows: rows of a producer strip. tile_rows: rows within which segments do not cross, a divisor of strip_rows.
    dtype: uint8 or int8. span: columns of a segment, 0 for as few as possible side by side.
    block: chunks whose packets come together in a strip, block after block, as the drain writes them; 0: rows come before chunks.
    """

    logical: tuple[int, int, int]
    places: np.ndarray
    strip_rows: int
    tile_rows: int
    dtype: np.dtype
    span: int = 0
    block: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the stream's planes: [channels, rows, cols]."""
        rows, cols = self.logical[1:] if self.places.ndim == 1 else self.places.shape[1:]
        return len(self.places), rows, cols

    @property
    def index(self) -> np.ndarray:
        """int64 [channels, rows, cols]: the place in the flattened tensor of each element of the stream, or -1."""
        if self.places.ndim == 3:
            return self.places
        _, rows, cols = self.logical
        order = self.places.astype(np.int64).reshape(-1, 1, 1)
        return np.where(order >= 0, order * rows * cols + np.arange(rows * cols).reshape(rows, cols), -1)

    @property
    def geometry(self) -> Segmentation:
        """Cut of the stream's planes."""
        return Segmentation(*self.shape, self.span)

    @property
    def cut(self) -> Cut:
        """How the stream is cut."""
        return Cut(self.geometry, self.strip_rows, self.tile_rows, self.block)

    @property
    def strip_packets(self) -> int:
        """Packets of a full producer strip."""
        cut = self.geometry
        tiles = self.strip_rows // self.tile_rows
        return tiles * -(-self.tile_rows // cut.rows) * cut.columns * cut.chunks

    @property
    def block_packets(self) -> int:
        """Packets of a whole block in the first strip, 0 where there are no blocks, or only one."""
        cut = self.geometry
        if not 0 < self.block < cut.chunks:
            return 0
        rows = min(self.strip_rows, cut.height)
        segments = sum(-(-min(self.tile_rows, rows - y) // cut.rows) for y in range(0, rows, self.tile_rows))
        return segments * cut.columns * self.block

    @property
    def channel_order(self) -> np.ndarray | None:
        """int64 [channels]: logical channel of each stream channel (-1: none) if positions stay where they are, else None."""
        if self.places.ndim == 1:
            return self.places.astype(np.int64)
        _, height, width = self.logical
        if self.places.shape[1:] != (height, width):
            return None
        order = np.where(self.places[:, 0, 0] >= 0, self.places[:, 0, 0] // (height * width), -1)
        same = Layout(self.logical, order, self.strip_rows, self.tile_rows, self.dtype)
        return order if np.array_equal(same.index, self.places) else None

    @staticmethod
    def plain(shape: tuple[int, int, int], dtype: np.dtype, strip_rows: int | None = None, block: int = 0) -> Layout:
        """Of a tensor that the host compresses as it is; by default a strip is one row of segments."""
        rows = Segmentation(*shape).rows if strip_rows is None else strip_rows
        return Layout(shape, np.arange(shape[0]), rows, rows, np.dtype(dtype), block=block)

    @staticmethod
    def as_written(shape: tuple[int, int, int], dtype: np.dtype, density: float, most_words: int) -> Layout:
        """Of a tensor as a layer of the accelerator would write it: chunk by chunk where `most_words` words hold the planes.

        Larger planes are written by strips, of which those of one row of segments are the smallest; so is a single chunk.
        """
        cut = Segmentation(*shape)
        if cut.chunks == 1:
            return Layout.plain(shape, dtype)
        if stream_words(cut.height, cut.height, density, cut) > most_words:
            return Layout.plain(shape, dtype)
        return Layout.plain(shape, dtype, cut.height, block=1)

    @staticmethod
    def vector(size: int, dtype: np.dtype) -> Layout:
        """Of a vector [size, 1, 1] as a fully connected layer would have written it: 32 positions a channel where that fits."""
        if size % 256:
            return Layout.plain((size, 1, 1), dtype)
        return Layout((size, 1, 1), np.arange(size).reshape(size // 32, 1, 32), 1, 1, np.dtype(dtype))

    def compress(self, tensor: np.ndarray) -> np.ndarray:
        """Stream of a tensor of shape `logical`."""
        return compress(self.arrange(tensor), self.strip_rows, self.span, self.block)

    def arrange(self, tensor: np.ndarray) -> np.ndarray:
        """The stream's planes [channels, rows, cols] of a tensor of shape `logical`."""
        planes: np.ndarray = np.zeros(self.shape, self.dtype)
        there = self.places >= 0
        source = tensor if self.places.ndim == 1 else tensor.reshape(-1)
        planes[there] = source[self.places[there]]
        return planes

    def expand(self, words: np.ndarray) -> np.ndarray:
        """Tensor of shape `logical` from a stream. Raises FormatError."""
        planes = expand(words, *self.shape, self.dtype, self.span)
        there = self.places >= 0
        out: np.ndarray = np.zeros(self.logical, self.dtype)
        target = out if self.places.ndim == 1 else out.reshape(-1)
        target[self.places[there]] = planes[there]
        return out
