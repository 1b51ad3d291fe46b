// DMA engine with the register map and the behaviour of the AXI DMA in direct register mode (PG021), so that
// the stock driver `pynq.lib.dma.DMA` runs it. 64 bits wide, no realignment: addresses and lengths are multiples of 8 bytes.
//
//   s_axil --> regs --start/abort--> mm2s --> m_axis        DDR --AR/R--> mm2s
//                                    s2mm <-- s_axis        s2mm --AW/W/B--> DDR
//
// The memory side is legal on a Zynq AXI3 HP port: INCR bursts of 8-byte beats, at most 16, none across 4 KB, one ID. R and B are
// always ready. Every port is registered. The two channels share nothing but the registers.
//
// What goes beyond PG021: `mm2s_repeat_i`, taken as LENGTH is written, sends the buffer that many times over as one packet
// (0 counts as 1). An S2MM packet that is longer than LENGTH gives DMAIntErr, and its rest is swallowed.
// `soft_reset_o` is high while a Reset is in progress: what hangs on the streams should be reset by it or before it,
// because both streams are cut off mid-packet. See the submodules for the details.
module phantom_dma #(
  parameter bit          HasMm2s       = 1'b1,
  parameter bit          HasS2mm       = 1'b1,
  parameter int unsigned LengthWidth   = 26,
  parameter int unsigned Mm2sFifoDepth = 64,  // words; sets the read latency that can be hidden
  parameter int unsigned S2mmFifoDepth = 32   // words; two bursts: one that fills and one that is written
) (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic [6:0]  s_axil_awaddr,
  input  logic        s_axil_awvalid,
  output logic        s_axil_awready,
  input  logic [31:0] s_axil_wdata,
  input  logic [3:0]  s_axil_wstrb,
  input  logic        s_axil_wvalid,
  output logic        s_axil_wready,
  output logic [1:0]  s_axil_bresp,
  output logic        s_axil_bvalid,
  input  logic        s_axil_bready,
  input  logic [6:0]  s_axil_araddr,
  input  logic        s_axil_arvalid,
  output logic        s_axil_arready,
  output logic [31:0] s_axil_rdata,
  output logic [1:0]  s_axil_rresp,
  output logic        s_axil_rvalid,
  input  logic        s_axil_rready,

  output logic [31:0] m_axi_araddr,
  output logic [3:0]  m_axi_arlen,
  output logic [2:0]  m_axi_arsize,
  output logic [1:0]  m_axi_arburst,
  output logic [3:0]  m_axi_arcache,
  output logic [2:0]  m_axi_arprot,
  output logic        m_axi_arvalid,
  input  logic        m_axi_arready,
  input  logic [63:0] m_axi_rdata,
  input  logic [1:0]  m_axi_rresp,
  input  logic        m_axi_rlast,
  input  logic        m_axi_rvalid,
  output logic        m_axi_rready,
  output logic [31:0] m_axi_awaddr,
  output logic [3:0]  m_axi_awlen,
  output logic [2:0]  m_axi_awsize,
  output logic [1:0]  m_axi_awburst,
  output logic [3:0]  m_axi_awcache,
  output logic [2:0]  m_axi_awprot,
  output logic        m_axi_awvalid,
  input  logic        m_axi_awready,
  output logic [63:0] m_axi_wdata,
  output logic [7:0]  m_axi_wstrb,
  output logic        m_axi_wlast,
  output logic        m_axi_wvalid,
  input  logic        m_axi_wready,
  input  logic [1:0]  m_axi_bresp,
  input  logic        m_axi_bvalid,
  output logic        m_axi_bready,

  input  logic [15:0] mm2s_repeat_i,
  output logic [63:0] m_axis_tdata,
  output logic        m_axis_tlast,
  output logic        m_axis_tvalid,
  input  logic        m_axis_tready,
  input  logic [63:0] s_axis_tdata,
  input  logic        s_axis_tlast,
  input  logic        s_axis_tvalid,
  output logic        s_axis_tready,

  output logic        mm2s_irq_o,
  output logic        s2mm_irq_o,
  output logic        soft_reset_o
);

  localparam int unsigned WordsW = LengthWidth - 3;

  logic [1:0]             start, abort, busy, done, int_err, slv_err, dec_err;
  logic [31:0]            addr[2];
  logic [LengthWidth-1:0] length[2], done_length[2];

  phantom_dma_regs #(
    .HasMm2s    (HasMm2s),
    .HasS2mm    (HasS2mm),
    .LengthWidth(LengthWidth)
  ) u_regs (
    .clk_i,
    .rst_ni,
    .s_axil_awaddr,
    .s_axil_awvalid,
    .s_axil_awready,
    .s_axil_wdata,
    .s_axil_wstrb,
    .s_axil_wvalid,
    .s_axil_wready,
    .s_axil_bresp,
    .s_axil_bvalid,
    .s_axil_bready,
    .s_axil_araddr,
    .s_axil_arvalid,
    .s_axil_arready,
    .s_axil_rdata,
    .s_axil_rresp,
    .s_axil_rvalid,
    .s_axil_rready,
    .soft_reset_o,
    .irq_o         ({s2mm_irq_o, mm2s_irq_o}),
    .start_o       (start),
    .abort_o       (abort),
    .addr_o        (addr),
    .length_o      (length),
    .busy_i        (busy),
    .done_i        (done),
    .done_length_i (done_length),
    .int_err_i     (int_err),
    .slv_err_i     (slv_err),
    .dec_err_i     (dec_err)
  );

  assign m_axi_arsize  = 3'd3;
  assign m_axi_arburst = 2'b01;
  assign m_axi_arcache = 4'b0011;
  assign m_axi_arprot  = 3'b000;
  assign m_axi_awsize  = 3'd3;
  assign m_axi_awburst = 2'b01;
  assign m_axi_awcache = 4'b0011;
  assign m_axi_awprot  = 3'b000;
  assign m_axi_wstrb   = '1;

  // The byte offset is zero once a transfer starts (phantom_dma_channel refuses others).
  logic unused_offset;
  assign unused_offset = ^{addr[0][2:0], addr[1][2:0], length[0][2:0], length[1][2:0]};

  assign int_err[0]     = 1'b0;
  assign done_length[0] = length[0];
  if (HasMm2s) begin : g_mm2s
    phantom_dma_mm2s #(
      .WordsW   (WordsW),
      .FifoDepth(Mm2sFifoDepth)
    ) u_mm2s (
      .clk_i,
      .rst_ni,
      .start_i   (start[0]),
      .abort_i   (abort[0]),
      .flush_i   (soft_reset_o),
      .addr_i    (addr[0][31:3]),
      .words_i   (length[0][LengthWidth-1:3]),
      .repeat_i  (mm2s_repeat_i),
      .busy_o    (busy[0]),
      .done_o    (done[0]),
      .slv_err_o (slv_err[0]),
      .dec_err_o (dec_err[0]),
      .m_axi_araddr,
      .m_axi_arlen,
      .m_axi_arvalid,
      .m_axi_arready,
      .m_axi_rdata,
      .m_axi_rresp,
      .m_axi_rlast,
      .m_axi_rvalid,
      .m_axi_rready,
      .m_axis_tdata,
      .m_axis_tlast,
      .m_axis_tvalid,
      .m_axis_tready
    );
  end else begin : g_no_mm2s
    logic unused_mm2s;
    assign unused_mm2s = ^{start[0], abort[0], addr[0], length[0], mm2s_repeat_i, m_axi_arready, m_axi_rdata, m_axi_rresp,
                           m_axi_rlast, m_axi_rvalid, m_axis_tready};
    assign {busy[0], done[0], slv_err[0], dec_err[0]}         = '0;
    assign {m_axi_araddr, m_axi_arlen, m_axi_arvalid}         = '0;
    assign {m_axi_rready, m_axis_tdata, m_axis_tlast, m_axis_tvalid} = '0;
  end

  assign done_length[1][2:0] = '0;
  if (HasS2mm) begin : g_s2mm
    phantom_dma_s2mm #(
      .WordsW   (WordsW),
      .FifoDepth(S2mmFifoDepth)
    ) u_s2mm (
      .clk_i,
      .rst_ni,
      .start_i      (start[1]),
      .abort_i      (abort[1]),
      .flush_i      (soft_reset_o),
      .addr_i       (addr[1][31:3]),
      .words_i      (length[1][LengthWidth-1:3]),
      .busy_o       (busy[1]),
      .done_o       (done[1]),
      .done_words_o (done_length[1][LengthWidth-1:3]),
      .int_err_o    (int_err[1]),
      .slv_err_o    (slv_err[1]),
      .dec_err_o    (dec_err[1]),
      .m_axi_awaddr,
      .m_axi_awlen,
      .m_axi_awvalid,
      .m_axi_awready,
      .m_axi_wdata,
      .m_axi_wlast,
      .m_axi_wvalid,
      .m_axi_wready,
      .m_axi_bresp,
      .m_axi_bvalid,
      .m_axi_bready,
      .s_axis_tdata,
      .s_axis_tlast,
      .s_axis_tvalid,
      .s_axis_tready
    );
  end else begin : g_no_s2mm
    logic unused_s2mm;
    assign unused_s2mm = ^{start[1], abort[1], addr[1], length[1], m_axi_awready, m_axi_wready, m_axi_bresp, m_axi_bvalid,
                           s_axis_tdata, s_axis_tlast, s_axis_tvalid};
    assign {busy[1], done[1], int_err[1], slv_err[1], dec_err[1]} = '0;
    assign done_length[1][LengthWidth-1:3]                        = '0;
    assign {m_axi_awaddr, m_axi_awlen, m_axi_awvalid}             = '0;
    assign {m_axi_wdata, m_axi_wlast, m_axi_wvalid, m_axi_bready, s_axis_tready} = '0;
  end

endmodule
