// Stream in: takes the activation stream into the row buffer.
//
// The row buffer is a ring of words. Each packet is stored whole; the directory maps (row, xs, chunk) to its header, so packets of
// a producer strip may come in any order. `rows_ready_o` counts the rows of complete strips. Of the strip that is coming in, up to
// `rows_coming_o`, `chunks_ready_o` says which chunks are complete, as packets come by blocks of chunks, so that the LAM need not wait
// for all of them. (A last strip with fewer rows is not told by blocks, unless it is the only one.) Space is given back by strips:
// when the LAM no longer needs any row below `need_row_i`, the strips that end there are dropped.
//
// Contract: one word a cycle while there is room; a header takes two. `full_o` and a LAM that waits for rows together mean that the
// strip can never fit: the controller reports it. After an error everything is swallowed until reset.
//
// Errors: a header whose fields are outside of the layer's input, whose rows are outside of the current strip, or whose chunk is
// outside of the current block; TLAST before END, or
// END before the last rows; an END that does not match, or that is not the last word. A stream of another shape breaks one
// of these, unless it has the same chunks, rows and segments: the stream does not carry the width.
module phantom_stream_in
  import phantom_pkg::*;
#(
  parameter int unsigned RowBufferWords = 12288,
  parameter int unsigned DirectoryDepth = 2048,
  localparam int unsigned AddrW = $clog2(RowBufferWords),
  localparam int unsigned DirW  = $clog2(DirectoryDepth)
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  input_cfg_t       cfg_i,
  input  logic             in_valid_i,
  output logic             in_ready_o,
  input  logic [63:0]      in_data_i,
  input  logic             in_last_i,
  // row memory and directory, write side (registered)
  output logic             mem_we_o,
  output logic [AddrW-1:0] mem_addr_o,
  output logic [63:0]      mem_data_o,
  output logic             dir_we_o,
  output logic [DirW-1:0]  dir_index_o,
  output logic [AddrW-1:0] dir_addr_o,
  // to and from the LAM
  output logic [10:0]      rows_ready_o,
  output logic [10:0]      rows_coming_o,   // with those of the strip that is coming in
  output logic [8:0]       chunks_ready_o,  // of that strip
  input  logic [10:0]      need_row_i,
  output logic             full_o,
  output error_e           error_o,
  output logic             ended_o      // END has come
);

  typedef enum logic [1:0] {
    StHeader,
    StBody,
    StRows,   // the body is in, the directory is still being written
    StError
  } state_e;

  state_e           state_q, state_d;
  logic [6:0]       left_q;        // words of the body still to come
  logic             last_left_q;   // one
  logic [AddrW-1:0] wr_q, tail_q, head_q;
  logic             ended_q;
  logic             accept, is_end, ended, bad_end, truncated, bad_header, bad_row_q, not_last, missing;
  logic             room_q, start_packet;

  // --- header ------------------------------------------------------------------------------------------------------

  logic [7:0] chunk, chunk_q;
  logic [9:0] y0, row_q;
  logic [3:0] xs, xs_q;
  logic [5:0] more_rows, more_rows_q;
  logic       row_pending_q;
  logic [6:0] body_words;

  assign chunk     = in_data_i[11:4];
  assign y0        = in_data_i[21:12];
  assign xs        = in_data_i[25:22];
  assign more_rows = in_data_i[31:26];

  always_comb begin
    body_words = 7'd8;
    for (int unsigned i = 0; i < 8; i++) body_words += 7'(in_data_i[32+4*i+:4]);
  end

  assign start_packet = accept && state_q == StHeader && !is_end;

  // Chunks lie in the current block: the LAM may be at those before it.
  logic [10:0] rows_ready_q, rows_coming_q;
  logic [8:0]  chunks_ready_q;
  logic        blocks_q, beside_block;  // blocks_q: the strip is told by blocks
  assign beside_block = blocks_q && 9'(9'(chunk) - chunks_ready_q) >= cfg_i.block_chunks;

  always_ff @(posedge clk_i) begin
    blocks_q <= cfg_i.block_packets != '0 && (rows_ready_q == '0 || rows_coming_q <= 11'(cfg_i.rows));
  end

  // The verdict on a header comes a cycle later, like that on the end of the stream: what has been taken since is harmless.
  logic [10:0] last_row;
  logic [4:0]  misfit_q;
  logic        started_q, not_last_q;
  assign last_row   = 11'(y0) + 11'(more_rows);
  assign bad_header = started_q && misfit_q != '0;
  // The activation stream has one END (a weight stream may have several).
  assign not_last   = not_last_q;

  always_ff @(posedge clk_i) begin
    misfit_q   <= {in_data_i[3:0] != KindAct, beside_block, 9'(chunk) >= cfg_i.chunks, xs > cfg_i.last_xs, last_row >= 11'(cfg_i.rows)};
    started_q  <= rst_ni && start_packet;
    not_last_q <= rst_ni && accept && is_end && !in_last_i;
  end

  // A row number enters the directory modulo its size: rows that far ahead of the oldest one have to wait.
  logic [10:0] oldest_row_q;
  logic [11:0] dir_rows_q, row_limit_q;  // the directory may hold 2,048 rows
  logic        row_fits, fits_q, strip_room_q;  // fits_q: the header that stands there has been found to fit
  assign row_fits = in_data_i[3:0] != KindAct || 12'(last_row) < row_limit_q;

  always_ff @(posedge clk_i) begin
    fits_q <= rst_ni && state_q == StHeader && in_valid_i && !accept && row_fits;
  end

  // --- state ---------------------------------------------------------------------------------------------------------

  assign accept     = in_valid_i && in_ready_o;
  assign in_ready_o = state_q == StHeader ? room_q && fits_q && strip_room_q : state_q == StBody ? room_q : state_q == StError;

  always_comb begin
    state_d = state_q;
    unique case (state_q)
      StHeader: if (start_packet) state_d = StBody;
      StBody:   if (accept && last_left_q) state_d = row_pending_q ? StRows : StHeader;
      StRows:   if (!row_pending_q) state_d = StHeader;
      default:  ;
    endcase
    if (bad_header || bad_row_q || not_last || bad_end || missing || truncated) state_d = StError;
  end

  phantom_packet_check u_check (
    .clk_i,
    .rst_ni,
    .valid_i    (accept),
    .at_header_i(state_q == StHeader),
    .data_i     (in_data_i),
    .last_i     (in_last_i),
    .end_o      (is_end),
    .ended_o    (ended),
    .bad_end_o  (bad_end),
    .truncated_o(truncated)
  );

  // --- ring and directory --------------------------------------------------------------------------------------------

  function automatic logic [AddrW-1:0] next_addr(logic [AddrW-1:0] a);
    return a == AddrW'(RowBufferWords - 1) ? '0 : a + 1'b1;
  endfunction

  always_ff @(posedge clk_i) begin
    mem_addr_o <= wr_q;
    mem_data_o <= in_data_i;
    if (start_packet) begin
      head_q  <= wr_q;
      chunk_q <= chunk;
      xs_q    <= xs;
    end
    dir_index_o <= DirW'(directory_index(cfg_i, row_q, xs_q, chunk_q));
    dir_addr_o  <= head_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q       <= StHeader;
      left_q        <= '0;
      wr_q          <= '0;
      mem_we_o      <= 1'b0;
      dir_we_o      <= 1'b0;
      row_pending_q <= 1'b0;
      row_q         <= '0;
      more_rows_q   <= '0;
      ended_q       <= 1'b0;
      error_o       <= ErrNone;
    end else begin
      state_q  <= state_d;
      mem_we_o <= accept && (start_packet || state_q == StBody);
      if (accept && (start_packet || state_q == StBody)) wr_q <= next_addr(wr_q);
      if (start_packet) left_q <= body_words;
      else if (accept) left_q <= left_q - 7'd1;
      if (accept) last_left_q <= left_q == 7'd2 && !start_packet;  // a body has at least eight words

      dir_we_o <= row_pending_q;
      if (start_packet) begin
        row_pending_q <= 1'b1;
        row_q         <= y0;
        more_rows_q   <= more_rows;
      end else if (row_pending_q) begin
        row_q         <= row_q + 10'd1;
        more_rows_q   <= more_rows_q - 6'd1;
        row_pending_q <= more_rows_q != '0;
      end

      if (ended) ended_q <= 1'b1;
      if (error_o == ErrNone) begin
        if (bad_header || bad_row_q) error_o <= ErrActHeader;
        else if (not_last || bad_end) error_o <= ErrActChecksum;
        else if (truncated || missing) error_o <= ErrActTruncated;
      end
    end
  end

  // --- strips: what is ready, what can be dropped ----------------------------------------------------------------------

  (* ram_style = "distributed" *) logic [AddrW-1:0] strip_end[64];  // ring address after each strip
  logic [5:0]       strip_wr_q, strip_rd_q;
  logic [15:0]      packets_q, strip_last_q;  // packets of the strip that are complete; the number of its last one
  logic [10:0]      tail_row_q;
  logic             packet_done_q, strip_done, complete_q;
  logic [15:0]      block_q, block_last_q;    // the same of the block
  logic             block_done;
  logic             strips_last_q, blocks_last_q;  // the packet to come is the strip's last one, the block's
  logic [AddrW-1:0] used;

  assign strip_done   = packet_done_q && strips_last_q;
  assign block_done   = packet_done_q && blocks_last_q;
  assign rows_ready_o = rows_ready_q;
  assign rows_coming_o  = rows_coming_q;
  assign chunks_ready_o = chunks_ready_q;
  assign ended_o      = ended_q;
  assign used         = wr_q >= tail_q ? wr_q - tail_q : wr_q - tail_q + AddrW'(RowBufferWords);
  assign full_o       = !room_q;

  // A row below the strip wraps around to a large number. While rows are pending no strip ends.
  always_ff @(posedge clk_i) begin
    bad_row_q <= rst_ni && row_pending_q && 11'(11'(row_q) - rows_ready_q) >= 11'(cfg_i.strip_rows);
  end
  // Full strips are counted packet by packet; of the last one, its last segment must have come.
  assign missing = ended && !complete_q;

  always_ff @(posedge clk_i) begin
    if (strip_done) strip_end[strip_wr_q] <= wr_q;
    strip_last_q <= cfg_i.strip_packets - 16'd1;
    block_last_q <= cfg_i.block_packets - 16'd1;
    // A packet has nine words at least: these have long settled.
    strips_last_q <= packets_q == strip_last_q;
    blocks_last_q <= block_q == block_last_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      packets_q     <= '0;
      packet_done_q <= 1'b0;
      complete_q    <= 1'b0;
      strip_wr_q    <= '0;
      strip_rd_q    <= '0;
      rows_ready_q  <= '0;
      block_q       <= '0;
      chunks_ready_q <= '0;
      rows_coming_q <= 11'(cfg_i.strip_rows);
      tail_row_q    <= 11'(cfg_i.strip_rows);
      tail_q        <= '0;
      room_q        <= 1'b0;
      strip_room_q  <= 1'b0;
    end else begin
      // Not by way of `state_d`, which is deep; an error that comes just now ends everything anyway.
      packet_done_q <= !row_pending_q && (state_q == StRows || (state_q == StBody && in_valid_i && room_q && last_left_q));
      // row_q has gone one beyond the packet's last row.
      if (packet_done_q && row_q == cfg_i.rows && xs_q == cfg_i.last_xs && 9'(chunk_q) + 9'd1 == cfg_i.chunks) complete_q <= 1'b1;
      if (strip_done) packets_q <= '0;
      else if (packet_done_q) packets_q <= packets_q + 16'd1;
      if (strip_done || block_done) block_q <= '0;
      else if (packet_done_q) block_q <= block_q + 16'd1;
      if (strip_done) chunks_ready_q <= '0;
      else if (block_done) chunks_ready_q <= chunks_ready_q + cfg_i.block_chunks;
      if (strip_done) begin
        strip_wr_q   <= strip_wr_q + 6'd1;
        rows_ready_q <= rows_ready_q + 11'(cfg_i.strip_rows);
        rows_coming_q <= rows_coming_q + 11'(cfg_i.strip_rows);
      end
      // The last strip may have fewer packets: the end of the stream completes it.
      if (ended) rows_ready_q <= 11'(cfg_i.rows);
      if (strip_rd_q != strip_wr_q && need_row_i >= tail_row_q) begin
        strip_rd_q <= strip_rd_q + 6'd1;
        tail_q     <= strip_end[strip_rd_q];
        tail_row_q <= tail_row_q + 11'(cfg_i.strip_rows);
      end
      oldest_row_q <= tail_row_q - 11'(cfg_i.strip_rows);
      row_limit_q  <= 12'(oldest_row_q) + dir_rows_q;
      dir_rows_q   <= 12'(DirectoryDepth) >> cfg_i.dir_row_shift;
      strip_room_q <= 6'(strip_wr_q - strip_rd_q) < 6'd60;  // strip_end holds 64
      room_q <= used < AddrW'(RowBufferWords - 4);
    end
  end

  logic unused;
  assign unused = &{1'b0, cfg_i.log2_pitch, cfg_i.flat};

`ifndef SYNTHESIS
  initial assert (DirW <= 11) else $fatal(1, "phantom_stream_in: a directory index has 11 bits");
`endif

endmodule
