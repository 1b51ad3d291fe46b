// Weight stream: parses the packets of the weight stream and sends each word to the cores of its mask.
//
// Contract: one word a cycle while all cores of the mask have room in the queue of the word's thread. `wgt_*_o` is registered,
// and so is what the cores say of their room: they must keep a margin for the words on their way. Parameters go to a FIFO
// downstream (valid/ready). After an error everything up to the end of time is swallowed, so that the DMA comes to its end; only a
// reset helps.
// Of several streams number `Port` serves the columns c of the mesh with c mod Ports == Port; the first one has the parameters.
module phantom_weight_stream
  import phantom_pkg::*;
#(
  parameter int unsigned Rows    = 4,
  parameter int unsigned Cols    = 4,
  parameter int unsigned Threads = 8,
  parameter int unsigned Ports   = 1,
  parameter int unsigned Port    = 0,
  localparam int unsigned ThreadW = $clog2(Threads)
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               in_valid_i,
  output logic               in_ready_o,
  input  logic [63:0]        in_data_i,
  input  logic               in_last_i,
  input  logic [Threads-1:0] room_i[Rows][Cols],
  output logic               wgt_valid_o,
  output logic [Rows-1:0]    wgt_rows_o,
  output logic [Cols-1:0]    wgt_cols_o,
  output logic [ThreadW-1:0] wgt_thread_o,
  output logic [59:0]        wgt_word_o,
  output logic               prm_valid_o,
  input  logic               prm_ready_i,
  output logic [59:0]        prm_data_o,
  output error_e             error_o,
  output logic               waiting_o,   // a word waits for room
  output logic               ended_o      // END and TLAST have come
);

  function automatic logic [15:0] own_cols();
    own_cols = '0;
    for (int unsigned c = 0; c < Cols; c++) own_cols[c] = c % Ports == Port;
  endfunction
  localparam logic [15:0] OwnCols = own_cols();

  typedef enum logic [1:0] {
    StHeader,
    StWeights,
    StParams,
    StError
  } state_e;

  state_e           state_q, state_d;
  logic [15:0]      left_q;
  logic [Rows-1:0]  rows_q;
  logic [Cols-1:0]  cols_q;
  logic             accept, is_end, ended, bad_end, truncated, room, odd, odd_q, bad_header, more;
  logic             taken_q, header_q, last_q, last2_q;  // of the word before, which stands in word_q; of the one before that
  logic [63:0]      word_q;
  logic             ended_q;
  logic             last_left_q, last_left_d;  // this word is the packet's last one
  logic [3:0]       thread;
  logic [Rows-1:0]  rows_d;
  logic [Cols-1:0]  cols_d;
  logic [Threads-1:0] roomy_d, roomy_q;  // threads for which all cores of the mask have room

  assign thread = in_data_i[63:60];
  // Behind a header its mask holds, whether it is valid or not: without one the next word is a header again.
  assign rows_d = state_q == StHeader ? in_data_i[32+:Rows] : rows_q;
  assign cols_d = state_q == StHeader ? in_data_i[48+:Cols] : cols_q;
  assign room   = roomy_q[thread[ThreadW-1:0]];
  always_comb begin
    roomy_d = '1;
    for (int unsigned r = 0; r < Rows; r++) begin
      for (int unsigned c = 0; c < Cols; c++) begin
        if (c % Ports == Port && rows_d[r] && cols_d[c]) roomy_d &= room_i[r][c];
      end
    end
  end
  assign more      = in_data_i[27:12] != '0;
  assign accept    = in_valid_i && in_ready_o;
  assign waiting_o = state_q == StWeights && in_valid_i && !room;

  always_comb begin
    unique case (state_q)
      StWeights: in_ready_o = room;
      StParams:  in_ready_o = prm_ready_i;
      default:   in_ready_o = 1'b1;
    endcase
  end

  always_comb begin
    state_d    = state_q;
    last_left_d = last_left_q;
    if (accept) begin
      unique case (state_q)
        StHeader: begin
          last_left_d = in_data_i[27:12] == 16'd1;
          unique case (in_data_i[3:0])
            KindWgt: begin
              if (more) state_d = StWeights;
            end
            KindPrm: begin
              if (more) state_d = StParams;
            end
            default: ;
          endcase
        end
        StWeights, StParams: begin
          last_left_d = left_q == 16'd2;
          if (last_left_q) state_d = StHeader;
        end
        default: ;
      endcase
    end
    if (bad_header || bad_end || truncated) state_d = StError;
  end

  // What is wrong with the word, whether it is taken or not. The verdict comes a cycle late, that on an END two: what is taken in
  // between is harmless.
  assign bad_header = taken_q && odd_q;
  always_comb begin
    odd = state_q == StWeights && 5'(thread) >= 5'(Threads);
    if (state_q == StHeader) begin
      unique case (in_data_i[3:0])
        KindWgt: odd = (in_data_i[47:32] >> Rows) != '0 || (in_data_i[63:48] & ~OwnCols) != '0;
        KindPrm: odd = Port != 0;
        KindEnd: odd = 1'b0;
        default: odd = 1'b1;
      endcase
    end
  end

  // Behind a register: nothing of it hangs on the room in the cores.
  phantom_packet_check u_check (
    .clk_i,
    .rst_ni,
    .valid_i    (taken_q),
    .at_header_i(header_q),
    .data_i     (word_q),
    .last_i     (last_q),
    .end_o      (is_end),
    .ended_o    (ended),
    .bad_end_o  (bad_end),
    .truncated_o(truncated)
  );

  assign ended_o = ended_q || (ended && last2_q);

  assign prm_valid_o = state_q == StParams && in_valid_i;
  assign prm_data_o  = in_data_i[59:0];

  assign wgt_thread_o = word_q[60+:ThreadW];
  assign wgt_word_o   = word_q[59:0];

  always_ff @(posedge clk_i) begin
    word_q     <= in_data_i;
    header_q   <= state_q == StHeader;
    roomy_q    <= roomy_d;
    rows_q     <= rows_d;
    cols_q     <= cols_d;
    last_q     <= in_last_i;
    last2_q    <= last_q;
    odd_q      <= odd;
    wgt_rows_o <= rows_q;
    wgt_cols_o <= cols_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q     <= StHeader;
      left_q      <= '0;
      wgt_valid_o <= 1'b0;
      error_o     <= ErrNone;
      ended_q     <= 1'b0;
      taken_q      <= 1'b0;
      last_left_q  <= 1'b0;
    end else begin
      ended_q     <= ended_o;
      state_q     <= state_d;
      // Load and step as one difference, which no multiplexer follows.
      if (accept) left_q <= (state_q == StHeader ? in_data_i[27:12] : left_q) - 16'(state_q != StHeader);
      wgt_valid_o <= accept && state_q == StWeights && 5'(thread) < 5'(Threads);
      taken_q     <= accept;
      last_left_q <= last_left_d;
      if (error_o == ErrNone) begin
        if (bad_header) error_o <= ErrWgtHeader;
        else if (bad_end) error_o <= ErrWgtChecksum;
        else if (truncated) error_o <= ErrWgtTruncated;
      end
    end
  end

  logic unused;
  assign unused = &{1'b0, is_end, in_data_i[59]};

endmodule
