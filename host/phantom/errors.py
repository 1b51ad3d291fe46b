"""Errors of the package. Each message names what is wrong, where, and what would be right."""

from __future__ import annotations


class PhantomError(Exception):
    """Base class: catching it catches everything that this package raises on purpose.

    culprits: names of the nodes, tensors or layers that are to blame, for who can do without them.
    """

    culprits: tuple[str, ...] = ()

    def blame(self, *names: str) -> None:
        """Note culprits, unless some are known already."""
        self.culprits = self.culprits or names


class ConfigError(PhantomError):
    """A named configuration is missing, has wrong keys, or cannot be built."""


class FormatError(PhantomError):
    """A stream or a file does not follow its format (truncated, corrupted, or of another version)."""


class ShapeError(PhantomError):
    """An array has the wrong shape or element type, or two layers do not fit together."""


class RangeError(PhantomError):
    """A value does not fit the field or the buffer that has to hold it."""


class OverflowRisk(RangeError):
    """The 32-bit accumulator of a filter cannot be proven safe for every possible input."""


class MismatchError(PhantomError):
    """A result differs from the reference."""


class DeviceError(PhantomError):
    """The device reports an error, or is not the one that the driver was made for."""


class DeviceTimeout(DeviceError):
    """The device did not finish in time."""
