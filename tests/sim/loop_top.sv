// The board-free device's own test design: the ports and the address map of phantom_top with next to nothing behind them.
//
//   dma_act.MM2S --> FIFO --> dma_act.S2MM          dma_wgt.MM2S --> a sink that counts words and sums their low halves
//
// The control block: CTRL.start makes STATUS.busy last 16 cycles for each unit of LAYER.INPUT.rows, then done (or, for a
// height of 4095, for ever). READBACK is the low half of the table entry at TABLE.index. Counters: CYCLES counts while busy,
// WGT_WORDS the words of the sink, WGT_SUM their sum. SILENT never answers.
module loop_top #(
  parameter int unsigned Rows      = 2,
  parameter int unsigned Cols      = 3,
  parameter int unsigned FifoDepth = 32
) (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic [31:0] s_axil_awaddr,
  input  logic [2:0]  s_axil_awprot,
  input  logic        s_axil_awvalid,
  output logic        s_axil_awready,
  input  logic [31:0] s_axil_wdata,
  input  logic [3:0]  s_axil_wstrb,
  input  logic        s_axil_wvalid,
  output logic        s_axil_wready,
  output logic [1:0]  s_axil_bresp,
  output logic        s_axil_bvalid,
  input  logic        s_axil_bready,
  input  logic [31:0] s_axil_araddr,
  input  logic [2:0]  s_axil_arprot,
  input  logic        s_axil_arvalid,
  output logic        s_axil_arready,
  output logic [31:0] s_axil_rdata,
  output logic [1:0]  s_axil_rresp,
  output logic        s_axil_rvalid,
  input  logic        s_axil_rready,

  output logic [31:0] m_axi_hp0_araddr,
  output logic [3:0]  m_axi_hp0_arlen,
  output logic [2:0]  m_axi_hp0_arsize,
  output logic [1:0]  m_axi_hp0_arburst,
  output logic        m_axi_hp0_arvalid,
  input  logic        m_axi_hp0_arready,
  input  logic [63:0] m_axi_hp0_rdata,
  input  logic [1:0]  m_axi_hp0_rresp,
  input  logic        m_axi_hp0_rlast,
  input  logic        m_axi_hp0_rvalid,
  output logic        m_axi_hp0_rready,

  output logic [31:0] m_axi_hp1_araddr,
  output logic [3:0]  m_axi_hp1_arlen,
  output logic [2:0]  m_axi_hp1_arsize,
  output logic [1:0]  m_axi_hp1_arburst,
  output logic        m_axi_hp1_arvalid,
  input  logic        m_axi_hp1_arready,
  input  logic [63:0] m_axi_hp1_rdata,
  input  logic [1:0]  m_axi_hp1_rresp,
  input  logic        m_axi_hp1_rlast,
  input  logic        m_axi_hp1_rvalid,
  output logic        m_axi_hp1_rready,

  output logic [31:0] m_axi_hp2_araddr,
  output logic [3:0]  m_axi_hp2_arlen,
  output logic [2:0]  m_axi_hp2_arsize,
  output logic [1:0]  m_axi_hp2_arburst,
  output logic        m_axi_hp2_arvalid,
  input  logic        m_axi_hp2_arready,
  input  logic [63:0] m_axi_hp2_rdata,
  input  logic [1:0]  m_axi_hp2_rresp,
  input  logic        m_axi_hp2_rlast,
  input  logic        m_axi_hp2_rvalid,
  output logic        m_axi_hp2_rready,

  output logic [31:0] m_axi_hp3_awaddr,
  output logic [3:0]  m_axi_hp3_awlen,
  output logic [2:0]  m_axi_hp3_awsize,
  output logic [1:0]  m_axi_hp3_awburst,
  output logic        m_axi_hp3_awvalid,
  input  logic        m_axi_hp3_awready,
  output logic [63:0] m_axi_hp3_wdata,
  output logic [7:0]  m_axi_hp3_wstrb,
  output logic        m_axi_hp3_wlast,
  output logic        m_axi_hp3_wvalid,
  input  logic        m_axi_hp3_wready,
  input  logic [1:0]  m_axi_hp3_bresp,
  input  logic        m_axi_hp3_bvalid,
  output logic        m_axi_hp3_bready
);

  logic [15:0]      awaddr, araddr;
  logic [31:0]      wdata;
  logic [3:0]       wstrb;
  logic [2:0]       awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready;
  logic [2:0][1:0]  bresp, rresp;
  logic [2:0][31:0] rdata;

  phantom_axil_split u_split (
    .clk_i, .rst_ni, .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata, .s_axil_wstrb, .s_axil_wvalid,
    .s_axil_wready, .s_axil_bresp, .s_axil_bvalid, .s_axil_bready, .s_axil_araddr, .s_axil_arvalid, .s_axil_arready,
    .s_axil_rdata, .s_axil_rresp, .s_axil_rvalid, .s_axil_rready,
    .awaddr_o(awaddr), .awvalid_o(awvalid), .awready_i(awready), .wdata_o(wdata), .wstrb_o(wstrb), .wvalid_o(wvalid),
    .wready_i(wready), .bresp_i(bresp), .bvalid_i(bvalid), .bready_o(bready), .araddr_o(araddr), .arvalid_o(arvalid),
    .arready_i(arready), .rdata_i(rdata), .rresp_i(rresp), .rvalid_i(rvalid), .rready_o(rready)
  );

  // ------------------------------------------------------------------------------------------------------ control block
  phantom_regs_pkg::phantom_regs__in_t  hw_in;
  phantom_regs_pkg::phantom_regs__out_t hw_out;

  phantom_regs u_regs (
    .clk(clk_i), .rst_n(rst_ni),
    .s_axil_awready(awready[0]), .s_axil_awvalid(awvalid[0]), .s_axil_awaddr(awaddr), .s_axil_awprot(s_axil_awprot),
    .s_axil_wready(wready[0]), .s_axil_wvalid(wvalid[0]), .s_axil_wdata(wdata), .s_axil_wstrb(wstrb),
    .s_axil_bready(bready[0]), .s_axil_bvalid(bvalid[0]), .s_axil_bresp(bresp[0]), .s_axil_arready(arready[0]),
    .s_axil_arvalid(arvalid[0]), .s_axil_araddr(araddr), .s_axil_arprot(s_axil_arprot), .s_axil_rready(rready[0]),
    .s_axil_rvalid(rvalid[0]), .s_axil_rdata(rdata[0]), .s_axil_rresp(rresp[0]),
    .hwif_in(hw_in), .hwif_out(hw_out)
  );

  logic [15:0] left_q;
  logic        done_q, table_we_q, busy;
  logic [31:0] cycles_q, sink_words_q, sink_sum_q;
  logic [63:0] table_q[16];

  assign busy = left_q != '0;

  always_ff @(posedge clk_i) begin
    table_we_q <= hw_out.TABLE_DATA_HI.value.swmod;
    if (table_we_q) table_q[hw_out.TABLE.index.value[3:0]] <= {hw_out.TABLE_DATA_HI.value.value, hw_out.TABLE_DATA_LO.value.value};
    if (!rst_ni || hw_out.CTRL.soft_reset.value) begin
      left_q   <= '0;
      done_q   <= 1'b0;
      cycles_q <= '0;
    end else if (hw_out.CTRL.start.value) begin
      left_q   <= {hw_out.LAYER.INPUT.rows.value, 4'd0};
      done_q   <= 1'b0;
      cycles_q <= '0;
    end else if (busy) begin
      cycles_q <= cycles_q + 1;
      if (hw_out.LAYER.INPUT.rows.value != '1) left_q <= left_q - 1;
      if (left_q == 1) done_q <= 1'b1;
    end
  end

  logic [31:0] counter;
  logic        counter_rd_q, counter_wr_q;
  logic [31:0] counter_q;

  always_comb begin
    unique case (hw_out.COUNTERS.addr)
      5'h00:   counter = cycles_q;
      5'h08:   counter = sink_words_q;
      5'h10:   counter = sink_sum_q;
      default: counter = '0;
    endcase
  end

  always_ff @(posedge clk_i) begin
    counter_rd_q <= rst_ni && hw_out.COUNTERS.req && !hw_out.COUNTERS.req_is_wr && hw_out.COUNTERS.addr < 5'h18;
    counter_wr_q <= rst_ni && hw_out.COUNTERS.req && hw_out.COUNTERS.req_is_wr;
    counter_q    <= counter;
  end

  always_comb begin
    hw_in                            = '{default: '0};
    hw_in.ROWS.value.next            = Rows;
    hw_in.COLS.value.next            = Cols;
    hw_in.STATUS.busy.next           = busy;
    hw_in.STATUS.done.next           = done_q;
    hw_in.READBACK.value     .next      = table_q[hw_out.TABLE.index.value[3:0]][31:0];
    hw_in.TABLE.index.incr           = table_we_q;
    hw_in.COUNTERS.rd_ack            = counter_rd_q;
    hw_in.COUNTERS.rd_data           = counter_q;
    hw_in.COUNTERS.wr_ack            = counter_wr_q;
  end

  // --------------------------------------------------------------------------------------------------------- DMA engines
  logic [63:0] send_data, back_data, sink_data;
  logic        send_last, send_valid, send_ready, back_last, back_valid, back_ready, sink_valid;

  phantom_dma u_dma_act (
    .clk_i, .rst_ni,
    .s_axil_awaddr(awaddr[6:0]), .s_axil_awvalid(awvalid[1]), .s_axil_awready(awready[1]), .s_axil_wdata(wdata),
    .s_axil_wstrb(wstrb), .s_axil_wvalid(wvalid[1]), .s_axil_wready(wready[1]), .s_axil_bresp(bresp[1]),
    .s_axil_bvalid(bvalid[1]), .s_axil_bready(bready[1]), .s_axil_araddr(araddr[6:0]), .s_axil_arvalid(arvalid[1]),
    .s_axil_arready(arready[1]), .s_axil_rdata(rdata[1]), .s_axil_rresp(rresp[1]), .s_axil_rvalid(rvalid[1]),
    .s_axil_rready(rready[1]),
    .mm2s_repeat_i(16'd1), .mm2s_irq_o(), .s2mm_irq_o(),
    .m_axi_araddr(m_axi_hp0_araddr), .m_axi_arlen(m_axi_hp0_arlen), .m_axi_arsize(m_axi_hp0_arsize),
    .m_axi_arburst(m_axi_hp0_arburst), .m_axi_arvalid(m_axi_hp0_arvalid), .m_axi_arready(m_axi_hp0_arready),
    .m_axi_rdata(m_axi_hp0_rdata), .m_axi_rresp(m_axi_hp0_rresp), .m_axi_rlast(m_axi_hp0_rlast),
    .m_axi_rvalid(m_axi_hp0_rvalid), .m_axi_rready(m_axi_hp0_rready), .m_axi_awaddr(m_axi_hp3_awaddr),
    .m_axi_awlen(m_axi_hp3_awlen), .m_axi_awsize(m_axi_hp3_awsize), .m_axi_awburst(m_axi_hp3_awburst),
    .m_axi_awvalid(m_axi_hp3_awvalid), .m_axi_awready(m_axi_hp3_awready), .m_axi_wdata(m_axi_hp3_wdata),
    .m_axi_wstrb(m_axi_hp3_wstrb), .m_axi_wlast(m_axi_hp3_wlast), .m_axi_wvalid(m_axi_hp3_wvalid),
    .m_axi_wready(m_axi_hp3_wready), .m_axi_bresp(m_axi_hp3_bresp), .m_axi_bvalid(m_axi_hp3_bvalid),
    .m_axi_bready(m_axi_hp3_bready),
    .m_axis_tdata(send_data), .m_axis_tlast(send_last), .m_axis_tvalid(send_valid), .m_axis_tready(send_ready),
    .s_axis_tdata(back_data), .s_axis_tlast(back_last), .s_axis_tvalid(back_valid), .s_axis_tready(back_ready)
  );

  phantom_fifo #(.Width(65), .Depth(FifoDepth)) u_loop (
    .clk_i, .rst_ni, .in_valid_i(send_valid), .in_ready_o(send_ready), .in_data_i({send_last, send_data}),
    .out_valid_o(back_valid), .out_ready_i(back_ready), .out_data_o({back_last, back_data}), .level_o()
  );

  // A third port, which asks for nothing.
  assign {m_axi_hp2_araddr, m_axi_hp2_arlen, m_axi_hp2_arsize, m_axi_hp2_arburst, m_axi_hp2_arvalid, m_axi_hp2_rready} = '0;
  logic unused_hp2;
  assign unused_hp2 = ^{m_axi_hp2_arready, m_axi_hp2_rdata, m_axi_hp2_rresp, m_axi_hp2_rlast, m_axi_hp2_rvalid};

  phantom_dma #(.HasS2mm(1'b0)) u_dma_wgt (
    .clk_i, .rst_ni,
    .s_axil_awaddr(awaddr[6:0]), .s_axil_awvalid(awvalid[2]), .s_axil_awready(awready[2]), .s_axil_wdata(wdata),
    .s_axil_wstrb(wstrb), .s_axil_wvalid(wvalid[2]), .s_axil_wready(wready[2]), .s_axil_bresp(bresp[2]),
    .s_axil_bvalid(bvalid[2]), .s_axil_bready(bready[2]), .s_axil_araddr(araddr[6:0]), .s_axil_arvalid(arvalid[2]),
    .s_axil_arready(arready[2]), .s_axil_rdata(rdata[2]), .s_axil_rresp(rresp[2]), .s_axil_rvalid(rvalid[2]),
    .s_axil_rready(rready[2]),
    .mm2s_repeat_i(16'd1), .mm2s_irq_o(), .s2mm_irq_o(),
    .m_axi_araddr(m_axi_hp1_araddr), .m_axi_arlen(m_axi_hp1_arlen), .m_axi_arsize(m_axi_hp1_arsize),
    .m_axi_arburst(m_axi_hp1_arburst), .m_axi_arvalid(m_axi_hp1_arvalid), .m_axi_arready(m_axi_hp1_arready),
    .m_axi_rdata(m_axi_hp1_rdata), .m_axi_rresp(m_axi_hp1_rresp), .m_axi_rlast(m_axi_hp1_rlast),
    .m_axi_rvalid(m_axi_hp1_rvalid), .m_axi_rready(m_axi_hp1_rready), .m_axi_awaddr(), .m_axi_awlen(), .m_axi_awsize(),
    .m_axi_awburst(), .m_axi_awvalid(), .m_axi_awready(1'b0), .m_axi_wdata(), .m_axi_wstrb(), .m_axi_wlast(),
    .m_axi_wvalid(), .m_axi_wready(1'b0), .m_axi_bresp(2'b00), .m_axi_bvalid(1'b0), .m_axi_bready(),
    .m_axis_tdata(sink_data), .m_axis_tlast(), .m_axis_tvalid(sink_valid), .m_axis_tready(1'b1),
    .s_axis_tdata('0), .s_axis_tlast(1'b0), .s_axis_tvalid(1'b0), .s_axis_tready()
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni || hw_out.CTRL.start.value) begin
      sink_words_q <= '0;
      sink_sum_q   <= '0;
    end else if (sink_valid) begin
      sink_words_q <= sink_words_q + 1;
      sink_sum_q   <= sink_sum_q + sink_data[31:0];
    end
  end

endmodule
