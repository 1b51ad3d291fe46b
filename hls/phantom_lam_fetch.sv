// LAM, finder: walks the layer's loops and says which packets of the row buffer are to be read for which tile.
//
//   for strip / pass / chunk of 8 channels:  look up the packets of the strip's rows (packet table)
//     for channel in the chunk / tile / view:  for each packet that overlaps the view's rows and columns: a token
//
// A token is a packet's share of one view: its mask, where its values lie in the value memory, and which rows and columns of the view
// it covers. A token with `view_end` (and `chan_end` after the last view of a tile) follows the packets; it goes the same way, as a
// packet without values.
//
//   finder (loops, packet table) --> found --> sized --request--> readers (phantom_lam_reader) --> tokens and values
//
// A packet is looked at each cycle; what is found goes through two registers, in which its share of the view and the place of its words
// are worked out, while the finder goes on. Tile t belongs to lane t modulo their number; each lane has tokens and a value memory
// of its own, and the finder keeps account of the room in it. The even lanes have one reader, the odd ones another.
//
// Channels of their own (`own_chans`, for layers whose filters read one channel each): a pass walks only the next `pass_chans`
// channels, and these go to the groups of cores in turn. Tiles are then numbered group by group.
//
// Contract: a request (valid, take) stands in a register of its reader. The value memory is a ring of 64 words; `values_back_i` gives
// words back. Headers are read where no reader has the port (`port_free_i`). Rows are given back (`need_row_o`) when all that was found of
// the strip before has been read.
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

  typedef struct packed {
    logic [AddrW-1:0] addr;
    logic [31:0]      counts;
    logic [9:0]       y0;
    logic [9:0]       y_last;
    logic [9:0]       col;       // first column
    logic             last_xs;   // the row ends with it
  } packet_t;

  (* ram_style = "distributed" *) packet_t table_mem[64];
  packet_t          packet;   // that is looked at
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
          addr: head_addr_q,
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

  typedef struct packed {
    logic               view_end;
    logic               chan_end;
    logic [1:0]         view;
    logic [3:0]         tile;
    logic [2:0]         chan;    // in its chunk
    logic signed [12:0] origin;
    logic signed [11:0] first_col;
    logic signed [11:0] last_col;
  } place_t;

  logic    found_q, take_found, sized_q, take_sized;
  place_t  place_q;
  packet_t packet_q;

  assign look       = !found_q || take_found;
  assign take_found = found_q && (!sized_q || take_sized);

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

  // --- sized: where its words lie, and which rows and columns of the view it has ------------------------------------------------

  // Words of the packet in front of the channel: header, and mask and values of the channels before it. Added up as a tree.
  logic [3:0] count[8];
  logic [4:0] pair[4];
  always_comb begin
    for (int unsigned i = 0; i < 8; i++) count[i] = 3'(i) < place_q.chan ? packet_q.counts[4*i+:4] : '0;
    for (int unsigned i = 0; i < 4; i++) pair[i] = 5'(count[2*i]) + 5'(count[2*i+1]);
  end

  lam_token_t         tok, tok_q;
  logic [6:0]         offset_q;
  logic [AddrW-1:0]   addr_q;
  logic [LaneW-1:0]   lane_q;
  logic signed [11:0] col_offset, cols_left;

  assign col_offset = $signed({2'b0, packet_q.col}) - place_q.first_col;
  assign cols_left  = place_q.last_col - $signed({2'b0, packet_q.col});

  always_comb begin
    tok             = '0;
    tok.value_words = place_q.view_end ? '0 : packet_q.counts[4*place_q.chan+:4];
    tok.row         = 13'((in_cfg_i.flat ? 13'sd0 : $signed({3'b0, packet_q.y0})) - place_q.origin);
    tok.more_rows   = in_cfg_i.flat ? 6'd63 : 6'(packet_q.y_last - packet_q.y0);
    tok.first_col   = col_offset < 0 ? 6'(-col_offset) : '0;
    tok.last_col    = cols_left < $signed({5'b0, in_cfg_i.span}) ? cols_left[5:0] : 6'(in_cfg_i.span - 7'd1);
    tok.col         = col_offset[8:0];
    tok.row_end     = packet_q.last_xs || cols_left < $signed({5'b0, in_cfg_i.span});
    tok.tile        = place_q.tile;
    tok.view        = place_q.view;
    tok.view_end    = place_q.view_end;
    tok.chan_end    = place_q.chan_end;
  end

  always_ff @(posedge clk_i) begin
    if (take_found) begin
      tok_q    <= tok;
      offset_q <= (7'(pair[0]) + 7'(pair[1])) + (7'(pair[2]) + 7'(pair[3])) + 7'(place_q.chan) + 7'd1;
      addr_q   <= packet_q.addr;
      lane_q   <= LaneW'(place_q.tile & ((4'd1 << cfg_i.log2_lanes) - 4'd1));
    end
    if (!rst_ni) sized_q <= 1'b0;
    else if (take_found || take_sized) sized_q <= take_found;
  end

  // --- request: what the reader of the lane is to read next ------------------------------------------------------------------

  function automatic logic [AddrW-1:0] wrap(logic [AddrW:0] a);
    return AddrW'(a >= (AddrW + 1)'(RowBufferWords) ? a - (AddrW + 1)'(RowBufferWords) : a);
  endfunction

  logic [Readers-1:0] reader, request, req_valid_q;
  logic [6:0]         values_used_q[Lanes], less[Lanes], more[Lanes];
  logic [5:0]         value_next_q[Lanes];
  logic [Lanes-1:0]   taken, fits_q;  // a packet more fits into the lane's value memory

  assign reader      = Readers == 1 ? Readers'(1) : Readers'(2'b01 << lane_q[0]);
  assign request     = sized_q && fits_q[lane_q] ? reader & (~req_valid_q | req_take_i) : '0;
  assign take_sized  = |request;
  assign req_valid_o = req_valid_q;
  assign idle        = !found_q && !sized_q && req_valid_q == '0 && reading_i == '0;
  assign done_o      = state_q == StIdle && !found_q && !sized_q && req_valid_q == '0;

  always_comb begin
    for (int unsigned l = 0; l < Lanes; l++) begin
      taken[l] = take_sized && lane_q == LaneW'(l);
      less[l]  = values_used_q[l] - (values_back_i[l] ? 7'(values_back_count_i[l]) : 7'd0);
      more[l]  = less[l] + 7'(tok_q.value_words);
    end
  end

  always_ff @(posedge clk_i) begin
    for (int unsigned r = 0; r < Readers; r++) begin
      if (request[r]) begin
        req_tok_o[r]            <= tok_q;
        req_tok_o[r].value_base <= value_next_q[lane_q];
        req_lane_o[r]           <= lane_q;
        req_addr_o[r]           <= wrap((AddrW + 1)'(addr_q) + (AddrW + 1)'(offset_q));
      end
      if (!rst_ni) req_valid_q[r] <= 1'b0;
      else if (request[r]) req_valid_q[r] <= 1'b1;
      else if (req_take_i[r]) req_valid_q[r] <= 1'b0;
    end
    if (!rst_ni) begin
      values_used_q <= '{default: '0};
      value_next_q  <= '{default: '0};
      fits_q        <= '1;
    end else begin
      if (take_sized) value_next_q[lane_q] <= value_next_q[lane_q] + 6'(tok_q.value_words);
      for (int unsigned l = 0; l < Lanes; l++) begin
        values_used_q[l] <= taken[l] ? more[l] : less[l];
        fits_q[l]        <= taken[l] ? more[l] <= 7'd56 : less[l] <= 7'd56;
      end
    end
  end

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
