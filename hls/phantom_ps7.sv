// The processing system as the design sees it: a clock, a reset, GP0, the HP ports and interrupts.
//
// Everything else of the PS7 (DDR, MIO, PLLs, widths of the HP ports) is set by software when the board boots and needs no wires in
// the programmable logic; unused inputs are tied off by the tools. FCLK 0 goes through a global buffer and clocks all ports; its
// reset is asserted by the kernel while it loads a bitstream. Our masters send no IDs: one stream of bursts a port and direction,
// answered in order. `HpPorts` of the four HP ports are used, from HP0 on; GP1, ACP and S_GP stay unconnected.
module phantom_ps7
  import phantom_zynq_pkg::*;
#(
  parameter int unsigned HpPorts = 2
) (
  output logic                  clk_o,
  output logic                  rst_no,
  output gp_req_t               gp_req_o,
  input  gp_rsp_t               gp_rsp_i,
  input  hp_req_t [HpPorts-1:0] hp_req_i,
  output hp_rsp_t [HpPorts-1:0] hp_rsp_o,
  input  logic    [15:0]        irq_i
);

  localparam int unsigned HpAll = 4;

  logic [3:0]          fclk, fclk_rst_n;
  hp_req_t [HpAll-1:0] req;
  hp_rsp_t [HpAll-1:0] rsp;
  logic [1:0]          aw_burst, ar_burst;

  assign req      = (HpAll * $bits(hp_req_t))'(hp_req_i);
  assign hp_rsp_o = rsp[HpPorts-1:0];

  assign gp_req_o.aw.burst = burst_e'(aw_burst);
  assign gp_req_o.ar.burst = burst_e'(ar_burst);

  BUFG u_bufg (.I(fclk[0]), .O(clk_o));

  phantom_reset_sync u_reset_sync (.clk_i(clk_o), .async_rst_ni(fclk_rst_n[0]), .rst_no(rst_no));

  (* keep *)
  PS7 u_ps7 (
    .FCLKCLK(fclk), .FCLKRESETN(fclk_rst_n), .FCLKCLKTRIGN(4'd0), .IRQF2P({4'd0, irq_i}),
    .MAXIGP0ACLK(clk_o),
    .MAXIGP0ARID(gp_req_o.ar.id), .MAXIGP0ARADDR(gp_req_o.ar.addr), .MAXIGP0ARLEN(gp_req_o.ar.len),
    .MAXIGP0ARSIZE(gp_req_o.ar.size), .MAXIGP0ARBURST(ar_burst), .MAXIGP0ARVALID(gp_req_o.ar_valid), .MAXIGP0ARREADY(gp_rsp_i.ar_ready),
    .MAXIGP0RID(gp_rsp_i.r_id), .MAXIGP0RDATA(gp_rsp_i.r_data), .MAXIGP0RRESP(gp_rsp_i.r_resp), .MAXIGP0RLAST(gp_rsp_i.r_last),
    .MAXIGP0RVALID(gp_rsp_i.r_valid), .MAXIGP0RREADY(gp_req_o.r_ready),
    .MAXIGP0AWID(gp_req_o.aw.id), .MAXIGP0AWADDR(gp_req_o.aw.addr), .MAXIGP0AWLEN(gp_req_o.aw.len),
    .MAXIGP0AWSIZE(gp_req_o.aw.size), .MAXIGP0AWBURST(aw_burst), .MAXIGP0AWVALID(gp_req_o.aw_valid), .MAXIGP0AWREADY(gp_rsp_i.aw_ready),
    .MAXIGP0WID(gp_req_o.w_id), .MAXIGP0WDATA(gp_req_o.w_data), .MAXIGP0WSTRB(gp_req_o.w_strb), .MAXIGP0WLAST(gp_req_o.w_last),
    .MAXIGP0WVALID(gp_req_o.w_valid), .MAXIGP0WREADY(gp_rsp_i.w_ready),
    .MAXIGP0BID(gp_rsp_i.b_id), .MAXIGP0BRESP(gp_rsp_i.b_resp), .MAXIGP0BVALID(gp_rsp_i.b_valid),
    .MAXIGP0BREADY(gp_req_o.b_ready),
    .SAXIHP0ACLK(clk_o), .SAXIHP0RDISSUECAP1EN(1'b0), .SAXIHP0WRISSUECAP1EN(1'b0),
    .SAXIHP0ARID(6'd0), .SAXIHP0ARADDR(req[0].ar.addr), .SAXIHP0ARLEN(req[0].ar.len), .SAXIHP0ARSIZE(req[0].ar.size[1:0]),
    .SAXIHP0ARBURST(req[0].ar.burst), .SAXIHP0ARLOCK(2'd0), .SAXIHP0ARCACHE(req[0].ar.cache), .SAXIHP0ARPROT(req[0].ar.prot),
    .SAXIHP0ARQOS(4'd0), .SAXIHP0ARVALID(req[0].ar_valid), .SAXIHP0ARREADY(rsp[0].ar_ready),
    .SAXIHP0RDATA(rsp[0].r_data), .SAXIHP0RRESP(rsp[0].r_resp), .SAXIHP0RLAST(rsp[0].r_last),
    .SAXIHP0RVALID(rsp[0].r_valid), .SAXIHP0RREADY(req[0].r_ready),
    .SAXIHP0AWID(6'd0), .SAXIHP0AWADDR(req[0].aw.addr), .SAXIHP0AWLEN(req[0].aw.len), .SAXIHP0AWSIZE(req[0].aw.size[1:0]),
    .SAXIHP0AWBURST(req[0].aw.burst), .SAXIHP0AWLOCK(2'd0), .SAXIHP0AWCACHE(req[0].aw.cache), .SAXIHP0AWPROT(req[0].aw.prot),
    .SAXIHP0AWQOS(4'd0), .SAXIHP0AWVALID(req[0].aw_valid), .SAXIHP0AWREADY(rsp[0].aw_ready),
    .SAXIHP0WID(6'd0), .SAXIHP0WDATA(req[0].w_data), .SAXIHP0WSTRB(req[0].w_strb), .SAXIHP0WLAST(req[0].w_last),
    .SAXIHP0WVALID(req[0].w_valid), .SAXIHP0WREADY(rsp[0].w_ready),
    .SAXIHP0BRESP(rsp[0].b_resp), .SAXIHP0BVALID(rsp[0].b_valid), .SAXIHP0BREADY(req[0].b_ready),
    .SAXIHP1ACLK(clk_o), .SAXIHP1RDISSUECAP1EN(1'b0), .SAXIHP1WRISSUECAP1EN(1'b0),
    .SAXIHP1ARID(6'd0), .SAXIHP1ARADDR(req[1].ar.addr), .SAXIHP1ARLEN(req[1].ar.len), .SAXIHP1ARSIZE(req[1].ar.size[1:0]),
    .SAXIHP1ARBURST(req[1].ar.burst), .SAXIHP1ARLOCK(2'd0), .SAXIHP1ARCACHE(req[1].ar.cache), .SAXIHP1ARPROT(req[1].ar.prot),
    .SAXIHP1ARQOS(4'd0), .SAXIHP1ARVALID(req[1].ar_valid), .SAXIHP1ARREADY(rsp[1].ar_ready),
    .SAXIHP1RDATA(rsp[1].r_data), .SAXIHP1RRESP(rsp[1].r_resp), .SAXIHP1RLAST(rsp[1].r_last),
    .SAXIHP1RVALID(rsp[1].r_valid), .SAXIHP1RREADY(req[1].r_ready),
    .SAXIHP1AWID(6'd0), .SAXIHP1AWADDR(req[1].aw.addr), .SAXIHP1AWLEN(req[1].aw.len), .SAXIHP1AWSIZE(req[1].aw.size[1:0]),
    .SAXIHP1AWBURST(req[1].aw.burst), .SAXIHP1AWLOCK(2'd0), .SAXIHP1AWCACHE(req[1].aw.cache), .SAXIHP1AWPROT(req[1].aw.prot),
    .SAXIHP1AWQOS(4'd0), .SAXIHP1AWVALID(req[1].aw_valid), .SAXIHP1AWREADY(rsp[1].aw_ready),
    .SAXIHP1WID(6'd0), .SAXIHP1WDATA(req[1].w_data), .SAXIHP1WSTRB(req[1].w_strb), .SAXIHP1WLAST(req[1].w_last),
    .SAXIHP1WVALID(req[1].w_valid), .SAXIHP1WREADY(rsp[1].w_ready),
    .SAXIHP1BRESP(rsp[1].b_resp), .SAXIHP1BVALID(rsp[1].b_valid), .SAXIHP1BREADY(req[1].b_ready),
    .SAXIHP2ACLK(clk_o), .SAXIHP2RDISSUECAP1EN(1'b0), .SAXIHP2WRISSUECAP1EN(1'b0),
    .SAXIHP2ARID(6'd0), .SAXIHP2ARADDR(req[2].ar.addr), .SAXIHP2ARLEN(req[2].ar.len), .SAXIHP2ARSIZE(req[2].ar.size[1:0]),
    .SAXIHP2ARBURST(req[2].ar.burst), .SAXIHP2ARLOCK(2'd0), .SAXIHP2ARCACHE(req[2].ar.cache), .SAXIHP2ARPROT(req[2].ar.prot),
    .SAXIHP2ARQOS(4'd0), .SAXIHP2ARVALID(req[2].ar_valid), .SAXIHP2ARREADY(rsp[2].ar_ready),
    .SAXIHP2RDATA(rsp[2].r_data), .SAXIHP2RRESP(rsp[2].r_resp), .SAXIHP2RLAST(rsp[2].r_last),
    .SAXIHP2RVALID(rsp[2].r_valid), .SAXIHP2RREADY(req[2].r_ready),
    .SAXIHP2AWID(6'd0), .SAXIHP2AWADDR(req[2].aw.addr), .SAXIHP2AWLEN(req[2].aw.len), .SAXIHP2AWSIZE(req[2].aw.size[1:0]),
    .SAXIHP2AWBURST(req[2].aw.burst), .SAXIHP2AWLOCK(2'd0), .SAXIHP2AWCACHE(req[2].aw.cache), .SAXIHP2AWPROT(req[2].aw.prot),
    .SAXIHP2AWQOS(4'd0), .SAXIHP2AWVALID(req[2].aw_valid), .SAXIHP2AWREADY(rsp[2].aw_ready),
    .SAXIHP2WID(6'd0), .SAXIHP2WDATA(req[2].w_data), .SAXIHP2WSTRB(req[2].w_strb), .SAXIHP2WLAST(req[2].w_last),
    .SAXIHP2WVALID(req[2].w_valid), .SAXIHP2WREADY(rsp[2].w_ready),
    .SAXIHP2BRESP(rsp[2].b_resp), .SAXIHP2BVALID(rsp[2].b_valid), .SAXIHP2BREADY(req[2].b_ready),
    .SAXIHP3ACLK(clk_o), .SAXIHP3RDISSUECAP1EN(1'b0), .SAXIHP3WRISSUECAP1EN(1'b0),
    .SAXIHP3ARID(6'd0), .SAXIHP3ARADDR(req[3].ar.addr), .SAXIHP3ARLEN(req[3].ar.len), .SAXIHP3ARSIZE(req[3].ar.size[1:0]),
    .SAXIHP3ARBURST(req[3].ar.burst), .SAXIHP3ARLOCK(2'd0), .SAXIHP3ARCACHE(req[3].ar.cache), .SAXIHP3ARPROT(req[3].ar.prot),
    .SAXIHP3ARQOS(4'd0), .SAXIHP3ARVALID(req[3].ar_valid), .SAXIHP3ARREADY(rsp[3].ar_ready),
    .SAXIHP3RDATA(rsp[3].r_data), .SAXIHP3RRESP(rsp[3].r_resp), .SAXIHP3RLAST(rsp[3].r_last),
    .SAXIHP3RVALID(rsp[3].r_valid), .SAXIHP3RREADY(req[3].r_ready),
    .SAXIHP3AWID(6'd0), .SAXIHP3AWADDR(req[3].aw.addr), .SAXIHP3AWLEN(req[3].aw.len), .SAXIHP3AWSIZE(req[3].aw.size[1:0]),
    .SAXIHP3AWBURST(req[3].aw.burst), .SAXIHP3AWLOCK(2'd0), .SAXIHP3AWCACHE(req[3].aw.cache), .SAXIHP3AWPROT(req[3].aw.prot),
    .SAXIHP3AWQOS(4'd0), .SAXIHP3AWVALID(req[3].aw_valid), .SAXIHP3AWREADY(rsp[3].aw_ready),
    .SAXIHP3WID(6'd0), .SAXIHP3WDATA(req[3].w_data), .SAXIHP3WSTRB(req[3].w_strb), .SAXIHP3WLAST(req[3].w_last),
    .SAXIHP3WVALID(req[3].w_valid), .SAXIHP3WREADY(rsp[3].w_ready),
    .SAXIHP3BRESP(rsp[3].b_resp), .SAXIHP3BVALID(rsp[3].b_valid), .SAXIHP3BREADY(req[3].b_ready)
  );

endmodule
