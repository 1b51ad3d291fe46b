// System top: all of the programmable logic. It has AXI ports only, so what is simulated is what is built.
//
//   s_axil (GP0) --> split --> control | dma_act | dma_wgt | dma_wgt1, registers of each     address bits [17:16]
//   m_axi_hp0 --> dma_act (activations in)              m_axi_hp3 <-- dma_act (results out)
//   m_axi_hp1 --> dma_wgt (weights, once a strip)       m_axi_hp2 --> dma_wgt1 (the same, with two weight ports)
//
// Layer registers feed the accelerator directly; they are constant while a layer runs. AXI signals keep their standard names.
module phantom_top
  import phantom_pkg::*;
#(
  parameter int unsigned Rows             = 4,
  parameter int unsigned Cols             = 4,
  parameter int unsigned Threads          = 8,
  parameter int unsigned Lf               = 16,
  parameter int unsigned ActWords         = 512,
  parameter int unsigned PsumDepth        = 512,
  parameter int unsigned WeightQueueWords = 16,
  parameter int unsigned RunDepth         = 512,
  parameter int unsigned RowBufferWords   = 12288,
  parameter int unsigned DirectoryDepth   = 2048,
  parameter int unsigned ParamDepth       = 1024,
  parameter int unsigned WeightPorts      = 1,
  localparam int unsigned Blocks = 2 + WeightPorts  // of registers
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
  output logic [3:0]  m_axi_hp0_arcache,
  output logic [2:0]  m_axi_hp0_arprot,
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
  output logic [3:0]  m_axi_hp1_arcache,
  output logic [2:0]  m_axi_hp1_arprot,
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
  output logic [3:0]  m_axi_hp2_arcache,
  output logic [2:0]  m_axi_hp2_arprot,
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
  output logic [3:0]  m_axi_hp3_awcache,
  output logic [2:0]  m_axi_hp3_awprot,
  output logic        m_axi_hp3_awvalid,
  input  logic        m_axi_hp3_awready,
  output logic [63:0] m_axi_hp3_wdata,
  output logic [7:0]  m_axi_hp3_wstrb,
  output logic        m_axi_hp3_wlast,
  output logic        m_axi_hp3_wvalid,
  input  logic        m_axi_hp3_wready,
  input  logic [1:0]  m_axi_hp3_bresp,
  input  logic        m_axi_hp3_bvalid,
  output logic        m_axi_hp3_bready,

  output logic        irq_act_in_o,
  output logic        irq_act_out_o,
  output logic        irq_wgt_o,
  output logic        irq_wgt1_o
);

  logic [15:0]      awaddr, araddr;
  logic [31:0]      wdata;
  logic [3:0]       wstrb;
  logic [Blocks-1:0]       awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready;
  logic [Blocks-1:0][1:0]  bresp, rresp;
  logic [Blocks-1:0][31:0] rdata;

  // The blocks that have registers each have their reset in one of their own, active-high as flip-flops want it.
  (* keep = "true" *) logic [Blocks-1:0] rst_q;

  always_ff @(posedge clk_i) rst_q <= {Blocks{!rst_ni}};

  phantom_axil_split #(.Blocks(Blocks)) u_split (
    .clk_i, .rst_ni, .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata, .s_axil_wstrb, .s_axil_wvalid,
    .s_axil_wready, .s_axil_bresp, .s_axil_bvalid, .s_axil_bready, .s_axil_araddr, .s_axil_arvalid, .s_axil_arready,
    .s_axil_rdata, .s_axil_rresp, .s_axil_rvalid, .s_axil_rready,
    .awaddr_o(awaddr), .awvalid_o(awvalid), .awready_i(awready), .wdata_o(wdata), .wstrb_o(wstrb), .wvalid_o(wvalid),
    .wready_i(wready), .bresp_i(bresp), .bvalid_i(bvalid), .bready_o(bready), .araddr_o(araddr), .arvalid_o(arvalid),
    .arready_i(arready), .rdata_i(rdata), .rresp_i(rresp), .rvalid_i(rvalid), .rready_o(rready)
  );

  // --- registers -------------------------------------------------------------------------------------------------------------

  phantom_regs_pkg::phantom_regs__in_t  hw_in;
  phantom_regs_pkg::phantom_regs__out_t hw_out;

  phantom_regs u_regs (
    .clk(clk_i), .rst_n(!rst_q[0]),
    .s_axil_awready(awready[0]), .s_axil_awvalid(awvalid[0]), .s_axil_awaddr(awaddr), .s_axil_awprot(s_axil_awprot),
    .s_axil_wready(wready[0]), .s_axil_wvalid(wvalid[0]), .s_axil_wdata(wdata), .s_axil_wstrb(wstrb),
    .s_axil_bready(bready[0]), .s_axil_bvalid(bvalid[0]), .s_axil_bresp(bresp[0]), .s_axil_arready(arready[0]),
    .s_axil_arvalid(arvalid[0]), .s_axil_araddr(araddr), .s_axil_arprot(s_axil_arprot), .s_axil_rready(rready[0]),
    .s_axil_rvalid(rvalid[0]), .s_axil_rdata(rdata[0]), .s_axil_rresp(rresp[0]),
    .hwif_in(hw_in), .hwif_out(hw_out)
  );

  input_cfg_t input_cfg;
  lam_cfg_t   lam_cfg;
  core_cfg_t  core_cfg;
  drain_cfg_t drain_cfg;
  view_t      view[4];

  phantom_layer_config u_layer_config (
    .layer_i    (hw_out.LAYER),
    .input_cfg_o(input_cfg),
    .lam_cfg_o  (lam_cfg),
    .core_cfg_o (core_cfg),
    .drain_cfg_o(drain_cfg),
    .view_o     (view)
  );

  // --- control, status -------------------------------------------------------------------------------------------------------

  logic        busy, done, table_we_q, counter_ack, counter_wr_q;
  logic [31:0] counter;
  error_e      error;

  always_ff @(posedge clk_i) begin
    table_we_q   <= rst_ni && hw_out.TABLE_DATA.value.swmod;
    counter_wr_q <= rst_ni && hw_out.COUNTERS.req && hw_out.COUNTERS.req_is_wr;
  end

  always_comb begin
    hw_in                               = '{default: '0};
    hw_in.ROWS.value.next               = Rows;
    hw_in.COLS.value.next               = Cols;
    hw_in.THREADS.value.next            = Threads;
    hw_in.LF.value.next                 = Lf;
    hw_in.ACT_WORDS.value.next          = ActWords;
    hw_in.PSUM_DEPTH.value.next         = PsumDepth;
    hw_in.WEIGHT_QUEUE_WORDS.value.next = WeightQueueWords;
    hw_in.RUN_DEPTH.value.next          = RunDepth;
    hw_in.ROW_BUFFER_WORDS.value.next   = RowBufferWords;
    hw_in.DIRECTORY_DEPTH.value.next    = DirectoryDepth;
    hw_in.PARAM_DEPTH.value.next        = ParamDepth;
    hw_in.WEIGHT_PORTS.value.next       = WeightPorts;
    hw_in.STATUS.busy.next              = busy;
    hw_in.STATUS.done.next              = done;
    hw_in.STATUS.error_code.next        = error;
    hw_in.TABLE.index.next              = hw_out.TABLE.index.value + 8'd1;
    hw_in.TABLE.index.we                = table_we_q;
    hw_in.COUNTERS.rd_ack               = counter_ack;
    hw_in.COUNTERS.rd_data              = counter;
    hw_in.COUNTERS.wr_ack               = counter_wr_q;
  end

  // --- accelerator -----------------------------------------------------------------------------------------------------------

  logic [63:0] act_data, out_data;
  logic        act_last, act_valid, act_ready, out_last, out_valid, out_ready;
  logic [63:0] wgt_data[WeightPorts];
  logic        wgt_last[WeightPorts], wgt_valid[WeightPorts], wgt_ready[WeightPorts];

  phantom_accelerator #(
    .Rows            (Rows),
    .Cols            (Cols),
    .Threads         (Threads),
    .Lf              (Lf),
    .ActWords        (ActWords),
    .WeightQueueWords(WeightQueueWords),
    .RunDepth        (RunDepth),
    .RowBufferWords  (RowBufferWords),
    .DirectoryDepth  (DirectoryDepth),
    .ParamDepth      (ParamDepth),
    .WeightPorts     (WeightPorts)
  ) u_accelerator (
    .clk_i,
    .rst_ni,
    .start_i       (hw_out.CTRL.start.value),
    .soft_reset_i  (hw_out.CTRL.soft_reset.value),
    .watchdog_i    (hw_out.LAYER.WATCHDOG.limit.value),
    .busy_o        (busy),
    .done_o        (done),
    .error_o       (error),
    .input_cfg_i   (input_cfg),
    .lam_cfg_i     (lam_cfg),
    .view_i        (view),
    .core_cfg_i    (core_cfg),
    .drain_cfg_i   (drain_cfg),
    .table_we_i    (table_we_q),
    .table_select_i(hw_out.TABLE.select.value[1:0]),
    .table_index_i (hw_out.TABLE.index.value),
    .table_data_i  (hw_out.TABLE_DATA.value.value),
    .act_valid_i   (act_valid),
    .act_ready_o   (act_ready),
    .act_data_i    (act_data),
    .act_last_i    (act_last),
    .wgt_valid_i   (wgt_valid),
    .wgt_ready_o   (wgt_ready),
    .wgt_data_i    (wgt_data),
    .wgt_last_i    (wgt_last),
    .out_valid_o   (out_valid),
    .out_ready_i   (out_ready),
    .out_data_o    (out_data),
    .out_last_o    (out_last),
    .cnt_req_i     (hw_out.COUNTERS.req && !hw_out.COUNTERS.req_is_wr),
    .cnt_index_i   (hw_out.COUNTERS.addr[7:2]),
    .cnt_ack_o     (counter_ack),
    .cnt_data_o    (counter)
  );

  // --- DMA engines -----------------------------------------------------------------------------------------------------------

  phantom_dma u_dma_act (
    .clk_i, .rst_ni(!rst_q[1]),
    .s_axil_awaddr(awaddr[6:0]), .s_axil_awvalid(awvalid[1]), .s_axil_awready(awready[1]), .s_axil_wdata(wdata),
    .s_axil_wstrb(wstrb), .s_axil_wvalid(wvalid[1]), .s_axil_wready(wready[1]), .s_axil_bresp(bresp[1]),
    .s_axil_bvalid(bvalid[1]), .s_axil_bready(bready[1]), .s_axil_araddr(araddr[6:0]), .s_axil_arvalid(arvalid[1]),
    .s_axil_arready(arready[1]), .s_axil_rdata(rdata[1]), .s_axil_rresp(rresp[1]), .s_axil_rvalid(rvalid[1]),
    .s_axil_rready(rready[1]),
    .mm2s_repeat_i(16'd1), .mm2s_irq_o(irq_act_in_o), .s2mm_irq_o(irq_act_out_o),
    .m_axi_araddr(m_axi_hp0_araddr), .m_axi_arlen(m_axi_hp0_arlen), .m_axi_arsize(m_axi_hp0_arsize),
    .m_axi_arburst(m_axi_hp0_arburst), .m_axi_arcache(m_axi_hp0_arcache), .m_axi_arprot(m_axi_hp0_arprot), .m_axi_arvalid(m_axi_hp0_arvalid), .m_axi_arready(m_axi_hp0_arready),
    .m_axi_rdata(m_axi_hp0_rdata), .m_axi_rresp(m_axi_hp0_rresp), .m_axi_rlast(m_axi_hp0_rlast),
    .m_axi_rvalid(m_axi_hp0_rvalid), .m_axi_rready(m_axi_hp0_rready), .m_axi_awaddr(m_axi_hp3_awaddr),
    .m_axi_awlen(m_axi_hp3_awlen), .m_axi_awsize(m_axi_hp3_awsize), .m_axi_awburst(m_axi_hp3_awburst), .m_axi_awcache(m_axi_hp3_awcache), .m_axi_awprot(m_axi_hp3_awprot),
    .m_axi_awvalid(m_axi_hp3_awvalid), .m_axi_awready(m_axi_hp3_awready), .m_axi_wdata(m_axi_hp3_wdata),
    .m_axi_wstrb(m_axi_hp3_wstrb), .m_axi_wlast(m_axi_hp3_wlast), .m_axi_wvalid(m_axi_hp3_wvalid),
    .m_axi_wready(m_axi_hp3_wready), .m_axi_bresp(m_axi_hp3_bresp), .m_axi_bvalid(m_axi_hp3_bvalid),
    .m_axi_bready(m_axi_hp3_bready),
    .m_axis_tdata(act_data), .m_axis_tlast(act_last), .m_axis_tvalid(act_valid), .m_axis_tready(act_ready),
    .s_axis_tdata(out_data), .s_axis_tlast(out_last), .s_axis_tvalid(out_valid), .s_axis_tready(out_ready),
    .soft_reset_o()
  );

  // --- weights: an engine and a memory port for each stream; of the second one's signals some are wires to nowhere without it ----

  logic [1:0][31:0] wgt_araddr;
  logic [1:0][3:0]  wgt_arlen, wgt_arcache;
  logic [1:0][2:0]  wgt_arsize, wgt_arprot;
  logic [1:0][1:0]  wgt_arburst, wgt_rresp;
  logic [1:0][63:0] wgt_rdata;
  logic [1:0]       wgt_arvalid, wgt_arready, wgt_rlast, wgt_rvalid, wgt_rready, irq_wgt;

  assign {m_axi_hp2_araddr, m_axi_hp1_araddr}   = wgt_araddr;
  assign {m_axi_hp2_arlen, m_axi_hp1_arlen}     = wgt_arlen;
  assign {m_axi_hp2_arsize, m_axi_hp1_arsize}   = wgt_arsize;
  assign {m_axi_hp2_arburst, m_axi_hp1_arburst} = wgt_arburst;
  assign {m_axi_hp2_arcache, m_axi_hp1_arcache} = wgt_arcache;
  assign {m_axi_hp2_arprot, m_axi_hp1_arprot}   = wgt_arprot;
  assign {m_axi_hp2_arvalid, m_axi_hp1_arvalid} = wgt_arvalid;
  assign {m_axi_hp2_rready, m_axi_hp1_rready}   = wgt_rready;
  assign {irq_wgt1_o, irq_wgt_o}                = irq_wgt;
  assign wgt_arready = {m_axi_hp2_arready, m_axi_hp1_arready};
  assign wgt_rdata   = {m_axi_hp2_rdata, m_axi_hp1_rdata};
  assign wgt_rresp   = {m_axi_hp2_rresp, m_axi_hp1_rresp};
  assign wgt_rlast   = {m_axi_hp2_rlast, m_axi_hp1_rlast};
  assign wgt_rvalid  = {m_axi_hp2_rvalid, m_axi_hp1_rvalid};

  for (genvar p = 0; p < 2; p++) begin : g_dma_wgt
    if (p < WeightPorts) begin : g_port
      phantom_dma #(.HasS2mm(1'b0)) u_dma_wgt (
        .clk_i, .rst_ni(!rst_q[2+p]),
        .s_axil_awaddr(awaddr[6:0]), .s_axil_awvalid(awvalid[2+p]), .s_axil_awready(awready[2+p]), .s_axil_wdata(wdata),
        .s_axil_wstrb(wstrb), .s_axil_wvalid(wvalid[2+p]), .s_axil_wready(wready[2+p]), .s_axil_bresp(bresp[2+p]),
        .s_axil_bvalid(bvalid[2+p]), .s_axil_bready(bready[2+p]), .s_axil_araddr(araddr[6:0]), .s_axil_arvalid(arvalid[2+p]),
        .s_axil_arready(arready[2+p]), .s_axil_rdata(rdata[2+p]), .s_axil_rresp(rresp[2+p]), .s_axil_rvalid(rvalid[2+p]),
        .s_axil_rready(rready[2+p]),
        .mm2s_repeat_i(hw_out.LAYER.LOOPS.strips.value), .mm2s_irq_o(irq_wgt[p]), .s2mm_irq_o(),
        .m_axi_araddr(wgt_araddr[p]), .m_axi_arlen(wgt_arlen[p]), .m_axi_arsize(wgt_arsize[p]),
        .m_axi_arburst(wgt_arburst[p]), .m_axi_arcache(wgt_arcache[p]), .m_axi_arprot(wgt_arprot[p]),
        .m_axi_arvalid(wgt_arvalid[p]), .m_axi_arready(wgt_arready[p]), .m_axi_rdata(wgt_rdata[p]),
        .m_axi_rresp(wgt_rresp[p]), .m_axi_rlast(wgt_rlast[p]), .m_axi_rvalid(wgt_rvalid[p]), .m_axi_rready(wgt_rready[p]),
        .m_axi_awaddr(), .m_axi_awlen(), .m_axi_awsize(), .m_axi_awburst(), .m_axi_awcache(), .m_axi_awprot(), .m_axi_awvalid(),
        .m_axi_awready(1'b0), .m_axi_wdata(), .m_axi_wstrb(), .m_axi_wlast(), .m_axi_wvalid(), .m_axi_wready(1'b0),
        .m_axi_bresp(2'b00), .m_axi_bvalid(1'b0), .m_axi_bready(),
        .m_axis_tdata(wgt_data[p]), .m_axis_tlast(wgt_last[p]), .m_axis_tvalid(wgt_valid[p]), .m_axis_tready(wgt_ready[p]),
        .s_axis_tdata('0), .s_axis_tlast(1'b0), .s_axis_tvalid(1'b0), .s_axis_tready(), .soft_reset_o()
      );
    end else begin : g_none
      assign {wgt_araddr[p], wgt_arlen[p], wgt_arsize[p], wgt_arburst[p], wgt_arcache[p], wgt_arprot[p]} = '0;
      assign {wgt_arvalid[p], wgt_rready[p], irq_wgt[p]} = '0;
      logic unused;
      assign unused = ^{wgt_arready[p], wgt_rdata[p], wgt_rresp[p], wgt_rlast[p], wgt_rvalid[p]};
    end
  end

endmodule
