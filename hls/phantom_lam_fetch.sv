// LAM, finder: walks the layer's loops and says which packets of the row buffer are to be read for which tile.
//
//   for strip / pass / chunk of 8 channels:  look up the packets of the strip's rows (packet table)
//     for channel in the chunk / tile / view:  for each packet that overlaps the view's rows and columns: a token
//
// A token is a packet's share of one view: its mask, where its values lie in the value memory, and which rows and columns of the view
// it covers. A token with `view_end` (and `chan_end` after the last view of a tile) follows the packets; it goes the same way, as a
// packet without values.
//
//   finder (loops, packet table) --> found --> phantom_lam_request --> readers (phantom_lam_reader) --> tokens and values
//
// A packet is looked at each cycle; what is found stands in a register, from which it is sized and requested while the finder goes on.
//
// Channels of their own (`own_chans`, for layers whose filters read one channel each): a pass walks only the next `pass_chans`
// channels, and these go to the groups of cores in turn. Tiles are then numbered group by group.
//
// Contract: requests as in phantom_lam_request. Headers are read where no reader has the port (`port_free_i`). Rows are given back
// (`need_row_o`) when all that was found of the strip before has been read.
module phantom_lam_fetch
  import phantom_pkg::*;
#(
  parameter int unsigned Lanes          = 4,
  parameter int unsigned Readers        = 2,
  parameter int unsigned RowBufferWords = 12288,
  parameter int unsigned DirectoryDepth = 2048,
  localparam int unsigned AddrW = $clog2(RowBufferWords),
  localparam int unsigned DirW  = $clog2(DirectoryDepth),
  localparam int unsigned LaneW = Lanes > 1 ? $clog2(Lanes) : 1
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             start_i,
  input  lam_cfg_t         cfg_i,
  input  input_cfg_t       in_cfg_i,
  input  view_t            view_i[4],
  output logic             done_o,
  output logic             waiting_o,    // for rows of the input
  input  logic [10:0]      rows_ready_i,
  input  logic [10:0]      rows_coming_i,   // with those of the producer strip that is coming in,
  input  logic [8:0]       chunks_ready_i,  // of which so many chunks are there
  output logic [10:0]      need_row_o,
  // directory: latency 1; row memory: latency 2
  output logic [DirW-1:0]  dir_index_o,
  input  logic [AddrW-1:0] dir_addr_i,
  output logic [AddrW-1:0] head_addr_o,  // of a header, which is read when the port is free
  input  logic             port_free_i,
  input  logic [63:0]      mem_data_i,
  // requests
  input  logic [Readers-1:0] reading_i,
  output logic [Readers-1:0] req_valid_o,
  input  logic [Readers-1:0] req_take_i,
  output logic [AddrW-1:0] req_addr_o[Readers],  // of the channel's mask; its values follow
  output logic [LaneW-1:0] req_lane_o[Readers],
  output lam_token_t       req_tok_o[Readers],   // without the mask
  input  logic [Lanes-1:0] values_back_i,
  input  logic [3:0]       values_back_count_i[Lanes]
);

  typedef enum logic [3:0] {
    StIdle,
    StStrip,    // wait for the strip's rows, or the chunk's share of them
    StDir,      // packet table: look up the directory, or all rows are in it
    StAddress,  //   its address,
    StHead,     //   the header there,
    StHeadWait,
    StStore,    //   and store it
    StView,     // first and last row and column of the view
    StRange,
    StFind      // next packet that overlaps them, or the end of the view
  } state_e;

  state_e state_q;

  // --- loops ---------------------------------------------------------------------------------------------------------

  logic [15:0] strip_q;
  logic [7:0]  pass_q;
  logic [11:0] chan_q;
  logic [4:0]  tile_q;
  logic [3:0]  tile_x_q;
  logic [2:0]  view_q;
  logic [10:0] need_q;      // first row that this strip needs, before clipping at 0, plus need_above
  logic signed [11:0] base_q;       // first output row of the strip
  logic signed [11:0] tile_base_q;  // of the tile
  logic [10:0] tile_col_q;          // input column that belongs to its first output column
  logic [11:0] pass_end_q;            // first channel beyond the pass
  logic [3:0]  owner_q, out_tile_q;   // first tile number of the channel's group; number of the tile
  logic last_view_q, last_tile_q, last_chan_q, last_in_chunk_q, last_pass_q, last_strip_q;
  logic next_tile_q, next_chan_q, next_pass_q, next_strip_q;  // come behind this view

  // One or two cycles late, which is early enough: a view takes three at least.
  always_ff @(posedge clk_i) begin
    last_view_q     <= 3'(view_q + 3'd1) == cfg_i.views;
    last_tile_q     <= 5'(tile_q + 5'd1) == cfg_i.tiles;
    last_chan_q     <= 12'(chan_q + 12'd1) == cfg_i.chans || 12'(chan_q + 12'd1) == pass_end_q;
    last_in_chunk_q <= 12'(chan_q + 12'd1) == cfg_i.chans || chan_q[2:0] == 3'd7;
    out_tile_q      <= tile_q[3:0] + owner_q;
    last_pass_q     <= 8'(pass_q + 8'd1) == cfg_i.passes;
    last_strip_q    <= 16'(strip_q + 16'd1) == cfg_i.strips;
    next_tile_q     <= last_view_q && !last_tile_q;
    next_chan_q     <= last_view_q && last_tile_q;
    next_pass_q     <= last_view_q && last_tile_q && last_chan_q;
    next_strip_q    <= last_view_q && last_tile_q && last_chan_q && last_pass_q;
  end

  logic [10:0] need_first_q, need_end_q, need_row_q;
  logic        fresh_q, idle;   // nothing has been looked for in this strip yet; nothing is on its way

  // Rows that the next strip needs: worked out long before they are wanted.
  logic [10:0] next_need_q, next_first_q, next_end_q, beyond_q;
  always_ff @(posedge clk_i) begin
    next_need_q  <= need_q + 11'(cfg_i.need_step);
    next_first_q <= next_need_q > 11'(cfg_i.need_above) ? next_need_q - 11'(cfg_i.need_above) : '0;
    beyond_q     <= next_need_q + 11'(cfg_i.need_span);
    next_end_q   <= beyond_q < 11'(in_cfg_i.rows) ? beyond_q : 11'(in_cfg_i.rows);
  end
  assign need_row_o = need_row_q;

  // All rows are there, or those of this chunk are.
  logic there;
  assign there     = rows_ready_i >= need_end_q ||
                     (rows_coming_i >= need_end_q && chan_q[11:3] < chunks_ready_i);
  assign waiting_o = state_q == StStrip && !there && !fresh_q;

  logic look;  // what is looked at in this cycle has a place to go

  // --- packet table -----------------------------------------------------------------------------------------------------

  (* ram_style = "distributed" *) lam_packet_t table_mem[64];
  lam_packet_t      packet;   // that is looked at
  logic [6:0]       index_q, index_next, tile_index_q, count_q;  // of 64 packets, or behind them
  logic [10:0]      row_q;
  logic [9:0]       col_q;
  logic [3:0]       xs_q;
  logic [AddrW-1:0] head_addr_q;

  assign head_addr_o = head_addr_q;
  assign index_next  = state_q == StFind && look ? index_q + 7'd1 : index_q;
  assign dir_index_o = DirW'(directory_index(in_cfg_i, row_q[9:0], xs_q, chan_q[10:3]));

  always_ff @(posedge clk_i) begin
    packet <= table_mem[index_next[5:0]];
    if (state_q == StStore) begin
      table_mem[count_q[5:0]] <= '{
          addr: 16'(head_addr_q),
          counts: mem_data_i[63:32],
          y0: mem_data_i[21:12],
          y_last: mem_data_i[21:12] + 10'(mem_data_i[31:26]),
          col: col_q,
          last_xs: xs_q == in_cfg_i.last_xs
      };
    end
  end

  // --- one view -----------------------------------------------------------------------------------------------------------

  view_t view;
  assign view = view_i[view_q[1:0]];

  logic signed [11:0] first_q, last_q;      // view rows
  logic signed [12:0] first_row_q, last_row_q;  // rows of the input
  logic signed [12:0] origin_q;             // input row of view row 0 of the tile
  logic signed [11:0] first_col_q, last_col_q;  // columns of the input
  logic signed [11:0] left_col_q;           // packets that begin here, or further left, end before the first column
  logic               flat_done_q;          // the one packet of a flat view has been found
  logic               past_end, precedes, other_parity, beside, overlaps;
  logic signed [12:0] packet_first, packet_last;
  logic signed [11:0] packet_col;

  assign packet_first = in_cfg_i.flat ? 13'sd0 : $signed({3'b0, packet.y0});
  assign packet_last  = in_cfg_i.flat ? 13'sd0 : $signed({3'b0, packet.y_last});
  assign packet_col   = $signed({2'b0, packet.col});
  assign past_end     = index_q == count_q || packet_first > last_row_q || flat_done_q;
  assign precedes     = packet_last < first_row_q;
  assign beside       = packet_col > last_col_q || packet_col <= left_col_q;
  // With stride 2 a packet of one row belongs to the views of its parity only.
  assign other_parity = cfg_i.stride2 && !in_cfg_i.flat && packet.y0 == packet.y_last && packet.y0[0] != view.py;

  assign overlaps     = !past_end && !precedes && !other_parity && !beside;

  // --- found: a packet of a view, or the end of the view ---------------------------------------------------------------------

  logic        found_q, take_found;
  lam_place_t  place_q;
  lam_packet_t packet_q;

  assign look = !found_q || take_found;

  always_ff @(posedge clk_i) begin
    if (look) begin
      packet_q <= packet;
      place_q  <= '{
          view_end: past_end,
          chan_end: past_end && (last_view_q || cfg_i.view_chans),
          view: view_q[1:0],
          tile: out_tile_q,
          chan: chan_q[2:0],
          origin: origin_q,
          first_col: first_col_q,
          last_col: last_col_q
      };
    end
    if (!rst_ni) found_q <= 1'b0;
    else if (look) found_q <= state_q == StFind && (past_end || overlaps);
  end

  // --- request: what its reader is to read, and when there is room ----------------------------------------------------------

  logic requests_empty;

  phantom_lam_request #(
    .Lanes         (Lanes),
    .Readers       (Readers),
    .RowBufferWords(RowBufferWords)
  ) u_request (
    .clk_i,
    .rst_ni,
    .log2_lanes_i (cfg_i.log2_lanes),
    .in_cfg_i,
    .found_valid_i(found_q),
    .found_take_o (take_found),
    .packet_i     (packet_q),
    .place_i      (place_q),
    .empty_o      (requests_empty),
    .req_valid_o,
    .req_take_i,
    .req_addr_o,
    .req_lane_o,
    .req_tok_o,
    .values_back_i,
    .values_back_count_i
  );

  assign idle   = !found_q && requests_empty && reading_i == '0;
  assign done_o = state_q == StIdle && !found_q && requests_empty;

  // --- finder -------------------------------------------------------------------------------------------------------------------

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q      <= StIdle;
      need_first_q <= '0;
      need_row_q   <= '0;
      fresh_q      <= 1'b0;
    end else begin
      unique case (state_q)
        StIdle: begin
          strip_q <= '0;
          pass_q  <= '0;
          chan_q  <= '0;
          owner_q <= '0;
          pass_end_q <= cfg_i.pass_chans;
          need_q  <= '0;
          base_q  <= '0;
          if (start_i) begin
            need_first_q <= '0;
            fresh_q      <= 1'b1;
            need_end_q   <= 11'(cfg_i.need_span) < 11'(in_cfg_i.rows) ? 11'(cfg_i.need_span) : 11'(in_cfg_i.rows);
            state_q      <= StStrip;
          end
        end
        StStrip: begin
          row_q   <= need_first_q;
          xs_q    <= '0;
          col_q   <= '0;
          count_q <= '0;
          tile_q       <= '0;
          tile_x_q     <= '0;
          view_q       <= '0;
          tile_base_q  <= base_q;
          tile_col_q   <= '0;
          tile_index_q <= '0;
          if (idle) begin
            fresh_q    <= 1'b0;
            need_row_q <= need_first_q;
          end
          // A strip may lie below the image as a whole.
          if (there && (idle || !fresh_q)) state_q <= need_first_q < 11'(in_cfg_i.rows) ? StDir : StView;
        end
        StDir: state_q <= count_q != '0 && xs_q == '0 && row_q >= need_end_q ? StView : StAddress;
        StAddress: begin
          head_addr_q <= dir_addr_i;
          state_q     <= StHead;
        end
        StHead: if (port_free_i) state_q <= StHeadWait;
        StHeadWait: state_q <= StStore;
        StStore: begin
          count_q <= count_q + 7'd1;
          state_q <= StDir;
          if (xs_q == in_cfg_i.last_xs) begin
            xs_q  <= '0;
            col_q <= '0;
            row_q <= 11'(mem_data_i[21:12]) + 11'(mem_data_i[31:26]) + 11'd1;
          end else begin
            xs_q  <= xs_q + 4'd1;
            col_q <= col_q + 10'(in_cfg_i.span);
          end
        end
        StView: begin
          first_q <= tile_base_q + 12'(view.first);
          last_q  <= tile_base_q + 12'(view.first) + 12'(view.rows) - 12'sd1;
          first_col_q <= $signed({1'b0, tile_col_q}) + 12'(view.col_first);
          index_q <= in_cfg_i.flat ? 7'(view_q) : tile_index_q;
          flat_done_q <= 1'b0;
          state_q <= StRange;
        end
        StRange: begin
          origin_q    <= cfg_i.stride2 ? {first_q, view.py} : 13'(first_q);
          first_row_q <= first_q < 0 ? 13'sd0 : cfg_i.stride2 ? {first_q, view.py} : 13'(first_q);
          last_row_q  <= last_q < 0 ? -13'sd1 : cfg_i.stride2 ? {last_q, view.py} : 13'(last_q);
          last_col_q  <= first_col_q + $signed({2'b0, view.col_span});
          left_col_q  <= first_col_q - $signed({5'b0, in_cfg_i.span});
          state_q     <= StFind;
        end
        StFind: if (look && !past_end) begin
          index_q     <= index_next;
          flat_done_q <= in_cfg_i.flat && overlaps;
          // Nor will it be of use to the next tiles and views: none of them begins further up (the compiler orders views so).
          if (precedes && view_q == '0) tile_index_q <= index_next;
        end else if (look) begin
          state_q <= StView;
          view_q  <= last_view_q ? '0 : view_q + 3'd1;
          if (next_tile_q) begin
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
          if (next_chan_q) begin
            tile_q       <= '0;
            tile_x_q     <= '0;
            tile_col_q   <= '0;
            tile_base_q  <= base_q;
            tile_index_q <= '0;
            chan_q       <= next_pass_q && (last_pass_q || !cfg_i.own_chans) ? '0 : chan_q + 12'd1;
            owner_q      <= next_pass_q || owner_q == cfg_i.last_owner ? '0 : owner_q + cfg_i.tiles[3:0];
            if (last_in_chunk_q) state_q <= StStrip;
          end
          if (next_pass_q) begin
            if (cfg_i.own_chans) pass_end_q <= last_pass_q ? cfg_i.pass_chans : pass_end_q + cfg_i.pass_chans;
            pass_q <= last_pass_q ? '0 : pass_q + 8'd1;
          end
          if (next_strip_q) begin
            strip_q      <= strip_q + 16'd1;
            base_q       <= base_q + 12'(cfg_i.strip_rows);
            need_q       <= next_need_q;
            need_first_q <= next_first_q;
            need_end_q   <= next_end_q;
            fresh_q      <= 1'b1;
            if (last_strip_q) state_q <= StIdle;
          end
        end
        default: state_q <= StIdle;
      endcase
    end
  end

  logic unused;
  assign unused = &{1'b0, mem_data_i[25:22], mem_data_i[11:0]};  // of a header

endmodule
