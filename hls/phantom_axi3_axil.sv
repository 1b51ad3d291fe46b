// From an AXI3 master (GP0 of the PS7) to an AXI4-Lite slave: reads and writes, independent of each other.
//
// The two halves say how bursts, IDs, narrow beats and what lies outside of the window are handled.
module phantom_axi3_axil
  import phantom_zynq_pkg::*;
#(
  parameter logic        [31:0] Base       = 32'h43C0_0000,  // of the window; a multiple of its size
  parameter int unsigned        WindowBits = 18
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  gp_req_t     gp_req_i,
  output gp_rsp_t     gp_rsp_o,

  output logic [31:0] m_axil_awaddr,
  output logic [2:0]  m_axil_awprot,
  output logic        m_axil_awvalid,
  input  logic        m_axil_awready,
  output logic [31:0] m_axil_wdata,
  output logic [3:0]  m_axil_wstrb,
  output logic        m_axil_wvalid,
  input  logic        m_axil_wready,
  input  logic [1:0]  m_axil_bresp,
  input  logic        m_axil_bvalid,
  output logic        m_axil_bready,
  output logic [31:0] m_axil_araddr,
  output logic [2:0]  m_axil_arprot,
  output logic        m_axil_arvalid,
  input  logic        m_axil_arready,
  input  logic [31:0] m_axil_rdata,
  input  logic [1:0]  m_axil_rresp,
  input  logic        m_axil_rvalid,
  output logic        m_axil_rready
);

  assign m_axil_awprot = '0;
  assign m_axil_arprot = '0;

  phantom_axi3_write #(.Base(Base), .WindowBits(WindowBits)) u_write (
    .clk_i, .rst_ni,
    .aw_i(gp_req_i.aw), .aw_valid_i(gp_req_i.aw_valid), .aw_ready_o(gp_rsp_o.aw_ready),
    .w_id_i(gp_req_i.w_id), .w_data_i(gp_req_i.w_data), .w_strb_i(gp_req_i.w_strb), .w_last_i(gp_req_i.w_last),
    .w_valid_i(gp_req_i.w_valid), .w_ready_o(gp_rsp_o.w_ready),
    .b_id_o(gp_rsp_o.b_id), .b_resp_o(gp_rsp_o.b_resp), .b_valid_o(gp_rsp_o.b_valid), .b_ready_i(gp_req_i.b_ready),
    .m_axil_awaddr, .m_axil_awvalid, .m_axil_awready, .m_axil_wdata, .m_axil_wstrb, .m_axil_wvalid, .m_axil_wready,
    .m_axil_bresp, .m_axil_bvalid, .m_axil_bready
  );

  phantom_axi3_read #(.Base(Base), .WindowBits(WindowBits)) u_read (
    .clk_i, .rst_ni,
    .ar_i(gp_req_i.ar), .ar_valid_i(gp_req_i.ar_valid), .ar_ready_o(gp_rsp_o.ar_ready),
    .r_id_o(gp_rsp_o.r_id), .r_data_o(gp_rsp_o.r_data), .r_resp_o(gp_rsp_o.r_resp), .r_last_o(gp_rsp_o.r_last),
    .r_valid_o(gp_rsp_o.r_valid), .r_ready_i(gp_req_i.r_ready),
    .m_axil_araddr, .m_axil_arvalid, .m_axil_arready, .m_axil_rdata, .m_axil_rresp, .m_axil_rvalid, .m_axil_rready
  );

`ifndef SYNTHESIS
  initial assert ((Base & ((32'd1 << WindowBits) - 1)) == '0)
    else $fatal(1, "phantom_axi3_axil: Base %h is not a multiple of the window's size", Base);
`endif

endmodule
