// LAM, walker: the loops of a layer, one view of one tile in one channel after the other.
//
//   for strip / pass / chunk of 8 channels / channel in the chunk / tile / view
//
// It is a view ahead: while the finder looks at packets for one, the rows and columns of the next are worked out.
//
// Channels of their own (`own_chans`, for layers whose filters read one channel each): a pass walks only the next `pass_chans`
// channels, and these go to the groups of cores in turn. Tiles are then numbered group by group.
//
// Contract: a layer starts with `start_i`. `visit_o` and the strip's rows with it stand while `valid_o`, until `take_i`; the next one
// comes three cycles later at the earliest. After the one with `last_o` nothing comes until the next start.
module phantom_lam_walk
  import phantom_pkg::*;
  import phantom_lam_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        start_i,
  input  lam_cfg_t    cfg_i,
  input  input_cfg_t  in_cfg_i,
  input  view_t       view_i[4],
  output logic        valid_o,
  input  logic        take_i,
  output lam_visit_t  visit_o,
  output logic        last_o,        // of the layer
  output logic        new_strip_o,   // first visit of a strip
  output logic [10:0] need_first_o,  // rows of the input that the strip needs, and
  output logic [10:0] need_end_o     // the first one beyond them
);

  typedef enum logic [1:0] {
    StIdle,
    StView,   // first and last row and column of the view
    StRange,  // in the input
    StReady
  } state_e;

  state_e state_q;

  logic [15:0] strip_q;
  logic [7:0]  pass_q;
  logic [11:0] chan_q;
  logic [4:0]  tile_q;
  logic [3:0]  tile_x_q;
  logic [2:0]  view_q;
  logic [10:0] need_q;                // first row that this strip needs, before clipping at 0, plus need_above
  logic [10:0] need_first_q, need_end_q;
  logic signed [11:0] base_q;         // first output row of the strip
  logic signed [11:0] tile_base_q;    // of the tile
  logic [10:0] tile_col_q;            // input column that belongs to its first output column
  logic [11:0] pass_end_q;            // last channel of the pass
  logic [11:0] end_chan_q;            // last channel, and last strip, of all
  logic [15:0] end_strip_q;
  logic [3:0]  owner_q, out_tile_q;   // first tile number of the channel's group; number of the tile
  logic new_chunk_q, new_strip_q;     // the first visit of a chunk, or of a strip
  logic last_view_q, last_tile_q, last_chan_q, last_in_chunk_q, last_pass_q, last_strip_q;
  logic next_tile_q, next_chan_q, next_pass_q, next_strip_q;  // come behind this view

  // One or two cycles late, which is early enough.
  always_ff @(posedge clk_i) begin
    last_view_q     <= 3'(view_q + 3'd1) == cfg_i.views;
    last_tile_q     <= 5'(tile_q + 5'd1) == cfg_i.tiles;
    end_chan_q      <= cfg_i.chans - 12'd1;
    end_strip_q     <= cfg_i.strips - 16'd1;
    last_chan_q     <= chan_q == end_chan_q || chan_q == pass_end_q;
    last_in_chunk_q <= chan_q == end_chan_q || chan_q[2:0] == 3'd7;
    out_tile_q      <= tile_q[3:0] + owner_q;
    last_pass_q     <= 8'(pass_q + 8'd1) == cfg_i.passes;
    last_strip_q    <= strip_q == end_strip_q;
    next_tile_q     <= last_view_q && !last_tile_q;
    next_chan_q     <= last_view_q && last_tile_q;
    next_pass_q     <= last_view_q && last_tile_q && last_chan_q;
    next_strip_q    <= last_view_q && last_tile_q && last_chan_q && last_pass_q;
  end

  // Rows of the next strip: worked out long before they are wanted.
  logic [10:0]        next_need_q, next_first_q, next_end_q, beyond_q;
  logic signed [11:0] next_base_q;
  always_ff @(posedge clk_i) begin
    next_need_q  <= need_q + 11'(cfg_i.need_step);
    next_first_q <= next_need_q > 11'(cfg_i.need_above) ? next_need_q - 11'(cfg_i.need_above) : '0;
    beyond_q     <= next_need_q + 11'(cfg_i.need_span);
    next_end_q   <= beyond_q < 11'(in_cfg_i.rows) ? beyond_q : 11'(in_cfg_i.rows);
    next_base_q  <= base_q + 12'(cfg_i.strip_rows);
  end

  assign valid_o      = state_q == StReady;
  assign last_o       = next_strip_q && last_strip_q;
  assign new_strip_o  = new_strip_q;
  assign need_first_o = need_first_q;
  assign need_end_o   = need_end_q;

  view_t view;
  assign view = view_i[view_q[1:0]];

  logic signed [11:0] first_q, last_q, first_col_q;  // view rows; column of the input

  always_ff @(posedge clk_i) begin
    first_q     <= tile_base_q + 12'(view.first);
    last_q      <= tile_base_q + 12'(view.first) + 12'(view.rows) - 12'sd1;
    first_col_q <= $signed({1'b0, tile_col_q}) + 12'(view.col_first);
    if (state_q == StRange) begin
      visit_o <= '{
          new_chunk: new_chunk_q,
          new_chan: tile_q == '0 && view_q == '0,
          new_tile: view_q == '0,
          chan_end: last_view_q || cfg_i.view_chans,
          view: view_q[1:0],
          py: view.py,
          tile: out_tile_q,
          chan: chan_q,
          origin: cfg_i.stride2 ? {first_q, view.py} : 13'(first_q),
          first_row: first_q < 0 ? 13'sd0 : cfg_i.stride2 ? {first_q, view.py} : 13'(first_q),
          last_row: last_q < 0 ? -13'sd1 : cfg_i.stride2 ? {last_q, view.py} : 13'(last_q),
          first_col: first_col_q,
          last_col: first_col_q + $signed({2'b0, view.col_span}),
          left_col: first_col_q - $signed({5'b0, in_cfg_i.span})
      };
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
    end else begin
      unique case (state_q)
        StIdle:  if (start_i) state_q <= StView;
        StView:  state_q <= StRange;
        StRange: state_q <= StReady;
        default: if (take_i) state_q <= last_o ? StIdle : StView;
      endcase
    end
  end

  // `take_i` comes with `valid_o` only. While idle the first view of the layer stands here.
  logic idle_q;
  always_ff @(posedge clk_i) begin
    idle_q <= !rst_ni || (state_q == StIdle ? !start_i : take_i && last_o);
    if (take_i) begin
      view_q      <= last_view_q ? '0 : view_q + 3'd1;
      new_chunk_q <= next_chan_q && last_in_chunk_q;
      new_strip_q <= next_strip_q;
    end
    if (take_i && next_tile_q) begin
      tile_q <= tile_q + 5'd1;
      if (tile_x_q == cfg_i.last_tile_x) begin
        tile_x_q    <= '0;
        tile_col_q  <= '0;
        tile_base_q <= tile_base_q + 12'(cfg_i.tile_step_y);
      end else begin
        tile_x_q    <= tile_x_q + 4'd1;
        tile_col_q  <= tile_col_q + 11'(cfg_i.tile_step);
      end
    end
    if (take_i && next_chan_q) begin
      tile_q      <= '0;
      tile_x_q    <= '0;
      tile_col_q  <= '0;
      tile_base_q <= next_strip_q ? next_base_q : base_q;
      chan_q      <= next_pass_q && (last_pass_q || !cfg_i.own_chans) ? '0 : chan_q + 12'd1;
      owner_q     <= next_pass_q || owner_q == cfg_i.last_owner ? '0 : owner_q + cfg_i.tiles[3:0];
    end
    if (take_i && next_pass_q) begin
      if (cfg_i.own_chans) pass_end_q <= last_pass_q ? cfg_i.pass_chans - 12'd1 : pass_end_q + cfg_i.pass_chans;
      pass_q <= last_pass_q ? '0 : pass_q + 8'd1;
    end
    if (take_i && next_strip_q) begin
      strip_q      <= strip_q + 16'd1;
      base_q       <= next_base_q;
      need_q       <= next_need_q;
      need_first_q <= next_first_q;
      need_end_q   <= next_end_q;
    end
    if (idle_q) begin
      strip_q      <= '0;
      pass_q       <= '0;
      chan_q       <= '0;
      tile_q       <= '0;
      tile_x_q     <= '0;
      view_q       <= '0;
      owner_q      <= '0;
      pass_end_q   <= cfg_i.pass_chans - 12'd1;
      need_q       <= '0;
      need_first_q <= '0;
      need_end_q   <= 11'(cfg_i.need_span) < 11'(in_cfg_i.rows) ? 11'(cfg_i.need_span) : 11'(in_cfg_i.rows);
      base_q       <= '0;
      tile_base_q  <= '0;
      tile_col_q   <= '0;
      new_chunk_q  <= 1'b1;
      new_strip_q  <= 1'b1;
    end
  end

  logic unused;
  assign unused = &{1'b0, view, in_cfg_i};

endmodule
