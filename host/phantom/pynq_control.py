"""The control block as PYNQ shows it: the class of ``overlay.phantom_0``, bound by its name in the ``.hwh``.

PYNQ loads this module by itself (entry point ``pynq.lib``). It adds what one wants to see at a prompt; running layers is
`driver.Accelerator`'s business.
"""

from __future__ import annotations

from typing import Any

from pynq import DefaultIP

from .driver import CONTROL_VLNV, PARAMETERS


class PhantomControl(DefaultIP):
    """Identity and build parameters of a Phantom."""

    bindto = [CONTROL_VLNV]  # noqa: RUF012  (PYNQ wants a list)

    def __init__(self, description: dict[str, Any]) -> None:
        super().__init__(description=description)
        self._registers = description["registers"]

    def _named(self, register: str) -> int:
        return int(self.read(int(self._registers[register]["address_offset"])))

    @property
    def version(self) -> tuple[int, int]:
        """Version of the register map: major, minor."""
        word = self._named("VERSION")
        return word >> 16, word & 0xFFFF

    @property
    def parameters(self) -> dict[str, int]:
        """What the hardware was built with, by the names of overlay/configs.yaml."""
        return {name: self._named(name.upper()) for name in PARAMETERS}
