// Encoder lane: one channel of a segment. Collects the mask and packs the nonzero bytes into words.
//
// Contract: a value a cycle (`valid_i`, its bit in the mask one-hot in `bit_i`). The cycle after the segment's last value is
// `done_i`: it writes the unfinished word, so the next segment may begin in the cycle after it; it holds in reset, too. Finished
// words lie in one half of the lane's memory (`half_i`) while the other half is read; `mask_o` and `words_o` hold the finished
// segment from then on.
module phantom_encoder_lane (
  input  logic        clk_i,
  input  logic        valid_i,
  input  logic        done_i,
  input  logic [63:0] bit_i,
  input  logic [7:0]  value_i,
  input  logic        half_i,
  output logic [63:0] mask_o,
  output logic [3:0]  words_o,
  input  logic        rd_half_i,
  input  logic [2:0]  rd_word_i,
  output logic [63:0] rd_data_o
);

  (* ram_style = "distributed" *) logic [63:0] mem[16];
  logic [55:0] word_q;
  logic [63:0] mask_q, word;
  logic [6:0]  count_q;
  logic        take, full, flush;

  assign take  = valid_i && value_i != '0;
  assign full  = take && count_q[2:0] == 3'd7;
  assign flush = done_i && count_q[2:0] != '0;
  assign word  = {done_i ? 8'd0 : value_i, word_q};
  assign rd_data_o = mem[{rd_half_i, rd_word_i}];

  always_ff @(posedge clk_i) begin
    if (full || flush) mem[{half_i, count_q[5:3]}] <= word;
    for (int unsigned b = 0; b < 64; b++) begin
      if (done_i) mask_q[b] <= 1'b0;
      else if (valid_i && bit_i[b]) mask_q[b] <= value_i != '0;
    end
    // While a word is empty its bytes are cleared, and a zero may be written where the next value goes: neither waits for the value.
    for (int unsigned b = 0; b < 7; b++) begin
      if (b != 0 && count_q[2:0] == '0) word_q[8*b+:8] <= '0;
      else if (valid_i && count_q[2:0] == 3'(b)) word_q[8*b+:8] <= value_i;
    end
    if (done_i) count_q <= '0;
    else if (take) count_q <= count_q + 7'd1;
    if (done_i) begin
      mask_o  <= mask_q;
      words_o <= count_q[6:3] + 4'(count_q[2:0] != '0);
    end
  end

endmodule
