"""Packages that only some commands need, and the board does without."""

from __future__ import annotations

import importlib.util

from .errors import PhantomError


def require(*packages: str) -> None:
    """Raise PhantomError, saying how to get them, unless all of `packages` can be imported."""
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise PhantomError(f"this needs {' and '.join(missing)}; install with: pip install {' '.join(missing)}")
