// Compute engine: the PEs of a core, with the partial sums of all its threads.
//
// All PEs hold the same activations (one fill reaches all); each thread walks them at its own pace. A job is broadcast
// and taken by the thread whose `job_valid_i` is set.
module phantom_compute_engine
  import phantom_pkg::*;
#(
  parameter int unsigned Threads = 8
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               fill_en_i,
  input  logic [8:0]         fill_addr_i,
  input  logic [35:0]        fill_data_i,
  input  logic [Threads-1:0] job_valid_i,
  output logic [Threads-1:0] job_ready_o,
  input  job_t               job_i,
  output logic [Threads-1:0] chan_valid_o,
  output logic [7:0]         chan_o[Threads],
  output logic [Threads-1:0] idle_o,
  output logic [Threads-1:0] mac_o,
  output logic [Threads-1:0] stall_o,
  input  logic               drain_en_i,
  input  logic               drain_clear_i,
  input  logic [8:0]         drain_addr_i,
  output logic [AccW-1:0]    drain_data_o[Threads]
);

  for (genvar p = 0; p < Threads / 2; p++) begin : g_pe
    phantom_pe u_pe (
      .clk_i,
      .rst_ni,
      .fill_en_i,
      .fill_addr_i,
      .fill_data_i,
      .job_valid_i (job_valid_i[2*p+:2]),
      .job_ready_o (job_ready_o[2*p+:2]),
      .job_i,
      .chan_valid_o(chan_valid_o[2*p+:2]),
      .chan_o      (chan_o[2*p+:2]),
      .idle_o      (idle_o[2*p+:2]),
      .mac_o       (mac_o[2*p+:2]),
      .stall_o     (stall_o[2*p+:2]),
      .drain_en_i,
      .drain_clear_i,
      .drain_addr_i,
      .drain_data_o(drain_data_o[2*p+:2])
    );
  end

`ifndef SYNTHESIS
  initial assert (Threads % 2 == 0) else $fatal(1, "phantom_compute_engine: Threads %0d is odd", Threads);
`endif

endmodule
