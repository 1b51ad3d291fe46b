// Cuts a transfer into bursts that an AXI3 port takes: at most 16 beats of 8 bytes, none across a 4 KB boundary.
//
// Contract: a pulse on `start_i` loads the transfer; `run_i` low drops whatever is left of it. Bursts come out on a
// valid/ready link, one every two cycles at best. Every burst but the first of a pass starts on a 128-byte boundary, which
// keeps off the 4 KB boundaries for free and suits the memory controller. `repeat_i` passes over the same words follow each
// other (0 counts as 1); `last_o` marks the last burst of all. `run_i` is low in the cycle of `start_i` and the one before; `addr_i` and
// `words_i` hold still while it is high.
//
//    words     |----5----|------16------|------16------|--3--|         addr[6:3] = 11
//    boundary            ^128           ^128           ^128
module phantom_dma_split #(
  parameter int unsigned WordsW = 23
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              run_i,
  input  logic              start_i,
  input  logic [31:3]       addr_i,
  input  logic [WordsW-1:0] words_i,
  input  logic [15:0]       repeat_i,
  output logic              valid_o,
  input  logic              ready_i,
  output logic [31:3]       addr_o,
  output logic [4:0]        beats_o,
  output logic              last_o
);

  logic              pending_q, valid_q, taken_q, pass_last_q;
  logic [31:7]       line_q, line_d;
  logic [6:3]        offset_q;
  logic [WordsW-1:0] left_q, left_d;
  logic [15:0]       repeat_q;
  logic [4:0]        beats_q, to_line;
  logic              take, load, fits;

  assign valid_o = valid_q;
  assign addr_o  = {line_q, offset_q};
  assign beats_o = beats_q;
  assign last_o  = pass_last_q && repeat_q == 16'd1;

  assign take = valid_q && ready_i;
  assign load = pass_last_q;  // of what is written below, when it is; 1 while nothing runs, ready for the start

  // One operand is muxed ahead of the carry chain, so that load and step share one LUT a bit.
  assign line_d = (load ? addr_i[31:7] : line_q) + 25'(!load);
  assign left_d = (load ? words_i : left_q) - (load ? '0 : WordsW'(beats_q));

  // Plan the next burst: up to the boundary, or what is left.
  assign to_line = 5'd16 - {1'b0, offset_q};
  assign fits    = left_q <= WordsW'(to_line);

  always_ff @(posedge clk_i) begin
    if (start_i || take) begin
      line_q   <= line_d;
      left_q   <= left_d;
      offset_q <= addr_i[6:3] & {4{load}};  // a function: synthesis would make a reset of a case, which is a level more
    end
    if (start_i) repeat_q <= (repeat_i == '0) ? 16'd1 : repeat_i;
    else if (taken_q && pass_last_q) repeat_q <= repeat_q - 16'd1;  // the next burst is not there yet
    taken_q <= take;
    if (!valid_q) beats_q <= fits ? left_q[4:0] : to_line;
    if (!valid_q || !run_i) pass_last_q <= fits || !run_i;
  end

  always_ff @(posedge clk_i) begin
    // As functions, not as cases, whose enables would be a level more behind `ready_i`.
    pending_q <= rst_ni && (start_i || (run_i && pending_q && !(take && last_o)));
    valid_q   <= rst_ni && run_i && !start_i && (valid_q ? !ready_i : pending_q);
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && start_i) assert (load) else $error("phantom_dma_split: start while a transfer goes on");
    if (rst_ni && valid_q) begin
      assert (beats_q != 0 && 32'(offset_q) + 32'(beats_q) <= 32'd16)
      else $error("phantom_dma_split: burst of %0d beats at offset %0d", beats_q, offset_q);
    end
  end
`endif

endmodule
