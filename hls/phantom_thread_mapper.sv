// Thread mapper: gives the next weight to the thread that has become free.
//
// A thread is a candidate when a weight waits for it, its pending slot is empty, no weight of it is on its way through the TDS
// and it is not parked. The TDS parks a thread whose next channel has not been filled; a newly committed channel releases all
// parked threads. Candidates are taken round robin, one a cycle, one cycle after they become candidates.
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

  logic [Threads-1:0] busy_q, parked_q, cand, ahead, pick;
  logic [ThreadW-1:0] last_q, index;

  assign cand  = filled_i & job_ready_i & ~busy_q & ~parked_q;
  // Those after the last one taken come first.
  assign pick  = (|ahead) ? ahead : cand;
  assign parked_o = parked_q;

  always_comb begin
    for (int unsigned t = 0; t < Threads; t++) ahead[t] = cand[t] && ThreadW'(t) > last_q;
    index = '0;
    for (int t = Threads - 1; t >= 0; t--) if (pick[t]) index = ThreadW'(t);
  end

  assign sel_thread_o = last_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q      <= '0;
      parked_q    <= '0;
      last_q      <= '0;
      sel_valid_o <= 1'b0;
    end else begin
      sel_valid_o <= |cand;
      if (release_i) parked_q <= '0;
      if (done_i) busy_q[done_thread_i] <= 1'b0;
      if (done_i && done_park_i && !release_i) parked_q[done_thread_i] <= 1'b1;
      if (|cand) begin
        last_q        <= index;
        busy_q[index] <= 1'b1;
      end
    end
  end

endmodule
