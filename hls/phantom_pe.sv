// Processing element: two threads over one activation buffer.
//
// The buffer is one half block RAM: 512 words of two entries, one write port for the LAM, one read port that the two threads
// take in turn. Runs are read in order, so a word of two entries feeds a thread for two cycles and one port is enough for
// both; only the odd ends of runs cost something (a run of n entries takes n/2 to n/2 + 1 words).
module phantom_pe
  import phantom_pkg::*;
(
  input  logic          clk_i,
  input  logic          rst_ni,
  input  logic          fill_en_i,
  input  logic [8:0]    fill_addr_i,
  input  logic [35:0]   fill_data_i,
  input  logic [1:0]    job_valid_i,
  output logic [1:0]    job_ready_o,
  input  job_t          job_i,
  output logic [1:0]    chan_valid_o,
  output logic [7:0]    chan_o[2],
  output logic [1:0]    idle_o,
  output logic [1:0]    mac_o,
  output logic [1:0]    stall_o,
  input  logic          drain_en_i,
  input  logic          drain_clear_i,
  input  logic [8:0]    drain_addr_i,
  output logic [AccW-1:0] drain_data_o[2]
);

  logic [1:0]  req, gnt;
  logic [8:0]  addr[2];
  logic [35:0] data;
  logic        turn_q;

  assign gnt[0] = req[0] && !(req[1] && turn_q);
  assign gnt[1] = req[1] && !(req[0] && !turn_q);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) turn_q <= 1'b0;
    else if (|gnt) turn_q <= gnt[0];
  end

  phantom_sdp_ram #(
    .Width(36),
    .Depth(512)
  ) u_activations (
    .clk_i,
    .wr_en_i  (fill_en_i),
    .wr_addr_i(fill_addr_i),
    .wr_data_i(fill_data_i),
    .rd_en_i  (|gnt),
    .rd_addr_i(gnt[1] ? addr[1] : addr[0]),
    .rd_data_o(data)
  );

  for (genvar t = 0; t < 2; t++) begin : g_thread
    phantom_thread u_thread (
      .clk_i,
      .rst_ni,
      .job_valid_i (job_valid_i[t]),
      .job_ready_o (job_ready_o[t]),
      .job_i,
      .rd_req_o    (req[t]),
      .rd_addr_o   (addr[t]),
      .rd_gnt_i    (gnt[t]),
      .rd_data_i   (data),
      .chan_valid_o(chan_valid_o[t]),
      .chan_o      (chan_o[t]),
      .idle_o      (idle_o[t]),
      .mac_o       (mac_o[t]),
      .stall_o     (stall_o[t]),
      .drain_en_i,
      .drain_clear_i,
      .drain_addr_i,
      .drain_data_o(drain_data_o[t])
    );
  end

endmodule
