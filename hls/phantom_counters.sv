// Performance counters: 64-bit sums of events, kept in one small memory.
//
// Each event has a short accumulator; every 32 cycles the sum of each is moved into its memory word, one after the other,
// through a single wide adder. So a counter costs a few LUTs instead of 64.
//
// Contract: events are counted while `count_i`; `clear_i` (held for at least 32 cycles) sets all to zero. Reads answer three cycles
// after `rd_req_i`; the last events are in the memory 33 cycles after they happened.
module phantom_counters #(
  parameter int unsigned Events = 11,  // events of which there are few a cycle
  parameter int unsigned EventW = 1,   // width of their number
  parameter int unsigned Counts = 7,   // events of up to 15 a cycle
  parameter int unsigned MacW   = 8    // width of the number of multiplies a cycle
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              clear_i,
  input  logic              count_i,
  input  logic [MacW-1:0]   macs_i,
  input  logic [EventW-1:0] events_i[Events],
  input  logic [3:0]        counts_i[Counts],
  input  logic              rd_req_i,
  input  logic [5:0]        rd_index_i,   // {counter, high half}
  output logic              rd_ack_o,
  output logic [31:0]       rd_data_o
);

  localparam int unsigned SumW = MacW + 6;
  // Order of the words: cycles, macs, then the events, then the counts.
  logic [4:0]      slot_q, slot1_q, slot2_q;
  logic [31:0]     here_q;  // slot_q, one-hot: each accumulator hears one bit of it
  logic [SumW-1:0] sums[32], sum1_q;
  logic            clear1_q, clear2_q;

  for (genvar i = 0; i < 32; i++) begin : g_sum
    if (i < 2 + Events + Counts) begin : g_used
      localparam int unsigned Width = i == 1 ? SumW : i == 0 ? 6 : i < 2 + Events ? 5 + EventW : 10;
      logic [Width-1:0] acc_q, inc, inc_q;
      if (i == 0) begin : g_cycles
        assign inc = Width'(1);
      end else if (i == 1) begin : g_macs
        assign inc = Width'(macs_i);
      end else if (i < 2 + Events) begin : g_event
        assign inc = Width'(events_i[i-2]);
      end else begin : g_count
        assign inc = Width'(counts_i[i-2-Events]);
      end
      always_ff @(posedge clk_i) begin
        inc_q <= count_i ? inc : '0;
        if (clear1_q) acc_q <= '0;
        else acc_q <= (here_q[i] ? '0 : acc_q) + inc_q;
      end
      assign sums[i] = SumW'(acc_q);
    end else begin : g_unused
      assign sums[i] = '0;
    end
  end

  (* ram_style = "distributed" *) logic [63:0] total_mem[32];
  logic [63:0] total2_q;
  logic [SumW-1:0] sum2_q;
  logic        rd1_q, rd2_q, high1_q;
  logic [5:0]  rd_index_q;
  logic [63:0] read_q;

  always_ff @(posedge clk_i) begin
    slot_q   <= rst_ni ? slot_q + 5'd1 : '0;
    here_q   <= rst_ni ? {here_q[30:0], here_q[31]} : 32'd1;
    slot1_q  <= slot_q;
    slot2_q  <= slot1_q;
    sum1_q   <= sums[slot_q];
    sum2_q   <= sum1_q;
    clear1_q <= clear_i || !rst_ni;
    clear2_q <= clear1_q;
    total2_q <= total_mem[slot1_q];
    total_mem[slot2_q] <= clear2_q ? '0 : total2_q + 64'(sum2_q);
    rd1_q      <= rst_ni && rd_req_i;
    rd2_q      <= rd1_q;
    rd_ack_o   <= rd2_q;
    rd_index_q <= rd_index_i;
    read_q     <= total_mem[rd_index_q[5:1]];
    high1_q    <= rd_index_q[0];
    rd_data_o  <= high1_q ? read_q[63:32] : read_q[31:0];
  end

endmodule
