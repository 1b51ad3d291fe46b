"""Opening a real board, with a PYNQ made of a few lines: which board, which files, which overlay."""

from __future__ import annotations

import platform
import sys
import types
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from fake_overlay import FakeOverlay

from phantom.config import load_config
from phantom.devices import open_overlay
from phantom.driver import Accelerator
from phantom.errors import DeviceError

CONFIG = load_config("pynq_z2")


class Registers:
    """Registers of an HP port; `memory` is all of them by address."""

    memory: ClassVar[dict[int, int]] = {}

    def __init__(self, address: int, length: int, device: Any = None) -> None:
        self.address, self.length = address, length

    def read(self, offset: int) -> int:
        assert offset < self.length
        return self.memory.get(self.address + offset, 0)

    def write(self, offset: int, value: int) -> None:
        self.memory[self.address + offset] = value


class EmbeddedDevice:
    """The one device of a board."""


Load = Callable[..., Any]


@pytest.fixture
def pynq(monkeypatch: pytest.MonkeyPatch) -> Callable[[Load], None]:
    """Install a pynq whose Overlay is the function given."""
    monkeypatch.setenv("BOARD", "Pynq-Z2")
    monkeypatch.setattr(platform, "machine", lambda: "armv7l")

    def install(load: Load, devices: tuple[Any, ...] = (EmbeddedDevice(),)) -> None:
        module, server, device = (types.ModuleType(name) for name in ("pynq", "pynq.pl_server", "pynq.pl_server.device"))
        module.Overlay, module.MMIO = load, Registers  # type: ignore[attr-defined]
        device.Device = types.SimpleNamespace(devices=list(devices))  # type: ignore[attr-defined]
        for made in (module, server, device):
            monkeypatch.setitem(sys.modules, made.__name__, made)

    return install


def raising(error: Exception) -> Load:
    def load(name: str, device: Any) -> Any:
        raise error

    return load


def test_the_overlay_is_loaded_on_the_boards_device(pynq: Any) -> None:
    seen = []

    def load(name: str, device: Any) -> Any:
        seen.append((name, type(device)))
        return FakeOverlay(CONFIG)

    pynq(load)
    accelerator = Accelerator(open_overlay("board", CONFIG), CONFIG)
    assert seen == [("phantom.bit", EmbeddedDevice)]
    assert accelerator.parameters["rows"] == 4


@pytest.mark.parametrize("board", ["Pynq-Z2", "pynq-z2", "Pynq-Z1", ""])
def test_boards_with_the_right_chip(pynq: Any, monkeypatch: pytest.MonkeyPatch, board: str) -> None:
    monkeypatch.setenv("BOARD", board)
    pynq(lambda name, device: FakeOverlay(CONFIG))
    assert open_overlay("board", CONFIG)


@pytest.mark.parametrize("board", ["ZCU104", "Ultra96", "KV260"])
def test_another_board_is_not_given_the_bitstream(pynq: Any, monkeypatch: pytest.MonkeyPatch, board: str) -> None:
    pynq(raising(AssertionError("it must not come to this")))
    monkeypatch.setenv("BOARD", board)
    with pytest.raises(DeviceError, match=f"this is a {board} .*phantom.bit is for the xc7z020 of the PYNQ-Z2; docs/porting.md"):
        open_overlay("board", CONFIG)
    monkeypatch.delenv("BOARD")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(DeviceError, match=r"this processor is an aarch64, not the armv7l of a Zynq-7000"):
        open_overlay("board", CONFIG)


@pytest.mark.parametrize(
    "error",
    [
        OSError("Bitstream file phantom.bit does not exist."),
        ValueError("Cannot find HWH file for phantom.bit"),
        RuntimeError("not root"),
        AttributeError("'NoneType' object has no attribute 'ip_dict'"),
        KeyError("MODULES"),
    ],
)
def test_files_that_are_missing_or_damaged(pynq: Any, error: Exception) -> None:
    pynq(raising(error))
    with pytest.raises(
        DeviceError, match=r"phantom.bit cannot be loaded \(\w+: .*\); it must lie here or in .*, whole, with its .hwh"
    ):
        open_overlay("board", CONFIG)


def test_ports_that_the_boot_loader_left_narrow(pynq: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """HP0 reads and HP3 writes 32 bits wide: both are made wide, the other bits stay, nothing else is written."""
    memory = {0xF800_8000: 0x0F1, 0xF800_8014: 0x0F0, 0xF800_B014: 0x1}
    monkeypatch.setattr(Registers, "memory", memory)
    pynq(lambda name, device: FakeOverlay(CONFIG))
    open_overlay("board", CONFIG)
    assert memory == {0xF800_8000: 0x0F0, 0xF800_8014: 0x0F0, 0xF800_B014: 0x0}


def test_no_device(pynq: Any) -> None:
    pynq(raising(AssertionError("it must not come to this")), devices=())
    with pytest.raises(DeviceError, match="there is no board here"):
        open_overlay("board", CONFIG)


@pytest.mark.parametrize("missing", ["phantom_0", "dma_act", "dma_wgt"])
def test_a_description_without_our_blocks(pynq: Any, missing: str) -> None:
    """The .hwh of another overlay beside our bitstream, or the other way round."""

    def load(name: str, device: Any) -> Any:
        overlay = FakeOverlay(CONFIG)
        delattr(overlay, missing)
        return overlay

    pynq(load)
    with pytest.raises(DeviceError, match=f"the overlay has no {missing}; it is not a Phantom overlay"):
        Accelerator(open_overlay("board", CONFIG), CONFIG)


def test_the_bitstream_of_another_configuration(pynq: Any) -> None:
    pynq(lambda name, device: FakeOverlay(load_config("small")))
    with pytest.raises(DeviceError, match=r"built with rows = 2; configuration 'pynq_z2' has 4: load the bitstream of 'pynq_z2'"):
        Accelerator(open_overlay("board", CONFIG), CONFIG)


def test_a_description_of_another_version(pynq: Any) -> None:
    """A register that the driver needs is not in the .hwh, as after an incompatible change."""

    def load(name: str, device: Any) -> Any:
        overlay = FakeOverlay(CONFIG)
        del overlay.ip_dict["phantom_0"]["registers"]["RUN_DEPTH"]
        return overlay

    pynq(load)
    with pytest.raises(DeviceError, match="no register RUN_DEPTH; it is of another version"):
        Accelerator(open_overlay("board", CONFIG), CONFIG)
