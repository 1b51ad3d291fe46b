"""What Vivado takes: options of its commands, properties and their values, and what must have gone before a command.

Of UG835 (commands), UG912 (properties of nets), UG904 (strategies), PG082 and UG585 (processing system, where its devices can
be on the MIO) it has what our scripts use; everything else is an error, so a misspelt name does not pass.
"""

from __future__ import annotations

from collections.abc import Iterable

OPTIONS = {  # of each command, with the number of words that follow
    "set_property": {"-dict": 1}, "create_bd_cell": {"-type": 1, "-vlnv": 1, "-reference": 1},
    "create_bd_intf_port": {"-mode": 1, "-vlnv": 1}, "create_project": {"-force": 0, "-part": 1}, "add_files": {"-norecurse": 0},
    "assign_bd_address": {"-offset": 1, "-range": 1, "-target_address_space": 1}, "update_compile_order": {"-fileset": 1},
    "launch_runs": {"-jobs": 1, "-to_step": 1}, "get_timing_paths": {"-setup": 0, "-hold": 0, "-max_paths": 1},
    "get_nets": {"-hierarchical": 0, "-filter": 1}, "report_timing_summary": {"-max_paths": 1, "-file": 1},
    "report_utilization": {"-hierarchical": 0, "-hierarchical_depth": 1, "-file": 1}, "report_route_status": {"-file": 1},
    "version": {"-short": 0}, "make_wrapper": {"-files": 1, "-top": 0},
}  # fmt: skip
OBJECTS = {"get_runs": {"synth_1", "impl_1"}, "get_filesets": {"sources_1", "constrs_1", "sim_1"}}
NEEDS = {  # what must have gone before; a command by its name, or with the run that it is about
    "create_bd_design": "create_project", "save_bd_design": "validate_bd_design", "generate_target": "save_bd_design",
    "make_wrapper": "generate_target", "launch_runs synth_1": "make_wrapper", "wait_on_run synth_1": "launch_runs synth_1",
    "launch_runs impl_1": "wait_on_run synth_1", "wait_on_run impl_1": "launch_runs impl_1",
    "open_run impl_1": "wait_on_run impl_1", "report_timing_summary": "open_run impl_1",
    "report_utilization": "open_run impl_1", "report_route_status": "open_run impl_1",
    "get_timing_paths": "open_run impl_1", "get_nets": "open_run impl_1",
}  # fmt: skip
# After these a source may stand elsewhere in the order, and before the others the order must be right: a module for the block
# design is looked up in it, and a run compiles by it.
UNSORTS, WANTS_ORDER = {"add_files", "file_type", "verilog_define", "top"}, {"create_bd_cell module", "launch_runs"}
CHANGES_DESIGN = {"create_bd_cell", "create_bd_intf_port", "connect_bd_net", "connect_bd_intf_net", "assign_bd_address"}

ROUTE_STATUS = {
    "ROUTED", "PARTIAL", "UNPLACED", "UNROUTED", "INTRASITE", "NOLOADS", "NODRIVER", "HIERPORT", "ANTENNAS", "CONFLICTS",
    "ERRORS",
}  # fmt: skip
STRATEGIES = (
    r"Vivado Implementation Defaults|Performance_(Explore(PostRoutePhysOpt|WithRemap)?|WLBlockPlacement(FanoutOpt)?|"
    r"EarlyBlockPlacement|NetDelay_(high|low)|Retiming|ExtraTimingOpt|RefinePlacement|Auto_[123])|"
    r"Congestion_SpreadLogic_(high|medium|low)|Area_Explore(Sequential|WithRemap)?|"
    r"Power_(DefaultOpt|ExploreArea)|Flow_(RunPhysOpt|RunPostRoutePhysOpt|RuntimeOptimized|Quick)"
)
PROPERTIES = {  # of the project, its files and runs
    "target_language": r"Verilog|VHDL", "file_type": r"SystemVerilog|Verilog|Verilog Header|VHDL( 2008)?", "top": r"\w+",
    "verilog_define": r"\w+(=\w+)?( \w+(=\w+)?)*", "strategy": STRATEGIES,
}  # fmt: skip


