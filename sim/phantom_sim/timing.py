"""How fast the world around the design is: the same for the simulated RTL and for the model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """How fast the world around the design is.

    Attributes:
        clock_mhz: clock of the design.
        port_mb_per_s: bandwidth of an HP port, reads and writes together, in 10**6 bytes a second.
        latency: cycles from a read address to its first beat, and from the last write beat to the response.
        outstanding: bursts that a port accepts ahead, for each direction.
        access_gap: cycles that the processor takes between two register accesses.
        timeout: cycles after which a register access counts as not answered.
    """

    clock_mhz: float = 125.0
    port_mb_per_s: float = 800.0
    latency: int = 30
    outstanding: int = 8
    access_gap: int = 20
    timeout: int = 10_000

    @property
    def bytes_per_cycle(self) -> float:
        """Bandwidth of a port in bytes a clock cycle."""
        return self.port_mb_per_s / self.clock_mhz
