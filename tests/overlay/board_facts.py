"""What is published of the PYNQ-Z2, and the clocks that it makes: what the recorded settings of the processing system must be.

Of TUL's manual (crystal, memory, devices and their pins), and of the hardware of PYNQ's own image (traces, pull-ups; in the PYNQ
repository, boards/Pynq-Z2/petalinux_bsp).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

CRYSTAL_MHZ = 50.0
BANK_VOLTS = ("3.3", "1.8")  # bank 0 is MIO 0 to 15, bank 1 is MIO 16 to 53
STRAPS = range(2, 9)  # no pull-ups here
DEVICES = {  # first and last MIO
    "QSPI": (1, 6), "UART0": (14, 15), "ENET0": (16, 27), "USB0": (28, 39), "SD0": (40, 45),
}  # fmt: skip
GROUPS = {"QSPI_GRP_SINGLE_SS": "MIO 1 .. 6", "QSPI_GRP_FBCLK": "MIO 8", "ENET0_GRP_MDIO": "MIO 52 .. 53", "ENET0_RESET": "MIO 9",
          "USB0_RESET": "MIO 46", "SD0_GRP_CD": "MIO 47"}  # fmt: skip
MEMORY = {
    "PARTNO": "MT41J256M16 RE-125", "MEMORY_TYPE": "DDR 3", "BUS_WIDTH": "16 Bit", "FREQ_MHZ": "525", "BL": "8",
    "ECC": "Disabled", "TRAIN_DATA_EYE": "1", "TRAIN_READ_GATE": "1", "TRAIN_WRITE_LEVEL": "1", "USE_INTERNAL_VREF": "0",
}  # fmt: skip
MEMORY_BYTES = 512 << 20  # 256 M words of 16 bits
TRACES = {  # mm, and ns, of each lane
    "CLOCK_{}_LENGTH_MM": ("25.8", "25.8"), "DQS_{}_LENGTH_MM": ("15.6", "18.8"), "DQ_{}_LENGTH_MM": ("16.5", "18"),
    "BOARD_DELAY{}": ("0.223", "0.212", "0.085", "0.092"), "DQS_TO_CLK_DELAY_{}": ("0.040", "0.058", "-0.009", "-0.033"),
}  # fmt: skip


def settings() -> dict[str, str]:
    """Every setting of the processing system that follows from the board."""
    found = {
        "CRYSTAL_PERIPHERAL_FREQMHZ": f"{CRYSTAL_MHZ:g}", "APU_PERIPHERAL_FREQMHZ": "650", "QSPI_PERIPHERAL_FREQMHZ": "200",
        "SDIO_PERIPHERAL_FREQMHZ": "50", "ENET0_PERIPHERAL_FREQMHZ": "1000 Mbps", "UART0_BAUD_RATE": "115200",
        "GPIO_MIO_GPIO_ENABLE": "1", "GPIO_MIO_GPIO_IO": "MIO",
    }  # fmt: skip
    found |= {f"PRESET_BANK{bank}_VOLTAGE": f"LVCMOS {volts}V" for bank, volts in enumerate(BANK_VOLTS)}
    found |= {f"UIPARAM_DDR_{name}": value for name, value in MEMORY.items()}
    found |= {f"UIPARAM_DDR_{name.format(i)}": value for name, lanes in TRACES.items() for i, value in enumerate(lanes)}
    for name, (first, last) in DEVICES.items():
        found |= {f"{name}_PERIPHERAL_ENABLE": "1", f"{name}_{name}_IO": f"MIO {first} .. {last}"}
    for name, pins in GROUPS.items():
        found |= {f"{name}_ENABLE": "1", f"{name}_IO": pins}
    for pin in range(54):
        found |= {f"MIO_{pin}_IOTYPE": f"LVCMOS {BANK_VOLTS[pin >= 16]}V", f"MIO_{pin}_SLEW": "slow"}
        found |= {} if pin in STRAPS else {f"MIO_{pin}_PULLUP": "enabled"}
    return {f"PCW_{name}": value for name, value in found.items()}


def io_pll_multiplier(ps7: Mapping[str, str]) -> int:
    """The multiplier that Vivado gives the I/O PLL: of the crystal that it was told of, within the PLL's range (DS187, -1), it
    makes a multiple of the clock of every device that runs from it.
    """
    crystal = float(ps7["PCW_CRYSTAL_PERIPHERAL_FREQMHZ"])
    ethernet = {"1000 Mbps": 125.0, "100 Mbps": 25.0}[ps7["PCW_ENET0_PERIPHERAL_FREQMHZ"]]
    clocks = [ethernet, *(float(ps7[f"PCW_{device}_PERIPHERAL_FREQMHZ"]) for device in ("QSPI", "SDIO"))]
    for multiplier in range(math.ceil(780 / crystal), math.floor(1600 / crystal) + 1):
        if all(abs(crystal * multiplier / clock - round(crystal * multiplier / clock)) < 1e-4 for clock in clocks):
            return multiplier
    raise AssertionError(f"no I/O PLL makes {clocks} MHz of {crystal:g} MHz")


def fclk_mhz(ps7: Mapping[str, str], divisors: tuple[int, int]) -> float:
    """FCLK 0 on the board: of the crystal that is there, by the multiplier and the two divisors that were set."""
    return CRYSTAL_MHZ * io_pll_multiplier(ps7) / (divisors[0] * divisors[1])
