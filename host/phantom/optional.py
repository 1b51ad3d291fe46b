"""Packages that only some commands need, and the board does without."""

from __future__ import annotations

import importlib.util

from .errors import PhantomError

SIMULATION = "phantom_sim"  # on no index: it is in the wheel and in the sources
RTL = ("pynq", "systemrdl", "peakrdl_regblock", "peakrdl_cheader")  # what it needs to simulate the RTL
CYCLE_MODEL = ("numba",)  # and what its cycle model needs
HOW = "`make setup` installs it, or pip with the extras sim and model of this package"


def available(package: str) -> bool:
    """Whether a package can be imported."""
    return importlib.util.find_spec(package) is not None


def simulated() -> bool:
    """Whether the simulation can do anything: its code is in every wheel, what it stands on is not on a board."""
    return available(SIMULATION) and any(map(available, ("systemrdl", *CYCLE_MODEL)))


def require(*packages: str) -> None:
    """Raise PhantomError, saying how to get them, unless all of `packages` can be imported."""
    missing = [name for name in packages if not available(name)]
    if SIMULATION in missing:
        raise PhantomError(f"this needs the package {SIMULATION}, which is in the wheel and in the sources")
    if missing:
        raise PhantomError(f"this needs {' and '.join(missing)}; install with: pip install {' '.join(missing)}")
