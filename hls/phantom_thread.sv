// Thread: multiplies one stationary weight with a run of activations, entry by entry, into private partial sums.
//
//   job --> fetch --word request--> (activation buffer) --word--> two word slots --> entry --> address --> RMW
//
// Contract: `job_ready_o` is a register; a job waits in a pending slot until the one before has requested its last word, so
// that runs follow each other without a bubble. Words hold two entries; the two slots let a thread that gets the buffer
// port every other cycle multiply in every cycle. One multiply a cycle is the peak.
//
// The read-modify-write of a partial sum takes three cycles (read, add, write), inside a run addresses strictly rise, so
// only two runs that meet can collide: then stage 2 waits (at most two cycles).
//
// The drain borrows the read port (`drain_en_i` wins, stage 2 waits): the sum appears on `drain_data_o` one cycle later and, with
// `drain_clear_i`, the location is cleared for the next pass.
module phantom_thread
  import phantom_pkg::*;
(
  input  logic          clk_i,
  input  logic          rst_ni,
  input  logic          job_valid_i,
  output logic          job_ready_o,
  input  job_t          job_i,
  // activation buffer: data one cycle after the grant
  output logic          rd_req_o,
  output logic [8:0]    rd_addr_o,
  input  logic          rd_gnt_i,
  input  logic [35:0]   rd_data_i,
  // state
  output logic          chan_valid_o,  // chan_o is a channel that this thread may still read
  output logic [7:0]    chan_o,
  output logic          idle_o,        // nothing in flight, all sums written
  output logic          mac_o,         // multiplies in this cycle
  output logic          stall_o,       // stage 2 waits (own sum, drain)
  // drain
  input  logic          drain_en_i,
  input  logic          drain_clear_i,
  input  logic [8:0]    drain_addr_i,
  output logic [AccW-1:0] drain_data_o
);

  // --- fetch: which words of the run -----------------------------------------------------------------------------

  job_t       pend_q, job_q;
  logic       pend_valid_q, job_valid_q, first_word_q;
  logic [8:0] word_q;
  logic       last_word, load, advance;
  (* keep *) logic [2:0] same_word;  // kept: three bits and three bits are one LUT
  logic       fill_q, use_q;  // word slots: the next one to be filled, the one in use
  logic       room_q;         // one is free; a register, because the next job waits for the end of this one

  assign job_ready_o  = !pend_valid_q;
  assign last_word    = &same_word;
  assign rd_req_o     = job_valid_q && room_q;
  assign rd_addr_o    = word_q;
  assign advance      = rd_req_o && rd_gnt_i;
  assign load         = pend_valid_q && (!job_valid_q || (advance && last_word));
  assign chan_valid_o = job_valid_q || pend_valid_q;
  assign chan_o       = job_valid_q ? job_q.chan : pend_q.chan;

  always_ff @(posedge clk_i) begin
    if (job_ready_o) pend_q <= job_i;
    if (load) job_q <= pend_q;
    if (load) word_q <= pend_q.first[9:1];
    else if (advance) word_q <= word_q + 9'd1;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      pend_valid_q <= 1'b0;
      job_valid_q  <= 1'b0;
      first_word_q <= 1'b0;
    end else begin
      if (job_ready_o) pend_valid_q <= job_valid_i;
      else if (load) pend_valid_q <= 1'b0;
      if (load) job_valid_q <= 1'b1;
      else if (advance && last_word) job_valid_q <= 1'b0;
      if (load) first_word_q <= 1'b1;
      else if (advance) first_word_q <= 1'b0;
    end
  end

  // --- word slots: two words, each with the weight and base of its job ----------------------------------------------

  // In registers: the multiplexers behind them take 16 LUTs less than distributed RAM would. Both slots are taken, or none, when
  // `fill_q` and `use_q` are equal: `room_q` tells which.
  typedef struct packed {
    logic [7:0] w;
    logic [8:0] base;
    logic       act_signed;
  } operand_t;

  typedef struct packed {
    logic [7:0] position;
    logic [7:0] value;
  } half_t;

  typedef struct packed {
    logic [1:0] want;  // halves to be multiplied
    half_t      high;
    half_t      low;
  } word_t;

  operand_t         operand0_q, operand1_q, operand;
  word_t            word0_q, word1_q, arriving;
  logic             arrived_q;  // slot behind the last word that has arrived
  logic             arriving_q;
  logic [1:0]       run_q;      // halves that belong to the run
  logic [2:0]       skip_q;
  act_entry_t [1:0] rd_word;
  logic [3:0]       skip;
  logic [1:0]       want;
  logic             second_q;   // the first of two halves is done
  logic             arrived, take, both, free, stall;

  assign rd_word = rd_data_i;
  assign skip    = {skip_q, 1'b0};
  assign operand = use_q ? operand1_q : operand0_q;
  assign want    = use_q ? word1_q.want : word0_q.want;
  assign arrived = use_q != arrived_q || (!room_q && !arriving_q);
  assign take    = arrived && !stall;
  assign both    = (&want) && !second_q;
  assign free    = take && !both;

  always_comb begin
    arriving.high = '{position: rd_word[1].position, value: rd_word[1].value};
    arriving.low  = '{position: rd_word[0].position, value: rd_word[0].value};
    for (int unsigned h = 0; h < 2; h++) arriving.want[h] = run_q[h] && !skip[rd_word[h].edge_col];
  end

  always_ff @(posedge clk_i) begin
    skip_q <= job_q.skip;
    run_q  <= {!(last_word && !job_q.last[0]), !(first_word_q && job_q.first[0])};
    if (advance && !fill_q) operand0_q <= '{w: job_q.w, base: job_q.base, act_signed: job_q.act_signed};
    if (advance && fill_q) operand1_q <= '{w: job_q.w, base: job_q.base, act_signed: job_q.act_signed};
    if (arriving_q && !arrived_q) word0_q <= arriving;
    if (arriving_q && arrived_q) word1_q <= arriving;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      arriving_q <= 1'b0;
      arrived_q  <= 1'b0;
      fill_q     <= 1'b0;
      use_q      <= 1'b0;
      room_q     <= 1'b1;
      second_q   <= 1'b0;
    end else begin
      arriving_q <= advance;
      arrived_q  <= fill_q;
      fill_q     <= fill_q ^ advance;
      if (take) second_q <= both;
      use_q      <= use_q ^ free;
      room_q     <= free || (room_q && !(advance && fill_q != use_q));
    end
  end

  // --- stage 1: one entry and its weight ------------------------------------------------------------------------------

  half_t      entry;
  logic       high, valid1_q, valid2_q, valid3_q, valid4_q, drain3_q;
  logic [7:0] position1_q;
  logic [8:0] base1_q;
  logic signed [8:0] a1_q, a2_q;
  logic signed [7:0] w1_q, w2_q;
  logic [8:0] addr2_q, addr3_q, addr4_q;

  assign high = second_q || !want[0];

  always_comb begin
    unique case ({use_q, high})
      2'b00: entry = word0_q.low;
      2'b01: entry = word0_q.high;
      2'b10: entry = word1_q.low;
      default: entry = word1_q.high;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!stall) begin
      position1_q <= entry.position;
      base1_q     <= operand.base;
      a1_q        <= {operand.act_signed && entry.value[7], entry.value};
      w1_q        <= operand.w;
      // stage 2: its partial sum
      addr2_q     <= {base1_q[8], base1_q[7:0] + position1_q};
      a2_q        <= a1_q;
      w2_q        <= w1_q;
    end
    addr3_q <= drain_en_i ? drain_addr_i : addr2_q;
    addr4_q <= addr3_q;
  end

  // --- stage 2 reads, stage 3 adds, stage 4 writes -----------------------------------------------------------------------

  logic hazard, go;
  logic signed [16:0] product3_q;
  logic signed [AccW-1:0] sum4_q;
  logic [AccW-1:0] psum;

  // Kept: three bits against three bits are one LUT, which a mapper that only sees levels takes apart.
  (* keep *) logic [2:0] same3, same4;

  always_comb begin
    for (int unsigned i = 0; i < 3; i++) begin
      same_word[i] = word_q[3*i+:3] == job_q.last[3*i+1+:3];
      same3[i]     = addr3_q[3*i+:3] == addr2_q[3*i+:3];
      same4[i]     = addr4_q[3*i+:3] == addr2_q[3*i+:3];
    end
  end

  assign hazard = (valid3_q && (&same3)) || (valid4_q && (&same4));
  assign stall  = valid2_q && (hazard || drain_en_i);
  assign go     = valid2_q && !stall;

  // Plain multiply, then add, then clear: the form that synthesis absorbs into the registers of one DSP48E1.
  always_ff @(posedge clk_i) begin
    product3_q <= a2_q * w2_q;
    if (drain3_q) sum4_q <= '0;
    else sum4_q <= $signed(psum) + AccW'(product3_q);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid1_q <= 1'b0;
      valid2_q <= 1'b0;
      valid3_q <= 1'b0;
      valid4_q <= 1'b0;
      drain3_q <= 1'b0;
    end else begin
      if (!stall) begin
        valid1_q <= arrived && want != 2'b00;
        valid2_q <= valid1_q;
      end
      valid3_q <= drain_en_i ? drain_clear_i : go;
      drain3_q <= drain_en_i;
      valid4_q <= valid3_q;
    end
  end

  phantom_sdp_ram #(
    .Width(AccW),
    .Depth(512)
  ) u_psum (
    .clk_i,
    .wr_en_i  (valid4_q),
    .wr_addr_i(addr4_q),
    .wr_data_i(sum4_q),
    .rd_en_i  (1'b1),
    .rd_addr_i(drain_en_i ? drain_addr_i : addr2_q),
    .rd_data_o(psum)
  );

  assign drain_data_o = psum;
  assign mac_o        = go;
  assign stall_o      = stall;
  assign idle_o       = !(job_valid_q || pend_valid_q || fill_q != use_q || !room_q || valid1_q || valid2_q || valid3_q || valid4_q);

`ifndef SYNTHESIS
  // A read and a write of one location in one cycle would return the old sum.
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (!(go && valid4_q && addr4_q == addr2_q)) else $error("phantom_thread: sum read before it is written");
      assert (!(drain_en_i && valid4_q && addr4_q == drain_addr_i)) else $error("phantom_thread: drained too early");
    end
  end
`endif

endmodule
