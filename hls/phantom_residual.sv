// Residual addition: keeps the values of a slot and adds them, times a factor, to the sums of the slot behind it.
//
//   kept values --> memory (128 positions x 8 channels) --place--> value x factor + bias (one DSP48E1 a channel) --> bias_o
//
// The addition goes into the bias: what the requantiser adds to a sum is then the kept value's share and the bias of its channel. Sums of
// other slots get the bias alone.
//
// Contract: a position is read with `partner_i` at the earliest one cycle after its value was written. `bias_o` comes four cycles
// after `place_i`; `bias_i` is looked at in the third.
module phantom_residual
  import phantom_pkg::*;
(
  input  logic               clk_i,
  input  logic               kept_signed_i,
  input  logic signed [11:0] factor_i,
  input  logic               we_i,
  input  logic [6:0]         we_place_i,
  input  logic [7:0]         value_i[LanesPerChunk],
  input  logic               partner_i,
  input  logic [6:0]         place_i,
  input  logic signed [31:0] bias_i[LanesPerChunk],
  output logic signed [31:0] bias_o[LanesPerChunk]
);

  (* ram_style = "distributed" *) logic [8*LanesPerChunk-1:0] mem[128];
  logic [8*LanesPerChunk-1:0] wr_data, rd_data;

  always_comb for (int unsigned l = 0; l < LanesPerChunk; l++) wr_data[8*l+:8] = value_i[l];

  assign rd_data = mem[place_i];

  always_ff @(posedge clk_i) if (we_i) mem[we_place_i] <= wr_data;

  for (genvar l = 0; l < LanesPerChunk; l++) begin : g_lane
    logic signed [8:0]  kept_q, kept2_q;
    logic signed [20:0] product_q;

    always_ff @(posedge clk_i) begin
      kept_q    <= partner_i ? {kept_signed_i && rd_data[8*l+7], rd_data[8*l+:8]} : '0;
      kept2_q   <= kept_q;
      product_q <= kept2_q * factor_i;
      bias_o[l] <= bias_i[l] + 32'(product_q);
    end
  end

endmodule
