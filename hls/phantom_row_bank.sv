// Bank of the row buffer: one write port, one read port, latency 1.
//
// The depth is one power of two, or two of them added (6144 = 4096 + 2048), so that block RAM is used in its deep, narrow
// shapes and hardly any multiplexer is needed behind it.
module phantom_row_bank #(
  parameter int unsigned Words = 6144,
  localparam int unsigned AddrW = $clog2(Words)
) (
  input  logic             clk_i,
  input  logic             wr_en_i,
  input  logic [AddrW-1:0] wr_addr_i,
  input  logic [63:0]      wr_data_i,
  input  logic [AddrW-1:0] rd_addr_i,
  output logic [63:0]      rd_data_o
);

  localparam int unsigned LowWords  = Words == 2 ** AddrW ? Words : 2 ** (AddrW - 1);
  localparam int unsigned HighWords = Words - LowWords;

  if (HighWords == 0) begin : g_one
    phantom_sdp_ram #(
      .Width(64),
      .Depth(LowWords)
    ) u_low (
      .clk_i,
      .wr_en_i,
      .wr_addr_i,
      .wr_data_i,
      .rd_en_i  (1'b1),
      .rd_addr_i,
      .rd_data_o
    );
  end else begin : g_two
    localparam int unsigned HighW = $clog2(HighWords);
    logic [63:0] low_data, high_data;
    logic        high_q;

    phantom_sdp_ram #(
      .Width(64),
      .Depth(LowWords)
    ) u_low (
      .clk_i,
      .wr_en_i  (wr_en_i && !wr_addr_i[AddrW-1]),
      .wr_addr_i(wr_addr_i[AddrW-2:0]),
      .wr_data_i,
      .rd_en_i  (1'b1),
      .rd_addr_i(rd_addr_i[AddrW-2:0]),
      .rd_data_o(low_data)
    );
    phantom_sdp_ram #(
      .Width(64),
      .Depth(HighWords)
    ) u_high (
      .clk_i,
      .wr_en_i  (wr_en_i && wr_addr_i[AddrW-1]),
      .wr_addr_i(wr_addr_i[HighW-1:0]),
      .wr_data_i,
      .rd_en_i  (1'b1),
      .rd_addr_i(rd_addr_i[HighW-1:0]),
      .rd_data_o(high_data)
    );
    always_ff @(posedge clk_i) high_q <= rd_addr_i[AddrW-1];
    assign rd_data_o = high_q ? high_data : low_data;
  end

`ifndef SYNTHESIS
  initial begin
    assert (HighWords == 0 || HighWords == 2 ** $clog2(HighWords))
    else $fatal(1, "phantom_row_bank: %0d words are not the sum of at most two powers of two", Words);
  end
`endif

endmodule
