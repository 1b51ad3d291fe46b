"""Width of the Zynq-7000's HP ports: the design is 64 bits wide, and a boot loader may have left them at 32.

Nothing else looks after it. A first-stage loader sets the ports as its own hardware project says, a bitstream that is loaded
later does not change them, and PYNQ does so on UltraScale+ only. On a port of 32 bits every other word of a transfer is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PORTS = 4
BASE, SPACING, SIZE = 0xF800_8000, 0x1000, 0x20  # AFI_RDCHAN_CTRL of HP0; the next port
CHANNELS = {"read": 0x00, "write": 0x14}
NARROW = 1  # 32BitEn


def make_wide(mmio: Callable[[int, int], Any]) -> list[str]:
    """Set all HP ports to 64 bits; call it while nothing uses them.

    Args:
        mmio: `pynq.MMIO`, or what has its arguments (address, length) and its `read` and `write`.

    Returns:
        The channels that were narrow, as "HP0 read".
    """
    changed = []
    for port in range(PORTS):
        registers = mmio(BASE + SPACING * port, SIZE)
        for channel, offset in CHANNELS.items():
            value = int(registers.read(offset))
            if value & NARROW:
                registers.write(offset, value & ~NARROW)
                changed.append(f"HP{port} {channel}")
    return changed
