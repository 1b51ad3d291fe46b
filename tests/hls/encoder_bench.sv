// Encoder and stream out in a row, as in phantom_output.
module encoder_bench
  import phantom_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        seg_valid_i,
  output logic        seg_ready_o,
  input  segment_t    seg_i,
  input  logic        valid_i,
  input  logic        last_i,
  input  logic [5:0]  bit_i,
  input  logic [7:0]  value_i[LanesPerChunk],
  output logic        empty_o,
  input  logic        finish_i,
  output logic        done_o,
  output logic        out_valid_o,
  input  logic        out_ready_i,
  output logic [63:0] out_data_o,
  output logic        out_last_o
);

  logic        enc_valid, enc_ready;
  logic [63:0] enc_data;

  phantom_encoder u_encoder (
    .clk_i,
    .rst_ni,
    .seg_valid_i,
    .seg_ready_o,
    .seg_i,
    .valid_i,
    .last_i,
    .bit_i,
    .value_i,
    .out_valid_o(enc_valid),
    .out_ready_i(enc_ready),
    .out_data_o (enc_data),
    .empty_o
  );

  phantom_stream_out u_stream_out (
    .clk_i,
    .rst_ni,
    .in_valid_i(enc_valid),
    .in_ready_o(enc_ready),
    .in_data_i (enc_data),
    .finish_i,
    .done_o,
    .out_valid_o,
    .out_ready_i,
    .out_data_o,
    .out_last_o
  );

endmodule
