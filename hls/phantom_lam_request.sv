// LAM, requests: from a packet that the finder has found for a view to what a reader is to bring of it.
//
//   found --> sized (its share of the view, where its words lie) --> requests, two of each reader
//
// Tile t belongs to lane t modulo their number; each lane has tokens and a value memory of its own, of 64 words, and here account is kept
// of the room in it. The even lanes have one reader, the odd ones another.
//
// Contract: what is found (valid, ready) may be the end of a view, which has no words but goes the same way. `values_back_i` gives words
// of a value memory back. `empty_o`: nothing is on its way to the readers.
module phantom_lam_request
  import phantom_pkg::*;
  import phantom_lam_pkg::*;
#(
  parameter int unsigned Lanes          = 4,
  parameter int unsigned Readers        = 2,
  parameter int unsigned RowBufferWords = 12288,
  localparam int unsigned AddrW = $clog2(RowBufferWords),
  localparam int unsigned LaneW = Lanes > 1 ? $clog2(Lanes) : 1
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic [1:0]         log2_lanes_i,
  input  input_cfg_t         in_cfg_i,
  input  logic               found_valid_i,
  output logic               found_ready_o,  // it is taken, or would be
  input  lam_packet_t        packet_i,
  input  lam_place_t         place_i,
  output logic               empty_o,
  output logic [Readers-1:0] req_valid_o,
  input  logic [Readers-1:0] req_take_i,
  output logic [AddrW-1:0]   req_addr_o[Readers],  // of the channel's mask; its values follow
  output logic [LaneW-1:0]   req_lane_o[Readers],
  output lam_token_t         req_tok_o[Readers],   // without the mask
  input  logic [Lanes-1:0]   values_back_i,
  input  logic [3:0]         values_back_count_i[Lanes]
);

  // --- sized: where its words lie, and which rows and columns of the view it has ------------------------------------------------

  logic               sized_q, take_found, take_sized, go;
  lam_token_t         tok, tok_q;
  logic [6:0]         offset_q;
  logic [AddrW-1:0]   addr_q;
  logic [AddrW:0]     addr_back_q;  // the same a turn of the row buffer before, negative: one sum is the wrap of the other
  logic [LaneW-1:0]   lane, lane_q;
  logic [Lanes-1:0]   lane_hot_q;  // the same as bits, because the finder hangs on whether that lane has room
  logic signed [11:0] col_offset, cols_left;

  assign found_ready_o = !sized_q || go;
  assign take_found    = found_valid_i && found_ready_o;

  assign lane       = LaneW'(place_i.tile & ((4'd1 << log2_lanes_i) - 4'd1));
  assign col_offset = $signed({2'b0, packet_i.col}) - place_i.first_col;
  assign cols_left  = place_i.last_col - $signed({2'b0, packet_i.col});

  always_comb begin
    tok             = '0;
    tok.value_words = place_i.view_end ? '0 : packet_i.counts[4*place_i.chan+:4];
    tok.row         = 13'((in_cfg_i.flat ? 13'sd0 : $signed({3'b0, packet_i.y0})) - place_i.origin);
    tok.more_rows   = in_cfg_i.flat ? 6'd63 : 6'(packet_i.y_last - packet_i.y0);
    tok.first_col   = col_offset < 0 ? 6'(-col_offset) : '0;
    tok.last_col    = cols_left < $signed({5'b0, in_cfg_i.span}) ? cols_left[5:0] : 6'(in_cfg_i.span - 7'd1);
    tok.col         = col_offset[8:0];
    tok.row_end     = packet_i.last_xs || cols_left < $signed({5'b0, in_cfg_i.span});
    tok.tile        = place_i.tile;
    tok.view        = place_i.view;
    tok.view_end    = place_i.view_end;
    tok.chan_end    = place_i.chan_end;
  end

  always_ff @(posedge clk_i) begin
    if (take_found) begin
      tok_q    <= tok;
      // Words of the packet in front of the channel: header, and mask and values of the channels before it.
      offset_q <= (7'(place_i.preceding[0]) + 7'(place_i.preceding[1])) + (7'(place_i.preceding[2]) + 7'(place_i.preceding[3])) +
                  7'(place_i.chan) + 7'd1;
      addr_q   <= AddrW'(packet_i.addr);
      addr_back_q <= {1'b0, AddrW'(packet_i.addr)} - (AddrW + 1)'(RowBufferWords);
      lane_q   <= lane;
      for (int unsigned l = 0; l < Lanes; l++) lane_hot_q[l] <= lane == LaneW'(l);
    end
    if (!rst_ni) sized_q <= 1'b0;
    else if (take_found || take_sized) sized_q <= take_found;
  end

  // --- request: what the reader of the lane is to read next ------------------------------------------------------------------

  localparam int unsigned RequestW = AddrW + LaneW + $bits(lam_token_t);

  logic [Readers-1:0] reader, request, room;
  (* keep *) logic [Readers-1:0] goes;  // kept: one LUT each, with the finder's `look` right behind
  logic [AddrW-1:0]   addr, addr_on;
  logic [AddrW:0]     addr_back;
  lam_token_t         request_tok;
  logic [6:0]         values_used_q[Lanes], less[Lanes], more[Lanes];
  logic [5:0]         value_next_q[Lanes];
  logic [Lanes-1:0]   taken, fits_q;  // a packet more fits into the lane's value memory

  assign reader      = Readers == 1 ? Readers'(1) : Readers'(2'b01 << lane_q[0]);
  always_comb begin
    goes = '0;
    for (int unsigned l = 0; l < Lanes; l++) goes[l%Readers] |= lane_hot_q[l] && fits_q[l] && room[l%Readers];
  end
  assign go          = |goes;
  assign take_sized  = sized_q && go;
  assign request     = take_sized ? reader : '0;
  assign empty_o     = !sized_q && req_valid_o == '0;
  assign addr_on     = addr_q + AddrW'(offset_q);
  assign addr_back   = addr_back_q + (AddrW + 1)'(offset_q);
  assign addr        = addr_back[AddrW] ? addr_on : addr_back[AddrW-1:0];

  always_comb begin
    request_tok            = tok_q;
    request_tok.value_base = value_next_q[lane_q];
  end

  // Slices: whether a reader takes its request must not reach back to the finder in the same cycle.
  for (genvar r = 0; r < Readers; r++) begin : g_reader
    phantom_slice #(
      .Width(RequestW)
    ) u_slice (
      .clk_i,
      .rst_ni,
      .in_valid_i (request[r]),
      .in_ready_o (room[r]),
      .in_data_i  ({addr, lane_q, request_tok}),
      .out_valid_o(req_valid_o[r]),
      .out_ready_i(req_take_i[r]),
      .out_data_o ({req_addr_o[r], req_lane_o[r], req_tok_o[r]})
    );
  end

  always_comb begin
    for (int unsigned l = 0; l < Lanes; l++) begin
      taken[l] = take_sized && lane_q == LaneW'(l);
      less[l]  = values_used_q[l] - (values_back_i[l] ? 7'(values_back_count_i[l]) : 7'd0);
      more[l]  = less[l] + 7'(tok_q.value_words);
    end
  end

  always_ff @(posedge clk_i) begin
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

  logic unused;
  assign unused = &{1'b0, in_cfg_i, packet_i};

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    for (int unsigned l = 0; l < Lanes; l++) begin
      if (rst_ni) assert (values_used_q[l] <= 7'd64) else $error("phantom_lam_request: lane %0d has no room for its values", l);
    end
  end
`endif

endmodule
