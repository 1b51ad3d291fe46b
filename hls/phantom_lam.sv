// LAM, lookahead mask: turns the compressed input in the row buffer into packed runs in the cores' activation buffers.
//
//   loops, packet table (fetch) --> masks and values (even reader) --> tokens --> lanes 0 and 2 (scan, pack) --> rows of the mesh
//                              \--> masks and values (odd reader)  --> tokens --> lanes 1 and 3              --> others
//
// A lane writes two entries a cycle into the activation buffers of one tile's cores; the lanes work on different tiles at a time, each
// for its share of the rows of the mesh. A layer that uses fewer of them fills all rows by these. A mesh has four lanes, two or one, as
// its rows can be shared out. The readers take turns at the port of the row memory, which brings two words at a time.
//
// Contract: a layer starts with `start_i`; all cores of a tile (its row and column bits in the tile table) get the same
// fill. `room_i` must leave a margin of 12 words.
module phantom_lam
  import phantom_pkg::*;
  import phantom_lam_pkg::*;
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
  input  logic [63:0]      mem_data_i[2],
  input  logic             room_i[Rows][Cols],
  output logic [Rows-1:0]  fill_rows_o,
  output logic [Cols-1:0]  fill_cols_o[Lanes],  // of each lane's rows
  output fill_t            fill_o[Lanes]
);

  localparam int unsigned Readers = Lanes > 1 ? 2 : 1;

  logic [Lanes-1:0]   tok_room, values_back, empty, blocked;
  logic [3:0]         values_back_count[Lanes];
  logic               finder_done;
  logic [Readers-1:0] turn;
  logic               turn_q, port_used;  // turn of the odd reader; the port is used by whose turn it is
  logic [Readers-1:0] reading, reader_busy, port, req_valid, req_take;
  logic [AddrW-1:0]   head_addr, req_addr[Readers], reader_addr[Readers];
  logic [LaneW-1:0]   req_lane[Readers];
  lam_token_t         req_tok[Readers], tok[Readers];
  logic [Lanes-1:0]   value_we[Readers], tok_valid[Readers];
  logic [5:0]         value_addr[Readers];
  logic [63:0]        value[Readers];
  logic [Rows-1:0]   lane_rows[Lanes];
  logic [Cols-1:0]   lane_cols[Lanes];
  fill_t             lane_fill[Lanes];

  phantom_lam_fetch #(
    .Lanes         (Lanes),
    .Readers       (Readers),
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
    .dir_addr_i,
    .head_addr_o        (head_addr),
    .port_free_i        (!port_used),
    .mem_data_i         (mem_data_i[0]),
    .reading_i          (reading),
    .req_valid_o        (req_valid),
    .req_take_i         (req_take),
    .req_addr_o         (req_addr),
    .req_lane_o         (req_lane),
    .req_tok_o          (req_tok),
    .values_back_i      (values_back),
    .values_back_count_i(values_back_count)
  );

  // --- readers, in turn --------------------------------------------------------------------------------------------------------

  always_ff @(posedge clk_i) begin
    if (!rst_ni) turn_q <= 1'b0;
    else turn_q <= !turn_q;
  end

  assign turn      = Readers'({turn_q, !turn_q});
  assign port_used = |port;

  for (genvar r = 0; r < Readers; r++) begin : g_reader
    phantom_lam_reader #(
      .Lanes         (Lanes),
      .RowBufferWords(RowBufferWords)
    ) u_reader (
      .clk_i,
      .rst_ni,
      .cfg_i,
      .view_i,
      .turn_i      (turn[r]),
      .port_o      (port[r]),
      .reading_o   (reading[r]),
      .busy_o      (reader_busy[r]),
      .req_valid_i (req_valid[r]),
      .req_take_o  (req_take[r]),
      .req_addr_i  (req_addr[r]),
      .req_lane_i  (req_lane[r]),
      .req_tok_i   (req_tok[r]),
      .mem_addr_o  (reader_addr[r]),
      .mem_data_i,
      .value_we_o  (value_we[r]),
      .value_addr_o(value_addr[r]),
      .value_o     (value[r]),
      .tok_valid_o (tok_valid[r]),
      .tok_room_i  (tok_room),
      .tok_o       (tok[r])
    );
  end

  // The finder reads headers while the reader rests whose turn it is.
  always_comb begin
    mem_addr_o = head_addr;
    for (int unsigned r = 0; r < Readers; r++) if (port[r]) mem_addr_o = reader_addr[r];
  end

  // --- lanes ------------------------------------------------------------------------------------------------------------------

  // Many registers hear the reset: each lane has one of its own for it, which synthesis is not to make one of, and active-high
  // like their inputs for it.
  (* keep = "true" *) logic [Lanes-1:0] lane_rst_q;

  always_ff @(posedge clk_i) lane_rst_q <= {Lanes{!rst_ni}};

  for (genvar l = 0; l < Lanes; l++) begin : g_lane
    phantom_lam_lane #(
      .Rows(Rows),
      .Cols(Cols),
      .Lf  (Lf)
    ) u_lane (
      .clk_i,
      .rst_ni      (!lane_rst_q[l]),
      .cfg_i,
      .in_cfg_i,
      .view_i,
      .tile_we_i,
      .tile_index_i,
      .tile_cores_i       ({tile_cores_i[16+:Cols], tile_cores_i[0+:Rows]}),
      .empty_o            (empty[l]),
      .blocked_o          (blocked[l]),
      .tok_valid_i        (tok_valid[l%Readers][l]),
      .tok_room_o         (tok_room[l]),
      .tok_i              (tok[l%Readers]),
      .value_we_i         (value_we[l%Readers][l]),
      .value_addr_i       (value_addr[l%Readers]),
      .value_i            (value[l%Readers]),
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
    if (!rst_ni) begin
      for (int unsigned l = 0; l < Lanes; l++) {fill_o[l].word_we, fill_o[l].run_we, fill_o[l].commit} <= '0;
    end
  end

  assign blocked_o = |blocked;
  assign done_o    = finder_done && reader_busy == '0 && (&empty);

endmodule
