// LAM, reader: brings the mask and values that the finder asks for out of the row buffer, two words every other cycle.
//
//   request --> addresses --two cycles of row memory--> values into the lane's value memory, then the token with its mask
//
// The readers take turns at the port of the row memory. Of two words that come at a time the second one is written a cycle behind the
// first, so that a value memory has a single write port.
// A request without values (the end of a view) goes the same way, so that it stays behind the packets before it, but needs no port.
//
// Contract: a request is taken when the one before it has all its addresses out and its lane has room (`tok_room_i`: at least seven
// more tokens fit). `tok_valid_o` comes when all values of the token are in the value memory, and cannot be held back. `turn_i`
// alternates; the port is the reader's own in cycles with `port_o`. `busy_o` until the last token is out.
module phantom_lam_reader
  import phantom_pkg::*;
  import phantom_lam_pkg::*;
#(
  parameter int unsigned Lanes          = 4,
  parameter int unsigned RowBufferWords = 12288,
  localparam int unsigned AddrW = $clog2(RowBufferWords),
  localparam int unsigned LaneW = Lanes > 1 ? $clog2(Lanes) : 1
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  lam_cfg_t         cfg_i,
  input  view_t            view_i[4],
  input  logic             turn_i,
  output logic             port_o,
  output logic             reading_o,
  output logic             busy_o,
  input  logic             req_valid_i,
  output logic             req_take_o,
  input  logic [AddrW-1:0] req_addr_i,
  input  logic [LaneW-1:0] req_lane_i,
  input  lam_token_t       req_tok_i,
  // row memory: latency 2
  output logic [AddrW-1:0] mem_addr_o,
  input  logic [63:0]      mem_data_i[2],
  // value memories
  output logic [Lanes-1:0] value_we_o,
  output logic [5:0]       value_addr_o,
  output logic [63:0]      value_o,
  // tokens, by lane
  output logic [Lanes-1:0] tok_valid_o,
  input  logic [Lanes-1:0] tok_room_i,
  output lam_token_t       tok_o
);

  // --- addresses: mask and first word of values, then two words at a time ---------------------------------------------------

  logic             reading_q, first_q, last_q, step;
  logic             reading, last, view_end;  // in the cycle that comes
  logic             port_q;     // the port is this reader's, and it has an address for it
  logic             free_q;     // nothing is being read any more, or this is its last address
  logic [AddrW-1:0] addr_q;
  logic [3:0]       left_q;     // words of values that the addresses before this one have not brought
  logic [LaneW-1:0] lane_q;
  lam_token_t       tok_q;

  assign step       = reading_q && (turn_i || tok_q.view_end);
  assign port_o     = port_q;
  assign req_take_o = req_valid_i && free_q && tok_room_i[req_lane_i];
  assign reading    = req_take_o || (reading_q && !(step && last_q));
  assign last       = req_take_o ? req_tok_i.value_words <= 4'd1 : step ? left_q <= (first_q ? 4'd3 : 4'd4) : last_q;
  assign view_end   = req_take_o ? req_tok_i.view_end : tok_q.view_end;
  assign mem_addr_o = addr_q;
  assign reading_o  = reading_q;

  function automatic logic [AddrW-1:0] two_on(logic [AddrW-1:0] a);
    return a >= AddrW'(RowBufferWords - 2) ? a - AddrW'(RowBufferWords - 2) : a + AddrW'(2);
  endfunction

  always_ff @(posedge clk_i) begin
    if (req_take_o) begin
      addr_q  <= req_addr_i;
      left_q  <= req_tok_i.value_words;
      first_q <= 1'b1;
      tok_q   <= req_tok_i;
      lane_q  <= req_lane_i;
    end else if (step) begin
      addr_q  <= two_on(addr_q);
      left_q  <= left_q - (first_q ? 4'd1 : 4'd2);
      first_q <= 1'b0;
    end
    last_q <= last;
    if (!rst_ni) begin
      reading_q <= 1'b0;
      port_q    <= 1'b0;
      free_q    <= 1'b1;
    end else begin
      reading_q <= reading;
      // Known a cycle ahead, because the row memory's address and the finder hang on them; turns alternate.
      port_q    <= reading && !view_end && !turn_i;
      free_q    <= !reading || (last && (!turn_i || view_end));
    end
  end

  // --- arrivals: words two cycles after their address and three, the token four ----------------------------------------------

  logic [1:0]       mask_q;             // the first word is the mask
  logic [1:0]       first_we_q;         // it is a word of values
  logic [2:0]       second_we_q;        // so is the second one
  logic [3:0]       done_q;
  logic [LaneW-1:0] lanes_q[4];
  lam_token_t       arriving_q[4];
  logic [63:0]      arrived_mask_q, second_q;
  logic [5:0]       value_wr_q[Lanes];

  assign value_addr_o = value_wr_q[second_we_q[2] ? lanes_q[2] : lanes_q[1]];
  assign value_o      = second_we_q[2] ? second_q : mem_data_i[0];
  assign busy_o       = reading_q || done_q != '0;
  always_comb begin
    tok_o      = arriving_q[3];
    tok_o.mask = arrived_mask_q;
    for (int unsigned l = 0; l < Lanes; l++) begin
      value_we_o[l]  = (first_we_q[1] && lanes_q[1] == LaneW'(l)) || (second_we_q[2] && lanes_q[2] == LaneW'(l));
      tok_valid_o[l] = done_q[3] && lanes_q[3] == LaneW'(l);
    end
  end

  // On its way a token learns which of its rows the view has. The end of a view stands at the row behind its last one.
  lam_token_t  placed, judged;
  logic [6:0]  rows_q[2];
  always_comb begin
    placed = arriving_q[1];
    judged = arriving_q[2];
    if (placed.view_end) placed.row = cfg_i.stride2 ? {5'b0, rows_q[0], 1'b0} : {6'b0, rows_q[0]};
    judged.exists      = !judged.view_end && view_has(cfg_i.stride2, judged.row, rows_q[1]);
    judged.next_exists = view_has(cfg_i.stride2, judged.row + 13'sd1, rows_q[1]);
  end

  always_ff @(posedge clk_i) begin
    rows_q <= '{view_i[arriving_q[0].view].rows, rows_q[0]};
    if (mask_q[1]) arrived_mask_q <= mem_data_i[0];
    second_q   <= mem_data_i[1];
    lanes_q    <= '{lane_q, lanes_q[0], lanes_q[1], lanes_q[2]};
    arriving_q <= '{tok_q, arriving_q[0], placed, judged};
    if (!rst_ni) begin
      mask_q      <= '0;
      first_we_q  <= '0;
      second_we_q <= '0;
      done_q      <= '0;
      value_wr_q  <= '{default: '0};
    end else begin
      mask_q      <= {mask_q[0], step && first_q && !tok_q.view_end};
      first_we_q  <= {first_we_q[0], step && !first_q};
      second_we_q <= {second_we_q[1:0], step && left_q >= (first_q ? 4'd1 : 4'd2)};
      done_q      <= {done_q[2:0], step && last_q};
      for (int unsigned l = 0; l < Lanes; l++) if (value_we_o[l]) value_wr_q[l] <= value_wr_q[l] + 6'd1;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) assert (!(first_we_q[1] && second_we_q[2])) else $error("phantom_lam_reader: two words at a time");
  end
`endif

endmodule
