"""The way through the device and back: a layer that changes nothing, over data that fills the row buffer.

Every byte takes the whole path, from memory by DMA into the row buffer, through the mesh, and by DMA back to memory. Arithmetic
is a multiplication by one, so what comes back wrong was damaged on the way; which bits of which bytes are wrong says where.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..config import Config
from ..counters import Counters
from ..driver import Accelerator
from ..errors import DeviceError, FormatError
from ..network import Conv, Network
from ..program import Program, compile_network
from ..run import DeviceRunner
from ..stream import end_word
from .networks import Job

CHANNELS, COLUMNS = 32, 64
IDENTITY = 1 << 14  # multiplier that the requantiser divides away again
GUARD = 64  # words behind the result that nobody may touch
MARK = np.uint64(0x5A5A_F00D_5A5A_F00D)
PATTERNS = (0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF, 0x55, 0xAA)


def loop_job(config: Config) -> Job:
    """The layer that changes nothing; data for a row buffer and a tenth more: uint8 [CHANNELS, rows, COLUMNS], without zeros."""
    words_of_a_row = CHANNELS * 9 * COLUMNS // 64  # a mask and eight words of values a segment
    rows = -(-config.row_buffer_words * 11 // (10 * words_of_a_row))
    rng = np.random.default_rng(7)
    shape = (CHANNELS, rows, COLUMNS)
    image = rng.integers(1, 256, shape).astype(np.uint8)
    # Half of the words hold the same pattern in every byte, so that all wires move at once.
    pattern = rng.choice(PATTERNS, (CHANNELS, rows, COLUMNS // 8, 1)).astype(np.uint8)
    alike = rng.random((CHANNELS, rows, COLUMNS // 8, 1)) < 0.5
    image = np.where(alike, pattern, image.reshape(CHANNELS, rows, COLUMNS // 8, 8)).reshape(shape)
    weights = np.eye(CHANNELS, dtype=np.int8).reshape(CHANNELS, CHANNELS, 1, 1)
    zero, one = np.zeros(CHANNELS, np.int32), np.full(CHANNELS, IDENTITY, np.uint32)
    layer = Conv("loop", weights, zero, one, np.zeros(CHANNELS, np.uint8))
    return Job("DMA loop", Network("DMA loop", shape, np.dtype(np.uint8), [layer]), image)


class _Runner(DeviceRunner):
    """Writes into a buffer with a guard behind it."""

    def __init__(self, accelerator: Accelerator, program: Program) -> None:
        super().__init__(accelerator, [program])
        self.buffer = accelerator.allocate(program.result_words + GUARD)

    def result(self, number: int) -> Any:
        return self.buffer


def check_loop(accelerator: Accelerator, config: Config, job: Job) -> tuple[str, list[Counters]]:
    """Run it: what was moved, in words; and the counters. Raises DeviceError, which names the wrong bits."""
    (program,) = compile_network(job.network, config)
    runner = _Runner(accelerator, program)
    sent = program.source.compress(job.image)
    source = accelerator.upload(sent)
    source.flush()
    runner.buffer[:] = MARK
    runner.buffer.flush()
    _, count, events = runner.run_stage(0, source, len(sent))
    source.invalidate()
    if not np.array_equal(np.array(source[: len(sent)]), sent):
        raise DeviceError("the input changed while it was read; a DMA engine writes to where it must not")
    words = np.array(runner.buffer)
    touched = np.flatnonzero(words[count:] != MARK)
    if len(touched):
        raise DeviceError(
            f"word {count + int(touched[0])} was written, but the result has {count} words; nothing behind it may be touched"
        )
    _compare(program, job.image, words[:count])
    moved = (len(sent) + count) * 8
    return f"{moved:,} bytes there and back, unchanged", [events]


def _compare(program: Program, image: np.ndarray, words: np.ndarray) -> None:
    """Raise DeviceError unless the stream has the image; the message names the bits that are wrong."""
    body, end = words[:-1], int(words[-1])
    right = end_word(body)
    try:
        got = program.result.expand(np.append(body, np.uint64(right)))  # whatever END says: which bits are wrong says more
    except FormatError as error:
        raise DeviceError(f"what came back is no activation stream ({error}); words were lost or changed on the way") from None
    wrong = got != image
    if wrong.any():
        bits = int(np.bitwise_or.reduce((got ^ image)[wrong]))
        columns = sorted({int(c) % 8 for c in np.nonzero(wrong)[2]})
        where = "every byte of a word" if len(columns) == 8 else f"bytes {columns} of the words"
        raise DeviceError(
            f"{np.count_nonzero(wrong)} of {image.size} bytes came back changed: bits 0x{bits:02X}, in {where}; "
            "they must come back as they were sent"
        )
    if end != right:
        raise DeviceError(f"the last word came back as 0x{end:016X}; it must be 0x{right:016X}, END of what is before it")
