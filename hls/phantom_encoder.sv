// Output encoder: turns 8 channels at one position a cycle into the packets of the activation stream.
//
// Two segments deep: while one is collected by the lanes, the one before is sent. `seg_ready_o` promises room for a whole segment
// (the drain asks before it starts to read), so values are never held up. A segment that is announced (`seg_valid_i`) is followed
// by its values, the last one marked; the next may be announced at once, its values must come two cycles later at the earliest.
//
// Contract: words leave valid/ready, one a cycle: header, then for each lane its mask and its values.
module phantom_encoder
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
  output logic        out_valid_o,
  input  logic        out_ready_i,
  output logic [63:0] out_data_o,
  output logic        empty_o
);

  // --- segments announced, collected, sent -------------------------------------------------------------------------------

  segment_t    pending_q[2], hold_q;
  logic        pend_wr_q, pend_rd_q;
  logic [1:0]  open_q;        // announced and not yet sent
  logic        full_q, full_d, done_q, hold_valid_q, hold_valid_d, send_done;
  // done_q for the lanes, and in reset; which half of their memory is read. Each lane has its own: much hangs on it.
  (* keep = "true" *) logic [LanesPerChunk-1:0] clear_q, read_half_q;

  assign seg_ready_o  = open_q < 2'd2;
  assign empty_o      = open_q == '0;
  // A collected segment stays in the lanes (full) until the one before (hold) has been sent; then it is done.
  assign full_d       = (valid_i && last_i) || (full_q && !done_q);
  assign hold_valid_d = done_q || (hold_valid_q && !send_done);

  always_ff @(posedge clk_i) begin
    done_q      <= rst_ni && full_d && !hold_valid_d;
    clear_q     <= {LanesPerChunk{!rst_ni || (full_d && !hold_valid_d)}};
    read_half_q <= {LanesPerChunk{!rst_ni}} | (read_half_q ^ {LanesPerChunk{done_q}});
  end

  always_ff @(posedge clk_i) begin
    if (seg_valid_i && seg_ready_o) pending_q[pend_wr_q] <= seg_i;
    if (done_q) hold_q <= pending_q[pend_rd_q];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      pend_wr_q      <= 1'b0;
      pend_rd_q      <= 1'b0;
      open_q         <= '0;
      full_q         <= 1'b0;
      hold_valid_q   <= 1'b0;
    end else begin
      pend_wr_q      <= pend_wr_q ^ (seg_valid_i && seg_ready_o);
      pend_rd_q      <= pend_rd_q ^ done_q;
      open_q         <= open_q + 2'(seg_valid_i && seg_ready_o) - 2'(send_done);
      full_q         <= full_d;
      hold_valid_q   <= hold_valid_d;
    end
  end

  // --- lanes ---------------------------------------------------------------------------------------------------------------

  logic [63:0] one_hot, mask[LanesPerChunk], data[LanesPerChunk];
  logic [3:0]  words[LanesPerChunk];
  logic [2:0]  lane_q;
  logic [31:0] words_q;  // words of this lane and those behind it
  logic [3:0]  word_q;   // 0: mask, then the values
  (* keep = "true" *) logic [LanesPerChunk-1:0][2:0] value_q;  // which of the values, for each lane: word_q - 1

  assign one_hot = 64'd1 << bit_i;

  for (genvar l = 0; l < LanesPerChunk; l++) begin : g_lane
    phantom_encoder_lane u_lane (
      .clk_i,
      .valid_i,
      .done_i   (clear_q[l]),
      .bit_i    (one_hot),
      .value_i  (value_i[l]),
      .half_i   (!read_half_q[l]),
      .mask_o   (mask[l]),
      .words_o  (words[l]),
      .rd_half_i(read_half_q[l]),
      .rd_word_i(value_q[l]),
      .rd_data_o(data[l])
    );
  end

  // --- send ------------------------------------------------------------------------------------------------------------------

  logic        header_q, word_ready, word_valid, lane_done;
  logic        last_word_q;  // the word at hand is the segment's last: what starts the next one does not wait for a comparison
  logic [63:0] word;
  logic [31:0] counts;

  always_comb begin
    for (int unsigned l = 0; l < LanesPerChunk; l++) counts[4*l+:4] = words[l];
    if (header_q) word = {counts, hold_q.more_rows, hold_q.xs, hold_q.y0, hold_q.chunk, KindAct};
    else if (word_q == '0) word = mask[lane_q];
    else word = data[lane_q];
  end

  assign word_valid = hold_valid_q;
  assign lane_done  = word_q == words_q[3:0];
  assign send_done  = word_valid && word_ready && last_word_q;

  always_ff @(posedge clk_i) begin
    if (word_valid && word_ready) begin
      if (header_q) words_q <= counts;
      else if (lane_done) words_q <= words_q >> 4;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      header_q    <= 1'b1;
      last_word_q <= 1'b0;
      lane_q      <= '0;
      word_q      <= '0;
    end else if (word_valid && word_ready) begin
      header_q    <= last_word_q;
      last_word_q <= !header_q && ((lane_q == 3'd7 && 4'(word_q + 4'd1) == words_q[3:0]) ||
                                   (lane_q == 3'd6 && lane_done && words_q[7:4] == '0));
      if (!header_q) begin
        word_q  <= word_q + 4'd1;
        value_q <= {LanesPerChunk{3'(word_q)}};
        if (lane_done) begin
          word_q <= '0;
          lane_q <= lane_q + 3'd1;
        end
      end
    end
  end

  phantom_slice #(
    .Width(64)
  ) u_slice (
    .clk_i,
    .rst_ni,
    .in_valid_i (word_valid),
    .in_ready_o (word_ready),
    .in_data_i  (word),
    .out_valid_o,
    .out_ready_i,
    .out_data_o
  );

`ifndef SYNTHESIS
  // The next segment is announced only when there is room, so its values cannot come while one waits in the lanes.
  always_ff @(posedge clk_i) begin
    if (rst_ni) assert (!(valid_i && full_q)) else $error("phantom_encoder: segment overrun");
  end
`endif

endmodule
