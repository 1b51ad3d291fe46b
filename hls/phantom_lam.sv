// LAM, lookahead mask: turns the compressed input in the row buffer into packed runs in the cores' activation buffers.
//
//   loops, packet table (fetch) --> masks and values (reader) --> tokens --> lane 0 (scan, pack) --> first rows of the mesh
//                                                                       \--> lane 1              --> the others
//
// A lane writes two entries a cycle into the activation buffers of one tile's cores; the lanes work on different tiles at a time. A
// layer that uses one of them only fills all rows by it. A mesh with an even number of rows has two lanes, else there is one.
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
  localparam int unsigned DirW  = $clog2(DirectoryDepth),
  localparam int unsigned Lanes = lam_lanes(Rows),
  localparam int unsigned LaneW = Lanes > 1 ? $clog2(Lanes) : 1
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
  input  logic [10:0]      rows_coming_i,
  input  logic [8:0]       chunks_ready_i,
  output logic [10:0]      need_row_o,
  output logic [DirW-1:0]  dir_index_o,
  input  logic [AddrW-1:0] dir_addr_i,
  output logic [AddrW-1:0] mem_addr_o,
  input  logic [63:0]      mem_data_i,
  input  logic             room_i[Rows][Cols],
  output logic [Rows-1:0]  fill_rows_o,
  output logic [Cols-1:0]  fill_cols_o[Lanes],  // of each lane's rows
  output fill_t            fill_o[Lanes]
);

  logic [Lanes-1:0]  value_we, tok_valid, tok_room, values_back, empty, blocked;
  logic [4:0]        value_addr;
  logic [63:0]       value;
  lam_token_t        tok, req_tok;
  logic [3:0]        values_back_count[Lanes];
  logic              finder_done, reading, reader_busy, req_valid, req_take, head;
  logic [AddrW-1:0]  req_addr, reader_addr;
  logic [LaneW-1:0]  req_lane;
  logic [Rows-1:0]   lane_rows[Lanes];
  logic [Cols-1:0]   lane_cols[Lanes];
  fill_t             lane_fill[Lanes];

  phantom_lam_fetch #(
    .Lanes         (Lanes),
    .RowBufferWords(RowBufferWords),
    .DirectoryDepth(DirectoryDepth)
  ) u_fetch (
    .clk_i,
    .rst_ni,
    .start_i,
    .cfg_i,
    .in_cfg_i,
    .view_i,
    .done_o             (finder_done),
    .waiting_o,
    .rows_ready_i,
    .rows_coming_i,
    .chunks_ready_i,
    .need_row_o,
    .dir_index_o,
    .head_o             (head),
    .mem_data_i,
    .head_addr_i        (dir_addr_i),
    .reading_i          (reading),
    .req_valid_o        (req_valid),
    .req_take_i         (req_take),
    .req_addr_o         (req_addr),
    .req_lane_o         (req_lane),
    .req_tok_o          (req_tok),
    .values_back_i      (values_back),
    .values_back_count_i(values_back_count)
  );

  phantom_lam_reader #(
    .Lanes         (Lanes),
    .RowBufferWords(RowBufferWords)
  ) u_reader (
    .clk_i,
    .rst_ni,
    .reading_o   (reading),
    .busy_o      (reader_busy),
    .req_valid_i (req_valid),
    .req_take_o  (req_take),
    .req_addr_i  (req_addr),
    .req_lane_i  (req_lane),
    .req_tok_i   (req_tok),
    .mem_addr_o  (reader_addr),
    .mem_data_i,
    .value_we_o  (value_we),
    .value_addr_o(value_addr),
    .value_o     (value),
    .tok_valid_o (tok_valid),
    .tok_room_i  (tok_room),
    .tok_o       (tok)
  );

  // The finder reads headers while the reader rests.
  assign mem_addr_o = head ? dir_addr_i : reader_addr;

  for (genvar l = 0; l < Lanes; l++) begin : g_lane
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
  end

  // The lane that fills the rows of lane `l`, with so many lanes in use.
  function automatic int unsigned source_of(int unsigned l, logic [1:0] log2_lanes);
    return (l << log2_lanes) / Lanes;
  endfunction

  always_ff @(posedge clk_i) begin
    for (int unsigned l = 0; l < Lanes; l++) begin
      fill_o[l]      <= lane_fill[source_of(l, cfg_i.log2_lanes)];
      fill_cols_o[l] <= lane_cols[source_of(l, cfg_i.log2_lanes)];
      for (int unsigned r = l * Rows / Lanes; r < (l + 1) * Rows / Lanes; r++) begin
        fill_rows_o[r] <= lane_rows[source_of(l, cfg_i.log2_lanes)][r];
      end
    end
    if (!rst_ni) fill_o <= '{default: '0};
  end

  assign blocked_o = |blocked;
  assign done_o    = finder_done && !reader_busy && (&empty);

endmodule
