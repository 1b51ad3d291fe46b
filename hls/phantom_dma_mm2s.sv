// Memory to stream: reads a buffer, once or several times over, and sends it as one packet.
//
//   split --> AR register --> memory --> R register --> FIFO --> slice --> m_axis
//                  ^ room -------------------------------+
//
// Contract: `start_i` (while not busy) begins; TLAST comes with the very last word and `done_o` pulses when the sink took it.
// A burst is requested only when the FIFO has room set aside for all of it, so R is always ready and a slow sink never
// blocks the memory port; bursts overlap until the FIFO is spoken for (64 words: one beat a cycle at up to
// about 45 cycles of latency). No word with an error response, and none after it, reaches the stream.
// `abort_i` ends a transfer early: no new bursts, those under way are drained and dropped, and the packet ends without TLAST;
// `busy_o` stays high until nothing is outstanding. Whoever gets an error pulse must answer with `abort_i` in the
// next cycle: a word behind the bad one has then not left the FIFO yet.
// Words that reached the output slice still go out, by the rules; only `flush_i` takes them back.
module phantom_dma_mm2s #(
  parameter int unsigned WordsW    = 23,
  parameter int unsigned FifoDepth = 64
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              start_i,
  input  logic              abort_i,
  input  logic              flush_i,
  input  logic [31:3]       addr_i,
  input  logic [WordsW-1:0] words_i,
  input  logic [15:0]       repeat_i,
  output logic              busy_o,
  output logic              done_o,
  output logic              slv_err_o,
  output logic              dec_err_o,

  output logic [31:0]       m_axi_araddr,
  output logic [3:0]        m_axi_arlen,
  output logic              m_axi_arvalid,
  input  logic              m_axi_arready,
  input  logic [63:0]       m_axi_rdata,
  input  logic [1:0]        m_axi_rresp,
  input  logic              m_axi_rlast,
  input  logic              m_axi_rvalid,
  output logic              m_axi_rready,

  output logic [63:0]       m_axis_tdata,
  output logic              m_axis_tlast,
  output logic              m_axis_tvalid,
  input  logic              m_axis_tready
);

  localparam int unsigned RoomW    = $clog2(FifoDepth) + 1;
  localparam int unsigned PendingW = 4;  // at most 15 bursts outstanding

  typedef enum logic [1:0] {StIdle, StRun, StDrain} state_e;
  state_e state_q;

  logic run_q;  // StRun, as a register of its own: much hangs on it

  // Bursts, and the room that they need.
  logic                split_valid, split_last, issue, ar_valid_q, issued_q;
  logic [31:3]         split_addr, ar_addr_q;
  logic [4:0]          split_beats;
  logic [3:0]          ar_len_q;
  logic [RoomW-1:0]    room_q;
  logic [PendingW-1:0] pending_q;

  phantom_dma_split #(
    .WordsW(WordsW)
  ) u_split (
    .clk_i,
    .rst_ni,
    .run_i   (run_q),
    .start_i,
    .addr_i,
    .words_i,
    .repeat_i,
    .valid_o (split_valid),
    .ready_i (issue),
    .addr_o  (split_addr),
    .beats_o (split_beats),
    .last_o  (split_last)
  );

  assign issue = run_q && split_valid && !ar_valid_q && pending_q != '1 && room_q >= RoomW'(split_beats);

  // R register, then the FIFO.
  logic        r_valid_q, r_last_q, r_bad, push, pop, fifo_valid, fifo_ready;
  logic [63:0] r_data_q;
  logic [1:0]  r_resp_q;
  logic [64:0] fifo_data;

  assign r_bad = r_valid_q && r_resp_q[1];
  assign push  = run_q && r_valid_q && !r_bad;
  assign pop   = run_q && fifo_valid && fifo_ready;

  logic unused_room;  // room was reserved
  logic [RoomW-1:0] unused_level;
  phantom_fifo #(
    .Width(65),
    .Depth(FifoDepth)
  ) u_fifo (
    .clk_i,
    .rst_ni      (rst_ni && run_q),
    .in_valid_i  (push),
    .in_ready_o  (unused_room),
    .in_data_i   ({r_last_q && issued_q && pending_q == PendingW'(1), r_data_q}),
    .out_valid_o (fifo_valid),
    .out_ready_i (run_q && fifo_ready),
    .out_data_o  (fifo_data),
    .level_o     (unused_level)
  );

  phantom_slice #(
    .Width(65)
  ) u_slice (
    .clk_i,
    .rst_ni      (rst_ni && !flush_i),
    .in_valid_i  (run_q && fifo_valid),
    .in_ready_o  (fifo_ready),
    .in_data_i   (fifo_data),
    .out_valid_o (m_axis_tvalid),
    .out_ready_i (m_axis_tready),
    .out_data_o  ({m_axis_tlast, m_axis_tdata})
  );

  // TLAST leaves: the end, unless it is one that an aborted transfer left in the slice.
  logic last_out, last_in_slice_q, stale_q, sent_q;
  assign last_out = m_axis_tvalid && m_axis_tready && m_axis_tlast;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      last_in_slice_q <= 1'b0;
      stale_q         <= 1'b0;
      sent_q          <= 1'b0;
    end else begin
      last_in_slice_q <= (pop && fifo_data[64]) || (last_in_slice_q && !last_out);
      stale_q         <= start_i ? last_in_slice_q && !last_out : stale_q && !last_out;
      sent_q          <= run_q && last_out && !stale_q;
    end
  end

  assign m_axi_arvalid = ar_valid_q;
  assign m_axi_araddr  = {ar_addr_q, 3'b000};
  assign m_axi_arlen   = ar_len_q;
  assign m_axi_rready  = 1'b1;

  assign busy_o    = state_q != StIdle;
  assign done_o    = run_q && sent_q && !abort_i;
  assign slv_err_o = r_bad && !r_resp_q[0];
  assign dec_err_o = r_bad && r_resp_q[0];

  always_ff @(posedge clk_i) begin
    r_data_q <= m_axi_rdata;
    r_resp_q <= m_axi_rresp;
    r_last_q <= m_axi_rlast;
    if (issue) begin
      ar_addr_q <= split_addr;
      ar_len_q  <= 4'(split_beats - 5'd1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      r_valid_q  <= 1'b0;
      ar_valid_q <= 1'b0;
      pending_q  <= '0;
      issued_q   <= 1'b0;
      room_q     <= RoomW'(FifoDepth);
      state_q    <= StIdle;
      run_q <= 1'b0;
    end else begin
      r_valid_q  <= m_axi_rvalid;
      ar_valid_q <= issue || (ar_valid_q && !m_axi_arready);
      pending_q  <= pending_q + PendingW'(issue) - PendingW'(r_valid_q && r_last_q);
      issued_q   <= run_q && (issued_q || (issue && split_last));
      if (!run_q) room_q <= RoomW'(FifoDepth);
      else room_q <= room_q + RoomW'(pop) - (issue ? RoomW'(split_beats) : '0);

      unique case (state_q)
        StIdle: if (start_i) begin
          state_q <= StRun;
          run_q <= 1'b1;
        end
        StRun: if (abort_i || sent_q) begin
          state_q <= abort_i ? StDrain : StIdle;
          run_q <= 1'b0;
        end
        StDrain: if (pending_q == '0) state_q <= StIdle;
        default: state_q <= StIdle;
      endcase
    end
  end

`ifndef SYNTHESIS
  initial assert (FifoDepth >= 16) else $fatal(1, "phantom_dma_mm2s: FifoDepth %0d holds no burst", FifoDepth);
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (!push || unused_room) else $error("phantom_dma_mm2s: word without reserved room");
      assert (!(r_valid_q && pending_q == '0)) else $error("phantom_dma_mm2s: read data that nobody asked for");
    end
  end
`endif

endmodule
