// LAM, finder: walks the layer's loops and says which packets of the row buffer are to be read for which tile.
//
//   for strip / pass / chunk of 8 channels:  look up the packets of the strip's rows (packet table)
//     for channel in the chunk / tile / view:  for each packet that overlaps the view's rows and columns: a token
//
// A token is a packet's share of one view: its mask, where its values lie in the value memory, and which rows and columns of the view
// it covers. A token with `view_end` (and `chan_end` after the last view of a tile) follows the packets; it goes the same way, as a
// packet without values.
//
//   finder (loops, packet table) --request--> reader (phantom_lam_reader: one word a cycle) --> tokens and values
//
// Tile t belongs to lane t modulo their number; each lane has tokens and a value memory of its own, and the finder keeps account of the
// room in it.
//
// Channels of their own (`own_chans`, for layers whose filters read one channel each): a pass walks only the next `pass_chans`
// channels, and these go to the groups of cores in turn. Tiles are then numbered group by group.
//
// Contract: a request (valid, take) stands in a register, so that the next packet is looked for while one is read. The value memory
// is a ring of 32 words; `values_back_i` gives words back. Headers are read through the reader's port (`head_o`) while it rests.
module phantom_lam_fetch
  import phantom_pkg::*;
#(
  parameter int unsigned Lanes          = 2,
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
  input  logic [AddrW-1:0] head_addr_i,
  output logic             head_o,       // the header at `head_addr_i` is wanted
  input  logic [63:0]      mem_data_i,
  // requests
  input  logic             reading_i,    // the reader needs the port
  output logic             req_valid_o,
  input  logic             req_take_i,
  output logic [AddrW-1:0] req_addr_o,   // of the channel's mask; its values follow
  output logic [LaneW-1:0] req_lane_o,
  output lam_token_t       req_tok_o,    // without the mask
  input  logic [Lanes-1:0] values_back_i,
  input  logic [3:0]       values_back_count_i[Lanes]
);

  typedef enum logic [3:0] {
    StIdle,
    StStrip,    // wait for the strip's rows, or the chunk's share of them
    StDir,      // packet table: look up the directory,
    StHead,     //   the header,
    StHeadWait,
    StStore,    //   and store it
    StView,     // first and last row and column of the view
    StRange,
    StFind,     // next packet that overlaps them
    StOffset,   // where the channel lies in it
    StRequest,  // hand it to the reader
    StViewEnd
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

  // One or two cycles late, which is early enough: a view takes four at least.
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

  logic [10:0] need_first_q, need_end_q;

  // Rows that the next strip needs: worked out long before they are wanted.
  logic [10:0] next_need_q, next_first_q, next_end_q, beyond_q;
  always_ff @(posedge clk_i) begin
    next_need_q  <= need_q + 11'(cfg_i.need_step);
    next_first_q <= next_need_q > 11'(cfg_i.need_above) ? next_need_q - 11'(cfg_i.need_above) : '0;
    beyond_q     <= next_need_q + 11'(cfg_i.need_span);
    next_end_q   <= beyond_q < 11'(in_cfg_i.rows) ? beyond_q : 11'(in_cfg_i.rows);
  end
  assign need_row_o = need_first_q;

  // All rows are there, or those of this chunk are.
  logic there;
  assign there     = rows_ready_i >= need_end_q ||
                     (rows_coming_i >= need_end_q && chan_q[11:3] < chunks_ready_i);
  assign waiting_o = state_q == StStrip && !there;

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
  packet_t          packet, packet_q;
  logic [6:0]       index_q, tile_index_q, count_q;  // of 64 packets, or behind them
  logic [9:0]       row_q, col_q;
  logic [3:0]       xs_q;
  logic [AddrW-1:0] head_addr_q;

  assign packet      = table_mem[index_q[5:0]];
  assign dir_index_o = DirW'(directory_index(in_cfg_i, row_q, xs_q, chan_q[10:3]));

  always_ff @(posedge clk_i) begin
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
  logic               past_end, precedes, other_parity, beside;
  logic signed [12:0] packet_first, packet_last;
  logic signed [11:0] packet_col;

  assign packet_first = in_cfg_i.flat ? 13'sd0 : $signed({3'b0, packet.y0});
  assign packet_last  = in_cfg_i.flat ? 13'sd0 : $signed({3'b0, packet.y_last});
  assign packet_col   = $signed({2'b0, packet.col});
  assign past_end     = index_q == count_q || packet_first > last_row_q;
  assign precedes     = packet_last < first_row_q;
  assign beside       = packet_col > last_col_q || packet_col <= left_col_q;
  // With stride 2 a packet of one row belongs to the views of its parity only.
  assign other_parity = cfg_i.stride2 && !in_cfg_i.flat && packet.y0 == packet.y_last && packet.y0[0] != view.py;

  // Words of the packet in front of the channel: header, and mask and values of the channels before it.
  // Added up as a tree, from the packet's registered copy.
  logic [3:0] count[8];
  logic [4:0] pair[4];
  logic [6:0] offset_q;
  always_comb begin
    for (int unsigned i = 0; i < 8; i++) count[i] = 3'(i) < chan_q[2:0] ? packet_q.counts[4*i+:4] : '0;
    for (int unsigned i = 0; i < 4; i++) pair[i] = 5'(count[2*i]) + 5'(count[2*i+1]);
  end

  function automatic logic [AddrW-1:0] wrap(logic [AddrW:0] a);
    return AddrW'(a >= (AddrW + 1)'(RowBufferWords) ? a - (AddrW + 1)'(RowBufferWords) : a);
  endfunction

  // --- request: what the reader is to read next ------------------------------------------------------------------------------

  lam_token_t         req_d, req_q;
  logic               req_valid_q, request, view_end;
  logic [AddrW-1:0]   req_addr_q;
  logic [3:0]         words_q;
  logic [5:0]         values_used_q[Lanes];
  logic [4:0]         value_next_q[Lanes];
  logic [LaneW-1:0]   lane, req_lane_q;
  logic signed [11:0] col_offset, cols_left;

  assign head_o      = state_q == StHead;
  assign req_valid_o = req_valid_q;
  assign req_addr_o  = req_addr_q;
  assign req_lane_o  = req_lane_q;
  assign req_tok_o   = req_q;
  assign done_o      = state_q == StIdle && !req_valid_q;
  assign view_end   = state_q == StViewEnd;
  assign lane       = LaneW'(out_tile_q & ((4'd1 << cfg_i.log2_lanes) - 4'd1));
  assign request    = (state_q == StRequest || view_end) && values_used_q[lane] <= 6'd24 && (!req_valid_q || req_take_i);
  assign col_offset = $signed({2'b0, packet_q.col}) - first_col_q;
  assign cols_left  = last_col_q - $signed({2'b0, packet_q.col});

  always_comb begin
    req_d             = '0;
    req_d.value_base  = value_next_q[lane];
    req_d.value_words = view_end ? '0 : words_q;
    req_d.row         = 13'((in_cfg_i.flat ? 13'sd0 : $signed({3'b0, packet_q.y0})) - origin_q);
    req_d.more_rows   = in_cfg_i.flat ? 6'd63 : 6'(packet_q.y_last - packet_q.y0);
    req_d.first_col   = col_offset < 0 ? 6'(-col_offset) : '0;
    req_d.last_col    = cols_left < $signed({5'b0, in_cfg_i.span}) ? cols_left[5:0] : 6'(in_cfg_i.span - 7'd1);
    req_d.col         = col_offset[8:0];
    req_d.row_end     = packet_q.last_xs || cols_left < $signed({5'b0, in_cfg_i.span});
    req_d.tile        = out_tile_q;
    req_d.view        = view_q[1:0];
    req_d.view_end    = view_end;
    req_d.chan_end    = view_end && (last_view_q || cfg_i.view_chans);
  end

  always_ff @(posedge clk_i) begin
    if (state_q == StFind) packet_q <= packet;
    offset_q <= (7'(pair[0]) + 7'(pair[1])) + (7'(pair[2]) + 7'(pair[3])) + 7'(chan_q[2:0]) + 7'd1;
    words_q  <= packet_q.counts[4*chan_q[2:0]+:4];
    if (request) begin
      req_q      <= req_d;
      req_lane_q <= lane;
      req_addr_q <= wrap((AddrW + 1)'(packet_q.addr) + (AddrW + 1)'(offset_q));
    end
    if (!rst_ni) begin
      req_valid_q   <= 1'b0;
      values_used_q <= '{default: '0};
      value_next_q  <= '{default: '0};
    end else begin
      if (request) req_valid_q <= 1'b1;
      else if (req_take_i) req_valid_q <= 1'b0;
      if (request) value_next_q[lane] <= value_next_q[lane] + 5'(req_d.value_words);
      for (int unsigned l = 0; l < Lanes; l++) begin
        values_used_q[l] <= values_used_q[l] + (request && lane == LaneW'(l) ? 6'(req_d.value_words) : 6'd0) -
                            (values_back_i[l] ? 6'(values_back_count_i[l]) : 6'd0);
      end
    end
  end

  // --- finder -------------------------------------------------------------------------------------------------------------------

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q      <= StIdle;
      need_first_q <= '0;
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
            need_end_q   <= 11'(cfg_i.need_span) < 11'(in_cfg_i.rows) ? 11'(cfg_i.need_span) : 11'(in_cfg_i.rows);
            state_q      <= StStrip;
          end
        end
        StStrip: begin
          row_q   <= need_first_q[9:0];
          xs_q    <= '0;
          col_q   <= '0;
          count_q <= '0;
          tile_q       <= '0;
          tile_x_q     <= '0;
          view_q       <= '0;
          tile_base_q  <= base_q;
          tile_col_q   <= '0;
          tile_index_q <= '0;
          // The row memory has one read port: the reader must have come to its end. A strip may lie below the image as a whole.
          if (there && !req_valid_q && !reading_i) state_q <= need_first_q < 11'(in_cfg_i.rows) ? StDir : StView;
        end
        StDir: state_q <= StHead;
        StHead: begin
          head_addr_q <= head_addr_i;
          state_q     <= StHeadWait;
        end
        StHeadWait: state_q <= StStore;
        StStore: begin
          count_q <= count_q + 7'd1;
          if (xs_q == in_cfg_i.last_xs) begin
            xs_q  <= '0;
            col_q <= '0;
            row_q <= mem_data_i[21:12] + 10'(mem_data_i[31:26]) + 10'd1;
          end else begin
            xs_q  <= xs_q + 4'd1;
            col_q <= col_q + 10'(in_cfg_i.span);
          end
          if (xs_q == in_cfg_i.last_xs && 11'(mem_data_i[21:12]) + 11'(mem_data_i[31:26]) + 11'd1 >= need_end_q) state_q <= StView;
          else state_q <= StDir;
        end
        StView: begin
          first_q <= tile_base_q + 12'(view.first);
          last_q  <= tile_base_q + 12'(view.first) + 12'(view.rows) - 12'sd1;
          first_col_q <= $signed({1'b0, tile_col_q}) + 12'(view.col_first);
          index_q <= in_cfg_i.flat ? 7'(view_q) : tile_index_q;
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
        StFind: begin
          index_q <= index_q + 7'd1;  // whatever is found: the packet is in `packet_q`
          if (past_end) state_q <= StViewEnd;
          else if (precedes) begin
            // Nor will it be of use to the next tiles and views: none of them begins further up (the compiler orders views so).
            if (view_q == '0) tile_index_q <= index_q + 7'd1;
          end else if (!other_parity && !beside) state_q <= StOffset;
        end
        StOffset: state_q <= StRequest;
        StRequest: if (request) state_q <= in_cfg_i.flat ? StViewEnd : StFind;
        StViewEnd: if (request) begin
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
