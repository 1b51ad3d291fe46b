"""The boards that configurations are for: part, what the device has, how its processor is set up.

A configuration of the same name as a board is for that board, and every other one (tiny, small, ...) for the PYNQ-Z2.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Board:
    """One board."""

    name: str
    part: str
    family: str  # as synth_xilinx calls it
    budget: dict[str, int]  # what the device has
    processor: str  # name of the processing system's block
    flows: tuple[str, ...]  # that `make bitstream` has for it

    @property
    def device(self) -> str:
        """The part without package and speed grade, as ``.hwh`` and databases name it: 7z020."""
        return self.part.removeprefix("xc").split("clg")[0].split("-")[0]


PYNQ_Z2 = Board(
    name="pynq_z2",
    part="xc7z020clg400-1",
    family="xc7",
    budget={"lut": 53_200, "lutram": 17_400, "ff": 106_400, "dsp": 220, "bram36": 140},
    processor="processing_system7",
    flows=("vivado", "open"),
)
ZCU104 = Board(
    name="zcu104",
    part="xczu7ev-ffvc1156-2-e",
    family="xcup",
    budget={"lut": 230_400, "lutram": 101_760, "ff": 460_800, "dsp": 1_728, "bram36": 312, "uram": 96},
    processor="zynq_ultra_ps_e",
    flows=(),
)
BOARDS = {board.name: board for board in (PYNQ_Z2, ZCU104)}


def board_of(config: str) -> Board:
    """The board that a configuration is built for."""
    return BOARDS.get(config, PYNQ_Z2)
