"""The boards that configurations are for: part, what the device has, how its processor is set up.

A configuration of the same name as a board is for that board, and every other one (tiny, small, ...) for the PYNQ-Z2.
"""

from __future__ import annotations

from dataclasses import dataclass

# (pattern, see synthesis.memory; ram_style): memories that are to be of another kind than the RTL asks for.
Memories = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Board:
    """One board."""

    name: str
    part: str
    family: str  # as synth_xilinx calls it
    budget: dict[str, int]  # what the device has
    ddr: int  # bytes that the memory ports reach from address 0 on, a power of two
    processor: str  # name of the processing system's block
    flows: tuple[str, ...]  # that `make bitstream` has for it
    memories: Memories = ()  # outside of the cores
    cores: tuple[tuple[int, Memories], ...] = ()  # so many cores each with these; () when they are all alike, and as the RTL says

    @property
    def device(self) -> str:
        """The part without package and speed grade, as ``.hwh`` and databases name it: 7z020."""
        return self.part.removeprefix("xc").split("clg")[0].split("-")[0]


RUNS = ("*.u_run_ring.u_runs", "distributed")
WINDOWS = ("*.u_tds/window_mem", "distributed")


def sums(thread: int, style: str) -> tuple[str, str]:
    """The partial sums of a thread of a core."""
    return f"*.g_pe?{thread // 2}?.u_pe.g_thread?{thread % 2}?.u_thread.u_psum", style


PYNQ_Z2 = Board(
    name="pynq_z2",
    part="xc7z020clg400-1",
    family="xc7",
    budget={"lut": 53_200, "lutram": 17_400, "ff": 106_400, "dsp": 220, "bram36": 140},
    ddr=512 << 20,
    processor="processing_system7",
    flows=("vivado", "open"),
)
ZCU104 = Board(
    name="zcu104",
    part="xczu7ev-ffvc1156-2-e",
    family="xcup",
    budget={"lut": 230_400, "lutram": 101_760, "ff": 460_800, "dsp": 1_728, "bram36": 312, "uram": 96},
    ddr=2 << 30,
    processor="zynq_ultra_ps_e",
    flows=(),
    # Sixty-four cores with 14 half block RAMs each want more than there is. Run and window tables go to LUTs, which they take
    # fewest of, partial sums of one or two threads a core to ultra RAM, and of one to LUTs until block RAM is just enough.
    memories=(
        *((f"*.u_row_memory.g_bank?{bank}?.*u_low", "ultra") for bank in range(2)),
        ("*.u_output.u_params.u_mem", "ultra"),
        ("*.u_directory", "ultra"),
    ),
    cores=(
        (22, (RUNS, WINDOWS, sums(0, "ultra"), sums(1, "ultra"), sums(2, "distributed"))),
        (38, (RUNS, WINDOWS, sums(0, "ultra"), sums(1, "distributed"))),
        (4, (RUNS, WINDOWS, sums(0, "ultra"))),
    ),
)
BOARDS = {board.name: board for board in (PYNQ_Z2, ZCU104)}


def board_of(config: str) -> Board:
    """The board that a configuration is built for."""
    return BOARDS.get(config, PYNQ_Z2)
