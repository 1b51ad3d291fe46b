// Requantiser, one lane: y = clamp(round_half_even((acc + bias) * multiplier / 2^(14 + 4 sel)), low, high).
//
// This is the one rounding rule (docs/stream-format.md). The 33 x 24 bit product takes two DSP48E1: the low 16 bits of the
// sum, and the rest. Latency 7 cycles, one result a cycle, no backpressure: the drain makes sure that there is room behind it.
// `param_i` may change while results of the old parameters are in the pipe only after the last of them has been taken in (they are
// sampled stage by stage with the data).
module phantom_requantiser
  import phantom_pkg::*;
(
  input  logic               clk_i,
  input  logic signed [31:0] acc_i,
  input  logic signed [31:0] bias_i,
  input  logic [23:0]        multiplier_i,
  input  logic [2:0]         sel_i,
  input  logic               clamp_i,     // which of the two ranges holds
  input  logic signed [8:0]  low0_i,
  input  logic signed [8:0]  high0_i,
  input  logic signed [8:0]  low1_i,
  input  logic signed [8:0]  high1_i,
  output logic [7:0]         y_o
);

  // 1: bias
  logic signed [32:0] sum1_q;
  logic signed [24:0] mult1_q;
  logic [2:0]         sel1_q, sel2_q, sel3_q, sel4_q;
  logic [6:0]         under4_q;  // [s]: s lies below sel
  logic [4:0]         clamp_q;

  always_ff @(posedge clk_i) begin
    sum1_q  <= 33'(acc_i) + 33'(bias_i);
    mult1_q <= {1'b0, multiplier_i};
    sel1_q  <= sel_i;
    clamp_q <= {clamp_q[3:0], clamp_i};
  end

  // 2, 3: products; 4: their sum
  logic signed [16:0] low1, high1, high2_q;
  logic signed [24:0] mult2_q;
  logic signed [41:0] low2_q, high3_q, low3_q, sum4_q;
  logic [15:0]        low4_q;
  assign low1  = {1'b0, sum1_q[15:0]};
  assign high1 = sum1_q[32:16];

  always_ff @(posedge clk_i) begin
    low2_q  <= low1 * mult1_q;
    high2_q <= high1;
    mult2_q <= mult1_q;
    high3_q <= high2_q * mult2_q;
    low3_q  <= low2_q;
    sum4_q  <= high3_q + 42'(low3_q >>> 16);
    low4_q  <= low3_q[15:0];
    sel2_q  <= sel1_q;
    sel3_q  <= sel2_q;
    sel4_q  <= sel3_q;
    for (int unsigned s = 0; s < 7; s++) under4_q[s] <= 3'(s) < sel3_q;
  end

  // 5: shift. Bit 13 + 4 sel is worth one half; what lies below it only matters as a whole, and so does what lies above
  // the 9 bits that can reach the clamp.
  logic signed [57:0] product;
  logic [9:0]         window5_q;  // result bits above the half bit
  logic               sticky5_q, over5_q, sign5_q;
  logic [6:0]         some, other;  // nibbles 13 + 4 s and 22 + 4 s: not zero, not all sign
  assign product = {sum4_q, low4_q};

  always_comb begin
    for (int unsigned s = 0; s < 7; s++) begin
      some[s]  = |product[13+4*s+:4];
      other[s] = product[22+4*s+:4] != {4{product[57]}};
    end
  end

  always_ff @(posedge clk_i) begin
    window5_q <= product[13+4*sel4_q+:10];
    sticky5_q <= (|product[12:0]) || (|(some & under4_q));
    over5_q   <= (product[57:50] != {8{product[57]}}) || (|(other & ~under4_q));
    sign5_q   <= product[57];
  end

  // 6: round half to even; 7: clamp
  logic signed [9:0] rounded6_q;
  logic              over6_q, sign6_q;
  logic signed [8:0] low_q, high_q;

  always_ff @(posedge clk_i) begin
    rounded6_q <= $signed({window5_q[9], window5_q[9:1]}) + 10'(window5_q[0] && (sticky5_q || window5_q[1]));
    over6_q    <= over5_q;
    sign6_q    <= sign5_q;
    low_q      <= clamp_q[4] ? low1_i : low0_i;
    high_q     <= clamp_q[4] ? high1_i : high0_i;
    if (over6_q ? sign6_q : rounded6_q < 10'(low_q)) y_o <= low_q[7:0];
    else if (over6_q || rounded6_q > 10'(high_q)) y_o <= high_q[7:0];
    else y_o <= rounded6_q[7:0];
  end

endmodule
