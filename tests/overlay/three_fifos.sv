// Two FIFOs that are alike and a deeper one, and a sum whose path is known: one LUT, then four CARRY4 for 16 bits.
module three_fifos #(
  parameter int unsigned Width = 8
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic [15:0]      a_i,
  input  logic [15:0]      b_i,
  input  logic [Width-1:0] data_i,
  input  logic [2:0]       valid_i,
  input  logic [2:0]       ready_i,
  output logic [15:0]      sum_o,
  output logic [Width-1:0] data_o[3],
  output logic [2:0]       valid_o
);

  logic [15:0] a_q, b_q;

  always_ff @(posedge clk_i) begin
    a_q   <= a_i;
    b_q   <= b_i;
    sum_o <= a_q + b_q;
  end

  for (genvar i = 0; i < 3; i++) begin : g_fifo
    phantom_fifo #(
      .Width(Width),
      .Depth(i == 2 ? 64 : 32)
    ) u_fifo (
      .clk_i,
      .rst_ni,
      .in_valid_i (valid_i[i]),
      .in_ready_o (),
      .in_data_i  (data_i),
      .out_valid_o(valid_o[i]),
      .out_ready_i(ready_i[i]),
      .out_data_o (data_o[i]),
      .level_o    ()
    );
  end

endmodule
