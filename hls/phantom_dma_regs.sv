// AXI4-Lite slave with the registers of both DMA channels, at the offsets of PG021 (direct register mode).
//
//            DMACR  DMASR  SA/DA  SA/DA_MSB  LENGTH
//     MM2S   0x00   0x04   0x18   0x1C       0x28
//     S2MM   0x30   0x34   0x48   0x4C       0x58
//
// Contract: one read and one write at a time, every port registered; always OKAY. All other offsets, the upper address
// words and the registers of a channel that is not built read 0 and ignore writes, as do writes with a strobe missing.
// As in PG021, Reset in either DMACR resets both channels; it reads 1 in both until no transaction is outstanding.
module phantom_dma_regs #(
  parameter bit          HasMm2s     = 1'b1,
  parameter bit          HasS2mm     = 1'b1,
  parameter int unsigned LengthWidth = 26
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,

  input  logic [6:0]             s_axil_awaddr,
  input  logic                   s_axil_awvalid,
  output logic                   s_axil_awready,
  input  logic [31:0]            s_axil_wdata,
  input  logic [3:0]             s_axil_wstrb,
  input  logic                   s_axil_wvalid,
  output logic                   s_axil_wready,
  output logic [1:0]             s_axil_bresp,
  output logic                   s_axil_bvalid,
  input  logic                   s_axil_bready,
  input  logic [6:0]             s_axil_araddr,
  input  logic                   s_axil_arvalid,
  output logic                   s_axil_arready,
  output logic [31:0]            s_axil_rdata,
  output logic [1:0]             s_axil_rresp,
  output logic                   s_axil_rvalid,
  input  logic                   s_axil_rready,

  output logic                   soft_reset_o,
  // Index 0 is MM2S, 1 is S2MM.
  output logic [1:0]             irq_o,
  output logic [1:0]             start_o,
  output logic [1:0]             abort_o,
  output logic [31:0]            addr_o       [2],
  output logic [LengthWidth-1:0] length_o     [2],
  input  logic [1:0]             busy_i,
  input  logic [1:0]             done_i,
  input  logic [LengthWidth-1:0] done_length_i[2],
  input  logic [1:0]             int_err_i,
  input  logic [1:0]             slv_err_i,
  input  logic [1:0]             dec_err_i
);

  localparam bit   [1:0] HasChannel = {HasS2mm, HasMm2s};
  localparam logic [4:0] Base[2]    = '{5'h00, 5'h0C};  // word addresses
  localparam logic [4:0] Cr         = 5'h00;
  localparam logic [4:0] Sr         = 5'h01;
  localparam logic [4:0] Addr       = 5'h06;
  localparam logic [4:0] Length     = 5'h0A;

  logic        aw_valid_q, w_valid_q, b_valid_q, ar_valid_q, r_valid_q;
  logic [4:0]  aw_addr_q, ar_addr_q;
  logic [31:0] w_data_q, r_data_q, r_data_d;
  logic        w_full_q, write, read, reset_q;
  logic [1:0]  set_reset;
  logic [31:0] rd_data[2];

  assign write          = aw_valid_q && w_valid_q && !b_valid_q;
  assign read           = ar_valid_q && !r_valid_q;
  assign s_axil_awready = !aw_valid_q;
  assign s_axil_wready  = !w_valid_q;
  assign s_axil_bvalid  = b_valid_q;
  assign s_axil_bresp   = 2'b00;
  assign s_axil_arready = !ar_valid_q;
  assign s_axil_rvalid  = r_valid_q;
  assign s_axil_rdata   = r_data_q;
  assign s_axil_rresp   = 2'b00;
  assign soft_reset_o   = reset_q;

  always_ff @(posedge clk_i) begin
    if (s_axil_awvalid && s_axil_awready) aw_addr_q <= s_axil_awaddr[6:2];
    if (s_axil_wvalid && s_axil_wready) begin
      w_data_q <= s_axil_wdata;
      w_full_q <= &s_axil_wstrb;
    end
    if (s_axil_arvalid && s_axil_arready) ar_addr_q <= s_axil_araddr[6:2];
    if (read) r_data_q <= r_data_d;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      aw_valid_q <= 1'b0;
      w_valid_q  <= 1'b0;
      b_valid_q  <= 1'b0;
      ar_valid_q <= 1'b0;
      r_valid_q  <= 1'b0;
      reset_q    <= 1'b0;
    end else begin
      aw_valid_q <= (aw_valid_q || s_axil_awvalid) && !write;
      w_valid_q  <= (w_valid_q || s_axil_wvalid) && !write;
      b_valid_q  <= write || (b_valid_q && !s_axil_bready);
      ar_valid_q <= (ar_valid_q || s_axil_arvalid) && !read;
      r_valid_q  <= read || (r_valid_q && !s_axil_rready);
      reset_q    <= set_reset != '0 || (reset_q && busy_i != '0);
    end
  end

  assign r_data_d = rd_data[0] | rd_data[1];

  // The byte lanes of a word address are not decoded.
  logic unused_byte;
  assign unused_byte = ^{s_axil_awaddr[1:0], s_axil_araddr[1:0]};

  for (genvar c = 0; c < 2; c++) begin : g_channel
    if (HasChannel[c]) begin : g_built
      logic        wr;
      logic [31:0] cr, sr;

      assign wr           = write && w_full_q && !reset_q;
      assign set_reset[c] = wr && aw_addr_q == Base[c] + Cr && w_data_q[2];

      phantom_dma_channel #(
        .LengthWidth(LengthWidth)
      ) u_channel (
        .clk_i,
        .rst_ni,
        .soft_reset_i  (reset_q),
        .wr_cr_i       (wr && aw_addr_q == Base[c] + Cr),
        .wr_sr_i       (wr && aw_addr_q == Base[c] + Sr),
        .wr_addr_i     (wr && aw_addr_q == Base[c] + Addr),
        .wr_length_i   (wr && aw_addr_q == Base[c] + Length),
        .wr_data_i     (w_data_q),
        .cr_o          (cr),
        .sr_o          (sr),
        .addr_o        (addr_o[c]),
        .length_o      (length_o[c]),
        .irq_o         (irq_o[c]),
        .start_o       (start_o[c]),
        .abort_o       (abort_o[c]),
        .busy_i        (busy_i[c]),
        .done_i        (done_i[c]),
        .done_length_i (done_length_i[c]),
        .int_err_i     (int_err_i[c]),
        .slv_err_i     (slv_err_i[c]),
        .dec_err_i     (dec_err_i[c])
      );

      always_comb begin
        unique case (ar_addr_q)
          Base[c] + Cr:     rd_data[c] = cr | {29'd0, reset_q, 2'b00};
          Base[c] + Sr:     rd_data[c] = sr;
          Base[c] + Addr:   rd_data[c] = addr_o[c];
          Base[c] + Length: rd_data[c] = 32'(length_o[c]);
          default:          rd_data[c] = '0;
        endcase
      end
    end else begin : g_absent
      logic unused_channel;
      assign unused_channel = ^{busy_i[c], done_i[c], done_length_i[c], int_err_i[c], slv_err_i[c], dec_err_i[c]};
      assign set_reset[c]   = 1'b0;
      assign irq_o[c]       = 1'b0;
      assign start_o[c]     = 1'b0;
      assign abort_o[c]     = 1'b0;
      assign addr_o[c]      = '0;
      assign length_o[c]    = '0;
      assign rd_data[c]     = '0;
    end
  end

endmodule
