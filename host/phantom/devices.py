"""From the name of a device to a loaded overlay: `rtl` is the simulated design, `board` a real one."""

from __future__ import annotations

import os
import platform
import sys
import threading
import warnings
from functools import partial
from pathlib import Path
from typing import Any

from . import overlays
from .config import Config
from .errors import DeviceError
from .hp_ports import make_wide
from .optional import HOW, RTL, SIMULATION, available

DEVICES = ("rtl", "reference", "board")
DEFAULT_CONFIG = {"rtl": "tiny", "reference": "tiny", "board": "pynq_z2"}
BITSTREAM = "phantom.bit"
BOARDS = ("Pynq-Z2", "Pynq-Z1")  # as PYNQ's images name themselves; both have the xc7z020clg400-1
ELSEWHERE = 'the simulation: --device rtl, in a notebook DEVICE = "rtl"'  # a notebook has no command line
PATIENCE = 3.0  # seconds of silence before a first build says what it is doing


def open_overlay(device: str, config: Config) -> Any:
    """A pynq.Overlay on which `driver.Accelerator` works.

    Raises:
        DeviceError: there is no such device here, or no bitstream. PhantomError: the simulation could not be built.
    """
    if device == "rtl":
        return _simulation(config)
    if device == "board":
        return _board()
    raise DeviceError(f"there is no overlay on device {device!r}; there is one on rtl and on board")


def _simulation(config: Config) -> Any:
    missing = [name for name in (SIMULATION, *RTL) if not available(name)]
    if missing:
        raise DeviceError(f"device rtl needs {', '.join(missing)}; {HOW}")
    from phantom_sim import board

    notice = threading.Timer(
        PATIENCE,
        print,
        (f"phantom: building the simulation of {config.name}; once per design, in minutes",),
        {"file": sys.stderr},
    )
    notice.daemon = True
    notice.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PYNQ says that it found no devices, which is why we bring one
            return board(config.name)
    except ImportError as error:
        raise DeviceError(f"device rtl needs {error.name or error}; {HOW}") from None
    finally:
        notice.cancel()


def _check_board() -> None:
    """Raise DeviceError on a board with another chip, for which the bitstream is not; say nothing where PYNQ is not at home."""
    board = os.environ.get("BOARD", "")
    right = f"{BITSTREAM} is for the xc7z020 of the PYNQ-Z2; docs/porting.md says what another board takes"
    if board and board.lower() not in map(str.lower, BOARDS):
        raise DeviceError(f"this is a {board} (says BOARD): {right}")
    if platform.machine() == "aarch64":
        raise DeviceError(f"this processor is an aarch64, not the armv7l of a Zynq-7000: {right}")


def _board() -> Any:
    _check_board()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pynq
            from pynq.pl_server.device import Device

            found = [d for d in Device.devices if not type(d).__module__.startswith("phantom_sim")]
    except ImportError:
        raise DeviceError(f"device board needs PYNQ, which is part of a PYNQ board's image; elsewhere use {ELSEWHERE}") from None
    except (RuntimeError, OSError) as error:
        raise DeviceError(f"PYNQ cannot reach a device ({error}); run on the board, as root, or use {ELSEWHERE}") from None
    if not found:
        raise DeviceError(f"there is no board here: PYNQ finds no device; run this on a PYNQ-Z2, or use {ELSEWHERE}")
    if not Path(BITSTREAM).is_file():  # PYNQ prefers what lies here
        overlays.fetch()
    try:
        overlay = pynq.Overlay(BITSTREAM, device=found[0])
        make_wide(partial(pynq.MMIO, device=found[0]))
        return overlay
    except Exception as error:
        # PYNQ lets through whatever its parsers of .bit and .hwh stumble over: ParseError, struct.error, ...
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise DeviceError(
            f"{BITSTREAM} cannot be loaded ({reason}); "
            "it must lie here or in the package's folder `overlays`, whole, with its .hwh"
        ) from None
