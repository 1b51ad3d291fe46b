"""From the name of a device to a loaded overlay: `rtl` is the simulated design, `board` a real one."""

from __future__ import annotations

import sys
import threading
import warnings
from typing import Any

from .config import Config
from .errors import DeviceError

DEVICES = ("rtl", "reference", "board")
DEFAULT_CONFIG = {"rtl": "tiny", "reference": "tiny", "board": "pynq_z2"}
BITSTREAM = "phantom.bit"
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
    try:
        from phantom_sim import board
    except ImportError:
        raise DeviceError("device rtl needs the package phantom_sim, which comes with the sources (`make setup`)") from None
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
        raise DeviceError(f"device rtl needs {error.name or error}; `make setup` installs it") from None
    finally:
        notice.cancel()


def _board() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pynq
            from pynq.pl_server.device import Device

            found = [d for d in Device.devices if not type(d).__module__.startswith("phantom_sim")]
    except ImportError:
        raise DeviceError("device board needs PYNQ, which is part of a PYNQ board's image; elsewhere use --device rtl") from None
    except (RuntimeError, OSError) as error:
        raise DeviceError(f"PYNQ cannot reach a device ({error}); run on the board, as root, or use --device rtl") from None
    if not found:
        raise DeviceError("there is no board here: PYNQ finds no device; run this on a PYNQ-Z2, or use --device rtl")
    try:
        return pynq.Overlay(BITSTREAM, device=found[0])
    except (OSError, RuntimeError, ValueError) as error:
        raise DeviceError(f"{BITSTREAM} cannot be loaded ({error}); it must lie here, with its .hwh") from None
