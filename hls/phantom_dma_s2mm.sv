// Stream to memory: writes one packet into a buffer.
//
//   s_axis --> slice --> gate --> FIFO --> slice --> W
//                         |  words not yet in a burst
//              split -----+--> AW register          B register --> outstanding bursts
//
// Contract: `start_i` (while not busy) begins; the packet ends with TLAST or when the buffer is full. `done_o`
// pulses when its last write was answered, with the bytes received. A burst is issued once all its words are in the FIFO (or
// TLAST is), so the stream never stalls W; one beat a cycle.
// A packet longer than the buffer fills the buffer, then ends with `int_err_o`. Whenever a transfer ends
// before the TLAST of its packet (so too by an error response or `abort_i`), the rest of the packet is swallowed, ahead
// of any later transfer. `flush_i` forgets that, and drops what stands at the input: the source must be reset with it.
// `abort_i` ends a transfer early: bursts under way are completed, other words dropped; `busy_o` stays high until every
// write was answered. Whoever gets an error pulse must answer with `abort_i`.
module phantom_dma_s2mm #(
  parameter int unsigned WordsW    = 23,
  parameter int unsigned FifoDepth = 32
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              start_i,
  input  logic              abort_i,
  input  logic              flush_i,
  input  logic [31:3]       addr_i,
  input  logic [WordsW-1:0] words_i,
  output logic              busy_o,
  output logic              done_o,
  output logic [WordsW-1:0] done_words_o,
  output logic              int_err_o,
  output logic              slv_err_o,
  output logic              dec_err_o,

  output logic [31:0]       m_axi_awaddr,
  output logic [3:0]        m_axi_awlen,
  output logic              m_axi_awvalid,
  input  logic              m_axi_awready,
  output logic [63:0]       m_axi_wdata,
  output logic              m_axi_wlast,
  output logic              m_axi_wvalid,
  input  logic              m_axi_wready,
  input  logic [1:0]        m_axi_bresp,
  input  logic              m_axi_bvalid,
  output logic              m_axi_bready,

  input  logic [63:0]       s_axis_tdata,
  input  logic              s_axis_tlast,
  input  logic              s_axis_tvalid,
  output logic              s_axis_tready
);

  localparam int unsigned LevelW   = $clog2(FifoDepth) + 1;
  localparam int unsigned PendingW = 4;  // at most 15 bursts outstanding

  typedef enum logic [1:0] {StIdle, StRun, StDrain} state_e;
  state_e state_q;

  logic run_q, finished;  // run_q: StRun, as a register of its own: much hangs on it

  // Gate: what of the stream belongs to this transfer.
  logic              in_valid, in_ready, in_last, push, fifo_room;
  logic [63:0]       in_data;
  logic              begun_q, end_q, overflow_q, swallow_q, fills;
  logic [WordsW-1:0] left_q;  // words that still fit into the buffer

  phantom_slice #(
    .Width(65)
  ) u_in_slice (
    .clk_i,
    .rst_ni      (rst_ni && !flush_i),
    .in_valid_i  (s_axis_tvalid),
    .in_ready_o  (s_axis_tready),
    .in_data_i   ({s_axis_tlast, s_axis_tdata}),
    .out_valid_o (in_valid),
    .out_ready_i (in_ready),
    .out_data_o  ({in_last, in_data})
  );

  assign push       = in_valid && run_q && !end_q && !swallow_q && fifo_room;
  assign in_ready   = swallow_q || (run_q && !end_q && fifo_room);
  assign fills      = left_q == WordsW'(1);

  // FIFO and W. A burst that was issued has all its words in the FIFO: it ends without help from the stream.
  logic              fifo_valid, w_ready, w_pop;
  logic [63:0]       fifo_data;
  logic [4:0]        w_left_q;
  logic [LevelW-1:0] unused_level;

  phantom_fifo #(
    .Width(64),
    .Depth(FifoDepth)
  ) u_fifo (
    .clk_i,
    .rst_ni      (rst_ni && state_q != StIdle),
    .in_valid_i  (push),
    .in_ready_o  (fifo_room),
    .in_data_i   (in_data),
    .out_valid_o (fifo_valid),
    .out_ready_i (w_ready && w_left_q != '0),
    .out_data_o  (fifo_data),
    .level_o     (unused_level)
  );

  phantom_slice #(
    .Width(65)
  ) u_w_slice (
    .clk_i,
    .rst_ni,
    .in_valid_i  (fifo_valid && w_left_q != '0),
    .in_ready_o  (w_ready),
    .in_data_i   ({w_left_q == 5'd1, fifo_data}),
    .out_valid_o (m_axi_wvalid),
    .out_ready_i (m_axi_wready),
    .out_data_o  ({m_axi_wlast, m_axi_wdata})
  );

  assign w_pop = w_ready && w_left_q != '0;  // then the FIFO has a word

  // Bursts, of words that no burst has yet.
  logic                split_valid, issue, full, aw_valid_q, w_free;
  logic [31:3]         split_addr, aw_addr_q;
  logic [4:0]          split_beats, beats;
  logic [3:0]          aw_len_q;
  logic [LevelW-1:0]   avail_q, avail_left;
  logic [PendingW-1:0] pending_q;
  logic                unused_last;

  phantom_dma_split #(
    .WordsW(WordsW)
  ) u_split (
    .clk_i,
    .rst_ni,
    .run_i    (run_q),
    .start_i,
    .addr_i,
    .words_i,
    .repeat_i (16'd1),
    .valid_o  (split_valid),
    .ready_i  (issue),
    .addr_o   (split_addr),
    .beats_o  (split_beats),
    .last_o   (unused_last)
  );

  assign full   = avail_q >= LevelW'(split_beats);
  assign beats  = full ? split_beats : 5'(avail_q);
  assign avail_left = (full ? avail_q - LevelW'(split_beats) : '0) + LevelW'(push);  // behind a burst
  assign w_free = w_left_q == '0 || (w_left_q == 5'd1 && w_pop);
  assign issue  = run_q && !abort_i && split_valid && (full || (end_q && avail_q != '0)) && !aw_valid_q && w_free &&
                  pending_q != '1;

  // Answers.
  logic       b_valid_q, b_bad;
  logic [1:0] b_resp_q;

  assign b_bad    = b_valid_q && b_resp_q[1];
  assign finished = run_q && !abort_i && end_q && avail_q == '0 && pending_q == '0;

  assign m_axi_awvalid = aw_valid_q;
  assign m_axi_awaddr  = {aw_addr_q, 3'b000};
  assign m_axi_awlen   = aw_len_q;
  assign m_axi_bready  = 1'b1;

  assign busy_o       = state_q != StIdle;
  assign done_o       = finished && !overflow_q;
  assign done_words_o = words_i - left_q;
  assign int_err_o    = finished && overflow_q;
  assign slv_err_o    = b_bad && !b_resp_q[0];
  assign dec_err_o    = b_bad && b_resp_q[0];

  always_ff @(posedge clk_i) begin
    b_resp_q <= m_axi_bresp;
    if (issue) begin
      aw_addr_q <= split_addr;
      aw_len_q  <= 4'(beats - 5'd1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      begun_q    <= 1'b0;
      end_q      <= 1'b0;
      overflow_q <= 1'b0;
      left_q     <= '0;
      avail_q    <= '0;
    end else if (!run_q) begin
      begun_q    <= 1'b0;
      end_q      <= 1'b0;
      overflow_q <= 1'b0;
      avail_q    <= '0;
      if (start_i) left_q <= words_i;
    end else begin
      avail_q <= issue ? avail_left : avail_q + LevelW'(push);
      if (push) begin
        begun_q    <= 1'b1;
        left_q     <= left_q - WordsW'(1);
        end_q      <= in_last || fills;
        overflow_q <= fills && !in_last;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) swallow_q <= 1'b0;
    else if (swallow_q) swallow_q <= !(in_valid && in_last);
    else if (push) swallow_q <= !in_last && (fills || abort_i);
    else swallow_q <= run_q && abort_i && begun_q && !end_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      b_valid_q  <= 1'b0;
      aw_valid_q <= 1'b0;
      w_left_q   <= '0;
      pending_q  <= '0;
      state_q    <= StIdle;
      run_q      <= 1'b0;
    end else begin
      b_valid_q  <= m_axi_bvalid;
      aw_valid_q <= issue || (aw_valid_q && !m_axi_awready);
      w_left_q   <= issue ? beats : w_left_q - 5'(w_pop);
      pending_q  <= pending_q + PendingW'(issue) - PendingW'(b_valid_q);

      unique case (state_q)
        StIdle: if (start_i) begin
          state_q <= StRun;
          run_q   <= 1'b1;
        end
        StRun: if (abort_i || finished) begin
          state_q <= abort_i ? StDrain : StIdle;
          run_q   <= 1'b0;
        end
        StDrain: if (pending_q == '0) state_q <= StIdle;
        default: state_q <= StIdle;
      endcase
    end
  end

`ifndef SYNTHESIS
  initial assert (FifoDepth >= 16) else $fatal(1, "phantom_dma_s2mm: FifoDepth %0d holds no burst", FifoDepth);
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (w_left_q == '0 || fifo_valid) else $error("phantom_dma_s2mm: burst was issued ahead of its words");
      assert (!(b_valid_q && pending_q == '0)) else $error("phantom_dma_s2mm: answer that nobody waits for");
    end
  end
`endif

endmodule
