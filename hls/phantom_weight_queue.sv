// Weight queue: the words that wait for each thread of a core, all queues in one distributed RAM.
//
// Contract: `room_o[t]` is a register and turns off while `Margin` words still fit, so that the sender may be that many cycles away.
// The reader asks for the entry at the head of thread `rd_thread_i`, gets it in the same cycle, and pops it later by
// `pop_i`/`pop_thread_i`; a word leaves with its fourth entry.
module phantom_weight_queue
  import phantom_pkg::*;
#(
  parameter int unsigned Threads = 8,
  parameter int unsigned Words   = 16,  // a thread
  parameter int unsigned Margin  = 4,
  localparam int unsigned ThreadW = $clog2(Threads),
  localparam int unsigned PtrW    = $clog2(Words)
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               wr_valid_i,
  input  logic [ThreadW-1:0] wr_thread_i,
  input  logic [59:0]        wr_word_i,
  output logic [Threads-1:0] room_o,
  output logic [Threads-1:0] filled_o,
  input  logic [ThreadW-1:0] rd_thread_i,
  output wgt_entry_t         rd_entry_o,
  input  logic               pop_i,
  input  logic [ThreadW-1:0] pop_thread_i
);

  (* ram_style = "distributed" *) logic [59:0] mem[Threads*Words];
  logic [PtrW:0]   wr_q[Threads];
  logic [PtrW+2:0] rd_q[Threads];  // {word, entry}
  logic [Threads-1:0] room_q;

  wgt_entry_t [3:0] rd_word;
  logic [PtrW+2:0]  rd_ptr;
  assign rd_ptr     = rd_q[rd_thread_i];
  assign rd_word    = mem[{rd_thread_i, rd_ptr[PtrW+1:2]}];
  assign rd_entry_o = rd_word[rd_ptr[1:0]];
  assign room_o     = room_q;

  always_ff @(posedge clk_i) begin
    if (wr_valid_i) mem[{wr_thread_i, wr_q[wr_thread_i][PtrW-1:0]}] <= wr_word_i;
  end

  for (genvar t = 0; t < Threads; t++) begin : g_queue
    logic [PtrW:0] level;
    assign level       = wr_q[t] - rd_q[t][PtrW+2:2];
    assign filled_o[t] = level != '0;

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        wr_q[t]   <= '0;
        rd_q[t]   <= '0;
        room_q[t] <= 1'b0;
      end else begin
        if (wr_valid_i && wr_thread_i == ThreadW'(t)) wr_q[t] <= wr_q[t] + 1'b1;
        if (pop_i && pop_thread_i == ThreadW'(t)) rd_q[t] <= rd_q[t] + 1'b1;
        room_q[t] <= level < (PtrW + 1)'(Words - Margin);
      end
    end
  end

`ifndef SYNTHESIS
  initial begin
    assert (Words == 2 ** PtrW && Threads == 2 ** ThreadW && Words > Margin)
    else $fatal(1, "phantom_weight_queue: %0d threads x %0d words", Threads, Words);
  end
  always_ff @(posedge clk_i) begin
    if (rst_ni && wr_valid_i) begin
      assert ((wr_q[wr_thread_i] - rd_q[wr_thread_i][PtrW+2:2]) != (PtrW + 1)'(Words))
      else $error("phantom_weight_queue: overflow of thread %0d", wr_thread_i);
    end
  end
`endif

endmodule
