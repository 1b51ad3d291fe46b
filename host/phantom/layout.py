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
from .segments import Segmentation


@dataclass(frozen=True)
class Cut:
    """How a stream is cut into packets.

    segments: of the planes. strip_rows: rows of a producer strip. tile_rows: rows within which segments do not cross.
    """

    segments: Segmentation
    strip_rows: int
    tile_rows: int


@dataclass(frozen=True)
class Layout:
    """A tensor [C, H, W] in a stream of [channels, rows, cols].

    logical: shape [C, H, W] of the tensor.
    index: int64 [channels, rows, cols], the place in the flattened tensor of each element of the stream, -1 where there is none.
    strip_rows: rows of a producer strip. tile_rows: rows within which segments do not cross, a divisor of strip_rows.
    dtype: uint8 or int8. span: columns of a segment, 0 for as few as possible side by side.
    """

    logical: tuple[int, int, int]
    index: np.ndarray
    strip_rows: int
    tile_rows: int
    dtype: np.dtype
    span: int = 0

    @property
    def geometry(self) -> Segmentation:
        """Cut of the stream's planes."""
        channels, rows, cols = self.index.shape
        return Segmentation(channels, rows, cols, self.span)

    @property
    def cut(self) -> Cut:
        """How the stream is cut."""
        return Cut(self.geometry, self.strip_rows, self.tile_rows)

    @property
    def strip_packets(self) -> int:
        """Packets of a full producer strip."""
        cut = self.geometry
        tiles = self.strip_rows // self.tile_rows
        return tiles * -(-self.tile_rows // cut.rows) * cut.columns * cut.chunks

    @property
    def channel_order(self) -> np.ndarray | None:
        """int64 [channels]: logical channel of each stream channel (-1: none) if positions stay where they are, else None."""
        _, height, width = self.logical
        if self.index.shape[1:] != (height, width):
            return None
        order = np.where(self.index[:, 0, 0] >= 0, self.index[:, 0, 0] // (height * width), -1)
        plane = np.arange(height * width).reshape(height, width)
        same = np.where(order[:, None, None] >= 0, order[:, None, None] * height * width + plane, -1)
        return order if np.array_equal(same, self.index) else None

    @staticmethod
    def plain(shape: tuple[int, int, int], dtype: np.dtype, strip_rows: int | None = None) -> Layout:
        """Of a tensor that the host compresses as it is; by default a strip is one row of segments."""
        rows = Segmentation(*shape).rows if strip_rows is None else strip_rows
        return Layout(shape, np.arange(int(np.prod(shape))).reshape(shape), rows, rows, np.dtype(dtype))

    def compress(self, tensor: np.ndarray) -> np.ndarray:
        """Stream of a tensor of shape `logical`."""
        return compress(self.arrange(tensor), self.strip_rows, self.span)

    def arrange(self, tensor: np.ndarray) -> np.ndarray:
        """The stream's planes [channels, rows, cols] of a tensor of shape `logical`."""
        flat = np.append(np.ascontiguousarray(tensor, dtype=self.dtype).reshape(-1), np.zeros(1, self.dtype))
        return flat[self.index]

    def expand(self, words: np.ndarray) -> np.ndarray:
        """Tensor of shape `logical` from a stream. Raises FormatError."""
        channels, rows, cols = self.index.shape
        planes = expand(words, channels, rows, cols, self.dtype, self.span)
        out = np.zeros(int(np.prod(self.logical)), self.dtype)
        there = self.index >= 0
        out[self.index[there]] = planes[there]
        return out.reshape(self.logical)
