// One AXI4-Lite slave in front of three or four: address bits [17:16] choose. A window without a block answers DECERR.
//
// Contract: one access at a time in each direction. A write is taken when its address and data are both there; they are registered,
// so that no path runs through from the processor to a block. Reads and writes are independent of each other.
module phantom_axil_split #(
  parameter int unsigned Blocks = 3
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  input  logic             [31:0] s_axil_awaddr,
  input  logic                    s_axil_awvalid,
  output logic                    s_axil_awready,
  input  logic             [31:0] s_axil_wdata,
  input  logic             [3:0]  s_axil_wstrb,
  input  logic                    s_axil_wvalid,
  output logic                    s_axil_wready,
  output logic             [1:0]  s_axil_bresp,
  output logic                    s_axil_bvalid,
  input  logic                    s_axil_bready,
  input  logic             [31:0] s_axil_araddr,
  input  logic                    s_axil_arvalid,
  output logic                    s_axil_arready,
  output logic             [31:0] s_axil_rdata,
  output logic             [1:0]  s_axil_rresp,
  output logic                    s_axil_rvalid,
  input  logic                    s_axil_rready,

  output logic             [15:0] awaddr_o,
  output logic [Blocks-1:0]       awvalid_o,
  input  logic [Blocks-1:0]       awready_i,
  output logic             [31:0] wdata_o,
  output logic             [3:0]  wstrb_o,
  output logic [Blocks-1:0]       wvalid_o,
  input  logic [Blocks-1:0]       wready_i,
  input  logic [Blocks-1:0][1:0]  bresp_i,
  input  logic [Blocks-1:0]       bvalid_i,
  output logic [Blocks-1:0]       bready_o,
  output logic             [15:0] araddr_o,
  output logic [Blocks-1:0]       arvalid_o,
  input  logic [Blocks-1:0]       arready_i,
  input  logic [Blocks-1:0][31:0] rdata_i,
  input  logic [Blocks-1:0][1:0]  rresp_i,
  input  logic [Blocks-1:0]       rvalid_i,
  output logic [Blocks-1:0]       rready_o
);

  localparam logic [1:0] DecErr = 2'b11;

  logic       w_busy_q, aw_sent_q, wd_sent_q, r_busy_q, ar_sent_q;
  logic [1:0] w_sel_q, r_sel_q;
  logic [3:0] awready, wready, bvalid, arready, rvalid;

  // A window without a block accepts at once and answers at once.
  localparam logic [3:0] Empty = 4'hF << Blocks;
  assign awready = Empty | 4'(awready_i);
  assign wready  = Empty | 4'(wready_i);
  assign bvalid  = Empty | 4'(bvalid_i);
  assign arready = Empty | 4'(arready_i);
  assign rvalid  = Empty | 4'(rvalid_i);

  assign s_axil_awready = !w_busy_q && s_axil_awvalid && s_axil_wvalid;
  assign s_axil_wready  = s_axil_awready;
  assign s_axil_arready = !r_busy_q;
  assign s_axil_bvalid  = w_busy_q && aw_sent_q && wd_sent_q && bvalid[w_sel_q];
  assign s_axil_rvalid  = r_busy_q && ar_sent_q && rvalid[r_sel_q];

  always_comb begin
    s_axil_bresp = DecErr;
    s_axil_rresp = DecErr;
    s_axil_rdata = '0;
    for (int unsigned b = 0; b < Blocks; b++) begin
      awvalid_o[b] = w_busy_q && !aw_sent_q && w_sel_q == 2'(b);
      wvalid_o[b]  = w_busy_q && !wd_sent_q && w_sel_q == 2'(b);
      bready_o[b]  = s_axil_bready && aw_sent_q && wd_sent_q && w_sel_q == 2'(b);
      arvalid_o[b] = r_busy_q && !ar_sent_q && r_sel_q == 2'(b);
      rready_o[b]  = s_axil_rready && ar_sent_q && r_sel_q == 2'(b);
      if (w_sel_q == 2'(b)) s_axil_bresp = bresp_i[b];
      if (r_sel_q == 2'(b)) begin
        s_axil_rresp = rresp_i[b];
        s_axil_rdata = rdata_i[b];
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      w_busy_q <= 1'b0;
      r_busy_q <= 1'b0;
    end else begin
      if (s_axil_awready) begin
        w_busy_q  <= 1'b1;
        aw_sent_q <= 1'b0;
        wd_sent_q <= 1'b0;
      end else begin
        if (awready[w_sel_q]) aw_sent_q <= 1'b1;
        if (wready[w_sel_q]) wd_sent_q <= 1'b1;
        if (s_axil_bvalid && s_axil_bready) w_busy_q <= 1'b0;
      end
      if (s_axil_arready && s_axil_arvalid) begin
        r_busy_q  <= 1'b1;
        ar_sent_q <= 1'b0;
      end else begin
        if (arready[r_sel_q]) ar_sent_q <= 1'b1;
        if (s_axil_rvalid && s_axil_rready) r_busy_q <= 1'b0;
      end
    end
    if (s_axil_awready) begin
      w_sel_q  <= s_axil_awaddr[17:16];
      awaddr_o <= s_axil_awaddr[15:0];
      wdata_o  <= s_axil_wdata;
      wstrb_o  <= s_axil_wstrb;
    end
    if (s_axil_arready) begin
      r_sel_q  <= s_axil_araddr[17:16];
      araddr_o <= s_axil_araddr[15:0];
    end
  end

endmodule
