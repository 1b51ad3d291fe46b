// The accelerator between its two input streams and its output stream: everything but DMA and registers.
//
//   activations --> stream in --> row buffer --> LAM --> mesh --> output --> results
//   weights --> weight streams --------------------------^   \ parameters --^
//
// Contract: one layer per `start_i`, configured by structs that are constant while `busy_o`. Streams are valid/ready with `last`.
module phantom_accelerator
  import phantom_pkg::*;
#(
  parameter int unsigned Rows             = 4,
  parameter int unsigned Cols             = 4,
  parameter int unsigned Threads          = 8,
  parameter int unsigned Lf               = 16,
  parameter int unsigned ActWords         = 512,
  parameter int unsigned WeightQueueWords = 16,
  parameter int unsigned RunDepth         = 512,
  parameter int unsigned RowBufferWords   = 12288,
  parameter int unsigned DirectoryDepth   = 2048,
  parameter int unsigned ParamDepth       = 1024,
  parameter int unsigned WeightPorts      = 1
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  // control
  input  logic         start_i,
  input  logic         soft_reset_i,
  input  logic [15:0]  watchdog_i,
  output logic         busy_o,
  output logic         done_o,
  output error_e       error_o,
  // layer
  input  input_cfg_t   input_cfg_i,
  input  lam_cfg_t     lam_cfg_i,
  input  view_t        view_i[4],
  input  core_cfg_t    core_cfg_i,
  input  drain_cfg_t   drain_cfg_i,
  input  logic         table_we_i,
  input  logic [1:0]   table_select_i,   // 0 window, 1 slot, 2 tile, 3 drain
  input  logic [7:0]   table_index_i,
  input  logic [31:0]  table_data_i,
  // streams
  input  logic         act_valid_i,
  output logic         act_ready_o,
  input  logic [63:0]  act_data_i,
  input  logic         act_last_i,
  input  logic         wgt_valid_i[WeightPorts],
  output logic         wgt_ready_o[WeightPorts],
  input  logic [63:0]  wgt_data_i[WeightPorts],
  input  logic         wgt_last_i[WeightPorts],
  output logic         out_valid_o,
  input  logic         out_ready_i,
  output logic [63:0]  out_data_o,
  output logic         out_last_o,
  // counters
  input  logic         cnt_req_i,
  input  logic [5:0]   cnt_index_i,
  output logic         cnt_ack_o,
  output logic [31:0]  cnt_data_o
);

  localparam int unsigned ThreadW = $clog2(Threads);
  localparam int unsigned MacW    = $clog2(Rows * Cols * Threads + 1);

  // --- control -------------------------------------------------------------------------------------------------------------

  logic       run_rst_n, scrub, start, open, swallow, clear, out_done, act_ended, lam_waiting, lam_waiting_q, row_full, moved;
  logic [8:0] scrub_addr;
  error_e     act_error, wgt_error, wgt_errors[WeightPorts];
  logic [WeightPorts-1:0] wgt_ended;

  phantom_control u_control (
    .clk_i,
    .rst_ni,
    .start_i,
    .soft_reset_i,
    .watchdog_i,
    .busy_o,
    .done_o,
    .error_o,
    .clear_o     (clear),
    .run_rst_no  (run_rst_n),
    .scrub_o     (scrub),
    .scrub_addr_o(scrub_addr),
    .start_o     (start),
    .open_o      (open),
    .swallow_o   (swallow),
    .out_done_i  (out_done),
    .act_ended_i (act_ended),
    .wgt_ended_i (&wgt_ended),
    .act_error_i (act_error),
    .wgt_error_i (wgt_error),
    .row_stuck_i (lam_waiting_q && row_full),
    .moved_i     (moved)
  );

  // Reset and layer are far from those that need them: registers on the way, of which synthesis is not to make one. A reset is held
  // as the flip-flops want it, active-high: they have no inverter.
  (* keep = "true" *) logic                   input_rst_q, output_rst_q;
  (* keep = "true" *) logic [WeightPorts-1:0] wgt_rst_q;
  input_cfg_t input_cfg_q;
  lam_cfg_t   lam_cfg_q;
  drain_cfg_t drain_cfg_q;

  always_ff @(posedge clk_i) begin
    input_rst_q  <= !(rst_ni && run_rst_n);
    output_rst_q <= !(rst_ni && run_rst_n);
    wgt_rst_q    <= {WeightPorts{!(rst_ni && run_rst_n)}};
    input_cfg_q  <= input_cfg_i;
    lam_cfg_q    <= lam_cfg_i;
    drain_cfg_q  <= drain_cfg_i;
  end

  table_write_t table_q;
  logic         tile_we, entry_we;
  assign tile_we  = table_we_i && table_select_i == 2'd2;
  assign entry_we = table_we_i && table_select_i == 2'd3;
  always_ff @(posedge clk_i) begin
    table_q <= '{
        window_we: rst_ni && table_we_i && table_select_i == 2'd0,
        slot_we: rst_ni && table_we_i && table_select_i == 2'd1,
        index: table_index_i,
        data: table_data_i[17:0]
    };
  end

  // --- input: row buffer and LAM ---------------------------------------------------------------------------------------------

  logic            act_ready, lam_done, lam_blocked;
  logic            fill_room[Rows][Cols];
  fill_t           fill[lam_lanes(Rows)];
  logic [Rows-1:0] fill_rows, drain_rows;
  logic [Cols-1:0] fill_cols[lam_lanes(Rows)], drain_cols;

  assign act_ready_o = (act_ready && open) || swallow;

  phantom_input #(
    .Rows          (Rows),
    .Cols          (Cols),
    .Lf            (Lf),
    .RowBufferWords(RowBufferWords),
    .DirectoryDepth(DirectoryDepth)
  ) u_input (
    .clk_i,
    .rst_ni      (!input_rst_q),
    .start_i     (start),
    .in_cfg_i    (input_cfg_q),
    .cfg_i       (lam_cfg_q),
    .view_i,
    .tile_we_i   (tile_we),
    .tile_index_i(table_index_i[3:0]),
    .tile_cores_i(table_data_i),
    .in_valid_i  (act_valid_i && open),
    .in_ready_o  (act_ready),
    .in_data_i   (act_data_i),
    .in_last_i   (act_last_i),
    .error_o     (act_error),
    .ended_o     (act_ended),
    .full_o      (row_full),
    .done_o      (lam_done),
    .waiting_o   (lam_waiting),
    .blocked_o   (lam_blocked),
    .room_i      (fill_room),
    .fill_rows_o (fill_rows),
    .fill_cols_o (fill_cols),
    .fill_o      (fill)
  );

  // --- weights ----------------------------------------------------------------------------------------------------------------

  logic [WeightPorts-1:0] wgt_ready, wgt_waiting, prm_valid, wgt_go;
  logic                   wgt_valid[WeightPorts], prm_ready;
  logic [Rows-1:0]        wgt_rows[WeightPorts];
  logic [Cols-1:0]        wgt_cols[WeightPorts];
  logic [ThreadW-1:0]     wgt_thread[WeightPorts];
  logic [59:0]            wgt_word[WeightPorts], prm_data[WeightPorts];
  logic [Threads-1:0]     wgt_room[Rows][Cols];

  for (genvar p = 0; p < WeightPorts; p++) begin : g_weights
    assign wgt_ready_o[p] = (wgt_ready[p] && open) || swallow;
    assign wgt_go[p]      = wgt_valid_i[p] && wgt_ready_o[p];

    phantom_weight_stream #(
      .Rows   (Rows),
      .Cols   (Cols),
      .Threads(Threads),
      .Ports  (WeightPorts),
      .Port   (p)
    ) u_weight_stream (
      .clk_i,
      .rst_ni      (!wgt_rst_q[p]),
      .in_valid_i  (wgt_valid_i[p] && open),
      .in_ready_o  (wgt_ready[p]),
      .in_data_i   (wgt_data_i[p]),
      .in_last_i   (wgt_last_i[p]),
      .room_i      (wgt_room),
      .wgt_valid_o (wgt_valid[p]),
      .wgt_rows_o  (wgt_rows[p]),
      .wgt_cols_o  (wgt_cols[p]),
      .wgt_thread_o(wgt_thread[p]),
      .wgt_word_o  (wgt_word[p]),
      .prm_valid_o (prm_valid[p]),
      .prm_ready_i (prm_ready),
      .prm_data_o  (prm_data[p]),
      .error_o     (wgt_errors[p]),
      .waiting_o   (wgt_waiting[p]),
      .ended_o     (wgt_ended[p])
    );
  end

  always_comb begin
    wgt_error = ErrNone;
    for (int unsigned p = 0; p < WeightPorts; p++) if (wgt_error == ErrNone) wgt_error = wgt_errors[p];
  end

  // --- mesh ----------------------------------------------------------------------------------------------------------------

  logic            pass_done[Rows][Cols];
  logic            drain_en, drain_clear, drained, mesh_busy, drain_waiting;
  logic [7:0]      drain_addr;
  logic [AccW-1:0] drain_data[Threads];
  logic [MacW-1:0] macs;
  thread_state_e   state[Threads];
  logic [3:0]      watch_row_q, watch_col_q;

  phantom_mesh #(
    .Rows            (Rows),
    .Cols            (Cols),
    .Threads         (Threads),
    .ActWords        (ActWords),
    .RunDepth        (RunDepth),
    .WeightQueueWords(WeightQueueWords),
    .WeightPorts     (WeightPorts)
  ) u_mesh (
    .clk_i,
    .rst_ni       (run_rst_n),
    .cfg_i        (core_cfg_i),
    .table_i      (table_q),
    .wgt_valid_i  (wgt_valid),
    .wgt_rows_i   (wgt_rows),
    .wgt_cols_i   (wgt_cols),
    .wgt_thread_i (wgt_thread),
    .wgt_word_i   (wgt_word),
    .wgt_room_o   (wgt_room),
    .fill_i       (fill),
    .fill_rows_i  (fill_rows),
    .fill_cols_i  (fill_cols),
    .fill_room_o  (fill_room),
    .pass_done_o  (pass_done),
    .drain_en_i   (drain_en || scrub),
    .drain_clear_i(drain_clear || scrub),
    .drain_scrub_i(scrub),
    .drain_addr_i (scrub ? scrub_addr : {1'b0, drain_addr}),
    .drain_rows_i (drain_rows),
    .drain_cols_i (drain_cols),
    .drained_i    (drained),
    .drain_data_o (drain_data),
    .macs_o       (macs),
    .watch_row_i  (watch_row_q),
    .watch_col_i  (watch_col_q),
    .state_o      (state),
    .busy_o       (mesh_busy)
  );

  // --- output ----------------------------------------------------------------------------------------------------------------

  phantom_output #(
    .Rows      (Rows),
    .Cols      (Cols),
    .ParamDepth(ParamDepth)
  ) u_output (
    .clk_i,
    .rst_ni       (!output_rst_q),
    .start_i      (start),
    .cfg_i        (drain_cfg_q),
    .entry_we_i   (entry_we),
    .entry_index_i(table_index_i[5:0]),
    .entry_i      (table_data_i[27:0]),
    .done_o       (out_done),
    .waiting_o    (drain_waiting),
    .prm_valid_i  (prm_valid[0]),
    .prm_ready_o  (prm_ready),
    .prm_data_i   (prm_data[0]),
    .pass_done_i  (pass_done),
    .drain_rows_o (drain_rows),
    .drain_cols_o (drain_cols),
    .drain_en_o   (drain_en),
    .drain_clear_o(drain_clear),
    .drain_addr_o (drain_addr),
    .drained_o    (drained),
    .drain_data_i (drain_data),
    .out_valid_o,
    .out_ready_i,
    .out_data_o,
    .out_last_o
  );

  // --- counters: events in the order of the register description, then one count a thread state -----------------------------------

  localparam int unsigned Events = 10;
  localparam int unsigned States = 7;
  localparam int unsigned PortsW = $clog2(WeightPorts + 1);
  logic [PortsW-1:0]      events_q[Events], wgt_words, wgt_starved, wgt_blocked;  // those of the weights: of all ports
  logic [3:0]             counts_q[States], counts[States];
  logic                   act_go, out_go;

  assign act_go = act_valid_i && act_ready_o;
  assign out_go = out_valid_o && out_ready_i;

  always_comb begin
    wgt_words   = '0;
    wgt_starved = '0;
    wgt_blocked = '0;
    for (int unsigned p = 0; p < WeightPorts; p++) begin
      wgt_words += PortsW'(wgt_go[p]);
      wgt_starved += PortsW'(open && !wgt_valid_i[p] && !wgt_ended[p]);
      wgt_blocked += PortsW'(wgt_waiting[p]);
    end
    for (int unsigned s = 0; s < States; s++) begin
      counts[s] = '0;
      for (int unsigned t = 0; t < Threads; t++) counts[s] += 4'(state[t] == thread_state_e'(s + 1));
    end
  end

  always_ff @(posedge clk_i) begin
    events_q[0] <= PortsW'(act_go);
    events_q[1] <= wgt_words;
    events_q[2] <= PortsW'(out_go);
    events_q[3] <= PortsW'(lam_waiting);
    events_q[4] <= PortsW'(lam_blocked);
    events_q[5] <= PortsW'(act_valid_i && !act_ready_o);
    events_q[6] <= wgt_starved;
    events_q[7] <= wgt_blocked;
    events_q[8] <= PortsW'(drain_waiting);
    events_q[9] <= PortsW'(out_valid_o && !out_ready_i);
    counts_q      <= counts;
    lam_waiting_q <= lam_waiting;
    moved         <= act_go || wgt_go != '0 || out_go || macs != '0;
    if (output_rst_q) begin
      watch_row_q <= '0;
      watch_col_q <= '0;
    end else begin
      watch_col_q <= watch_col_q == 4'(Cols - 1) ? '0 : watch_col_q + 4'd1;
      if (watch_col_q == 4'(Cols - 1)) watch_row_q <= watch_row_q == 4'(Rows - 1) ? '0 : watch_row_q + 4'd1;
    end
  end

  phantom_counters #(
    .Events(Events),
    .EventW(PortsW),
    .Counts(States),
    .MacW  (MacW)
  ) u_counters (
    .clk_i,
    .rst_ni,
    .clear_i   (clear),
    .count_i   (open),
    .macs_i    (macs),
    .events_i  (events_q),
    .counts_i  (counts_q),
    .rd_req_i  (cnt_req_i),
    .rd_index_i(cnt_index_i),
    .rd_ack_o  (cnt_ack_o),
    .rd_data_o (cnt_data_o)
  );

  logic unused;
  assign unused = &{1'b0, lam_done, mesh_busy, prm_valid, prm_data[WeightPorts-1]};

`ifndef SYNTHESIS
  initial assert (Threads == LanesPerChunk) else $fatal(1, "phantom_accelerator: %0d threads, but a chunk has 8 channels", Threads);
`endif

endmodule
