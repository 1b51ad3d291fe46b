// Top of the open flow (no vendor IP): the PS7, a bridge from its GP0 to AXI4-Lite, and the system.
//
//   phantom_ps7 --GP0 (AXI3)--> phantom_axi3_axil --AXI4-Lite--> phantom_top --AXI3, no IDs--> HP0..HP3 of phantom_ps7
//
// It has no ports: the PS7's own pins belong to the processor. Parameters are those of phantom_top, and where its registers lie.
module phantom_zynq
  import phantom_zynq_pkg::*;
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
  parameter logic [31:0] RegistersBase    = 32'h43C0_0000
);

  localparam int unsigned HpPorts = 4;
  localparam int unsigned WindowBits = 18;  // phantom_axil_split: four blocks of 64 KB

  logic                  clk, rst_n;
  gp_req_t               gp_req;
  gp_rsp_t               gp_rsp;
  hp_req_t [HpPorts-1:0] hp_req;
  hp_rsp_t [HpPorts-1:0] hp_rsp;
  logic [3:0]            irq;

  phantom_ps7 #(.HpPorts(HpPorts)) u_ps7 (
    .clk_o(clk), .rst_no(rst_n), .gp_req_o(gp_req), .gp_rsp_i(gp_rsp), .hp_req_i(hp_req), .hp_rsp_o(hp_rsp), .irq_i(16'(irq))
  );

  logic [31:0] awaddr, wdata, araddr, rdata;
  logic [3:0]  wstrb;
  logic [2:0]  awprot, arprot;
  logic [1:0]  bresp, rresp;
  logic        awvalid, awready, wvalid, wready, bvalid, bready, arvalid, arready, rvalid, rready;

  phantom_axi3_axil #(.Base(RegistersBase), .WindowBits(WindowBits)) u_bridge (
    .clk_i(clk), .rst_ni(rst_n), .gp_req_i(gp_req), .gp_rsp_o(gp_rsp),
    .m_axil_awaddr(awaddr), .m_axil_awprot(awprot), .m_axil_awvalid(awvalid), .m_axil_awready(awready), .m_axil_wdata(wdata),
    .m_axil_wstrb(wstrb), .m_axil_wvalid(wvalid), .m_axil_wready(wready), .m_axil_bresp(bresp), .m_axil_bvalid(bvalid),
    .m_axil_bready(bready), .m_axil_araddr(araddr), .m_axil_arprot(arprot), .m_axil_arvalid(arvalid),
    .m_axil_arready(arready), .m_axil_rdata(rdata), .m_axil_rresp(rresp), .m_axil_rvalid(rvalid), .m_axil_rready(rready)
  );

  // HP3 only writes, the others only read.
  localparam int unsigned Writer = 3;
  assign {hp_req[Writer].ar, hp_req[Writer].ar_valid, hp_req[Writer].r_ready} = '0;
  logic unused_read;
  assign unused_read = ^{hp_rsp[Writer].ar_ready, hp_rsp[Writer].r_data, hp_rsp[Writer].r_resp, hp_rsp[Writer].r_last,
                         hp_rsp[Writer].r_valid};
  for (genvar p = 0; p < Writer; p++) begin : g_no_write
    assign {hp_req[p].aw, hp_req[p].aw_valid}                                                           = '0;
    assign {hp_req[p].w_data, hp_req[p].w_strb, hp_req[p].w_last, hp_req[p].w_valid, hp_req[p].b_ready} = '0;
    logic unused_write;
    assign unused_write = ^{hp_rsp[p].aw_ready, hp_rsp[p].w_ready, hp_rsp[p].b_resp, hp_rsp[p].b_valid};
  end

  phantom_top #(
    .Rows            (Rows),
    .Cols            (Cols),
    .Threads         (Threads),
    .Lf              (Lf),
    .ActWords        (ActWords),
    .PsumDepth       (PsumDepth),
    .WeightQueueWords(WeightQueueWords),
    .RunDepth        (RunDepth),
    .RowBufferWords  (RowBufferWords),
    .DirectoryDepth  (DirectoryDepth),
    .ParamDepth      (ParamDepth),
    .WeightPorts     (WeightPorts)
  ) u_top (
    .clk_i(clk), .rst_ni(rst_n),
    .s_axil_awaddr(awaddr), .s_axil_awprot(awprot), .s_axil_awvalid(awvalid), .s_axil_awready(awready), .s_axil_wdata(wdata),
    .s_axil_wstrb(wstrb), .s_axil_wvalid(wvalid), .s_axil_wready(wready), .s_axil_bresp(bresp), .s_axil_bvalid(bvalid),
    .s_axil_bready(bready), .s_axil_araddr(araddr), .s_axil_arprot(arprot), .s_axil_arvalid(arvalid),
    .s_axil_arready(arready), .s_axil_rdata(rdata), .s_axil_rresp(rresp), .s_axil_rvalid(rvalid), .s_axil_rready(rready),
    .m_axi_hp0_araddr(hp_req[0].ar.addr), .m_axi_hp0_arlen(hp_req[0].ar.len), .m_axi_hp0_arsize(hp_req[0].ar.size),
    .m_axi_hp0_arburst(hp_req[0].ar.burst), .m_axi_hp0_arcache(hp_req[0].ar.cache), .m_axi_hp0_arprot(hp_req[0].ar.prot),
    .m_axi_hp0_arvalid(hp_req[0].ar_valid), .m_axi_hp0_arready(hp_rsp[0].ar_ready), .m_axi_hp0_rdata(hp_rsp[0].r_data),
    .m_axi_hp0_rresp(hp_rsp[0].r_resp), .m_axi_hp0_rlast(hp_rsp[0].r_last), .m_axi_hp0_rvalid(hp_rsp[0].r_valid),
    .m_axi_hp0_rready(hp_req[0].r_ready),
    .m_axi_hp1_araddr(hp_req[1].ar.addr), .m_axi_hp1_arlen(hp_req[1].ar.len), .m_axi_hp1_arsize(hp_req[1].ar.size),
    .m_axi_hp1_arburst(hp_req[1].ar.burst), .m_axi_hp1_arcache(hp_req[1].ar.cache), .m_axi_hp1_arprot(hp_req[1].ar.prot),
    .m_axi_hp1_arvalid(hp_req[1].ar_valid), .m_axi_hp1_arready(hp_rsp[1].ar_ready), .m_axi_hp1_rdata(hp_rsp[1].r_data),
    .m_axi_hp1_rresp(hp_rsp[1].r_resp), .m_axi_hp1_rlast(hp_rsp[1].r_last), .m_axi_hp1_rvalid(hp_rsp[1].r_valid),
    .m_axi_hp1_rready(hp_req[1].r_ready),
    .m_axi_hp2_araddr(hp_req[2].ar.addr), .m_axi_hp2_arlen(hp_req[2].ar.len), .m_axi_hp2_arsize(hp_req[2].ar.size),
    .m_axi_hp2_arburst(hp_req[2].ar.burst), .m_axi_hp2_arcache(hp_req[2].ar.cache), .m_axi_hp2_arprot(hp_req[2].ar.prot),
    .m_axi_hp2_arvalid(hp_req[2].ar_valid), .m_axi_hp2_arready(hp_rsp[2].ar_ready), .m_axi_hp2_rdata(hp_rsp[2].r_data),
    .m_axi_hp2_rresp(hp_rsp[2].r_resp), .m_axi_hp2_rlast(hp_rsp[2].r_last), .m_axi_hp2_rvalid(hp_rsp[2].r_valid),
    .m_axi_hp2_rready(hp_req[2].r_ready),
    .m_axi_hp3_awaddr(hp_req[3].aw.addr), .m_axi_hp3_awlen(hp_req[3].aw.len), .m_axi_hp3_awsize(hp_req[3].aw.size),
    .m_axi_hp3_awburst(hp_req[3].aw.burst), .m_axi_hp3_awcache(hp_req[3].aw.cache), .m_axi_hp3_awprot(hp_req[3].aw.prot),
    .m_axi_hp3_awvalid(hp_req[3].aw_valid), .m_axi_hp3_awready(hp_rsp[3].aw_ready), .m_axi_hp3_wdata(hp_req[3].w_data),
    .m_axi_hp3_wstrb(hp_req[3].w_strb), .m_axi_hp3_wlast(hp_req[3].w_last), .m_axi_hp3_wvalid(hp_req[3].w_valid),
    .m_axi_hp3_wready(hp_rsp[3].w_ready), .m_axi_hp3_bresp(hp_rsp[3].b_resp), .m_axi_hp3_bvalid(hp_rsp[3].b_valid),
    .m_axi_hp3_bready(hp_req[3].b_ready),
    .irq_act_in_o(irq[0]), .irq_act_out_o(irq[1]), .irq_wgt_o(irq[2]), .irq_wgt1_o(irq[3])
  );

endmodule
