// LAM, finder: says which packets of the row buffer are to be read for which view of which tile.
//
//   for each chunk of channels in a strip:  look up the packets of the strip's rows (packet table)
//     for each view of a tile in a channel (phantom_lam_walk):  for each packet that overlaps its rows and columns: a token
//
// A token is a packet's share of one view: its mask, where its values lie in the value memory, and which rows and columns of the view
// it covers. A token with `view_end` (and `chan_end` after the last view of a tile) follows the packets; it goes the same way, as a
// packet without values.
//
//   views --> finder (packet table) --> found --> phantom_lam_request --> readers (phantom_lam_reader) --> tokens and values
//
// A packet is looked at each cycle; what is found stands in a register, from which it is sized and requested while the finder goes on.
//
// Contract: requests as in phantom_lam_request. Headers are read where no reader has the port (`port_free_i`). Rows are given back
// (`need_row_o`) when all that was found of the strip before has been read.
module phantom_lam_fetch
  import phantom_pkg::*;
  import phantom_lam_pkg::*;
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
    StNext,     // next visit: look for its packets, or in a new chunk
    StStrip,    // wait for the strip's rows, or the chunk's share of them
    StDir,      // packet table: look up the directory, or all rows are in it
    StAddress,  //   its address,
    StHead,     //   the header there,
    StHeadWait,
    StStore,    //   and store it
    StLoad,     // the visit that it was made for
    StFind      // next packet that overlaps the view, or its end
  } state_e;

  state_e state_q;

  // --- visits ---------------------------------------------------------------------------------------------------------------

  logic        walked, take, last, new_strip;
  logic [10:0] need_first, need_end;
  lam_visit_t  next, visit_q;

  phantom_lam_walk u_walk (
    .clk_i,
    .rst_ni,
    .start_i,
    .cfg_i,
    .in_cfg_i,
    .view_i,
    .valid_o     (walked),
    .take_i      (take),
    .visit_o     (next),
    .last_o      (last),
    .new_strip_o (new_strip),
    .need_first_o(need_first),
    .need_end_o  (need_end)
  );

  assign take = walked && (state_q == StLoad || (state_q == StNext && !next.new_chunk));

  logic [10:0] need_row_q;
  logic        last_q;          // the visit is the layer's last
  logic        fresh_q, idle;   // nothing has been looked for in this strip yet; nothing is on its way

  assign need_row_o = need_row_q;

  // All rows are there, or those of this chunk are.
  logic there;
  assign there     = rows_ready_i >= need_end ||
                     (rows_coming_i >= need_end && next.chan[11:3] < chunks_ready_i);
  assign waiting_o = state_q == StStrip && !there && !fresh_q;

  logic look;  // what is looked at in this cycle has a place to go

  // --- packet table -----------------------------------------------------------------------------------------------------

  (* ram_style = "distributed" *) lam_packet_t table_mem[64];
  lam_packet_t      packet;   // that is looked at
  logic [6:0]       index_q, index_next, index_first, tile_index_q, count_q;  // of 64 packets, or behind them
  logic [6:0]       index_stay, index_on;  // what it is next: `look` comes last
  logic [6:0]       beyond_q;  // index_q + 1, because the table's address hangs on whether that is next
  logic [10:0]      row_q;
  logic [9:0]       col_q;
  logic [3:0]       xs_q;
  logic [AddrW-1:0] head_addr_q;

  assign head_addr_o = head_addr_q;
  assign index_first = in_cfg_i.flat ? 7'(next.view) : next.new_chan ? '0 : tile_index_q;
  assign index_stay  = state_q == StFind ? index_q : index_first;
  assign index_on    = state_q == StFind ? beyond_q : index_first;
  assign index_next  = look ? index_on : index_stay;
  assign dir_index_o = DirW'(directory_index(in_cfg_i, row_q[9:0], xs_q, next.chan[10:3]));

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

  logic               flat_done_q;          // the one packet of a flat view has been found
  logic               past_end, precedes, passed, other_parity, beside, overlaps;
  logic signed [12:0] packet_first, packet_last;
  logic signed [11:0] packet_col;

  assign packet_first = in_cfg_i.flat ? 13'sd0 : $signed({3'b0, packet.y0});
  assign packet_last  = in_cfg_i.flat ? 13'sd0 : $signed({3'b0, packet.y_last});
  assign packet_col   = $signed({2'b0, packet.col});
  assign past_end     = index_q == count_q || packet_first > visit_q.last_row || flat_done_q;
  assign precedes     = packet_last < visit_q.first_row;
  assign beside       = packet_col > visit_q.last_col || packet_col <= visit_q.left_col;
  // With stride 2 a packet of one row belongs to the views of its parity only.
  assign other_parity = cfg_i.stride2 && !in_cfg_i.flat && packet.y0 == packet.y_last && packet.y0[0] != visit_q.py;

  assign overlaps     = !past_end && !precedes && !other_parity && !beside;

  assign passed       = state_q == StFind && !past_end && precedes && visit_q.new_tile;

  // --- found: a packet of a view, or the end of the view ---------------------------------------------------------------------

  logic        found_q, ready_found;
  lam_place_t  place_q;
  lam_packet_t packet_q;
  logic [3:0][4:0] preceding;

  assign look = !found_q || ready_found;

  always_comb begin
    logic [7:0] below;  // the channels before
    below = ~(8'hff << visit_q.chan[2:0]);
    for (int unsigned i = 0; i < 4; i++) begin
      preceding[i] = 5'(packet.counts[8*i+:4] & {4{below[2*i]}}) + 5'(packet.counts[8*i+4+:4] & {4{below[2*i+1]}});
    end
  end

  always_ff @(posedge clk_i) begin
    if (look) begin
      packet_q <= packet;
      place_q  <= '{
          view_end: past_end,
          chan_end: past_end && visit_q.chan_end,
          view: visit_q.view,
          tile: visit_q.tile,
          chan: visit_q.chan[2:0],
          preceding: preceding,
          origin: visit_q.origin,
          first_col: visit_q.first_col,
          last_col: visit_q.last_col
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
    .found_ready_o(ready_found),
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
    index_q  <= index_next;
    beyond_q <= state_q != StFind ? index_first + 7'd1 : look ? beyond_q + 7'd1 : beyond_q;
    if (take) begin
      visit_q     <= next;
      last_q      <= last;
      flat_done_q <= 1'b0;
    end else if (state_q == StFind && look && !past_end) begin
      flat_done_q <= in_cfg_i.flat && overlaps;
    end
    // Nor will it be of use to the next tiles and views: none of them begins further up (the compiler orders views so). A function, not
    // cases, whose enable would be a level more behind `look`.
    tile_index_q <= ({7{passed && look}} & beyond_q) | ({7{!(passed && look) && !(take && next.new_chan)}} & tile_index_q);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q    <= StIdle;
      need_row_q <= '0;
      fresh_q    <= 1'b0;
    end else begin
      unique case (state_q)
        StIdle: if (start_i) state_q <= StNext;
        StNext: begin
          fresh_q <= new_strip;
          if (walked) state_q <= next.new_chunk ? StStrip : StFind;
        end
        StStrip: begin
          row_q   <= need_first;
          xs_q    <= '0;
          col_q   <= '0;
          count_q <= '0;
          if (idle) begin
            fresh_q    <= 1'b0;
            need_row_q <= need_first;
          end
          // A strip may lie below the image as a whole.
          if (there && (idle || !fresh_q)) state_q <= need_first < 11'(in_cfg_i.rows) ? StDir : StLoad;
        end
        StDir: state_q <= count_q != '0 && xs_q == '0 && row_q >= need_end ? StLoad : StAddress;
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
        StLoad: state_q <= StFind;
        StFind: if (look && past_end) state_q <= last_q ? StIdle : StNext;
        default: state_q <= StIdle;
      endcase
    end
  end

  logic unused;
  assign unused = &{1'b0, visit_q, mem_data_i[25:22], mem_data_i[11:0]};  // of a header

endmodule
