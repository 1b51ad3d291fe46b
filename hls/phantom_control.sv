// Control: one layer from start to done.
//
//   idle --start--> reset (all blocks) --> scrub (partial sums to zero) --> run --> done, or error
//
// The reset makes every layer start from the same state, whatever happened before; the scrub walks all 512 partial sums of all
// threads, because columns between the rows of a tile collect products that nobody reads, and the next layer may
// read them. After an error the streams are swallowed until the next start, so that a DMA never hangs on this block.
//
// Contract: `run_rst_no` is registered, and ends a cycle before scrubbing begins, so that it may be registered once more on its
// way; `start_o` is a pulse; `open_o` lets the input streams in, `swallow_o` throws them away.
module phantom_control
  import phantom_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        start_i,
  input  logic        soft_reset_i,
  input  logic [15:0] watchdog_i,      // units of 1024 cycles, 0: off
  output logic        busy_o,
  output logic        done_o,
  output error_e      error_o,
  output logic        clear_o,
  output logic        run_rst_no,
  output logic        scrub_o,
  output logic [8:0]  scrub_addr_o,
  output logic        start_o,
  output logic        open_o,
  output logic        swallow_o,
  // from the blocks
  input  logic        out_done_i,
  input  logic        act_ended_i,
  input  logic        wgt_ended_i,
  input  error_e      act_error_i,
  input  error_e      wgt_error_i,
  input  logic        row_stuck_i,     // the LAM waits for rows and the row buffer is full
  input  logic        moved_i          // something happened in this cycle
);

  typedef enum logic [2:0] {
    StIdle,
    StReset,
    StScrub,
    StStart,
    StRun,
    StError
  } state_e;

  state_e      state_q;
  logic [9:0]  count_q;
  logic [25:0] still_q;
  logic [5:0]  stuck_q;
  error_e      error_d;

  assign busy_o       = state_q != StIdle && state_q != StError;
  assign clear_o      = state_q == StReset;
  assign scrub_addr_o = count_q[8:0];

  always_comb begin
    error_d = ErrNone;
    if (act_error_i != ErrNone) error_d = act_error_i;
    else if (wgt_error_i != ErrNone) error_d = wgt_error_i;
    else if (&stuck_q) error_d = ErrRowBuffer;
    else if (watchdog_i != '0 && still_q[25:10] >= watchdog_i) error_d = ErrWatchdog;
  end

  always_ff @(posedge clk_i) begin
    run_rst_no <= rst_ni && state_q != StIdle && (state_q != StReset || count_q == 10'd47);
    scrub_o    <= rst_ni && state_q == StScrub && count_q < 10'd512;
    start_o    <= rst_ni && state_q == StStart;
    if (!rst_ni || soft_reset_i) begin
      state_q <= StIdle;
      open_o  <= 1'b0;
      swallow_o <= 1'b0;
      count_q <= '0;
      done_o  <= 1'b0;
      error_o <= ErrNone;
      still_q <= '0;
      stuck_q <= '0;
    end else begin
      count_q <= count_q + 10'd1;
      unique case (state_q)
        StIdle, StError: begin
          count_q <= '0;
          still_q <= '0;
          stuck_q <= '0;
          if (start_i) begin
            state_q <= StReset;
            swallow_o <= 1'b0;
            done_o  <= 1'b0;
            error_o <= ErrNone;
          end
        end
        StReset: if (count_q == 10'd47) begin
          count_q <= '0;
          state_q <= StScrub;
        end
        StScrub: if (count_q == 10'd527) state_q <= StStart;
        StStart: begin
          state_q <= StRun;
          open_o  <= 1'b1;
        end
        default: begin
          still_q <= moved_i ? '0 : still_q + 26'd1;
          stuck_q <= row_stuck_i ? stuck_q + 6'd1 : '0;
          if (error_d != ErrNone) begin
            error_o <= error_d;
            state_q <= StError;
            open_o  <= 1'b0;
            swallow_o <= 1'b1;
          end else if (out_done_i && act_ended_i && wgt_ended_i) begin
            done_o  <= 1'b1;
            open_o  <= 1'b0;
            state_q <= StIdle;
          end
        end
      endcase
    end
  end

endmodule
