"""The files of a bitstream, opened by PYNQ's own Overlay: whole, missing, or damaged in the ways in which files are."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("pynq")
from pynq.pl_server import embedded_device
from pynq.pl_server.device import Device
from pynq_board import Board, without_xrt, write_pair

from phantom import overlays
from phantom.config import load_config
from phantom.devices import open_overlay
from phantom.errors import DeviceError

CONFIG = load_config("pynq_z2")


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Board:
    """The one that PYNQ finds. We are in the folder `here`, and the package's folder for overlays is `package`."""
    device = Board()
    monkeypatch.setattr(Device, "_devices", [device], raising=False)
    monkeypatch.setattr(embedded_device, "_create_xclbin", without_xrt)
    monkeypatch.setattr(platform, "machine", lambda: "armv7l")
    monkeypatch.setenv("BOARD", "Pynq-Z2")
    for name in ("here", "package"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(overlays, "__path__", [str(tmp_path / "package")])
    return device


@pytest.mark.parametrize("place", ["here", "package"])
def test_a_whole_pair_is_loaded(board: Board, tmp_path: Path, place: str) -> None:
    write_pair(tmp_path / place, b"\1\2\3\4" * 4)
    overlay = open_overlay("board", CONFIG)
    assert board.loaded == [b"\4\3\2\1" * 4]
    assert overlay.ip_dict["phantom_0"]["registers"]["ID"]


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "one byte": lambda content: content[:1],
    "half": half,
    "all but its end": lambda content: content[:-3],
    "text": lambda content: b"<html><body>404 Not Found</body></html>\n",
    "several lines of text": lambda content: b"404\nNot Found\n\nthe server says\n" * 40,
    "noise": lambda content: bytes((7 * i * i + i) & 0xFF for i in range(5000)),
    "another description": lambda content: b"<EDKSYSTEM><MODULES/></EDKSYSTEM>",
}


@pytest.mark.parametrize("name", ["phantom.bit", "phantom.hwh"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_an_error_of_one_line(board: Board, tmp_path: Path, name: str, damage: str) -> None:
    write_pair(tmp_path / "package")
    path = tmp_path / "package" / name
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(DeviceError, match=r"^phantom.bit cannot be loaded \(\w+: .*\); .* whole, with its .hwh$") as caught:
        open_overlay("board", CONFIG)
    assert "\n" not in str(caught.value)
    assert not board.loaded


@pytest.mark.parametrize("name", ["phantom.bit", "phantom.hwh"])
def test_a_missing_file_is_an_error_of_one_line(board: Board, tmp_path: Path, name: str) -> None:
    write_pair(tmp_path / "package")
    (tmp_path / "package" / name).unlink()
    with pytest.raises(
        DeviceError, match=r"^phantom.bit cannot be loaded \(.*(does not exist|metadata).*\); it must lie here or in "
    ):
        open_overlay("board", CONFIG)
