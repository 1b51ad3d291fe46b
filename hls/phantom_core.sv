// Core: N threads (two a PE) behind one front end.
//
//   weight bus --> weight queue --> thread mapper --> TDS --> job --> compute engine (PEs) --> partial sums
//   fill bus   --> run ring (run table, release of channels), activation buffers
//
// Contract: both buses arrive already masked for this core, rest in reset, and are registered here; `weight_room_o` and `fill_room_o`
// are registers and leave room for what is still on its way. A pass ends when every thread has taken its end-of-pass entry
// (`pass_done_o`); then the drain reads all threads at one address a cycle (`drain_en_i`; data two cycles later) and reports
// `drained_i`. Threads go on with the next pass in the other bank meanwhile.
module phantom_core
  import phantom_pkg::*;
#(
  parameter int unsigned Threads          = 8,
  parameter int unsigned ActWords         = 512,
  parameter int unsigned RunDepth         = 512,
  parameter int unsigned WeightQueueWords = 16,
  localparam int unsigned ThreadW = $clog2(Threads)
) (
  input  logic               clk_i,
  input  logic               rst_ni,      // also clears all of the state between layers, but not the partial sums
  input  core_cfg_t          cfg_i,
  input  table_write_t       table_i,
  input  logic               wgt_valid_i,
  input  logic [ThreadW-1:0] wgt_thread_i,
  input  logic [59:0]        wgt_word_i,
  output logic [Threads-1:0] wgt_room_o,
  input  fill_t              fill_i,
  output logic               fill_room_o,
  output logic               pass_done_o,
  input  logic               drain_en_i,
  input  logic               drain_clear_i,
  input  logic               drain_scrub_i,  // address both banks in turn (scrub), instead of the one to be drained
  input  logic [8:0]         drain_addr_i,
  input  logic               drained_i,
  output logic [AccW-1:0]    drain_data_o[Threads],
  output logic [$clog2(Threads+1)-1:0] macs_o,   // multiplies in a cycle, two cycles later
  output thread_flags_t      flags_o[Threads],
  output logic               busy_o
);

  // --- inputs, registered ------------------------------------------------------------------------------------------

  // Cores that hear the same have these registers alike: synthesis is not to make one of them, with a long way to every core.
  (* keep = "true" *) logic [ThreadW-1:0] wgt_thread_q;
  (* keep = "true" *) logic [59:0]        wgt_word_q;
  (* keep = "true" *) fill_t              fill_q;
  (* keep = "true" *) logic [8:0]         drain_addr_q;

  logic               wgt_valid_q, drain_en_q, drain_clear_q, drained_q;
  logic               drain_bank_q;
  logic [1:0]         release_q;

  always_ff @(posedge clk_i) begin
    wgt_thread_q <= wgt_thread_i;
    wgt_word_q   <= wgt_word_i;
    fill_q       <= fill_i;
    drain_addr_q <= drain_scrub_i ? drain_addr_i : {drain_bank_q, drain_addr_i[7:0]};
    if (!rst_ni) begin
      wgt_valid_q    <= 1'b0;
      drain_bank_q   <= 1'b0;
      drained_q      <= 1'b0;
      release_q      <= '0;
    end else begin
      wgt_valid_q  <= wgt_valid_i;
      drained_q    <= drained_i;
      drain_bank_q <= drain_bank_q ^ drained_q;
      release_q    <= {release_q[0], fill_q.commit};
    end
    drain_en_q <= drain_en_i;
    drain_clear_q <= drain_clear_i;
  end

  // --- front end -----------------------------------------------------------------------------------------------------

  logic [Threads-1:0] queued, parked, job_ready, job_valid, idle, pass_done, chan_valid, mac, stall;
  logic               sel_valid, pop, done, done_park;
  logic [ThreadW-1:0] sel_thread, pop_thread, done_thread;
  wgt_entry_t         entry;
  job_t               job;
  run_t               run;
  logic [7:0]         filled, run_chan;
  logic [5:0]         run_index;
  logic [7:0]         taken_chan[Threads], thread_chan[Threads], oldest[Threads];

  phantom_weight_queue #(
    .Threads(Threads),
    .Words  (WeightQueueWords)
  ) u_weight_queue (
    .clk_i,
    .rst_ni,
    .wr_valid_i  (wgt_valid_q),
    .wr_thread_i (wgt_thread_q),
    .wr_word_i   (wgt_word_q),
    .room_o      (wgt_room_o),
    .filled_o    (queued),
    .rd_thread_i (sel_thread),
    .rd_entry_o  (entry),
    .pop_i       (pop),
    .pop_thread_i(pop_thread)
  );

  phantom_thread_mapper #(
    .Threads(Threads)
  ) u_thread_mapper (
    .clk_i,
    .rst_ni,
    .filled_i     (queued),
    .job_ready_i  (job_ready),
    .release_i    (release_q[1]),
    .done_i       (done),
    .done_park_i  (done_park),
    .done_thread_i(done_thread),
    .sel_valid_o  (sel_valid),
    .sel_thread_o (sel_thread),
    .parked_o     (parked)
  );

  phantom_tds #(
    .Threads(Threads)
  ) u_tds (
    .clk_i,
    .rst_ni,
    .cfg_i,
    .table_i,
    .sel_valid_i  (sel_valid),
    .sel_thread_i (sel_thread),
    .sel_entry_i  (entry),
    .pop_o        (pop),
    .pop_thread_o (pop_thread),
    .filled_i     (filled),
    .idle_i       (idle),
    .drained_i    (drained_q),
    .pass_done_o  (pass_done),
    .chan_o       (taken_chan),
    .run_chan_o   (run_chan),
    .run_index_o  (run_index),
    .run_i        (run),
    .done_o       (done),
    .done_thread_o(done_thread),
    .done_park_o  (done_park),
    .job_valid_o  (job_valid),
    .job_o        (job)
  );

  always_ff @(posedge clk_i) begin
    for (int unsigned t = 0; t < Threads; t++) oldest[t] <= chan_valid[t] ? thread_chan[t] : taken_chan[t];
  end

  phantom_run_ring #(
    .Threads (Threads),
    .ActWords(ActWords),
    .RunDepth(RunDepth)
  ) u_run_ring (
    .clk_i,
    .rst_ni,
    .cfg_i,
    .fill_i  (fill_q),
    .room_o  (fill_room_o),
    .filled_o(filled),
    .oldest_i(oldest),
    .chan_i  (run_chan),
    .run_i   (run_index),
    .run_o   (run)
  );

  // --- compute engine ------------------------------------------------------------------------------------------------

  phantom_compute_engine #(
    .Threads(Threads)
  ) u_compute_engine (
    .clk_i,
    .rst_ni,
    .fill_en_i   (fill_q.word_we),
    .fill_addr_i (fill_q.word_addr),
    .fill_data_i (fill_q.word),
    .job_valid_i (job_valid),
    .job_ready_o (job_ready),
    .job_i       (job),
    .chan_valid_o(chan_valid),
    .chan_o      (thread_chan),
    .idle_o      (idle),
    .mac_o       (mac),
    .stall_o     (stall),
    .drain_en_i  (drain_en_q),
    .drain_clear_i(drain_clear_q),
    .drain_addr_i(drain_addr_q),
    .drain_data_o(drain_data_o)
  );

  // --- what was done, and what was in the way -------------------------------------------------------------------------

  logic [$clog2(Threads+1)-1:0] macs;  // of the cycle before

  always_comb begin
    macs = '0;
    for (int unsigned t = 0; t < Threads; t++) macs += ($bits(macs))'(flags_o[t].mac);
  end

  always_ff @(posedge clk_i) begin
    pass_done_o <= (&pass_done) && !drained_i && !drained_q;
    busy_o      <= !(&idle) || (|queued);
    macs_o      <= macs;
    for (int unsigned t = 0; t < Threads; t++) begin
      flags_o[t] <= '{
          mac: mac[t],
          stall: stall[t],
          has_job: chan_valid[t],
          parked: parked[t],
          queued: queued[t],
          pass_done: pass_done[t]
      };
    end
  end

endmodule
