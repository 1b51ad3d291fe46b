"""Packages that only some commands need, and the board does without."""

from __future__ import annotations

import importlib.util

from .errors import PhantomError

SIMULATION = "phantom_sim"  # on no index: it comes with the sources


def available(package: str) -> bool:
    """Whether a package can be imported."""
    return importlib.util.find_spec(package) is not None


def require(*packages: str) -> None:
    """Raise PhantomError, saying how to get them, unless all of `packages` can be imported."""
    missing = [name for name in packages if not available(name)]
    if SIMULATION in missing:
        raise PhantomError(f"this needs the package {SIMULATION}, which comes with the sources (`make setup`)")
    if missing:
        raise PhantomError(f"this needs {' and '.join(missing)}; install with: pip install {' '.join(missing)}")
