"""Self-test of a device, in the order in which things depend on each other; what fails, and what that means, on one page.

Identity, registers, clock, the way through memory and device, a layer of each kind (every value against the reference), and
the cycles that they took against the cycle model. Simulated and real devices are tested alike.
"""

from __future__ import annotations

from .networks import random_parameters, random_weights
from .run import selftest

__all__ = ["random_parameters", "random_weights", "selftest"]
