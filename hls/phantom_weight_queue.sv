// Weight queue: the words that wait for each thread of a core, all queues in one distributed RAM.
//
// Contract: a queue holds `Words - 1` words, so that its level has no bit more than an address. `filled_o[t]` (it is not empty) and
// `room_o[t]` are registers; the latter turns off while `Margin` words still fit, so that the sender may be that many cycles away.
// The reader asks for the entry at the head of thread `rd_thread_i`, gets it in the same cycle, and pops it later by
// `pop_i`/`pop_thread_i`; a word leaves with its fourth entry. Reset has to last for `Threads` cycles: the pointers lie in small
// memories, of which it clears one word a cycle.
module phantom_weight_queue
  import phantom_pkg::*;
#(
  parameter int unsigned Threads = 8,
  parameter int unsigned Words   = 16,  // a thread
  parameter int unsigned Margin  = 3,
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

  // --- pointers: of all threads, one is written to and one popped from in a cycle ---------------------------------------

  (* ram_style = "distributed" *) logic [PtrW-1:0] wr_mem[Threads];
  (* ram_style = "distributed" *) logic [PtrW+1:0] rd_mem[Threads];  // {word, entry}
  logic [ThreadW-1:0] clear_q, wr_sel, pop_sel;  // clear_q: needs no reset, it comes by everywhere
  logic [PtrW-1:0]    wr_ptr;
  logic [PtrW+1:0]    rd_ptr, pop_ptr;
  logic               pop_word;

  assign wr_ptr   = wr_mem[wr_thread_i];
  assign rd_ptr   = rd_mem[rd_thread_i];
  assign pop_ptr  = rd_mem[pop_thread_i];
  assign pop_word = pop_i && (&pop_ptr[1:0]);
  assign wr_sel   = rst_ni ? wr_thread_i : clear_q;
  assign pop_sel  = rst_ni ? pop_thread_i : clear_q;

  always_ff @(posedge clk_i) begin
    clear_q <= clear_q + 1'b1;
    if (wr_valid_i || !rst_ni) wr_mem[wr_sel] <= rst_ni ? wr_ptr + 1'b1 : '0;
    if (pop_i || !rst_ni) rd_mem[pop_sel] <= rst_ni ? pop_ptr + 1'b1 : '0;
  end

  // --- words ------------------------------------------------------------------------------------------------------------

  (* ram_style = "distributed" *) logic [59:0] mem[Threads*Words];
  wgt_entry_t [3:0] rd_word;

  assign rd_word    = mem[{rd_thread_i, rd_ptr[PtrW+1:2]}];
  assign rd_entry_o = rd_word[rd_ptr[1:0]];

  always_ff @(posedge clk_i) begin
    if (wr_valid_i) mem[{wr_thread_i, wr_ptr}] <= wr_word_i;
  end

  // --- levels -----------------------------------------------------------------------------------------------------------

  logic [PtrW-1:0] level_q[Threads];

  for (genvar t = 0; t < Threads; t++) begin : g_queue
    logic in, out;
    assign in          = wr_valid_i && wr_thread_i == ThreadW'(t);
    assign out         = pop_word && pop_thread_i == ThreadW'(t);

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        level_q[t]  <= '0;
        filled_o[t] <= 1'b0;
      end else if (in != out) begin
        level_q[t]  <= in ? level_q[t] + 1'b1 : level_q[t] - 1'b1;
        filled_o[t] <= in || level_q[t] != PtrW'(1);
      end
      // A word that comes in counts at once, one that leaves a cycle later.
      room_o[t] <= rst_ni && (in ? level_q[t] < PtrW'(Words - 2 - Margin) : level_q[t] < PtrW'(Words - 1 - Margin));
    end
  end

`ifndef SYNTHESIS
  initial begin
    assert (Words == 2 ** PtrW && Threads == 2 ** ThreadW && Words > Margin + 1)
    else $fatal(1, "phantom_weight_queue: %0d threads x %0d words", Threads, Words);
  end
  always_ff @(posedge clk_i) begin
    if (rst_ni && wr_valid_i) begin
      assert (level_q[wr_thread_i] != '1) else $error("phantom_weight_queue: overflow of thread %0d", wr_thread_i);
    end
  end
`endif

endmodule
