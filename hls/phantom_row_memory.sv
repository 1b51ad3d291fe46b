// Memory of the row buffer: a word is written, two words that follow one another are read, a cycle; latency 2.
//
// Even addresses lie in one bank, odd ones in the other, so any word and the one behind it can be read together. The last word is
// followed by the first one.
module phantom_row_memory #(
  parameter int unsigned Words = 12288,
  localparam int unsigned AddrW = $clog2(Words)
) (
  input  logic             clk_i,
  input  logic             wr_en_i,
  input  logic [AddrW-1:0] wr_addr_i,
  input  logic [63:0]      wr_data_i,
  input  logic [AddrW-1:0] rd_addr_i,
  output logic [63:0]      rd_data_o[2]  // the word there, and the next one
);

  localparam int unsigned BankW = $clog2(Words / 2);

  logic [63:0]      data[2];
  logic [BankW-1:0] addr[2];
  logic             odd_q;

  assign addr[1] = BankW'(rd_addr_i >> 1);
  assign addr[0] = !rd_addr_i[0] ? BankW'(rd_addr_i >> 1) : rd_addr_i == AddrW'(Words - 1) ? '0 : BankW'(rd_addr_i >> 1) + 1'b1;

  for (genvar b = 0; b < 2; b++) begin : g_bank
    phantom_row_bank #(
      .Words(Words / 2)
    ) u_bank (
      .clk_i,
      .wr_en_i  (wr_en_i && wr_addr_i[0] == b),
      .wr_addr_i(BankW'(wr_addr_i >> 1)),
      .wr_data_i,
      .rd_addr_i(addr[b]),
      .rd_data_o(data[b])
    );
  end

  always_ff @(posedge clk_i) begin
    odd_q     <= rd_addr_i[0];
    rd_data_o <= odd_q ? '{data[1], data[0]} : '{data[0], data[1]};
  end

endmodule
