"""Clock registers of the PS7, as far as pynq.Clocks uses them: a few words that read back what was written.

There is one processor to a process, so there is one set of registers, whatever number of simulated devices there is.
"""

from __future__ import annotations

BASE, SIZE = 0xF800_0000, 0x1000
ARM_PLL_CTRL, DDR_PLL_CTRL, IO_PLL_CTRL, ARM_CLK_CTRL = 0x100, 0x104, 0x108, 0x120
FPGA_CLK_CTRL = (0x170, 0x180, 0x190, 0x1A0)

# With the 50 MHz crystal of the PYNQ-Z2: CPU 650 MHz, DDR 1050 MHz, I/O PLL 1000 MHz, all four PL clocks 100 MHz.
RESET_VALUES = {
    ARM_PLL_CTRL: 26 << 12,
    DDR_PLL_CTRL: 21 << 12,
    IO_PLL_CTRL: 20 << 12,
    ARM_CLK_CTRL: 2 << 8,
    **dict.fromkeys(FPGA_CLK_CTRL, 1 << 20 | 10 << 8),
}
_words = dict(RESET_VALUES)


def contains(address: int) -> bool:
    """Whether `address` is one of these registers' block."""
    return BASE <= address < BASE + SIZE


def read(address: int) -> int:
    """The word at `address`; 0 where there is no register that matters here."""
    return _words.get(address - BASE, 0)


def write(address: int, value: int) -> None:
    """Keep a word."""
    _words[address - BASE] = value
