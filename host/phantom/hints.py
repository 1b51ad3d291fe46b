"""What a message ends with where another option of the same command would do."""

from __future__ import annotations

import argparse

from .config import load_config
from .devices import DEFAULT_CONFIG
from .errors import PhantomError, ShapeError
from .shipped import MODEL, network_path

LARGEST = DEFAULT_CONFIG["board"]


def hint(error: PhantomError, options: argparse.Namespace | None) -> str:
    """To be put behind the message of an error that a command has ended with; often nothing."""
    if isinstance(error, ShapeError) and "does not fit configuration" in str(error) and _small(options):
        return f"; try --config {LARGEST}"
    return _fallback(error, options)


def _small(options: argparse.Namespace | None) -> bool:
    """Whether the command's configuration has fewer multipliers than the board's."""
    name = getattr(options, "config", None) or DEFAULT_CONFIG.get(getattr(options, "device", "board"), LARGEST)
    return load_config(name).multipliers < load_config(LARGEST).multipliers


def _fallback(error: PhantomError, options: argparse.Namespace | None) -> str:
    """Where nodes or layers of a model are to blame, the processor can compute them."""
    if not error.culprits or getattr(options, "fallback", "not there") is not None:
        return ""
    if network_path(options.network).suffix.lower() != MODEL:  # type: ignore[union-attr]
        return ""
    return "; --fallback host leaves it to the processor"
