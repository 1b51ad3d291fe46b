"""What a bitstream is built from, the same for every flow: design, board, address map, memory ports; and what is left afterwards.

Results are in ``build/bitstream/CONFIG``: ``phantom.bit`` and ``phantom.hwh`` side by side, as PYNQ wants them, and reports. The
``.hwh`` is ours in every flow, from the writer that the simulated board uses, so the driver finds the same blocks on all of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boards
from phantom.config import load_config
from phantom.errors import PhantomError
from phantom_sim import hwh
from phantom_sim.design import memory_ports, named_design, source_of

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "build" / "bitstream"
BITSTREAM = "phantom.bit"
PAIR, REPORTS = ("phantom.*",), ("*.rpt", "*.log", "vivado.hwh")  # what is wanted, with its links; what is looked at to judge it


class BuildError(PhantomError):
    """A bitstream could not be built: a tool is missing or of another version, or it refused the design."""


@dataclass(frozen=True)
class Plan:
    """One build."""

    config: str
    board: boards.Board
    clock_mhz: float
    top: Path  # source of phantom_top
    sources: tuple[Path, ...]
    parameters: Mapping[str, int]
    registers_json: Path
    hp_ports: Mapping[int, tuple[str, ...]]  # by number: its address channels, "ar" and "aw"
    results: Path

    @property
    def fclk_mhz(self) -> float:
        """The clock that the processing system can make: the configuration's, or the next slower one."""
        first, second = hwh.clock_divisors(self.clock_mhz)
        return hwh.IO_PLL_MHZ / (first * second)

    @property
    def registers(self) -> dict[str, Any]:
        """The address map."""
        return dict(json.loads(self.registers_json.read_text()))

    @property
    def window(self) -> tuple[int, int]:
        """Base and size of what the processor sees of the design: all blocks, rounded up to a power of two."""
        blocks = self.registers["blocks"].values()
        base = min(block["base"] for block in blocks)
        size = 1 << (max(block["base"] + block["size"] for block in blocks) - base - 1).bit_length()
        if base % size:
            raise BuildError(f"the register map begins at 0x{base:08X}, which is not a multiple of its size 0x{size:X}")
        return base, size

    def begin(self) -> None:
        """Make room: nothing of an earlier build is to be taken for a result or a report of this one."""
        self.results.mkdir(parents=True, exist_ok=True)
        forget(self.results, *PAIR, *REPORTS)

    def withdraw(self) -> None:
        """Take the bitstream away that is not to be used; reports and logs stay."""
        forget(self.results)

    def finish(self) -> Path:
        """Put the description beside the bitstream; the bitstream's path. Raises BuildError when there is none."""
        bit = self.results / BITSTREAM
        if not bit.exists() or bit.stat().st_size == 0:
            raise BuildError(f"the tools ended without an error, but there is no {bit}")
        hwh.write_overlay(bit, self.registers_json, self.parameters, self.clock_mhz, tuple(self.hp_ports))
        return bit


def forget(folder: Path, *patterns: str) -> None:
    """Remove files from a folder: a bitstream, its description and their links, or what is asked for."""
    for pattern in patterns or PAIR:
        for old in folder.glob(pattern):
            old.unlink()


def plan(config_name: str, flow: str, results: Path = RESULTS) -> Plan:
    """The plan for a configuration.

    Raises:
        BuildError: its board has no such flow. ConfigError: there is no such configuration.
    """
    config = load_config(config_name)
    board = boards.board_of(config.name)
    if flow not in board.flows:
        able = [b.name for b in boards.BOARDS.values() if flow in b.flows]
        raise BuildError(
            f"configuration {config.name!r} is for the {board.name} ({board.part}); FLOW={flow} builds for {', '.join(able)}. "
            "docs/porting.md says what another board takes"
        )
    design = named_design(config)
    top = source_of(design.top, design.sources)
    return Plan(
        config.name, board, config.clock_mhz, top, design.sources, design.parameters, design.registers / "registers.json",
        memory_ports(top, design.parameters), results / config.name,
    )  # fmt: skip
