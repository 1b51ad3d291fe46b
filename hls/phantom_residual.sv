// Residual addition: adds values that were kept of a slot, times a factor, to the sums of the slot behind it.
//
//   kept value --> value x factor + bias (one DSP48E1 a channel) --> bias_o
//
// The addition goes into the bias: what the requantiser adds to a sum is then the kept value's share and the bias of its channel. Sums of
// other slots get the bias alone.
//
// Contract: `value_i` and `partner_i` come together; `bias_o` three cycles later, and `bias_i` is looked at in the second.
module phantom_residual
  import phantom_pkg::*;
(
  input  logic               clk_i,
  input  logic               kept_signed_i,
  input  logic signed [11:0] factor_i,
  input  logic               partner_i,    // else there is nothing to add
  input  logic [7:0]         value_i[LanesPerChunk],
  input  logic signed [31:0] bias_i[LanesPerChunk],
  output logic signed [31:0] bias_o[LanesPerChunk]
);

  for (genvar l = 0; l < LanesPerChunk; l++) begin : g_lane
    logic signed [8:0]  kept_q;
    logic signed [20:0] product_q;

    always_ff @(posedge clk_i) begin
      kept_q    <= partner_i ? {kept_signed_i && value_i[l][7], value_i[l]} : '0;
      product_q <= kept_q * factor_i;
      bias_o[l] <= bias_i[l] + 32'(product_q);
    end
  end

endmodule
