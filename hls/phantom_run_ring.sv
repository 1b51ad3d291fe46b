// Run ring: what a core knows of the channels in its activation buffers.
//
// The LAM fills channels in order (words, runs, commit); threads use them in any order; channels are released in order, one a
// cycle, once no thread can touch them again. `room_o` (a register) promises room for `Margin` more words and for the
// channel that is being filled. The run table is a memory of its own: a channel owns 2^run_shift entries.
module phantom_run_ring
  import phantom_pkg::*;
#(
  parameter int unsigned Threads  = 8,
  parameter int unsigned ActWords = 512,
  parameter int unsigned RunDepth = 512,
  parameter int unsigned Margin   = 12,
  localparam int unsigned RunW    = $clog2(RunDepth)
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  core_cfg_t          cfg_i,
  input  fill_t              fill_i,
  output logic               room_o,
  output logic [7:0]         filled_o,   // channels committed, modulo 256
  input  logic [7:0]         oldest_i[Threads],  // lowest channel that each thread may still use
  // run look-up: result one cycle later
  input  logic [7:0]         chan_i,
  input  logic [5:0]         run_i,
  output run_t               run_o
);

  function automatic logic [RunW-1:0] run_addr(logic [7:0] chan, logic [5:0] index);
    return RunW'((16'(chan) << cfg_i.run_shift) | 16'(index));
  endfunction

  phantom_sdp_ram #(
    .Width($bits(run_t)),
    .Depth(RunDepth)
  ) u_runs (
    .clk_i,
    .wr_en_i  (fill_i.run_we),
    .wr_addr_i(run_addr(filled_o, fill_i.run_index)),
    .wr_data_i(fill_i.run),
    .rd_en_i  (1'b1),
    .rd_addr_i(run_addr(chan_i, run_i)),
    .rd_data_o(run_o)
  );

  (* ram_style = "distributed" *) logic [8:0] end_word[64];  // first word after each channel in flight
  logic [7:0] filled_q, tail_q;
  logic [8:0] wr_word_q, tail_word_q;
  logic [Threads-1:0] beyond;
  logic release_chan;

  assign filled_o     = filled_q;
  assign release_chan = (&beyond) && tail_q != filled_q;

  always_comb begin
    for (int unsigned t = 0; t < Threads; t++) beyond[t] = oldest_i[t] != tail_q;
  end

  always_ff @(posedge clk_i) begin
    if (fill_i.commit) end_word[filled_q[5:0]] <= wr_word_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      filled_q    <= '0;
      tail_q      <= '0;
      wr_word_q   <= '0;
      tail_word_q <= '0;
      room_o      <= 1'b0;
    end else begin
      if (fill_i.word_we) wr_word_q <= fill_i.word_addr + 9'd1;
      if (fill_i.commit) filled_q <= filled_q + 8'd1;
      if (release_chan) begin
        tail_q      <= tail_q + 8'd1;
        tail_word_q <= end_word[tail_q[5:0]];
      end
      room_o <= (wr_word_q - tail_word_q) < 9'(ActWords - 1 - Margin) && 8'(filled_q - tail_q) < 8'(cfg_i.chan_cap);
    end
  end

`ifndef SYNTHESIS
  initial assert (ActWords == 512) else $fatal(1, "phantom_run_ring: the packed formats hold 512 words, not %0d", ActWords);
  always_ff @(posedge clk_i) begin
    if (rst_ni && fill_i.word_we) begin
      assert (9'(fill_i.word_addr + 9'd1) != tail_word_q) else $error("phantom_run_ring: activation buffer overflow");
    end
    if (rst_ni && (fill_i.run_we || fill_i.commit)) begin
      assert (8'(filled_q - tail_q) < 8'd64 && (16'(8'(filled_q - tail_q)) << cfg_i.run_shift) < 16'(RunDepth))
      else $error("phantom_run_ring: more channels in flight than the run table holds");
    end
  end
`endif

endmodule
