// Thread mapper: gives the next weight to the thread that has become free.
//
// A thread is a candidate when a weight waits for it, its pending slot is empty, no weight of it is on its way through the TDS
// and it is not parked. The TDS parks a thread whose next channel has not been filled; a newly committed channel releases all
// parked threads. Candidates are taken round robin, one a cycle, one cycle after they become candidates.
//
// Contract: `sel_thread_o` means something with `sel_valid_o` only.
module phantom_thread_mapper #(
  parameter int unsigned Threads = 8,
  localparam int unsigned ThreadW = $clog2(Threads)
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic [Threads-1:0] filled_i,     // a weight waits
  input  logic [Threads-1:0] job_ready_i,  // pending slot empty
  input  logic               release_i,    // a channel was committed, two cycles ago (S3 to S5 of the TDS)
  input  logic               done_i,       // TDS is through with `done_thread_i`
  input  logic               done_park_i,  // and could not go on for want of a channel
  input  logic [ThreadW-1:0] done_thread_i,
  output logic               sel_valid_o,
  output logic [ThreadW-1:0] sel_thread_o,
  output logic [Threads-1:0] parked_o
);

  logic [Threads-1:0] busy_q, parked_q, held_q, after_q;  // held_q: busy or parked; after_q: after the last one taken
  logic [Threads-1:0] busy, parked, chosen, done;
  (* keep *) logic [Threads-1:0] ahead, all;  // candidates; kept: a LUT each, in front of all that is made of them
  logic [Threads-1:0] behind_ahead, behind_all, after;
  logic               any_ahead, any;

  // The thread of the cycle before is not yet busy by its bit, so that `busy_q` does not hang on the choice.
  always_comb begin
    for (int unsigned t = 0; t < Threads; t++) begin
      chosen[t] = sel_valid_o && !after_q[t] && (t + 1 == Threads || after_q[(t+1)%Threads]);
      done[t]   = done_i && done_thread_i == ThreadW'(t);
      ahead[t]  = filled_i[t] && job_ready_i[t] && !held_q[t] && after_q[t];
      all[t]    = filled_i[t] && job_ready_i[t] && !held_q[t] && !chosen[t];
    end
    busy   = (busy_q | chosen) & ~done;
    parked = release_i ? '0 : parked_q | (done & {Threads{done_park_i}});
  end

  // The threads behind the first of a set: all bits at once, where a search would wait for itself.
  function automatic logic [Threads-1:0] behind_first(logic [Threads-1:0] set);
    for (int unsigned i = 0; i < Threads; i++) behind_first[i] = |(set & ~({Threads{1'b1}} << i));
  endfunction

  // The number of the thread that all of a set's members, and nobody else, are behind.
  function automatic logic [ThreadW-1:0] before_all(logic [Threads-1:0] set);
    before_all = '0;
    for (int unsigned b = 0; b < ThreadW; b++) begin
      for (int unsigned i = 2 ** b; i < Threads; i += 2 ** (b + 1)) begin
        if (!set[i] && (i + 2 ** b == Threads || set[(i+2**b)%Threads])) before_all[b] = 1'b1;
      end
    end
  endfunction

  // Where nobody is ahead, all are those that are not.
  assign any_ahead    = |ahead;
  assign any          = |all;
  assign behind_ahead = behind_first(ahead);
  assign behind_all   = behind_first(all);
  // Without a condition that holds it: of that, synthesis makes an enable, which comes a level later.
  assign after = (behind_ahead & {Threads{any_ahead}}) | (behind_all & {Threads{!any_ahead && any}}) | (after_q & {Threads{!any}});

  assign parked_o = parked_q;

  always_ff @(posedge clk_i) sel_thread_o <= any_ahead ? before_all(behind_ahead) : before_all(behind_all);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q      <= '0;
      parked_q    <= '0;
      held_q      <= '0;
      after_q     <= ~Threads'(1);
      sel_valid_o <= 1'b0;
    end else begin
      busy_q      <= busy;
      parked_q    <= parked;
      held_q      <= busy | parked;
      after_q     <= after;
      sel_valid_o <= any;
    end
  end

`ifndef SYNTHESIS
  initial assert (Threads == 2 ** ThreadW) else $fatal(1, "phantom_thread_mapper: %0d threads are no power of two", Threads);
`endif

endmodule
