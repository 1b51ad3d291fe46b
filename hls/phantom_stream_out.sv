// Stream out: passes the encoder's words on and closes the stream with END (count and checksum) and TLAST.
//
// Contract: `finish_i` is a level: the layer is drained and the encoder empty. END leaves after the last word; `done_o` stays up
// from its departure until reset.
module phantom_stream_out
  import phantom_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        in_valid_i,
  output logic        in_ready_o,
  input  logic [63:0] in_data_i,
  input  logic        finish_i,
  output logic        done_o,
  output logic        out_valid_o,
  input  logic        out_ready_i,
  output logic [63:0] out_data_o,
  output logic        out_last_o
);

  logic [31:0] sum_q;
  logic [27:0] count_q;
  logic        end_sent_q, end_now, ready;

  assign end_now    = finish_i && !in_valid_i && !end_sent_q;
  assign in_ready_o = ready;
  assign done_o     = end_sent_q && !out_valid_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sum_q      <= '0;
      count_q    <= '0;
      end_sent_q <= 1'b0;
    end else begin
      if (in_valid_i && ready) begin
        sum_q   <= checksum_step(sum_q, in_data_i);
        count_q <= count_q + 28'd1;
      end
      if (end_now && ready) end_sent_q <= 1'b1;
    end
  end

  phantom_slice #(
    .Width(65)
  ) u_slice (
    .clk_i,
    .rst_ni,
    .in_valid_i (in_valid_i || end_now),
    .in_ready_o (ready),
    .in_data_i  (in_valid_i ? {1'b0, in_data_i} : {1'b1, sum_q, count_q, KindEnd}),
    .out_valid_o,
    .out_ready_i,
    .out_data_o ({out_last_o, out_data_o})
  );

endmodule