def mio(firsts: Iterable[int], pins: int) -> str:
    """Pattern of the places of a device with so many pins, by the first pin of each."""
    return "MIO (" + "|".join(rf"{first} \.\. {first + pins - 1}" for first in firsts) + ")"


FLAG, NUMBER, DELAY, ANY_PIN = r"[01]", r"\d+(\.\d+)?", r"-?\d+\.\d+", r"MIO ([1-4]?\d|5[0-3])"
PS7 = {  # properties of the processing system and their values
    r"CRYSTAL_PERIPHERAL_FREQMHZ|(APU|QSPI|SDIO|FPGA[0-3])_PERIPHERAL_FREQMHZ": NUMBER,
    r"PRESET_BANK[01]_VOLTAGE|MIO_([1-4]?\d|5[0-3])_IOTYPE": r"LVCMOS (1\.8|2\.5|3\.3)V",
    r"MIO_([1-4]?\d|5[0-3])_SLEW": r"slow|fast",
    r"MIO_([019]|[1-4]\d|5[0-3])_PULLUP": r"enabled|disabled",  # MIO 2 to 8 are straps at power-on
    r"UIPARAM_DDR_PARTNO": r"MT41[JK](64|128|256|512)M(8|16) [A-Z]{2}-(125|15E|187E)", r"UIPARAM_DDR_MEMORY_TYPE": r"DDR 3",
    r"UIPARAM_DDR_BUS_WIDTH": r"(16|32) Bit", r"UIPARAM_DDR_(FREQ_MHZ|BL)": NUMBER, r"UIPARAM_DDR_ECC": r"Disabled|Enabled",
    r"UIPARAM_DDR_(TRAIN_(DATA_EYE|READ_GATE|WRITE_LEVEL)|USE_INTERNAL_VREF)": FLAG,
    r"UIPARAM_DDR_(CLOCK|DQS|DQ)_[0-3]_LENGTH_MM": NUMBER, r"UIPARAM_DDR_(BOARD_DELAY|DQS_TO_CLK_DELAY_)[0-3]": DELAY,
    r"(QSPI|UART[01]|ENET[01]|USB[01]|SD[01])_PERIPHERAL_ENABLE": FLAG,
    r"QSPI_(QSPI|GRP_SINGLE_SS)_IO": mio([1], 6), r"QSPI_GRP_FBCLK_IO": r"MIO 8",
    r"UART0_UART0_IO": mio(range(10, 51, 4), 2), r"UART1_UART1_IO": mio(range(8, 53, 4), 2),
    r"ENET0_ENET0_IO": mio([16], 12), r"ENET1_ENET1_IO": mio([28], 12), r"ENET[01]_GRP_MDIO_IO": mio([52], 2),
    r"USB0_USB0_IO": mio([28], 12), r"USB1_USB1_IO": mio([40], 12),
    r"SD0_SD0_IO": mio([16, 28, 40], 6), r"SD1_SD1_IO": mio([10, 22, 34, 46], 6),
    r"QSPI_GRP_(SINGLE_SS|FBCLK)_ENABLE|ENET[01]_GRP_MDIO_ENABLE|SD[01]_GRP_CD_ENABLE|(ENET|USB)[01]_RESET_ENABLE": FLAG,
    r"SD[01]_GRP_CD_IO|(ENET|USB)[01]_RESET_IO": ANY_PIN,
    r"UART[01]_BAUD_RATE": r"\d+", r"ENET[01]_PERIPHERAL_FREQMHZ": r"(10|100|1000) Mbps",
    r"GPIO_MIO_GPIO_ENABLE": FLAG, r"GPIO_MIO_GPIO_IO": r"MIO",
    r"FPGA_FCLK[0-3]_ENABLE|USE_M_AXI_GP[01]|USE_S_AXI_HP[0-3]|USE_FABRIC_INTERRUPT|IRQ_F2P_INTR": FLAG,
    r"S_AXI_HP[0-3]_DATA_WIDTH": r"32|64",
}  # fmt: skip
