// LAM, reader: brings the mask and values that the finder asks for out of the row buffer, a word a cycle.
//
//   request --> addresses --two cycles of row memory--> values into the lane's value memory, then the token with its mask
//
// A request without values (the end of a view) goes the same way, so that it stays behind the packets before it.
//
// Contract: a request is taken when the one before it has all its addresses out and its lane has room (`tok_room_i`: at least six
// more tokens fit). `tok_valid_o` comes when all values of the token are in the value memory, and cannot be held back. `reading_o`
// while it needs the port of the row memory, which is else free for headers; `busy_o` until the last token is out.
module phantom_lam_reader
  import phantom_pkg::*;
#(
  parameter int unsigned Lanes          = 2,
  parameter int unsigned RowBufferWords = 12288,
  localparam int unsigned AddrW = $clog2(RowBufferWords),
  localparam int unsigned LaneW = Lanes > 1 ? $clog2(Lanes) : 1
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  output logic             reading_o,
  output logic             busy_o,
  input  logic             req_valid_i,
  output logic             req_take_o,
  input  logic [AddrW-1:0] req_addr_i,
  input  logic [LaneW-1:0] req_lane_i,
  input  lam_token_t       req_tok_i,
  // row memory: latency 2
  output logic [AddrW-1:0] mem_addr_o,
  input  logic [63:0]      mem_data_i,
  // value memories
  output logic [Lanes-1:0] value_we_o,
  output logic [4:0]       value_addr_o,
  output logic [63:0]      value_o,
  // tokens, by lane
  output logic [Lanes-1:0] tok_valid_o,
  input  logic [Lanes-1:0] tok_room_i,
  output lam_token_t       tok_o
);

  // --- addresses: mask, then values -----------------------------------------------------------------------------------------

  logic             reading_q, first_word_q, last_word_q;
  logic [AddrW-1:0] addr_q;
  logic [3:0]       left_q;
  logic [LaneW-1:0] lane_q;
  lam_token_t       tok_q;

  assign req_take_o = req_valid_i && (!reading_q || last_word_q) && tok_room_i[req_lane_i];
  assign mem_addr_o = addr_q;

  always_ff @(posedge clk_i) begin
    if (req_take_o) addr_q <= req_addr_i;
    else addr_q <= addr_q == AddrW'(RowBufferWords - 1) ? '0 : addr_q + 1'b1;
    left_q       <= req_take_o ? req_tok_i.value_words : left_q - 4'd1;
    last_word_q  <= req_take_o ? req_tok_i.value_words == '0 : left_q == 4'd1;
    first_word_q <= req_take_o;
    if (req_take_o) begin
      tok_q  <= req_tok_i;
      lane_q <= req_lane_i;
    end
    if (!rst_ni) reading_q <= 1'b0;
    else reading_q <= req_take_o || (reading_q && !last_word_q);
  end

  // --- arrivals: data two cycles after the address, the token one later ------------------------------------------------------

  logic [1:0]       mask_q, values_q;
  logic [2:0]       done_q;
  logic [LaneW-1:0] lanes_q[3];
  lam_token_t       arriving_q[3];
  logic [63:0]      arrived_mask_q;
  logic [4:0]       value_wr_q[Lanes];

  assign value_addr_o = value_wr_q[lanes_q[1]];
  assign value_o      = mem_data_i;
  assign reading_o    = reading_q;
  assign busy_o       = reading_q || done_q != '0;
  always_comb begin
    tok_o      = arriving_q[2];
    tok_o.mask = arrived_mask_q;
    for (int unsigned l = 0; l < Lanes; l++) begin
      value_we_o[l]  = values_q[1] && lanes_q[1] == LaneW'(l);
      tok_valid_o[l] = done_q[2] && lanes_q[2] == LaneW'(l);
    end
  end

  always_ff @(posedge clk_i) begin
    if (mask_q[1]) arrived_mask_q <= mem_data_i;
    lanes_q    <= '{lane_q, lanes_q[0], lanes_q[1]};
    arriving_q <= '{tok_q, arriving_q[0], arriving_q[1]};
    if (!rst_ni) begin
      mask_q     <= '0;
      values_q   <= '0;
      done_q     <= '0;
      value_wr_q <= '{default: '0};
    end else begin
      mask_q   <= {mask_q[0], reading_q && first_word_q};
      values_q <= {values_q[0], reading_q && !first_word_q};
      done_q   <= {done_q[1:0], reading_q && last_word_q};
      if (values_q[1]) value_wr_q[lanes_q[1]] <= value_wr_q[lanes_q[1]] + 5'd1;
    end
  end

endmodule
