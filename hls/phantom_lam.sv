// LAM, lookahead mask: turns the compressed input in the row buffer into packed runs in the cores' activation buffers.
//
//   loops, packet table, masks and values (fetch) --> tokens --> nonzeros of the view (scan) --> words and runs (pack)
//
// Contract: a layer starts with `start_i`; all cores of a tile (its row and column bits in the tile table) get the same
// fill. When one of them has no room everything waits. `room_i` must leave a margin of 12 words: scan and pack are up to five
// steps ahead, registers on the way included.
module phantom_lam
  import phantom_pkg::*;
#(
  parameter int unsigned Rows           = 4,
  parameter int unsigned Cols           = 4,
  parameter int unsigned Lf             = 16,
  parameter int unsigned RowBufferWords = 12288,
  parameter int unsigned DirectoryDepth = 2048,
  localparam int unsigned AddrW = $clog2(RowBufferWords),
  localparam int unsigned DirW  = $clog2(DirectoryDepth)
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             start_i,
  input  lam_cfg_t         cfg_i,
  input  input_cfg_t       in_cfg_i,
  input  view_t            view_i[4],
  input  logic             tile_we_i,     // tile table: rows and columns of a tile's cores
  input  logic [3:0]       tile_index_i,
  input  logic [31:0]      tile_cores_i,
  output logic             done_o,
  output logic             waiting_o,
  output logic             blocked_o,     // cores have no room
  input  logic [10:0]      rows_ready_i,
  output logic [10:0]      need_row_o,
  output logic [DirW-1:0]  dir_index_o,
  input  logic [AddrW-1:0] dir_addr_i,
  output logic [AddrW-1:0] mem_addr_o,
  input  logic [63:0]      mem_data_i,
  input  logic             room_i[Rows][Cols],
  output logic [Rows-1:0]  fill_rows_o,
  output logic [Cols-1:0]  fill_cols_o,
  output fill_t            fill_o
);

  localparam int unsigned TokenDepth = 16;

  logic        value_we, fetch_valid, fetch_ready, fetch_room_q, tok_valid, tok_ready, values_back, beat_valid, enable_q, fetch_done;
  logic [4:0]  value_addr;
  logic [63:0] value;
  lam_token_t  fetch_tok, tok;
  logic [3:0]  values_back_count, fill_tile;
  lam_beat_t   beat;
  fill_t       fill;
  logic [4:0]  level;

  phantom_lam_fetch #(
    .RowBufferWords(RowBufferWords),
    .DirectoryDepth(DirectoryDepth)
  ) u_fetch (
    .clk_i,
    .rst_ni,
    .start_i,
    .cfg_i,
    .in_cfg_i,
    .view_i,
    .done_o            (fetch_done),
    .waiting_o,
    .rows_ready_i,
    .need_row_o,
    .dir_index_o,
    .dir_addr_i,
    .mem_addr_o,
    .mem_data_i,
    .value_we_o        (value_we),
    .value_addr_o      (value_addr),
    .value_o           (value),
    .tok_valid_o       (fetch_valid),
    .tok_room_i        (fetch_room_q),
    .tok_o             (fetch_tok),
    .values_back_i     (values_back),
    .values_back_count_i(values_back_count)
  );

  phantom_fifo #(
    .Width($bits(lam_token_t)),
    .Depth(TokenDepth)
  ) u_tokens (
    .clk_i,
    .rst_ni,
    .in_valid_i (fetch_valid),
    .in_ready_o (fetch_ready),
    .in_data_i  (fetch_tok),
    .out_valid_o(tok_valid),
    .out_ready_i(tok_ready),
    .out_data_o (tok),
    .level_o    (level)
  );

  // Tokens that are on their way when there is no room any more: one being read, three behind it, two while this is registered.
  always_ff @(posedge clk_i) fetch_room_q <= level <= 5'(TokenDepth - 7);

  phantom_lam_scan #(
    .Lf(Lf)
  ) u_scan (
    .clk_i,
    .rst_ni,
    .enable_i           (enable_q),
    .cfg_i,
    .in_cfg_i,
    .view_i,
    .tok_valid_i        (tok_valid),
    .tok_ready_o        (tok_ready),
    .tok_i              (tok),
    .values_back_o      (values_back),
    .values_back_count_o(values_back_count),
    .value_we_i         (value_we),
    .value_addr_i       (value_addr),
    .value_i            (value),
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
    if (tile_we_i) tile_mem[tile_index_i] <= {tile_cores_i[16+:Cols], tile_cores_i[0+:Rows]};
    fill_o <= fill;
    {fill_cols_o, fill_rows_o} <= tile_mem[fill_tile];
    // The room of the tile that is being scanned.
    {ahead_cols_q, ahead_rows_q} <= tile_mem[beat.tile];
    if (!rst_ni) fill_o <= '0;
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
    if (!rst_ni) enable_q <= 1'b1;
    else enable_q <= room;
  end

  assign blocked_o = !enable_q;
  assign done_o    = fetch_done && level == '0 && !fetch_valid;

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) assert (!fetch_valid || fetch_ready) else $error("phantom_lam: a token is lost");
  end
`else
  logic unused;
  assign unused = &{1'b0, fetch_ready};
`endif

endmodule
