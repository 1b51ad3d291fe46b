// What the open flow adds to phantom.f: a top around the PS7 primitive, without vendor IP.
phantom_zynq_pkg.sv
phantom_axi3_read.sv
phantom_axi3_write.sv
phantom_axi3_axil.sv
phantom_reset_sync.sv
phantom_ps7.sv
phantom_zynq.sv
