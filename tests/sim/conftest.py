"""The test design of the board-free device (loop_top.sv), built once, and fresh devices that run it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pynq import Overlay

from phantom_sim import overlay, verilate

HERE = Path(__file__).parent


def loop_design(**parameters: int) -> verilate.Design:
    """The test design; its sources are listed in loop_top.f, its registers described in loop.rdl."""
    registers = verilate.generate_registers(verilate.ROOT / "build" / "gen_loop", HERE / "loop.rdl")
    return verilate.Design("loop", "loop_top", verilate.file_list(HERE / "loop_top.f"), parameters, registers)


@pytest.fixture(scope="session")
def design() -> verilate.Design:
    """The test design as a 2 x 3 "mesh"."""
    return loop_design(Rows=2, Cols=3)


@pytest.fixture
def loop(design: verilate.Design) -> Iterator[Overlay]:
    """A new device with the test design, as a loaded overlay."""
    board = overlay.board(design, memory_bytes=16 << 20, poll_cycles=5_000, hang_cycles=50_000)
    yield board
    board.device.close()
