# The block design: processing system, its reset, and phantom_overlay between GP0 and the HP ports.
#
#   ps7 M_AXI_GP0 --> gp0 (AXI3 to AXI4-Lite) --> phantom_0 s_axil        phantom_0 m_axi_hpN --> hpN --> ps7 S_AXI_HPN
#
# Each AXI interconnect has one master and one slave on one clock: the one at GP0 converts the protocol, the others are wires.

# Settings of the processing system for a build: those of the board, the clock, GP0, the HP ports in use, the interrupts.
proc ps7_settings {board clock_mhz hp_ports} {
    set settings $board
    dict set settings PCW_FPGA0_PERIPHERAL_FREQMHZ $clock_mhz
    dict set settings PCW_FPGA_FCLK0_ENABLE 1
    foreach other {1 2 3} {
        dict set settings PCW_FPGA_FCLK${other}_ENABLE 0
    }
    dict set settings PCW_USE_M_AXI_GP0 1
    foreach port $hp_ports {
        dict set settings PCW_USE_S_AXI_HP$port 1
        dict set settings PCW_S_AXI_HP${port}_DATA_WIDTH 64
    }
    dict set settings PCW_USE_FABRIC_INTERRUPT 1
    dict set settings PCW_IRQ_F2P_INTR 1
    return $settings
}

proc create_interconnect {name} {
    set cell [create_bd_cell -type ip -vlnv xilinx.com:ip:axi_interconnect:2.1 $name]
    set_property -dict [list CONFIG.NUM_SI {1} CONFIG.NUM_MI {1}] $cell
    connect_bd_net [get_bd_pins ps7/FCLK_CLK0] \
        [get_bd_pins $name/ACLK] [get_bd_pins $name/S00_ACLK] [get_bd_pins $name/M00_ACLK]
    connect_bd_net [get_bd_pins reset/interconnect_aresetn] [get_bd_pins $name/ARESETN]
    connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins $name/S00_ARESETN] [get_bd_pins $name/M00_ARESETN]
}

# `design` is the dictionary that overlay/vivado_flow.py writes; `board` the settings of the board (pynq_z2.tcl).
proc create_block_design {design board} {
    set hp_ports [dict keys [dict get $design hp_ports]]
    create_bd_design phantom

    set ps7 [create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7:5.5 ps7]
    set properties {}
    dict for {name value} [ps7_settings $board [dict get $design clock_mhz] $hp_ports] {
        lappend properties CONFIG.$name $value
    }
    set_property -dict $properties $ps7
    connect_bd_intf_net [create_bd_intf_port -mode Master -vlnv xilinx.com:interface:ddrx_rtl:1.0 DDR] \
        [get_bd_intf_pins ps7/DDR]
    connect_bd_intf_net \
        [create_bd_intf_port -mode Master -vlnv xilinx.com:display_processing_system7:fixedio_rtl:1.0 FIXED_IO] \
        [get_bd_intf_pins ps7/FIXED_IO]

    create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset:5.0 reset
    connect_bd_net [get_bd_pins ps7/FCLK_CLK0] [get_bd_pins reset/slowest_sync_clk] [get_bd_pins ps7/M_AXI_GP0_ACLK]
    connect_bd_net [get_bd_pins ps7/FCLK_RESET0_N] [get_bd_pins reset/ext_reset_in]

    create_bd_cell -type module -reference [dict get $design module] phantom_0
    connect_bd_net [get_bd_pins ps7/FCLK_CLK0] [get_bd_pins phantom_0/clk_i]
    connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins phantom_0/rst_ni]

    create_interconnect gp0
    connect_bd_intf_net [get_bd_intf_pins ps7/M_AXI_GP0] [get_bd_intf_pins gp0/S00_AXI]
    connect_bd_intf_net [get_bd_intf_pins gp0/M00_AXI] [get_bd_intf_pins phantom_0/s_axil]
    foreach port $hp_ports {
        create_interconnect hp$port
        connect_bd_intf_net [get_bd_intf_pins phantom_0/m_axi_hp$port] [get_bd_intf_pins hp$port/S00_AXI]
        connect_bd_intf_net [get_bd_intf_pins hp$port/M00_AXI] [get_bd_intf_pins ps7/S_AXI_HP$port]
        connect_bd_net [get_bd_pins ps7/FCLK_CLK0] [get_bd_pins ps7/S_AXI_HP${port}_ACLK]
    }

    set interrupts [dict get $design interrupts]
    set concat [create_bd_cell -type ip -vlnv xilinx.com:ip:xlconcat:2.1 interrupts]
    set_property -dict [list CONFIG.NUM_PORTS [llength $interrupts]] $concat
    set index 0
    foreach interrupt $interrupts {
        connect_bd_net [get_bd_pins phantom_0/$interrupt] [get_bd_pins interrupts/In$index]
        incr index
    }
    connect_bd_net [get_bd_pins interrupts/dout] [get_bd_pins ps7/IRQ_F2P]

    # The processor's view of the registers, and the masters' view of the memory.
    assign_bd_address -offset [dict get $design registers_base] -range [dict get $design registers_range] \
        -target_address_space [get_bd_addr_spaces ps7/Data] [get_bd_addr_segs phantom_0/s_axil/reg0]
    foreach port $hp_ports {
        assign_bd_address -offset 0x00000000 -range [dict get $design memory_range] \
            -target_address_space [get_bd_addr_spaces phantom_0/m_axi_hp$port] \
            [get_bd_addr_segs ps7/S_AXI_HP$port/HP${port}_DDR_LOWOCM]
    }
    validate_bd_design
    save_bd_design
}
