"""A board as PYNQ sees it, but for the hardware: its own lookup and parsers of the files, registers in a dictionary."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from pynq.pl_server import embedded_device
from pynq.pl_server.device import Device

from phantom.config import load_config
from phantom_sim.design import named_design
from phantom_sim.hwh import write_overlay
from phantom_sim.slcr import BASE, RESET_VALUES


class Board(Device):
    """Reads files as `EmbeddedDevice` does, and is configured at once."""

    get_bitfile_metadata = embedded_device.EmbeddedDevice.get_bitfile_metadata

    def __init__(self) -> None:
        super().__init__("board")
        self.name = "board"
        self.arch = "armv7l"
        self.capabilities = {"REGISTER_RW": True, "MEMORY_MAPPED": False, "CALLABLE": False}
        self.memory = {BASE + offset: value.to_bytes(4, "little") for offset, value in RESET_VALUES.items()}
        self.loaded: list[bytes] = []  # what the configuration port was given

    def read_registers(self, address: int, length: int) -> bytes:
        return self.memory.get(address, b"\0\0\0\0")

    def write_registers(self, address: int, data: bytes) -> None:
        self.memory[address] = bytes(data)

    def download(self, bitstream: Any, parser: Any = None) -> None:
        self.loaded.append(parser.bin_data)
        super().post_download(bitstream, parser, self.name)


def without_xrt(mem_dict: Any) -> bytes:
    """In the place of PYNQ's call of the program `xclbinutil`, which the image has."""
    return embedded_device.DEFAULT_XCLBIN


def bit_file(payload: bytes = bytes(64)) -> bytes:
    """A ``.bit``: its header, and then words for the configuration port."""
    fields = ((b"a", b"phantom;Version=2024.2\0"), (b"b", b"7z020clg400\0"), (b"c", b"2025/01/01\0"), (b"d", b"12:00:00\0"))
    header = b"".join(key + struct.pack(">h", len(text)) + text for key, text in fields)
    return struct.pack(">h", 9) + bytes(9) + struct.pack(">h", 1) + header + b"e" + struct.pack(">i", len(payload)) + payload


def write_pair(folder: Path, payload: bytes = bytes(64)) -> None:
    """``phantom.bit`` and ``phantom.hwh`` of pynq_z2, as a build leaves them."""
    config = load_config("pynq_z2")
    design = named_design(config)
    (folder / "phantom.bit").write_bytes(bit_file(payload))
    write_overlay(folder / "phantom.bit", design.registers / "registers.json", design.parameters, config.clock_mhz)
