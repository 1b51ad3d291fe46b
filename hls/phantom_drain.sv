// Drain: reads finished partial sums out of the cores, 8 channels (the threads of one core) at one position a cycle, in the
// order in which the output stream wants them: strip, pass, core (drain table), slot, segment, row, column.
//
// With maximum pooling a result is the largest of a window of positions, which are read one after the other (`first_o` .. `done_o`);
// those that lie in the padding come with `real_o` low. A position is cleared by the read after which nobody wants it.
//
// Contract: starts with `start_i`. A core is drained when it reports `pass_done_i`; `drained_o` gives its bank back. The position's
// bit in the segment mask travels with the read (`bit_o`, `last_o`): the requantiser delays it as long as the data. A segment is
// begun only when the encoder has room for it (`seg_ready_i`), so nothing behind the drain ever has to wait.
// Every slot (flat layers: every position) begins with `swap_o`: the parameters of its 8 channels, which were loaded ahead of time into
// the lanes' second registers, come into force.
// Where slots come in pairs (residual addition) the first of them is read without a segment (`keep_o`), then the second in the same
// order (`partner_o`); `place_o` counts the positions of either.
//
// Where windows overlap by a row (`pool.keep_row`), the last row of sums of a tile is read once more without a segment (`keep_o`), as the
// first row of the windows that are the next tile's first ones. Those of this tile's first windows are not its own, but what the
// tile above kept (`above_o`): what is read there means nothing. `place_o` is then chunk and column.
module phantom_drain
  import phantom_pkg::*;
