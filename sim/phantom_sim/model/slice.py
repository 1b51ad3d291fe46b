"""phantom_slice and phantom_block_fifo: valid/ready links without their data."""

from __future__ import annotations

from typing import Any

from .kernel import kernel, registers

SLICE = registers("out", "spare")  # out_valid_q, spare_valid_q
# wr_q - rd_q, in_ready_q, fetched_q, and those of the slice behind it.
BLOCK_FIFO = registers("level", "ready", "fetched", "out", "spare")


@kernel
def step_slice(s: Any, in_valid: int, out_ready: int) -> None:
    """One cycle; the far sides have looked at `out` and `spare` (in_ready_o is its inverse) before."""
    if out_ready or not s.out:
        s.out = 1 if s.spare or in_valid else 0
        s.spare = 0
    elif in_valid and not s.spare:
        s.spare = 1


@kernel
def step_block_fifo(f: Any, in_valid: int, depth: int, out_ready: int) -> None:
    """One cycle of the block FIFO."""
    ready = 0 if f.spare else 1
    push = 1 if in_valid and f.ready else 0
    fetch = 1 if f.level != 0 and (not f.fetched or ready) else 0
    fetched = f.fetched
    f.ready = 1 if f.level < depth - 1 else 0
    f.level += push - fetch
    f.fetched = 1 if fetch or (fetched and not ready) else 0
    step_slice(f, fetched, out_ready)
