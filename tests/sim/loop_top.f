// The test design of the board-free device, in dependency order.
../../hls/phantom_pkg.sv
../../hls/phantom_slice.sv
../../hls/phantom_fifo.sv
../../hls/phantom_dma_split.sv
../../hls/phantom_dma_mm2s.sv
../../hls/phantom_dma_s2mm.sv
../../hls/phantom_dma_channel.sv
../../hls/phantom_dma_regs.sv
../../hls/phantom_dma.sv
../../build/gen_loop/phantom_regs_pkg.sv
../../build/gen_loop/phantom_regs.sv
../../hls/phantom_axil_split.sv
loop_top.sv
