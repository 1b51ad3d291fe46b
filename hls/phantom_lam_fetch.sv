// LAM, first half: walks the layer's loops and brings the masks and values of one channel at a time out of the row buffer.
//
//   for strip / pass / chunk of 8 channels:  look up the packets of the strip's rows (packet table)
//     for channel in the chunk / tile / view:  for each packet that overlaps the view's rows: a token
//
// A token is a packet's share of one view: its mask, where its values lie in the value memory, and which view row its first row is.
// A token with `view_end` (and `chan_end` after the last view of a tile) follows the packets. It leaves when the values
// are in the value memory, so whoever sees a token can use all of it.
//
// Contract: `tok_*` valid/ready. The value memory is a ring of 32 words: `values_free_i` words are given back per token taken.
// A layer begins with `start_i`; `done_o` stays up from the last token until the next start.
module phantom_lam_fetch
  import phantom_pkg::*;
#(
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
  output logic             done_o,
  output logic             waiting_o,    // for rows of the input
  input  logic [10:0]      rows_ready_i,
  output logic [10:0]      need_row_o,
  // directory: latency 1; row memory: latency 2
  output logic [DirW-1:0]  dir_index_o,
  input  logic [AddrW-1:0] dir_addr_i,
  output logic [AddrW-1:0] mem_addr_o,
  input  logic [63:0]      mem_data_i,
  // values
  output logic             value_we_o,
  output logic [4:0]       value_addr_o,
  output logic [63:0]      value_o,
  // tokens
  output logic             tok_valid_o,
  input  logic             tok_ready_i,
  output lam_token_t       tok_o,
  input  logic             values_back_i,
  input  logic [3:0]       values_back_count_i
);

  typedef enum logic [3:0] {
    StIdle,
    StStrip,    // wait for the strip's rows
    StDir,      // packet table: look up the directory,
    StHead,     //   the header,
    StHeadWait,
    StStore,    //   and store it
    StView,     // first and last row of the view
    StRange,
    StFind,     // next packet that overlaps them
    StOffset,   // where the channel lies in it
    StRead,     // mask and values; the token follows when they have arrived
    StViewEnd,
    StNext
  } state_e;

  state_e state_q;

  // --- loops ---------------------------------------------------------------------------------------------------------

  logic [15:0] strip_q;
  logic [7:0]  pass_q;
  logic [11:0] chan_q;
  logic [4:0]  tile_q;
  logic [2:0]  view_q;
  logic [10:0] need_q;      // first row that this strip needs, before clipping at 0, plus need_above
  logic signed [11:0] base_q;       // first output row of the strip
  logic signed [11:0] tile_base_q;  // of the tile
  logic last_view, last_tile, last_chan, last_in_chunk, last_pass, last_strip;

  assign last_view     = 3'(view_q + 3'd1) == cfg_i.views;
  assign last_tile     = 5'(tile_q + 5'd1) == cfg_i.tiles;
  assign last_chan     = 12'(chan_q + 12'd1) == cfg_i.chans;
  assign last_in_chunk = last_chan || chan_q[2:0] == 3'd7;
  assign last_pass     = 8'(pass_q + 8'd1) == cfg_i.passes;
  assign last_strip    = 16'(strip_q + 16'd1) == cfg_i.strips;

  logic [10:0] need_first_q, need_end_q;
  assign need_row_o = need_first_q;
  assign waiting_o  = state_q == StStrip && rows_ready_i < need_end_q;
  assign done_o     = state_q == StIdle;

  // --- packet table -----------------------------------------------------------------------------------------------------

  typedef struct packed {
    logic [AddrW-1:0] addr;
    logic [31:0]      counts;
    logic [9:0]       y0;
    logic [5:0]       more_rows;
    logic [3:0]       xs;
  } packet_t;

  (* ram_style = "distributed" *) packet_t table_mem[64];
  packet_t          packet, packet_q;
  logic [5:0]       index_q, tile_index_q;
  logic [6:0]       count_q;
  logic [9:0]       row_q;
  logic [3:0]       xs_q;
  logic [AddrW-1:0] head_addr_q;

  assign packet      = table_mem[index_q];
  assign dir_index_o = DirW'(directory_index(in_cfg_i, row_q, xs_q, chan_q[10:3]));

  always_ff @(posedge clk_i) begin
    if (state_q == StStore) begin
      table_mem[count_q[5:0]] <= '{
          addr: head_addr_q,
          counts: mem_data_i[63:32],
          y0: mem_data_i[21:12],
          more_rows: mem_data_i[31:26],
          xs: mem_data_i[25:22]
      };
    end
  end

  // --- one view -----------------------------------------------------------------------------------------------------------

  view_t view;
  assign view = view_i[view_q[1:0]];

  logic signed [11:0] first_q, last_q;      // view rows
  logic signed [12:0] first_row_q, last_row_q;  // rows of the input
  logic signed [12:0] origin_q;             // input row of view row 0 of the tile
  logic               past_end, precedes, other_parity;
  logic signed [12:0] packet_first, packet_last;
  logic [3:0]         words_q, left_q;
  logic [5:0]         values_used_q;
  logic [4:0]         value_wr_q, value_next_q, value_base_q;
  logic [AddrW-1:0]   addr_q;
  logic [1:0]         arriving_q, arriving_mask_q;
  logic [63:0]        mask_q;
  logic               read_last;

  assign packet_first = in_cfg_i.flat ? 13'sd0 : $signed({3'b0, packet.y0});
  assign packet_last  = packet_first + $signed({7'b0, packet.more_rows});
  assign past_end     = 7'(index_q) == count_q || packet_first > last_row_q;
  assign precedes       = packet_last < first_row_q;
  // With stride 2 a packet of one row belongs to the views of its parity only.
  assign other_parity = cfg_i.stride2 && !in_cfg_i.flat && packet.more_rows == '0 && packet.y0[0] != view.py;
  assign read_last    = left_q == '0;

  // Words of the packet in front of the channel: header, and mask and values of the channels before it.
  logic [6:0] offset;
  always_comb begin
    offset = 7'd1;
    for (int unsigned i = 0; i < 7; i++) if (3'(i) < chan_q[2:0]) offset += 7'd1 + 7'(packet.counts[4*i+:4]);
  end

  function automatic logic [AddrW-1:0] wrap(logic [AddrW:0] a);
    return AddrW'(a >= (AddrW + 1)'(RowBufferWords) ? a - (AddrW + 1)'(RowBufferWords) : a);
  endfunction

  assign mem_addr_o   = state_q == StHead ? dir_addr_i : addr_q;
  assign value_we_o   = arriving_q[1] && !arriving_mask_q[1];
  assign value_addr_o = value_wr_q;
  assign value_o      = mem_data_i;

  // The token of the packet that was read last: it goes when its words are there, while the next packet is being looked for.
  lam_token_t pend_q;
  logic       pend_valid_q, pend_ready_q, begin_read, view_end;
  // The mask of the packet before must have gone when this one's arrives.
  assign begin_read  = state_q == StOffset && (!pend_valid_q || tok_ready_i);
  assign view_end    = state_q == StViewEnd && !pend_valid_q;
  assign tok_valid_o = pend_ready_q || view_end;
  always_comb begin
    tok_o          = pend_q;
    tok_o.mask     = mask_q;
    tok_o.view_end = view_end;
    tok_o.chan_end = view_end && (last_view || cfg_i.view_chans);
    if (view_end) begin
      tok_o.tile = tile_q[3:0];
      tok_o.view = view_q[1:0];
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == StRead && read_last) begin
      pend_q <= '{
          mask: '0,
          value_base: value_base_q,
          value_words: words_q,
          row: 13'(packet_first - origin_q),
          more_rows: in_cfg_i.flat ? 6'd63 : packet_q.more_rows,
          xs: packet_q.xs,
          tile: tile_q[3:0],
          view: view_q[1:0],
          view_end: 1'b0,
          chan_end: 1'b0
      };
    end
    if (!rst_ni) begin
      pend_valid_q <= 1'b0;
      pend_ready_q <= 1'b0;
    end else begin
      if (state_q == StRead && read_last) pend_valid_q <= 1'b1;
      else if (pend_ready_q && tok_ready_i) pend_valid_q <= 1'b0;
      // The last word comes two cycles after its read.
      if (pend_valid_q && arriving_q == 2'b10) pend_ready_q <= 1'b1;
      else if (tok_ready_i) pend_ready_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    // Reads in flight: address now, data two cycles later.
    arriving_q      <= {arriving_q[0], state_q == StRead};
    arriving_mask_q <= {arriving_mask_q[0], state_q == StRead && left_q == words_q};
    if (arriving_q[1] && arriving_mask_q[1]) mask_q <= mem_data_i;
    packet_q <= packet;
    if (!rst_ni) begin
      state_q       <= StIdle;
      values_used_q <= '0;
      value_wr_q    <= '0;
      value_next_q  <= '0;
      arriving_q    <= '0;
      need_first_q  <= '0;
    end else begin
      if (value_we_o) value_wr_q <= value_wr_q + 5'd1;
      values_used_q <= values_used_q + (begin_read ? 6'(packet.counts[4*chan_q[2:0]+:4]) : 6'd0) -
                       (values_back_i ? 6'(values_back_count_i) : 6'd0);
      unique case (state_q)
        StIdle: begin
          strip_q <= '0;
          pass_q  <= '0;
          chan_q  <= '0;
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
          count_q <= '0;
          if (rows_ready_i >= need_end_q) state_q <= StDir;
        end
        StDir: state_q <= StHead;
        StHead: begin
          head_addr_q <= dir_addr_i;
          state_q     <= StHeadWait;
        end
        StHeadWait: state_q <= StStore;
        StStore: begin
          count_q <= count_q + 7'd1;
          if (xs_q == in_cfg_i.last_xs) begin
            xs_q  <= '0;
            row_q <= mem_data_i[21:12] + 10'(mem_data_i[31:26]) + 10'd1;
          end else begin
            xs_q <= xs_q + 4'd1;
          end
          tile_q       <= '0;
          view_q       <= '0;
          tile_base_q  <= base_q;
          tile_index_q <= '0;
          if (xs_q == in_cfg_i.last_xs && 11'(mem_data_i[21:12]) + 11'(mem_data_i[31:26]) + 11'd1 >= need_end_q) state_q <= StView;
          else state_q <= StDir;
        end
        StView: begin
          first_q <= tile_base_q + 12'(view.first);
          last_q  <= tile_base_q + 12'(view.first) + 12'(view.rows) - 12'sd1;
          index_q <= in_cfg_i.flat ? 6'(view_q) : tile_index_q;
          state_q <= StRange;
        end
        StRange: begin
          origin_q    <= cfg_i.stride2 ? {first_q, view.py} : 13'(first_q);
          first_row_q <= first_q < 0 ? 13'sd0 : cfg_i.stride2 ? {first_q, view.py} : 13'(first_q);
          last_row_q  <= last_q < 0 ? -13'sd1 : cfg_i.stride2 ? {last_q, view.py} : 13'(last_q);
          state_q     <= StFind;
        end
        StFind: begin
          if (past_end) state_q <= StViewEnd;
          else if (precedes) begin
            index_q <= index_q + 6'd1;
            // The next views of the tile may begin one row higher (stride 2), so what only just precedes this one is kept.
            if (view_q == '0 && packet_last + 13'sd1 < first_row_q) tile_index_q <= index_q + 6'd1;
          end else if (other_parity) index_q <= index_q + 6'd1;
          else if (values_used_q <= 6'd24) state_q <= StOffset;
        end
        StOffset: begin
          words_q      <= packet.counts[4*chan_q[2:0]+:4];
          left_q       <= packet.counts[4*chan_q[2:0]+:4];
          addr_q       <= wrap((AddrW + 1)'(packet.addr) + (AddrW + 1)'(offset));
          value_base_q <= value_next_q;
          if (begin_read) begin
            state_q      <= StRead;
            value_next_q <= value_next_q + 5'(packet.counts[4*chan_q[2:0]+:4]);
          end
        end
        StRead: begin
          addr_q <= wrap((AddrW + 1)'(addr_q) + 1'b1);
          left_q <= left_q - 4'd1;
          if (read_last) begin
            index_q <= index_q + 6'd1;
            state_q <= in_cfg_i.flat ? StViewEnd : StFind;
          end
        end
        StViewEnd: if (view_end && tok_ready_i) state_q <= StNext;
        StNext: begin
          state_q <= StView;
          if (!last_view) view_q <= view_q + 3'd1;
          else begin
            view_q <= '0;
            if (!last_tile) begin
              tile_q      <= tile_q + 5'd1;
              tile_base_q <= tile_base_q + 12'(cfg_i.tile_rows);
            end else begin
              tile_q       <= '0;
              tile_base_q  <= base_q;
              tile_index_q <= '0;
              chan_q       <= last_chan ? '0 : chan_q + 12'd1;
              if (last_in_chunk) state_q <= StStrip;
              if (last_chan) begin
                pass_q <= last_pass ? '0 : pass_q + 8'd1;
                if (last_pass) begin
                  strip_q      <= strip_q + 16'd1;
                  base_q       <= base_q + 12'(cfg_i.strip_rows);
                  need_q       <= need_q + 11'(cfg_i.need_step);
                  need_first_q <= need_q + 11'(cfg_i.need_step) > 11'(cfg_i.need_above) ?
                                  need_q + 11'(cfg_i.need_step) - 11'(cfg_i.need_above) : '0;
                  need_end_q   <= 11'(need_q + 11'(cfg_i.need_step) + 11'(cfg_i.need_span)) < 11'(in_cfg_i.rows) ?
                                  11'(need_q + 11'(cfg_i.need_step) + 11'(cfg_i.need_span)) : 11'(in_cfg_i.rows);
                  if (last_strip) state_q <= StIdle;
                end
              end
            end
          end
        end
        default: state_q <= StIdle;
      endcase
    end
  end

endmodule
