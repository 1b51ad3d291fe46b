"""The activation stream, written word by word from docs/stream-format.md: slow, and independent of the package."""

from __future__ import annotations

import numpy as np


def serial_checksum(words: list[int]) -> int:
    """Checksum as END defines it."""

    def rotl(value: int, n: int) -> int:
        return ((value << n) | (value >> (32 - n))) & 0xFFFFFFFF

    c = 0
    for word in words:
        c = rotl(c, 1) ^ (word & 0xFFFFFFFF) ^ rotl(word >> 32, 16)
    return c


def with_end(words: list[int]) -> np.ndarray:
    """Append END."""
    return np.array(words + [serial_checksum(words) << 32 | len(words) << 4 | 0xE], dtype=np.uint64)


def packets_of(tensor: np.ndarray, strip_rows: int | None = None, span: int = 0) -> list[list[int]]:
    """All packets of a tensor [C, H, W] in the order in which `compress` writes them."""
    channels, height, width = tensor.shape
    if span == 0:
        parts = 1
        while parts * 64 < width:
            parts += 1
        span = -(-width // parts)
    pitch = 1
    while pitch < (span if span >= width else 64):
        pitch *= 2
    full = 64 // pitch
    packets = []
    for strip in range(0, height, strip_rows or height):
        end = min(height, strip + (strip_rows or height))
        for y0 in range(strip, end, full):
            nrows = min(full, end - y0)
            for xs in range(-(-width // span)):
                for chunk in range(-(-channels // 8)):
                    packets.append(_packet(tensor, pitch, span, y0, nrows, xs, chunk))
    return packets


def _packet(tensor: np.ndarray, pitch: int, span: int, y0: int, nrows: int, xs: int, chunk: int) -> list[int]:
    channels, _, width = tensor.shape
    header = (nrows - 1) << 26 | xs << 22 | y0 << 12 | chunk << 4 | 1
    body = []
    for lane in range(8):
        channel = 8 * chunk + lane
        mask, values = 0, []
        for bit in range(nrows * pitch):
            row, column = y0 + bit // pitch, span * xs + bit % pitch
            if channel < channels and bit % pitch < span and column < width and tensor[channel, row, column]:
                mask |= 1 << bit
                values.append(int(tensor[channel, row, column]) & 0xFF)
        nwords = -(-len(values) // 8)
        header |= nwords << (32 + 4 * lane)
        values += [0] * (8 * nwords - len(values))
        body.append(mask)
        body += [sum(v << 8 * i for i, v in enumerate(values[8 * n : 8 * n + 8])) for n in range(nwords)]
    return [header, *body]


def stream_of(packets: list[list[int]]) -> np.ndarray:
    """Packets and END as one stream."""
    return with_end([word for packet in packets for word in packet])


def random_tensor(rng: np.random.Generator, shape: tuple[int, int, int], density: float, signed: bool) -> np.ndarray:
    """Activations of about this density, some channels all zero."""
    tensor = rng.integers(1, 256, shape).astype(np.uint8)
    tensor[rng.random(shape) >= density] = 0
    tensor[rng.random(shape[0]) < 0.1] = 0
    return tensor.view(np.int8) if signed else tensor