#(
  parameter int unsigned Rows = 4,
  parameter int unsigned Cols = 4
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic            start_i,
  input  drain_cfg_t      cfg_i,
  input  logic            entry_we_i,
  input  logic [5:0]      entry_index_i,
  input  drain_entry_t    entry_i,
  output logic            done_o,
  output logic            waiting_o,    // for a core
  input  logic            pass_done_i[Rows][Cols],
  // to the mesh
  output logic [Rows-1:0] rows_o,
  output logic [Cols-1:0] cols_o,
  output logic            en_o,
  output logic            clear_o,
  output logic [7:0]      addr_o,
  output logic            drained_o,
  // to the lanes
  input  logic            prm_valid_i,
  output logic            prm_ready_o,
  output logic [2:0]      prm_lane_o,
  output logic            prm_swap_o,
  // to the encoder
  output logic            seg_valid_o,
  input  logic            seg_ready_i,
  output segment_t        seg_o,
  output logic [5:0]      bit_o,
  output logic            first_o,      // of a window
  output logic            real_o,
  output logic            complete_o,   // the window
  output logic            last_o,       // result of a segment
  output logic            keep_o,
  output logic            partner_o,
  output logic            above_o,
  output logic [8:0]      place_o
);

  typedef enum logic [3:0] {
    StIdle,
    StEntry,
    StWait,     // for the core to finish its pass
    StSlot,
    StParams,   // for the parameters
    StRows,     // rows that are left are counted
    StSegment,
    StRead,
    StNextSlot,
    StDrained,
    StSettle,   // until the core's `pass_done` can be trusted again
    StNext
  } state_e;

  state_e state_q;

  (* ram_style = "distributed" *) logic [$bits(drain_entry_t)-1:0] entry_mem[64];
  drain_entry_t entry_q;

  logic [15:0] strip_q;
  logic [7:0]  pass_q, pass_chunk_q;
  logic [6:0]  index_q;
  logic [5:0]  slot_q;
  logic [7:0]  slot_base_q, chunk_q, row_base_q;
  logic [9:0]  strip_row_q, y_q, row_y_q;
  logic [6:0]  more_cols_q, cols_left_q, col_q;  // of the segment, in front of and behind this one
  logic [7:0]  across_q;         // partial sums of a row of the tile in front of the segment
  logic [7:0]  line_q, window_q, window_row_q;  // first position of the row of results, of the window, of the window's row
  logic [1:0]  wy_q, wx_q;       // row and column of the window
  logic [1:0]  more_y_q;         // rows of it that are read, less one
  logic [3:0]  xs_q, tile_xs_q;
  logic [5:0]  more_rows, more_rows_q;
  logic [6:0]  more_cols;
  logic [2:0]  settle_q;
  logic [3:0]  lane_q;           // parameters loaded ahead: 8 are a set
  logic        last_slot_q, last_entry_q, last_pass_q, last_strip_q;
  logic [7:0]  addr_q;
  logic [5:0]  row_bit_q, row_left_q;
  logic [6:0]  place_q;          // positions of this slot that have been read
  logic        keep_q;           // first slot of a pair, or the row that is kept
  logic        top_q;            // first row of results of the tile
  logic        final_q;          // nobody will want the sums below this segment
  logic [7:0]  chunk, chunk_base_q;  // of this slot; of the first one
  logic        core_done, last_pos, last_seg_row_q, last_xs_q, image_left, image_right;
  logic        last_wx_q, last_wy_q, last_col_q, last_row_q;  // this position is the last one of its window's row, ... of the segment
  logic        real_y, real_x, spent_y, spent_x, kept_row, above, image_ends, last_seg_row;
  logic [7:0]  from, by, next;
  logic [10:0] strip_left_q, image_left_q;  // rows of results down to the image's end, from the strip's first row, from this segment's
  logic [8:0]  tile_left_q;                 // down to the tile's end
  logic [10:0] rows_left_q;                 // down to the nearer one
  logic        image_ends_q, beyond_q;

  always_comb begin
    core_done = 1'b0;
    for (int unsigned r = 0; r < Rows; r++) begin
      for (int unsigned c = 0; c < Cols; c++) begin
        if (entry_q.core_row == 4'(r) && entry_q.core_col == 4'(c)) core_done = pass_done_i[r][c];
      end
    end
  end

  // Rows of the next segment: at most seg_more_rows + 1, within the tile and the image.
  assign image_ends      = image_left_q <= 11'(tile_left_q);
  assign last_seg_row    = rows_left_q <= 11'(cfg_i.seg_more_rows) + 11'd1;
  assign more_rows       = rows_left_q > 11'(cfg_i.seg_more_rows) ? cfg_i.seg_more_rows : 6'(rows_left_q - 11'd1);
  assign more_cols       = (xs_q == cfg_i.last_xs ? cfg_i.last_span : cfg_i.span) - 7'd1;
  assign last_pos        = last_col_q && last_row_q && last_wx_q && last_wy_q;

  // Which positions of the window exist, and which no other window will want.
  assign image_left  = xs_q == '0 && col_q == '0;
  assign image_right = xs_q == cfg_i.last_xs && last_col_q;
  assign real_y      = !(row_y_q == '0 && wy_q < cfg_i.pool.top) &&
                       !(row_y_q == cfg_i.rows - 10'd1 && wy_q > cfg_i.pool.bottom_more);
  assign real_x      = !(image_left && wx_q < cfg_i.pool.left) && !(image_right && wx_q > cfg_i.pool.right_more);
  assign spent_y     = wy_q < cfg_i.pool.step || (last_row_q && final_q);
  assign spent_x     = wx_q < cfg_i.pool.step || (last_col_q && last_xs_q);

  assign kept_row = keep_q && cfg_i.pool.keep_row;
  assign above    = top_q && wy_q == '0 && cfg_i.pool.keep_row;

  // Where the next position lies: beside this one, in the window's next row, in the next window, in the next row of windows.
  assign from = !last_wx_q ? addr_q : !last_wy_q ? window_row_q : !last_col_q ? window_q : line_q;
  assign by   = !last_wx_q ? 8'd1 : !last_wy_q ? cfg_i.pitch : !last_col_q ? 8'(cfg_i.pool.step) : cfg_i.row_step;
  assign next = from + by;

  assign chunk = chunk_base_q + (cfg_i.pairs ? 8'(slot_q[5:1]) : 8'(slot_q));

  assign prm_ready_o = !lane_q[3];
  assign prm_lane_o  = lane_q[2:0];
  assign prm_swap_o  = state_q == StParams && lane_q[3];
  assign seg_valid_o = state_q == StSegment && !beyond_q && !keep_q;
  assign seg_o       = '{more_rows: more_rows, xs: xs_q, y0: y_q, chunk: chunk_q};
  assign done_o      = state_q == StIdle;
  assign waiting_o   = state_q == StWait && !core_done;

  always_ff @(posedge clk_i) begin
    if (entry_we_i) entry_mem[entry_index_i] <= entry_i;
    entry_q   <= entry_mem[index_q[5:0]];
    addr_o    <= addr_q;
    bit_o     <= row_bit_q + 6'(col_q);
    last_o     <= last_pos;
    first_o    <= wy_q == '0 && wx_q == '0;
    complete_o <= last_wx_q && last_wy_q;
    real_o     <= real_y && real_x;
    keep_o     <= keep_q;
    partner_o  <= cfg_i.pairs && !keep_q;
    above_o    <= above;
    place_o    <= cfg_i.pool.keep_row ? {chunk_q[2:0], col_q[5:0]} : 9'(place_q);
    clear_o    <= spent_y && spent_x && !above;
    en_o       <= rst_ni && state_q == StRead;
    drained_o <= rst_ni && state_q == StDrained;
    for (int unsigned r = 0; r < Rows; r++) rows_o[r] <= entry_q.core_row == 4'(r);
    for (int unsigned c = 0; c < Cols; c++) cols_o[c] <= entry_q.core_col == 4'(c);
  end

  // Each of these counts stands still for at least a cycle before anyone asks.
  always_ff @(posedge clk_i) begin
    chunk_base_q <= entry_q.chunk + pass_chunk_q;
    strip_left_q <= 11'(cfg_i.rows) - 11'(strip_row_q);
    rows_left_q  <= image_ends ? image_left_q : 11'(tile_left_q);
    image_ends_q <= image_ends;
    beyond_q     <= y_q >= cfg_i.rows;
    last_slot_q  <= 6'(slot_q + 6'd1) == cfg_i.slots;
    last_entry_q <= 7'(index_q + 7'd1) == cfg_i.entries;
    last_pass_q  <= 8'(pass_q + 8'd1) == cfg_i.passes;
    last_strip_q <= 16'(strip_q + 16'd1) == cfg_i.strips;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      lane_q  <= '0;
    end else begin
      if (prm_swap_o) lane_q <= '0;
      else if (prm_ready_o && prm_valid_i) lane_q <= lane_q + 4'd1;
      unique case (state_q)
        StIdle: begin
          strip_q      <= '0;
          strip_row_q  <= '0;
          pass_q       <= '0;
          pass_chunk_q <= '0;
          index_q      <= '0;
          if (start_i) state_q <= StEntry;
        end
        StEntry: begin  // entry_q is being read
          slot_q      <= '0;
          slot_base_q <= '0;
          state_q     <= StWait;
        end
        StWait: if (core_done) state_q <= StSlot;
        StSlot: begin
          chunk_q    <= chunk;
          keep_q     <= cfg_i.pairs && !slot_q[0];
          place_q    <= '0;
          top_q      <= 1'b1;
          y_q        <= strip_row_q + 10'(entry_q.row);
          row_base_q <= slot_base_q;
          image_left_q <= strip_left_q - 11'(entry_q.row);
          tile_left_q  <= 9'(cfg_i.tile_rows);
          xs_q       <= entry_q.xs;
          tile_xs_q  <= '0;
          across_q   <= '0;
          col_q      <= '0;
          state_q    <= 9'(chunk) < cfg_i.chunks ? StParams : StNextSlot;
        end
        StParams: if (prm_swap_o) state_q <= cfg_i.flat && col_q != '0 ? StRead : StSegment;
        StRows: state_q <= StSegment;
        StSegment: begin
          more_rows_q <= more_rows;
          more_cols_q <= more_cols;
          cols_left_q <= more_cols;
          last_seg_row_q <= last_seg_row;
          final_q     <= last_seg_row && (image_ends_q || !cfg_i.pool.keep_row);
          last_xs_q   <= xs_q == cfg_i.last_xs || tile_xs_q == cfg_i.tile_last_xs;
          row_left_q  <= more_rows;
          row_bit_q   <= '0;
          addr_q       <= row_base_q + across_q;
          line_q       <= row_base_q + across_q;
          window_q     <= row_base_q + across_q;
          window_row_q <= row_base_q + across_q;
          row_y_q      <= y_q;
          wx_q         <= '0;
          wy_q         <= '0;
          more_y_q     <= kept_row ? '0 : cfg_i.pool.more;
          last_wx_q    <= cfg_i.pool.more == '0;
          last_wy_q    <= kept_row || cfg_i.pool.more == '0;
          last_col_q   <= (xs_q == cfg_i.last_xs ? cfg_i.last_span : cfg_i.span) == 7'd1;
          last_row_q   <= cfg_i.seg_more_rows == '0 || rows_left_q == 11'd1;
          col_q        <= '0;
          if (beyond_q) state_q <= StNextSlot;
          else if (seg_ready_i || keep_q) state_q <= StRead;
        end
        StRead: begin
          addr_q  <= next;
          place_q <= place_q + 7'd1;
          wx_q   <= wx_q + 2'd1;
          last_wx_q <= last_wx_q ? cfg_i.pool.more == '0 : 2'(wx_q + 2'd1) == cfg_i.pool.more;
          if (last_wx_q) begin
            wx_q         <= '0;
            wy_q         <= wy_q + 2'd1;
            last_wy_q    <= last_wy_q ? more_y_q == '0 : 2'(wy_q + 2'd1) == more_y_q;
            window_row_q <= next;
            if (last_wy_q) begin
              wy_q        <= '0;
              col_q       <= col_q + 7'd1;
              cols_left_q <= cols_left_q - 7'd1;
              last_col_q  <= last_col_q ? more_cols_q == '0 : cols_left_q == 7'd1;
              window_q    <= next;
              if (last_col_q) begin
                top_q       <= 1'b0;
                col_q       <= '0;
                cols_left_q <= more_cols_q;
                row_left_q <= row_left_q - 6'd1;
                last_row_q <= row_left_q == 6'd1;
                row_bit_q  <= row_bit_q + 6'(7'd1 << cfg_i.log2_pitch);
                row_y_q    <= row_y_q + 10'd1;
                line_q     <= next;
              end
            end
          end
          if (last_pos) begin
            if (!last_xs_q) begin
              xs_q      <= xs_q + 4'd1;
              tile_xs_q <= tile_xs_q + 4'd1;
              across_q  <= across_q + cfg_i.seg_step;
              state_q   <= StSegment;
            end else begin
              xs_q       <= entry_q.xs;
              tile_xs_q  <= '0;
              across_q   <= '0;
              y_q        <= y_q + 10'(more_rows_q) + 10'd1;
              image_left_q <= image_left_q - 11'(more_rows_q) - 11'd1;
              tile_left_q  <= cfg_i.pool.keep_row && last_seg_row_q ? 9'd1 : tile_left_q - 9'(more_rows_q) - 9'd1;
              row_base_q <= (line_q - across_q) + cfg_i.row_step;
              keep_q     <= keep_q || (cfg_i.pool.keep_row && last_seg_row_q);
              state_q    <= last_seg_row_q && (keep_q || !cfg_i.pool.keep_row) ? StNextSlot : StRows;
            end
          end else if (cfg_i.flat) begin
            state_q <= StParams;
          end
        end
        StNextSlot: begin
          slot_q      <= slot_q + 6'd1;
          slot_base_q <= slot_base_q + cfg_i.slot_stride;
          state_q     <= last_slot_q ? StDrained : StSlot;
        end
        StDrained: begin
          settle_q <= '1;
          state_q  <= StSettle;
        end
        StSettle: begin
          settle_q <= settle_q - 3'd1;
          if (settle_q == '0) state_q <= StNext;
        end
        StNext: begin
          state_q <= StEntry;
          index_q <= index_q + 7'd1;
          if (last_entry_q) begin
            index_q      <= '0;
            pass_q       <= pass_q + 8'd1;
            pass_chunk_q <= pass_chunk_q + cfg_i.pass_chunks;
            if (last_pass_q) begin
              pass_q       <= '0;
              pass_chunk_q <= '0;
              strip_q      <= strip_q + 16'd1;
              strip_row_q  <= strip_row_q + cfg_i.strip_rows;
              if (last_strip_q) state_q <= StIdle;
            end
          end
        end
        default: state_q <= StIdle;
      endcase
    end
  end

endmodule
