# The processing system of the PYNQ-Z2: what is soldered to it. Nothing here depends on what the programmable logic holds.
#
# DDR3 MT41J256M16 RE-125 behind 16 bits at 525 MHz with the delays of this board's traces, a 50 MHz crystal, CPU at 650 MHz;
# bank 0 (MIO 0-15) at 3.3 V, bank 1 at 1.8 V. The board has booted with its own first-stage loader by the time the bitstream is
# loaded, so these values matter to Vivado (clocks, and which pins are taken), and to whoever makes a boot image of the design.
# They are those of the hardware that PYNQ's own image was made for (tests/overlay/board_facts.py).
set ps7_board {
    PCW_CRYSTAL_PERIPHERAL_FREQMHZ {50}
    PCW_APU_PERIPHERAL_FREQMHZ {650}
    PCW_PRESET_BANK0_VOLTAGE {LVCMOS 3.3V}
    PCW_PRESET_BANK1_VOLTAGE {LVCMOS 1.8V}

    PCW_UIPARAM_DDR_PARTNO {MT41J256M16 RE-125}
    PCW_UIPARAM_DDR_MEMORY_TYPE {DDR 3}
    PCW_UIPARAM_DDR_BUS_WIDTH {16 Bit}
    PCW_UIPARAM_DDR_FREQ_MHZ {525}
    PCW_UIPARAM_DDR_BL {8}
    PCW_UIPARAM_DDR_ECC {Disabled}
    PCW_UIPARAM_DDR_TRAIN_DATA_EYE {1}
    PCW_UIPARAM_DDR_TRAIN_READ_GATE {1}
    PCW_UIPARAM_DDR_TRAIN_WRITE_LEVEL {1}
    PCW_UIPARAM_DDR_USE_INTERNAL_VREF {0}
    PCW_UIPARAM_DDR_CLOCK_0_LENGTH_MM {25.8}
    PCW_UIPARAM_DDR_CLOCK_1_LENGTH_MM {25.8}
    PCW_UIPARAM_DDR_DQS_0_LENGTH_MM {15.6}
    PCW_UIPARAM_DDR_DQS_1_LENGTH_MM {18.8}
    PCW_UIPARAM_DDR_DQ_0_LENGTH_MM {16.5}
    PCW_UIPARAM_DDR_DQ_1_LENGTH_MM {18}
    PCW_UIPARAM_DDR_BOARD_DELAY0 {0.223}
    PCW_UIPARAM_DDR_BOARD_DELAY1 {0.212}
    PCW_UIPARAM_DDR_BOARD_DELAY2 {0.085}
    PCW_UIPARAM_DDR_BOARD_DELAY3 {0.092}
    PCW_UIPARAM_DDR_DQS_TO_CLK_DELAY_0 {0.040}
    PCW_UIPARAM_DDR_DQS_TO_CLK_DELAY_1 {0.058}
    PCW_UIPARAM_DDR_DQS_TO_CLK_DELAY_2 {-0.009}
    PCW_UIPARAM_DDR_DQS_TO_CLK_DELAY_3 {-0.033}

    PCW_QSPI_PERIPHERAL_ENABLE {1}
    PCW_QSPI_QSPI_IO {MIO 1 .. 6}
    PCW_QSPI_GRP_SINGLE_SS_ENABLE {1}
    PCW_QSPI_GRP_SINGLE_SS_IO {MIO 1 .. 6}
    PCW_QSPI_GRP_FBCLK_ENABLE {1}
    PCW_QSPI_GRP_FBCLK_IO {MIO 8}
    PCW_QSPI_PERIPHERAL_FREQMHZ {200}

    PCW_UART0_PERIPHERAL_ENABLE {1}
    PCW_UART0_UART0_IO {MIO 14 .. 15}
    PCW_UART0_BAUD_RATE {115200}

    PCW_ENET0_PERIPHERAL_ENABLE {1}
    PCW_ENET0_ENET0_IO {MIO 16 .. 27}
    PCW_ENET0_GRP_MDIO_ENABLE {1}
    PCW_ENET0_GRP_MDIO_IO {MIO 52 .. 53}
    PCW_ENET0_PERIPHERAL_FREQMHZ {1000 Mbps}
    PCW_ENET0_RESET_ENABLE {1}
    PCW_ENET0_RESET_IO {MIO 9}

    PCW_USB0_PERIPHERAL_ENABLE {1}
    PCW_USB0_USB0_IO {MIO 28 .. 39}
    PCW_USB0_RESET_ENABLE {1}
    PCW_USB0_RESET_IO {MIO 46}

    PCW_SD0_PERIPHERAL_ENABLE {1}
    PCW_SD0_SD0_IO {MIO 40 .. 45}
    PCW_SD0_GRP_CD_ENABLE {1}
    PCW_SD0_GRP_CD_IO {MIO 47}
    PCW_SDIO_PERIPHERAL_FREQMHZ {50}

    PCW_GPIO_MIO_GPIO_ENABLE {1}
    PCW_GPIO_MIO_GPIO_IO {MIO}
}

# Every pin has the voltage of its bank, a slow slew, and a pull-up unless it is a strap at power-on (MIO 2 to 8).
for {set pin 0} {$pin < 54} {incr pin} {
    dict set ps7_board PCW_MIO_${pin}_IOTYPE [dict get $ps7_board PCW_PRESET_BANK[expr {$pin >= 16}]_VOLTAGE]
    dict set ps7_board PCW_MIO_${pin}_SLEW slow
    if {$pin < 2 || $pin > 8} {
        dict set ps7_board PCW_MIO_${pin}_PULLUP enabled
    }
}
