"""What a named configuration is built from, whoever builds it: sources, parameters, register map, memory ports."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from phantom.config import Config
from phantom.errors import ConfigError
from phantom_sim import verilate

TOP = "phantom_top"
NOT_IN_RTL = {"name", "description", "clock_mhz"}
MEMORY_PORT = re.compile(r"\bm_axi_hp(\d+)_(ar|aw)valid\b")


def verilog_parameters(config: Config) -> dict[str, int]:
    """Parameters of the top by their Verilog names: ``row_buffer_words`` becomes ``RowBufferWords``."""
    values = {key: value for key, value in dataclasses.asdict(config).items() if key not in NOT_IN_RTL}
    return {"".join(part.capitalize() for part in key.split("_")): int(value) for key, value in values.items()}


def named_design(config: Config) -> verilate.Design:
    """The design of a configuration: all of hls/phantom.f, with the register block made first.

    Raises ConfigError for sizes that the RTL does not come in.
    """
    config.check_buildable()
    registers = verilate.generate_registers()
    return verilate.Design(config.name, TOP, verilate.file_list(), verilog_parameters(config), registers)


def source_of(module: str, sources: Iterable[Path]) -> Path:
    """The file of a module, which is named after it. Raises ConfigError when there is none."""
    for source in sources:
        if source.stem == module:
            return source
    raise ConfigError(f"no source file is named {module}.sv")


def memory_ports(top: Path, parameters: Mapping[str, int]) -> dict[int, tuple[str, ...]]:
    """The HP ports in use, and whether each one reads ("ar"), writes ("aw") or both.

    They are those of the top's port list, but for that of a second weight stream where there is none.
    """
    idle = {2} if parameters.get("WeightPorts", 1) < 2 else set()
    header = re.sub(r"//[^\n]*", "", top.read_text()).partition(");")[0]
    found: dict[int, set[str]] = {}
    for number, channel in MEMORY_PORT.findall(header):
        if int(number) not in idle:
            found.setdefault(int(number), set()).add(channel)
    return {number: tuple(sorted(channels)) for number, channels in sorted(found.items())}
