"""Phantom without a board: the simulated device, and models to measure by.

``phantom_sim.board("tiny")`` returns a pynq.Overlay that runs on the Verilated design.
"""

from __future__ import annotations

from typing import Any

__all__ = ["board"]


def board(*args: Any, **kwargs: Any) -> Any:
    """See phantom_sim.overlay.board; imported late because PYNQ and its parser take a second to load."""
    from phantom_sim import overlay

    return overlay.board(*args, **kwargs)
