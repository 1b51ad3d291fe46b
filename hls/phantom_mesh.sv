// Mesh of Rows x Cols cores. All buses multicast by row bits and column bits; the drain reads one core at a time.
//
// Contract: fill, weights and drain requests go straight to the input registers of the cores. Drained sums come out 4 cycles after
// `drain_en_i`: register, memory, row multiplexer, column multiplexer.
module phantom_mesh
  import phantom_pkg::*;
#(
  parameter int unsigned Rows             = 4,
  parameter int unsigned Cols             = 4,
  parameter int unsigned Threads          = 8,
  parameter int unsigned ActWords         = 512,
  parameter int unsigned RunDepth         = 512,
  parameter int unsigned WeightQueueWords = 16,
  parameter int unsigned WeightPorts      = 1,
  localparam int unsigned ThreadW = $clog2(Threads),
  localparam int unsigned CountW  = $clog2(Rows * Cols * Threads + 1),
  localparam int unsigned Lanes   = lam_lanes(Rows)
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  core_cfg_t          cfg_i,
  input  table_write_t       table_i,
  // weight buses: number p serves the columns c with c mod WeightPorts == p
  input  logic               wgt_valid_i[WeightPorts],
  input  logic [Rows-1:0]    wgt_rows_i[WeightPorts],
  input  logic [Cols-1:0]    wgt_cols_i[WeightPorts],
  input  logic [ThreadW-1:0] wgt_thread_i[WeightPorts],
  input  logic [59:0]        wgt_word_i[WeightPorts],
  output logic [Threads-1:0] wgt_room_o[Rows][Cols],
  // fill bus
  input  fill_t              fill_i[Lanes],  // each lane has an equal share of the rows
  input  logic [Rows-1:0]    fill_rows_i,
  input  logic [Cols-1:0]    fill_cols_i[Lanes],
  output logic               fill_room_o[Rows][Cols],
  // drain
  output logic               pass_done_o[Rows][Cols],
  input  logic               drain_en_i,
  input  logic               drain_clear_i,
  input  logic               drain_scrub_i,
  input  logic [8:0]         drain_addr_i,
  input  logic [Rows-1:0]    drain_rows_i,
  input  logic [Cols-1:0]    drain_cols_i,
  input  logic               drained_i,
  output logic [AccW-1:0]    drain_data_o[Threads],
  // what happened
  output logic [CountW-1:0]  macs_o,
  input  logic [3:0]         watch_row_i,   // core whose threads' states are shown
  input  logic [3:0]         watch_col_i,
  output thread_state_e      state_o[Threads],
  output logic               busy_o
);

  localparam int unsigned CoreCountW = $clog2(Threads + 1);

  table_write_t       table_q;
  logic [AccW-1:0]    core_data[Rows][Cols][Threads], row_data_q[Cols][Threads];
  logic [CoreCountW-1:0] macs[Rows][Cols];
  thread_flags_t      flags[Rows][Cols][Threads];
  logic [Rows*Cols-1:0] busy;

  // The way to all cores is long: the layer, which is constant while it runs, and the reset are in registers before and in
  // registers for each core, which synthesis is not to make one of. A reset is held as the flip-flops want it: active-high.
  core_cfg_t cfg_q;
  (* keep = "true" *) core_cfg_t [Rows*Cols-1:0] core_cfg_q;
  (* keep = "true" *) logic      [Rows*Cols-1:0] core_rst_q;

  always_ff @(posedge clk_i) begin
    table_q     <= table_i;
    cfg_q       <= cfg_i;
    core_cfg_q  <= {Rows * Cols{cfg_q}};
    core_rst_q  <= {Rows * Cols{!rst_ni}};
  end

  for (genvar r = 0; r < Rows; r++) begin : g_row
    for (genvar c = 0; c < Cols; c++) begin : g_col
      localparam int unsigned Lane = r * Lanes / Rows;
      localparam int unsigned Port = c % WeightPorts;
      fill_t fill;
      always_comb begin
        fill         = fill_i[Lane];
        fill.word_we = fill_i[Lane].word_we && fill_rows_i[r] && fill_cols_i[Lane][c];
        fill.run_we  = fill_i[Lane].run_we && fill_rows_i[r] && fill_cols_i[Lane][c];
        fill.commit  = fill_i[Lane].commit && fill_rows_i[r] && fill_cols_i[Lane][c];
      end

      phantom_core #(
        .Threads         (Threads),
        .ActWords        (ActWords),
        .RunDepth        (RunDepth),
        .WeightQueueWords(WeightQueueWords)
      ) u_core (
        .clk_i,
        .rst_ni       (!core_rst_q[r*Cols+c]),
        .cfg_i        (core_cfg_q[r*Cols+c]),
        .table_i      (table_q),
        .wgt_valid_i  (wgt_valid_i[Port] && wgt_rows_i[Port][r] && wgt_cols_i[Port][c]),
        .wgt_thread_i (wgt_thread_i[Port]),
        .wgt_word_i   (wgt_word_i[Port]),
        .wgt_room_o   (wgt_room_o[r][c]),
        .fill_i       (fill),
        .fill_room_o  (fill_room_o[r][c]),
        .pass_done_o  (pass_done_o[r][c]),
        .drain_en_i   (drain_en_i && (drain_scrub_i || (drain_rows_i[r] && drain_cols_i[c]))),
        .drain_clear_i,
        .drain_scrub_i,
        .drain_addr_i,
        .drained_i    (drained_i && drain_rows_i[r] && drain_cols_i[c]),
        .drain_data_o (core_data[r][c]),
        .macs_o       (macs[r][c]),
        .flags_o      (flags[r][c]),
        .busy_o       (busy[r*Cols+c])
      );
    end
  end

  // --- drained sums: one row of cores, then one column. Selects are encoded: four inputs and two selects fill one LUT. -----

  localparam int unsigned RowW = Rows > 1 ? $clog2(Rows) : 1;
  localparam int unsigned ColW = Cols > 1 ? $clog2(Cols) : 1;
  logic [RowW-1:0] row_index;
  logic [ColW-1:0] col_index, col_index_q;
  (* keep = "true" *) logic [Cols*Threads-1:0][RowW-1:0] row_index_q;  // for each column and thread its own

  always_comb begin
    row_index = '0;
    col_index = '0;
    for (int unsigned r = 0; r < Rows; r++) if (drain_rows_i[r]) row_index |= RowW'(r);
    for (int unsigned c = 0; c < Cols; c++) if (drain_cols_i[c]) col_index |= ColW'(c);
  end

  // The drain holds its choice of core until the last sum is out, and makes it two cycles before the first one is here.
  always_ff @(posedge clk_i) begin
    row_index_q <= {Cols * Threads{row_index}};
    col_index_q <= col_index;
    for (int unsigned c = 0; c < Cols; c++) begin
      for (int unsigned t = 0; t < Threads; t++) row_data_q[c][t] <= core_data[row_index_q[c*Threads+t]][c][t];
    end
    drain_data_o <= row_data_q[col_index_q];
  end

  // --- counters: sums over the mesh, row by row, so that no adder tree is deep ------------------------------------------------

  logic [CountW-1:0] row_macs[Rows], row_macs_q[Rows], all_macs;
  thread_flags_t     col_flags_q[Cols][Threads], flags_q[Threads];

  always_comb begin
    all_macs = '0;
    for (int unsigned r = 0; r < Rows; r++) begin
      row_macs[r] = '0;
      for (int unsigned c = 0; c < Cols; c++) row_macs[r] += CountW'(macs[r][c]);
      all_macs += row_macs_q[r];
    end
  end

  always_ff @(posedge clk_i) begin
    row_macs_q <= row_macs;
    macs_o     <= all_macs;
    for (int unsigned c = 0; c < Cols; c++) col_flags_q[c] <= flags[RowW'(watch_row_i)][c];
    flags_q <= col_flags_q[ColW'(watch_col_i)];
    for (int unsigned t = 0; t < Threads; t++) begin
      if (flags_q[t].mac) state_o[t] <= StMac;
      else if (flags_q[t].stall) state_o[t] <= StHazard;
      else if (flags_q[t].has_job) state_o[t] <= StFetch;
      else if (flags_q[t].parked) state_o[t] <= StChannel;
      else if (!flags_q[t].queued) state_o[t] <= StWeight;
      else if (flags_q[t].pass_done) state_o[t] <= StBank;
      else state_o[t] <= StIssue;
    end
    busy_o <= |busy;
  end

endmodule
