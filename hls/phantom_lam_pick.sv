// LAM, pick: the nonzeros of row pieces, two at a time, with their values and places.
//
//   pick:  the two lowest bits that are not yet taken
//   rank:  how many values lie before each of them (popcount of the whole mask below), and their columns in the tile
//   value: read them, and turn the columns into positions in the tile and edge codes
//
// Contract: a piece is taken in each cycle with `enable_i` and without `many_o`, which says that the one in front has bits left.
// `beat_valid_o` comes three cycles after the pick; `enable_i` low freezes everything (the far side is full).
module phantom_lam_pick
  import phantom_pkg::*;
  import phantom_lam_pkg::*;
  import phantom_ones_pkg::*;
#(
  parameter int unsigned Lf = 16
) (
  input  logic          clk_i,
  input  logic          rst_ni,
  input  logic          enable_i,
  input  logic          beat_enable_i,  // the same, from a register of its own
  input  lam_cfg_t      cfg_i,
  output logic          many_o,
  // a piece
  input  lam_piece_t    piece_i,
  input  logic [Lf-1:0] bits_i,        // wanted ones; none where it stands for something else
  input  logic [Lf-1:0] mask_i,        // and all of the mask
  input  logic [6:0]    rank_i,        // nonzeros in all pieces before
  input  logic [5:0]    value_base_i,
  input  logic [8:0]    col_i,         // column in the tile of the piece's first bit
  output logic          values_back_o,
  output logic [3:0]    values_back_count_o,
  // value memory, write side
  input  logic          value_we_i,
  input  logic [5:0]    value_addr_i,
  input  logic [63:0]   value_i,
  output logic          beat_valid_o,
  output lam_beat_t     beat_o
);

  lam_piece_t    piece_stage_q, pick_d, pick_q, rank_stage_q, value_stage_q;
  // The piece in front has bits left. Twice, and not to be one: what moves on here, and what the scan moves on with.
  (* keep = "true" *) logic many_q, many_scan_q;
  logic many_d;
  logic [Lf-1:0] bits_q, raw0_q;
  logic [6:0]    rank0_q;
  logic [5:0]    value_base0_q;
  logic [8:0]    col0_q;

  assign many_o = many_scan_q;

  always_ff @(posedge clk_i) begin
    if (enable_i && !many_q) begin
      raw0_q        <= mask_i;
      value_base0_q <= value_base_i;
      col0_q        <= col_i;
      rank0_q       <= rank_i;
    end
  end

  // --- pick -----------------------------------------------------------------------------------------------------------

  logic [Lf-1:0] low, rest, low2, low_q, low2_q;
  logic          several;                // more than one bit
  logic [Lf-1:0] bits_next, gone_q;      // what bits_q will be; the inverse of bits_q, see below
  logic [Lf-1:0] before_q, before2_q;  // ones of the whole mask below each of them
  logic [8:0]    rank1_q;                // from here on with the packet's place in the value memory
  logic [8:0]    col1_q;

  assign low  = bits_q & (~bits_q + 1'b1);
  assign rest = bits_q & ~low;
  assign low2 = rest & (~rest + 1'b1);
  assign several   = at_least(~gone_q, 2);
  assign bits_next = many_q ? rest & ~low2 : bits_i;
  // Known a cycle ahead, because all that moves on hangs on it. Five of all are three of those that are left, and synthesis would
  // find that out and count behind the carry chains of `low` and `low2`: so they are counted in another register.
  assign many_d    = many_q ? at_least(~gone_q, 5) : three_of(bits_i);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      bits_q <= '0;
      gone_q <= '1;
      many_q <= 1'b0;
      many_scan_q <= 1'b0;
    end else if (enable_i) begin
      bits_q <= bits_next;
      gone_q <= ~bits_next;
      many_q <= many_d;
      many_scan_q <= many_d;
    end
  end

  always_comb begin
    pick_d       = piece_stage_q;
    pick_d.count = {several, !several && gone_q != '1};
    if (many_q) begin
      pick_d.row_end    = 1'b0;
      pick_d.packet_end = 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (enable_i) begin
      low_q        <= low;
      low2_q       <= low2;
      before_q     <= raw0_q & ~bits_q & (bits_q - 1'b1);
      before2_q    <= raw0_q & ~rest & (rest - 1'b1);
      rank1_q      <= 9'(rank0_q) + {value_base0_q, 3'd0};
      col1_q       <= col0_q;
    end
  end

  // --- rank -----------------------------------------------------------------------------------------------------------

  logic [1:0][8:0] rank2_q;  // place of the value: word and byte
  logic [1:0][7:0] col2_q;  // column in the tile, from the view's first one
  logic [1:0][8:0] col1;

  assign col1[0] = col1_q + 9'(index_of(low_q));
  assign col1[1] = col1_q + 9'(index_of(low2_q));

  always_ff @(posedge clk_i) begin
    if (enable_i) begin
      rank2_q[0] <= rank1_q + 9'(count_of(before_q));
      rank2_q[1] <= rank1_q + 9'(count_of(before2_q));
      for (int unsigned e = 0; e < 2; e++) col2_q[e] <= cfg_i.stride2 ? col1[e][8:1] : col1[e][7:0];
    end
  end

  // --- value ----------------------------------------------------------------------------------------------------------

  act_entry_t [1:0] entry;

  phantom_lam_values u_values (
    .clk_i,
    .enable_i,
    .edge_cols_i(cfg_i.edge_cols),
    .value_we_i,
    .value_addr_i,
    .value_i,
    .rank_i     (rank2_q),
    .row_pos_i  (rank_stage_q.row_pos),
    .col_i      (col2_q),
    .entry_o    (entry)
  );

  always_ff @(posedge clk_i) begin
    if (enable_i) begin
      if (!many_q) piece_stage_q <= piece_i;
      pick_q        <= pick_d;
      rank_stage_q  <= pick_q;
      value_stage_q <= rank_stage_q;
    end
    // Not the rest, so that few registers hear the reset; but one stage as a whole, or synthesis makes shift registers of the others,
    // which are LUTs.
    if (!rst_ni) begin
      {piece_stage_q.valid, pick_q.valid, value_stage_q.valid} <= '0;
      rank_stage_q <= '0;
    end
  end

  // Room is given back only with the read itself: while everything is frozen, the values must stay.
  assign values_back_o       = beat_enable_i && rank_stage_q.valid && rank_stage_q.packet_end;
  assign values_back_count_o = rank_stage_q.value_words;

  assign beat_valid_o = value_stage_q.valid && beat_enable_i;
  assign beat_o = '{
      entry: entry,
      count: value_stage_q.count,
      row_end: value_stage_q.row_end,
      view_end: value_stage_q.view_end,
      chan_end: value_stage_q.chan_end,
      chan_load: value_stage_q.chan_load,
      tile: value_stage_q.tile,
      view: value_stage_q.view
  };

  logic unused;
  assign unused = &{1'b0, cfg_i, value_stage_q};

endmodule
