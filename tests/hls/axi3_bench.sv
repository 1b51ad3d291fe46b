// phantom_axi3_axil with its structs taken apart: gp_* is what the PS7's GP0 shows, lite_* the slave behind the bridge.
module axi3_bench
  import phantom_zynq_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic        gp_aw_valid_i,
  output logic        gp_aw_ready_o,
  input  logic [11:0] gp_aw_id_i,
  input  logic [31:0] gp_aw_addr_i,
  input  logic [3:0]  gp_aw_len_i,
  input  logic [1:0]  gp_aw_size_i,
  input  logic [1:0]  gp_aw_burst_i,
  input  logic        gp_w_valid_i,
  output logic        gp_w_ready_o,
  input  logic [11:0] gp_w_id_i,
  input  logic [31:0] gp_w_data_i,
  input  logic [3:0]  gp_w_strb_i,
  input  logic        gp_w_last_i,
  output logic        gp_b_valid_o,
  input  logic        gp_b_ready_i,
  output logic [11:0] gp_b_id_o,
  output logic [1:0]  gp_b_resp_o,
  input  logic        gp_ar_valid_i,
  output logic        gp_ar_ready_o,
  input  logic [11:0] gp_ar_id_i,
  input  logic [31:0] gp_ar_addr_i,
  input  logic [3:0]  gp_ar_len_i,
  input  logic [1:0]  gp_ar_size_i,
  input  logic [1:0]  gp_ar_burst_i,
  output logic        gp_r_valid_o,
  input  logic        gp_r_ready_i,
  output logic [11:0] gp_r_id_o,
  output logic [31:0] gp_r_data_o,
  output logic [1:0]  gp_r_resp_o,
  output logic        gp_r_last_o,

  output logic        lite_aw_valid_o,
  input  logic        lite_aw_ready_i,
  output logic [31:0] lite_aw_addr_o,
  output logic        lite_w_valid_o,
  input  logic        lite_w_ready_i,
  output logic [31:0] lite_w_data_o,
  output logic [3:0]  lite_w_strb_o,
  input  logic        lite_b_valid_i,
  output logic        lite_b_ready_o,
  input  logic [1:0]  lite_b_resp_i,
  output logic        lite_ar_valid_o,
  input  logic        lite_ar_ready_i,
  output logic [31:0] lite_ar_addr_o,
  input  logic        lite_r_valid_i,
  output logic        lite_r_ready_o,
  input  logic [31:0] lite_r_data_i,
  input  logic [1:0]  lite_r_resp_i
);

  gp_req_t    req;
  gp_rsp_t    rsp;
  logic [5:0] unused_prot;

  assign req = '{
      aw: '{id: gp_aw_id_i, addr: gp_aw_addr_i, len: gp_aw_len_i, size: gp_aw_size_i, burst: burst_e'(gp_aw_burst_i)},
      aw_valid: gp_aw_valid_i, w_id: gp_w_id_i, w_data: gp_w_data_i, w_strb: gp_w_strb_i, w_last: gp_w_last_i,
      w_valid: gp_w_valid_i, b_ready: gp_b_ready_i,
      ar: '{id: gp_ar_id_i, addr: gp_ar_addr_i, len: gp_ar_len_i, size: gp_ar_size_i, burst: burst_e'(gp_ar_burst_i)},
      ar_valid: gp_ar_valid_i, r_ready: gp_r_ready_i
  };
  assign {gp_aw_ready_o, gp_w_ready_o, gp_b_id_o, gp_b_resp_o, gp_b_valid_o} =
      {rsp.aw_ready, rsp.w_ready, rsp.b_id, rsp.b_resp, rsp.b_valid};
  assign {gp_ar_ready_o, gp_r_id_o, gp_r_data_o, gp_r_resp_o, gp_r_last_o, gp_r_valid_o} =
      {rsp.ar_ready, rsp.r_id, rsp.r_data, rsp.r_resp, rsp.r_last, rsp.r_valid};

  phantom_axi3_axil u_dut (
    .clk_i, .rst_ni, .gp_req_i(req), .gp_rsp_o(rsp),
    .m_axil_awaddr(lite_aw_addr_o), .m_axil_awprot(unused_prot[2:0]), .m_axil_awvalid(lite_aw_valid_o),
    .m_axil_awready(lite_aw_ready_i), .m_axil_wdata(lite_w_data_o), .m_axil_wstrb(lite_w_strb_o),
    .m_axil_wvalid(lite_w_valid_o), .m_axil_wready(lite_w_ready_i), .m_axil_bresp(lite_b_resp_i),
    .m_axil_bvalid(lite_b_valid_i), .m_axil_bready(lite_b_ready_o), .m_axil_araddr(lite_ar_addr_o),
    .m_axil_arprot(unused_prot[5:3]), .m_axil_arvalid(lite_ar_valid_o), .m_axil_arready(lite_ar_ready_i),
    .m_axil_rdata(lite_r_data_i), .m_axil_rresp(lite_r_resp_i), .m_axil_rvalid(lite_r_valid_i),
    .m_axil_rready(lite_r_ready_o)
  );

endmodule
