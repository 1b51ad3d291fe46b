// LAM, second half: looks ahead through the mask words, `Lf` = 16 positions a cycle, for the nonzeros of the view.
//
//   piece: masks of one row piece AND the columns of the tile and view, into a register
//   pick, rank, value: its nonzeros two at a time (phantom_lam_pick)
//
// A row begins with the piece that holds its first wanted column and ends with the last one's. A piece without nonzeros costs one
// cycle (its row may end there), rows that the view does not want likewise. Rows of the view that do not exist (padding, or
// below the image) are empty beats.
//
// Contract: a token is taken in a cycle with `tok_ready_o`; beats and `enable_i` as in phantom_lam_pick.
module phantom_lam_scan
  import phantom_pkg::*;
  import phantom_lam_pkg::*;
  import phantom_ones_pkg::*;
#(
  parameter int unsigned Lf = 16
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        enable_i,
  input  logic        scan_enable_i,  // the same, from registers of their own
  input  logic        beat_enable_i,
  input  lam_cfg_t    cfg_i,
  input  input_cfg_t  in_cfg_i,
  input  view_t       view_i[4],
  input  logic        tok_valid_i,
  output logic        tok_ready_o,
  input  lam_token_t  tok_i,
  output logic        values_back_o,
  output logic [3:0]  values_back_count_o,
  // value memory, write side
  input  logic        value_we_i,
  input  logic [5:0]  value_addr_i,
  input  logic [63:0] value_i,
  output logic        beat_valid_o,
  output lam_beat_t   beat_o
);

  localparam int unsigned PieceW = $clog2(Lf);   // 4
  localparam int unsigned IndexW = 6 - PieceW;   // pieces of a word

  // --- the token in work -----------------------------------------------------------------------------------------------

  lam_token_t         tok_q;
  logic               tok_valid_q, fresh_chan_q, done;
  logic [IndexW-1:0]  piece_q;
  logic [5:0]         rows_left_q;    // rows of the packet behind this one
  logic               last_row_q;     // there is none
  logic signed [12:0] input_row_q;    // relative to the view's first row
  logic [6:0]         next_row_q;     // next view row to be completed
  logic [7:0]         row_pos_q;      // its position in the tile
  logic [5:0]         first_bit_q;    // mask bits of the row's wanted columns
  logic [5:0]         last_bit_q;
  logic [8:0]         col_q;          // column in the tile of mask bit 0 (modulo 512)
  logic [6:0]         view_rows_q;    // of its view
  logic               filler_q;       // view rows in front of this packet's row, or behind the last packet, that do not exist
  logic [6:0]         gap_q;          // how many: view rows from the next one to this packet's row, or to the view's end
  logic               many, advance;  // the piece in front has bits left; else the next one takes its place

  assign advance     = scan_enable_i && !many;
  assign tok_ready_o = advance && (!tok_valid_q || (done && !fresh_chan_q));

  lam_piece_t piece_d;

  // --- this piece -------------------------------------------------------------------------------------------------------

  logic [Lf-1:0] raw, above, below, wanted;
  logic          row_exists_q, first_piece_q, last_piece_q, row_done, packet_done;
  logic [6:0]    pitch;
  logic [5:0]    next_first, next_last;
  logic [1:0]    phase_q;
  logic [PieceW:0] counts_q[3];  // nonzeros in each piece of the word but the last one

  assign raw        = tok_q.mask[Lf*piece_q+:Lf];
  assign pitch      = 7'd1 << in_cfg_i.log2_pitch;
  assign next_first = first_bit_q + pitch[5:0];
  assign next_last  = last_bit_q + pitch[5:0];

  // No piece of a row lies before its first one.
  assign above = first_piece_q ? {Lf{1'b1}} << first_bit_q[PieceW-1:0] : '1;
  assign below = last_piece_q ? ~({{(Lf - 1) {1'b1}}, 1'b0} << last_bit_q[PieceW-1:0]) : '1;

  always_comb begin
    for (int unsigned i = 0; i < Lf; i++) begin
      wanted[i] = above[i] && below[i] && phase_q[i%2];
    end
  end

  // Which columns the view has, even and odd ones of a piece: all, or with stride 2 those that are even in the tile.
  function automatic logic [1:0] phase(logic stride2, logic odd);
    return stride2 ? {odd, !odd} : 2'b11;
  endfunction

  // Rows that the view does not want are left at once.
  assign row_done    = !filler_q && (last_piece_q || !row_exists_q);
  assign packet_done = row_done && last_row_q;
  assign done        = !filler_q && (tok_q.view_end || ((last_piece_q || !row_exists_q) && last_row_q));

  // Gap and filler of the token that comes next: from the row that will be the view's next one then. The token's row is late.
  logic [6:0] tok_row, row_then, step_up;
  logic       next_exists_q;
  logic       row_ends;  // with this row of the packet, of the view
  logic       view_ends;
  assign tok_row   = cfg_i.stride2 ? tok_i.row[7:1] : tok_i.row[6:0];
  assign row_ends  = row_exists_q && tok_q.row_end;
  assign view_ends = tok_valid_q && tok_q.view_end;
  assign row_then  = (next_row_q & {7{!view_ends}}) + 7'(tok_valid_q && !tok_q.view_end && row_ends);
  // Rows of the view from this row of the packet to the next one: none from an even to an odd one at stride 2.
  assign step_up   = 7'(!cfg_i.stride2 || input_row_q[0]) - 7'(row_ends);

  always_ff @(posedge clk_i) begin
    if (advance) begin
      if (!tok_valid_q || (done && !fresh_chan_q)) begin
        tok_valid_q <= tok_valid_i;
        tok_q       <= tok_i;
        piece_q     <= tok_i.first_col[5-:IndexW];
        first_piece_q <= 1'b1;
        last_piece_q  <= tok_i.first_col[5-:IndexW] == tok_i.last_col[5-:IndexW];
        rows_left_q <= tok_i.more_rows;
        last_row_q  <= tok_i.more_rows == '0;
        input_row_q <= tok_i.row;
        for (int unsigned p = 0; p < 3; p++) counts_q[p] <= count_of(tok_i.mask[Lf*p+:Lf]);
        first_bit_q <= tok_i.first_col;
        last_bit_q  <= tok_i.last_col;
        col_q       <= tok_i.col;
        phase_q     <= phase(cfg_i.stride2, tok_i.col[0]);
        view_rows_q  <= view_i[tok_i.view].rows;
        row_exists_q <= tok_i.exists;
        next_exists_q <= tok_i.next_exists;
        gap_q        <= tok_row - row_then;
        filler_q     <= (tok_i.exists || tok_i.view_end) && tok_row != row_then;
      end else if (tok_valid_q && !fresh_chan_q && filler_q) begin
        gap_q    <= gap_q - 7'd1;
        filler_q <= gap_q != 7'd1;
      end else if (tok_valid_q && !fresh_chan_q && !tok_q.view_end) begin
        if (row_done) begin
          piece_q     <= next_first[5-:IndexW];
          first_piece_q <= 1'b1;
          last_piece_q  <= next_first[5-:IndexW] == next_last[5-:IndexW];
          rows_left_q <= rows_left_q - 6'd1;
          last_row_q  <= rows_left_q == 6'd1;
          input_row_q <= input_row_q + 13'sd1;
          row_exists_q <= next_exists_q;
          next_exists_q <= view_has(cfg_i.stride2, input_row_q + 13'sd2, view_rows_q);
          gap_q        <= gap_q + step_up;
          filler_q     <= next_exists_q && gap_q != -step_up;
          first_bit_q <= next_first;
          last_bit_q  <= next_last;
          col_q       <= col_q - 9'(pitch);
          phase_q     <= phase(cfg_i.stride2, col_q[0] ^ pitch[0]);
        end else begin
          piece_q       <= piece_q + 1'b1;
          first_piece_q <= 1'b0;
          last_piece_q  <= IndexW'(piece_q + 1'b1) == last_bit_q[5-:IndexW];
        end
      end
      // Rows are counted as their ends go by.
      next_row_q <= next_row_q + 7'(piece_d.row_end);
      row_pos_q  <= row_pos_q + (piece_d.row_end ? cfg_i.pitch : '0);
      if (piece_d.view_end || piece_d.chan_load) begin
        next_row_q <= '0;
        row_pos_q  <= '0;
      end
      if (tok_valid_q) fresh_chan_q <= piece_d.chan_end;
    end
    if (!rst_ni) begin  // last, so that the enables of all the others are without it
      tok_valid_q  <= 1'b0;
      fresh_chan_q <= 1'b1;
      next_row_q   <= '0;
    end
  end

  always_comb begin
    piece_d             = '0;
    piece_d.valid       = tok_valid_q;
    piece_d.tile        = tok_q.tile;
    piece_d.view        = tok_q.view;
    piece_d.row_pos     = row_pos_q;
    piece_d.value_words = tok_q.value_words;
    if (tok_valid_q && fresh_chan_q) piece_d.chan_load = 1'b1;
    else if (tok_valid_q) begin
      piece_d.row_end    = filler_q || (!tok_q.view_end && last_piece_q && row_ends);
      piece_d.view_end   = tok_q.view_end && !filler_q;
      piece_d.chan_end   = tok_q.chan_end && !filler_q;
      piece_d.packet_end = packet_done && !tok_q.view_end;
    end
  end

  logic       looked_at;  // this piece's bits; else it stands for something else
  logic [6:0] rank;       // nonzeros in all pieces before

  // The piece as the pick gets it.
  lam_piece_t    piece_stage_q;
  logic [Lf-1:0] bits_stage_q, raw_stage_q;
  logic [6:0]    rank_stage_q;
  logic [5:0]    base_stage_q;
  logic [8:0]    col_stage_q;
  assign looked_at = tok_valid_q && !fresh_chan_q && row_exists_q && !filler_q;

  always_comb begin
    unique case (piece_q)
      2'd0:    rank = '0;
      2'd1:    rank = 7'(counts_q[0]);
      2'd2:    rank = 7'(counts_q[0]) + 7'(counts_q[1]);
      default: rank = 7'(counts_q[0]) + 7'(counts_q[1]) + 7'(counts_q[2]);
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (advance) begin
      bits_stage_q <= looked_at ? raw & wanted : '0;
      raw_stage_q  <= raw;
      rank_stage_q <= rank;
      base_stage_q <= tok_q.value_base;
      col_stage_q  <= col_q + 9'({piece_q, PieceW'(0)});
    end
    if (advance) piece_stage_q <= piece_d;
    if (!rst_ni) piece_stage_q.valid <= 1'b0;
  end

  phantom_lam_pick #(
    .Lf(Lf)
  ) u_pick (
    .clk_i,
    .rst_ni,
    .enable_i,
    .beat_enable_i,
    .cfg_i,
    .many_o      (many),
    .piece_i     (piece_stage_q),
    .bits_i      (bits_stage_q),
    .mask_i      (raw_stage_q),
    .rank_i      (rank_stage_q),
    .value_base_i(base_stage_q),
    .col_i       (col_stage_q),
    .values_back_o,
    .values_back_count_o,
    .value_we_i,
    .value_addr_i,
    .value_i,
    .beat_valid_o,
    .beat_o
  );

  logic unused;
  assign unused = &{1'b0, in_cfg_i};

`ifndef SYNTHESIS
  initial assert (Lf == 16) else $fatal(1, "phantom_lam_scan: Lf %0d (16 is what the pipeline is laid out for)", Lf);
`endif

endmodule
