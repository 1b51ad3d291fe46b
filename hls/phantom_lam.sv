// LAM, lookahead mask: turns the compressed input in the row buffer into packed runs in the cores' activation buffers.
//
//   loops, packet table, masks and values (fetch) --> tokens --> lane 0 (scan, pack) --> upper half of the mesh, or all of it
//                                                          \--> lane 1              --> lower half, with two lanes
//
// A lane writes two entries a cycle into the activation buffers of one tile's cores. Two of them work on different tiles at a time:
// those with an even number lie in the upper half of the mesh, the others in the lower one. A mesh of one row has one lane.
//
// Contract: a layer starts with `start_i`; all cores of a tile (its row and column bits in the tile table) get the same
// fill. `room_i` must leave a margin of 12 words.
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
  output logic [Cols-1:0]  fill_cols_o[2],  // of the upper and the lower half
  output fill_t            fill_o[2]
);

  localparam int unsigned Lanes = Rows > 1 ? 2 : 1;

  logic [1:0]      value_we, tok_valid, tok_room, values_back, empty, blocked;
  logic [4:0]      value_addr;
  logic [63:0]     value;
  lam_token_t      tok;
  logic [3:0]      values_back_count[2];
  logic            fetch_done;
  logic [Rows-1:0] lane_rows[2];
  logic [Cols-1:0] lane_cols[2];
  fill_t           lane_fill[2];

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
    .tok_valid_o       (tok_valid),
    .tok_room_i        (tok_room),
    .tok_o             (tok),
    .values_back_i     (values_back),
    .values_back_count_i(values_back_count)
  );

  for (genvar l = 0; l < 2; l++) begin : g_lane
    if (l < Lanes) begin : g_there
      phantom_lam_lane #(
        .Rows(Rows),
        .Cols(Cols),
        .Lf  (Lf)
      ) u_lane (
        .clk_i,
        .rst_ni,
        .cfg_i,
        .in_cfg_i,
        .view_i,
        .tile_we_i,
        .tile_index_i,
        .tile_cores_i       ({tile_cores_i[16+:Cols], tile_cores_i[0+:Rows]}),
        .empty_o            (empty[l]),
        .blocked_o          (blocked[l]),
        .tok_valid_i        (tok_valid[l]),
        .tok_room_o         (tok_room[l]),
        .tok_i              (tok),
        .value_we_i         (value_we[l]),
        .value_addr_i       (value_addr),
        .value_i            (value),
        .values_back_o      (values_back[l]),
        .values_back_count_o(values_back_count[l]),
        .room_i,
        .fill_rows_o        (lane_rows[l]),
        .fill_cols_o        (lane_cols[l]),
        .fill_o             (lane_fill[l])
      );
    end else begin : g_none
      assign empty[l]             = 1'b1;
      assign blocked[l]           = 1'b0;
      assign tok_room[l]          = 1'b1;
      assign values_back[l]       = 1'b0;
      assign values_back_count[l] = '0;
      assign lane_rows[l]         = '0;
      assign lane_cols[l]         = '0;
      assign lane_fill[l]         = '0;
    end
  end

  always_ff @(posedge clk_i) begin
    fill_o      <= lane_fill;
    fill_cols_o <= lane_cols;
    for (int unsigned r = 0; r < Rows; r++) fill_rows_o[r] <= lane_rows[cfg_i.two_lanes && 2 * r >= Rows][r];
    if (!cfg_i.two_lanes) begin
      fill_o[1]      <= lane_fill[0];
      fill_cols_o[1] <= lane_cols[0];
    end
    if (!rst_ni) fill_o <= '{default: '0};
  end

  assign blocked_o = |blocked;
  assign done_o    = fetch_done && (&empty);

endmodule
