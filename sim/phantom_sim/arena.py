"""Contiguous buffers, twice: once as the processor's caches see them and once as the DDR holds them.

PYNQ buffers are cacheable, so a driver must flush what it wrote before the device reads it, and invalidate what the device
wrote before it reads that. With two copies a forgotten flush or invalidate shows in simulation, every time, instead of on
the board, sometimes.
"""

from __future__ import annotations

import bisect
import mmap

import numpy as np

from phantom.errors import DeviceError, RangeError

PAGE = 4096


class Arena:
    """Memory for buffers at device addresses [`base`, `base` + `size`), handed out in pages, first fit."""

    def __init__(self, base: int, size: int) -> None:
        """Both copies start as zeros; the system maps their pages only when they are touched."""
        self.base = base
        self.size = size
        # Not a plain array: numpy would then let views of a buffer hold on to the arena instead of to the buffer.
        self.host_memory = mmap.mmap(-1, size)
        self.host = np.frombuffer(self.host_memory, np.uint8)
        self.ddr = np.zeros(size, np.uint8)
        self._used: list[tuple[int, int]] = []  # (address, bytes), by address

    def take(self, nbytes: int) -> int:
        """Reserve `nbytes` (whole pages); returns the device address.

        Raises:
            RangeError: no gap is large enough.
        """
        wanted = max(PAGE, -(-nbytes // PAGE) * PAGE)
        start = self.base
        for address, length in [*self._used, (self.base + self.size, 0)]:
            if address - start >= wanted:
                bisect.insort(self._used, (start, wanted))
                return start
            start = address + length
        held = sum(length for _, length in self._used)
        raise RangeError(
            f"no room for a buffer of {nbytes} bytes: {held} of {self.size} bytes are in use in {len(self._used)} buffers; "
            "free some, or make the device with a larger memory_bytes"
        )

    def give_back(self, address: int) -> None:
        """Free the buffer at `address`."""
        self._used = [entry for entry in self._used if entry[0] != address]

    def offset_of(self, virtual_address: int, nbytes: int) -> int:
        """Offset in the arena of a piece of a buffer, from its address in this process.

        Raises:
            DeviceError: it is not in the arena.
        """
        offset = virtual_address - self.host.ctypes.data
        if not 0 <= offset <= self.size - nbytes:
            raise DeviceError(f"{nbytes} bytes at 0x{virtual_address:X} are not in a buffer of this device")
        return offset

    def flush(self, virtual_address: int, nbytes: int) -> None:
        """Write back: what the processor holds goes to the DDR."""
        at = self.offset_of(virtual_address, nbytes)
        self.ddr[at : at + nbytes] = self.host[at : at + nbytes]

    def invalidate(self, virtual_address: int, nbytes: int) -> None:
        """Drop what the processor holds: it sees the DDR again."""
        at = self.offset_of(virtual_address, nbytes)
        self.host[at : at + nbytes] = self.ddr[at : at + nbytes]
