// A lane of the LAM: from tokens to the fill of the cores of its tiles.
//
//   tokens --> nonzeros of the view (scan) --> words and runs (pack) --> fill, with the rows and columns of the tile's cores
//
// Contract: tokens are pushed; `tok_room_o` says that eight more fit. All cores of a tile get the same fill; when one of them has no
// room everything waits. `room_i` must leave a margin of 12 words: scan and pack are up to five steps ahead, registers included.
module phantom_lam_lane
  import phantom_pkg::*;
  import phantom_lam_pkg::*;
#(
  parameter int unsigned Rows = 4,
  parameter int unsigned Cols = 4,
  parameter int unsigned Lf   = 16
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  lam_cfg_t        cfg_i,
  input  input_cfg_t      in_cfg_i,
  input  view_t           view_i[4],
  input  logic            tile_we_i,     // tile table: rows and columns of a tile's cores
  input  logic [3:0]      tile_index_i,
  input  logic [Rows+Cols-1:0] tile_cores_i,
  output logic            empty_o,
  output logic            blocked_o,     // there is work, and cores have no room
  input  logic            tok_valid_i,
  output logic            tok_room_o,
  input  lam_token_t      tok_i,
  input  logic            value_we_i,
  input  logic [5:0]      value_addr_i,
  input  logic [63:0]     value_i,
  output logic            values_back_o,
  output logic [3:0]      values_back_count_o,
  input  logic            room_i[Rows][Cols],
  output logic [Rows-1:0] fill_rows_o,
  output logic [Cols-1:0] fill_cols_o,
  output fill_t           fill_o
);

  localparam int unsigned TokenDepth = 16;

  // Three times, and not to be one: the registers of the pick that stand still with it are many.
  (* keep = "true" *) logic enable_q, scan_enable_q, beat_enable_q;

  logic       tok_fits, tok_valid, tok_ready, beat_valid;
  lam_token_t tok;
  logic [3:0] fill_tile;
  lam_beat_t  beat;
  fill_t      fill;
  logic [4:0] level;

  phantom_fifo #(
    .Width($bits(lam_token_t)),
    .Depth(TokenDepth)
  ) u_tokens (
    .clk_i,
    .rst_ni,
    .in_valid_i (tok_valid_i),
    .in_ready_o (tok_fits),
    .in_data_i  (tok_i),
    .out_valid_o(tok_valid),
    .out_ready_i(tok_ready),
    .out_data_o (tok),
    .level_o    (level)
  );

  // Tokens that are on their way when there is no room any more: one being read, four behind it, two while this is registered.
  always_ff @(posedge clk_i) tok_room_o <= level <= 5'(TokenDepth - 8);

  phantom_lam_scan #(
    .Lf(Lf)
  ) u_scan (
    .clk_i,
    .rst_ni,
    .enable_i           (enable_q),
    .scan_enable_i      (scan_enable_q),
    .beat_enable_i      (beat_enable_q),
    .cfg_i,
    .in_cfg_i,
    .view_i,
    .tok_valid_i        (tok_valid),
    .tok_ready_o        (tok_ready),
    .tok_i              (tok),
    .values_back_o,
    .values_back_count_o,
    .value_we_i,
    .value_addr_i,
    .value_i,
    .beat_valid_o       (beat_valid),
    .beat_o             (beat)
  );

  phantom_lam_pack u_pack (
    .clk_i,
    .rst_ni,
    .cfg_i,
    .view_i,
    .beat_valid_i(beat_valid),
    .beat_i      (beat),
    .tile_o      (fill_tile),
    .fill_o      (fill)
  );

  // --- cores of the tile ---------------------------------------------------------------------------------------------------

  (* ram_style = "distributed" *) logic [Rows+Cols-1:0] tile_mem[16];
  logic [Rows-1:0] ahead_rows_q;
  logic [Cols-1:0] ahead_cols_q;
  logic            room;

  always_ff @(posedge clk_i) begin
    if (tile_we_i) tile_mem[tile_index_i] <= tile_cores_i;
    fill_o <= fill;
    {fill_cols_o, fill_rows_o} <= tile_mem[fill_tile];
    // The room of the tile that is being scanned.
    {ahead_cols_q, ahead_rows_q} <= tile_mem[beat.tile];
    if (!rst_ni) fill_o <= '0;  // as a whole: without, synthesis makes shift registers of what is on its way, which are LUTs
  end

  always_comb begin
    room = 1'b1;
    for (int unsigned r = 0; r < Rows; r++) begin
      for (int unsigned c = 0; c < Cols; c++) begin
        if (ahead_rows_q[r] && ahead_cols_q[c] && !room_i[r][c]) room = 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    enable_q      <= !rst_ni || room;
    scan_enable_q <= !rst_ni || room;
    beat_enable_q <= !rst_ni || room;
  end

  assign empty_o   = level == '0;
  assign blocked_o = !scan_enable_q && !empty_o;

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) assert (!tok_valid_i || tok_fits) else $error("phantom_lam_lane: a token is lost");
  end
`else
  logic unused;
  assign unused = &{1'b0, tok_fits};
`endif

endmodule
