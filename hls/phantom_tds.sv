// TDS, top-down selector: takes the weights of the chosen threads from the top of their queues, finds the run of activations
// that each one meets, and drops what meets nothing, so that only effectual work reaches a multiplier.
//
//   S1 entry, index     the queue's head and the thread's place in {channel, window, slot}
//   S2 new index        index + delta
//   S3 decide           go on, or leave the entry in the queue: channel not filled, bank not drained
//   S4 run look-up      base = slot base - window offset
//   S5 job              empty runs are dropped
//
// Contract: one selection a cycle, at most one in flight a thread (the mapper sees to it), and the thread's pending slot is
// empty when the job arrives. The weight index is drawn in docs/stream-format.md.
module phantom_tds
  import phantom_pkg::*;
#(
  parameter int unsigned Threads = 8,
  localparam int unsigned ThreadW = $clog2(Threads)
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  core_cfg_t          cfg_i,
  input  table_write_t       table_i,
  // S1
  input  logic               sel_valid_i,
  input  logic [ThreadW-1:0] sel_thread_i,
  input  wgt_entry_t         sel_entry_i,
  // S3
  input  logic [7:0]         filled_i,
  input  logic [Threads-1:0] idle_i,      // thread has written its last sum
  input  logic               drained_i,   // the drain is through with one pass of this core
  output logic [Threads-1:0] pass_done_o, // this thread's pass waits for the drain
  output logic [7:0]         chan_o[Threads],  // lowest channel that the thread can still ask for
  // S4
  output logic               pop_o,
  output logic [ThreadW-1:0] pop_thread_o,
  output logic [7:0]         run_chan_o,
  output logic [5:0]         run_index_o,
  input  run_t               run_i,
  // S5
  output logic               done_o,
  output logic [ThreadW-1:0] done_thread_o,
  output logic               done_park_o,  // refused for want of a channel
  output logic [Threads-1:0] job_valid_o,
  output job_t               job_o
);

  typedef struct packed {
    logic [7:0] chan;
    logic [7:0] window;
    logic [4:0] slot;
  } index_t;

  typedef enum logic [1:0] {
    ActWeight,  // a weight
    ActMove,    // skip or hop
    ActPass     // end of pass
  } action_e;

  // What the sum wants of the layer, from registers: the layer stands still, but nobody tells the tools. (The masks bit by bit, not as a
  // power of two less one, which would be a carry chain.)
  logic [4:0] slot_mask_q;
  logic [7:0] window_mask_q;
  logic [2:0] slot_shift_q;
  logic [3:0] chan_shift_q;
  always_ff @(posedge clk_i) begin
    for (int unsigned i = 0; i < 5; i++) slot_mask_q[i] <= 32'(cfg_i.slot_bits) > i;
    for (int unsigned i = 0; i < 8; i++) window_mask_q[i] <= 32'(cfg_i.window_bits) > i;
    slot_shift_q <= cfg_i.slot_bits;
    chan_shift_q <= 4'(cfg_i.slot_bits) + cfg_i.window_bits;
  end

  // Each stage has its own copies of valid and thread.
  logic               valid2_q, valid3_q, valid4_q, valid5_q;
  logic [ThreadW-1:0] thread2_q, thread3_q, thread4_q, thread5_q;

  // --- S1: the thread's index ----------------------------------------------------------------------------------------

  (* ram_style = "distributed" *) index_t index_mem[Threads];
  logic [Threads-1:0] started_q;  // index_mem holds this thread's index; before, it is -1
  index_t     index2_q;
  wgt_entry_t entry2_q;
  logic [1:0] zero2_q;  // half by half, whether its weight is zero: the sum of S2 hangs on that

  always_ff @(posedge clk_i) begin
    index2_q  <= started_q[sel_thread_i] ? index_mem[sel_thread_i] : '1;
    entry2_q  <= sel_entry_i;
    zero2_q   <= {sel_entry_i.w[7:4] == '0, sel_entry_i.w[3:0] == '0};
    thread2_q <= sel_thread_i;
  end

  // --- S2: add the delta. Unused index bits are ones while adding, so that the carry runs through them. -----------------
  // One sum for all: a skip adds its delta to the channel, and stands at the channel's end; the end of a pass adds nothing.

  index_t     padded, step, index3_q;
  logic [6:0] above_slot;
  logic       no_weight, pass_end, skip;
  action_e    action3_q;
  logic       chan_over3_q;  // the thread does not ask for this channel any more
  logic [7:0] w3_q;

  assign no_weight = &zero2_q;
  assign pass_end  = no_weight && entry2_q.delta == DeltaEndOfPass;
  assign skip      = no_weight && entry2_q.delta != DeltaEndOfPass && entry2_q.delta != DeltaHop;

  always_comb begin
    padded      = index2_q | {8'd0, ~window_mask_q, ~slot_mask_q} | {8'd0, {13{skip}}};
    above_slot  = entry2_q.delta >> slot_shift_q;
    step.slot   = entry2_q.delta[4:0] & slot_mask_q;
    step.window = {1'b0, above_slot} & window_mask_q;
    step.chan   = 8'(entry2_q.delta >> chan_shift_q);
    if (skip) step = {8'(entry2_q.delta), 13'd0};
    if (pass_end) step = '0;
  end

  always_ff @(posedge clk_i) begin
    thread3_q    <= thread2_q;
    w3_q         <= entry2_q.w;
    index3_q     <= padded + step;
    chan_over3_q <= skip || pass_end;
    action3_q    <= pass_end ? ActPass : no_weight ? ActMove : ActWeight;
  end

  // --- S3: may it go on? --------------------------------------------------------------------------------------------------

  logic [Threads-1:0] bank_q, pass_done_q;
  logic [7:0]         chan_q[Threads];
  logic               chan_there, pass_over3_q, go3, pop;
  logic [7:0]         ahead, free_chan3;

  assign free_chan3 = index3_q.chan + 8'(chan_over3_q);
  assign ahead      = index3_q.chan - filled_i;  // negative: filled
  assign chan_there = ahead[7];
  // Skips and hops wait for their channel like weights: a thread is then never more than 127 channels ahead of the last one
  // that is filled, and channel numbers modulo 256 are enough to compare them.
  assign go3        = action3_q == ActPass ? pass_over3_q : chan_there;

  assign pop          = valid3_q && go3;
  assign pop_thread_o = thread4_q;
  assign pass_done_o  = pass_done_q;
  assign chan_o       = chan_q;

  always_ff @(posedge clk_i) begin
    // Looked up in S2: whatever this thread was given before, it has had for longer.
    pass_over3_q <= idle_i[thread2_q] && (!pass_done_q[thread2_q] || drained_i);
    if (pop) index_mem[thread3_q] <= index3_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      started_q   <= '0;
      bank_q      <= '0;
      pass_done_q <= '0;
      for (int unsigned t = 0; t < Threads; t++) chan_q[t] <= '0;
    end else begin
      if (drained_i) pass_done_q <= '0;
      // A thread that has to wait for a channel does not need any channel before it: it must not hold those back.
      if (valid3_q && (action3_q != ActPass || pass_over3_q)) chan_q[thread3_q] <= free_chan3;
      if (pop) begin
        started_q[thread3_q] <= 1'b1;
        if (action3_q == ActPass) begin
          bank_q[thread3_q]      <= !bank_q[thread3_q];
          pass_done_q[thread3_q] <= 1'b1;
        end
      end
    end
  end

  // --- S4: tables ---------------------------------------------------------------------------------------------------------

  (* ram_style = "block" *) logic [17:0] window_mem[256];
  (* ram_style = "distributed" *) logic [7:0]  slot_mem[32];
  logic [7:0] window3;
  logic [4:0] slot3;
  logic [2:0] skip4_q;
  logic       act_signed4_q, act_signed5_q;
  logic [7:0] offset4_q, slot_base4_q, chan4_q, w4_q;
  logic       bank4_q, weight4_q, park4_q;
  logic [5:0] run4_q;

  assign window3 = index3_q.window & window_mask_q;
  assign slot3   = index3_q.slot & slot_mask_q;

  always_ff @(posedge clk_i) begin
    if (table_i.window_we) window_mem[table_i.index] <= table_i.data;
    if (table_i.slot_we) slot_mem[table_i.index[4:0]] <= table_i.data[7:0];
    {act_signed4_q, skip4_q, offset4_q, run4_q} <= window_mem[window3];
    slot_base4_q <= slot_mem[slot3];
    bank4_q      <= bank_q[thread3_q];
    chan4_q      <= index3_q.chan;
    w4_q         <= w3_q;
    thread4_q    <= thread3_q;
    weight4_q    <= go3 && action3_q == ActWeight;
    park4_q      <= !go3 && action3_q != ActPass;
  end

  assign run_chan_o  = chan4_q;
  assign run_index_o = run4_q;

  // --- S5: the job --------------------------------------------------------------------------------------------------------

  logic       weight5_q, park5_q;
  logic [7:0] w5_q, chan5_q;
  logic [8:0] base5_q;
  logic [2:0] skip5_q;

  always_ff @(posedge clk_i) begin
    thread5_q <= thread4_q;
    weight5_q <= weight4_q;
    park5_q   <= park4_q;
    w5_q      <= w4_q;
    chan5_q   <= chan4_q;
    skip5_q   <= skip4_q;
    act_signed5_q <= act_signed4_q;
    base5_q   <= {bank4_q, slot_base4_q - offset4_q};
  end

  always_comb begin
    job_o = '{
        w: w5_q,
        first: run_i.first,
        last: run_i.last,
        base: base5_q,
        skip: skip5_q,
        act_signed: act_signed5_q,
        chan: chan5_q
    };
    job_valid_o = '0;
    job_valid_o[thread5_q] = valid5_q && weight5_q && !run_i.empty;
  end

  assign done_o        = valid5_q;
  assign done_thread_o = thread5_q;
  assign done_park_o   = park5_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      pop_o    <= 1'b0;
      valid2_q <= 1'b0;
      valid3_q <= 1'b0;
      valid4_q <= 1'b0;
      valid5_q <= 1'b0;
    end else begin
      pop_o    <= pop;
      valid2_q <= sel_valid_i;
      valid3_q <= valid2_q;
      valid4_q <= valid3_q;
      valid5_q <= valid4_q;
    end
  end

endmodule
