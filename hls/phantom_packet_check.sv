// Stream framing shared by both input streams: counts words, keeps the checksum, recognises END.
//
// Contract: watches accepted words (`valid_i`). `at_header_i` says that this word is a header. `end_o` is combinational: this word
// is an END header. The verdict comes one cycle after an accepted word as a pulse: `ended_o` (END was right), `bad_end_o` (count or
// checksum differ), `truncated_o` (TLAST without END). TLAST is legal only on END; several END-terminated streams may follow each
// other before it (a weight stream that is repeated for each strip).
module phantom_packet_check
  import phantom_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        valid_i,
  input  logic        at_header_i,
  input  logic [63:0] data_i,
  input  logic        last_i,
  output logic        end_o,
  output logic        ended_o,
  output logic        bad_end_o,
  output logic        truncated_o
);

  logic [31:0] sum_q;
  logic [27:0] count_q;
  logic [3:0]  differ_q;  // the comparison, cut into four so that it is short
  logic        was_end_q;

  assign end_o = at_header_i && data_i[3:0] == KindEnd;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sum_q       <= '0;
      count_q     <= '0;
      was_end_q   <= 1'b0;
      truncated_o <= 1'b0;
    end else begin
      was_end_q   <= valid_i && end_o;
      truncated_o <= valid_i && last_i && !end_o;
      if (valid_i && end_o) begin
        sum_q   <= '0;
        count_q <= '0;
      end else if (valid_i) begin
        sum_q   <= checksum_step(sum_q, data_i);
        count_q <= count_q + 28'd1;
      end
    end
    differ_q <= {
      data_i[63:48] != sum_q[31:16], data_i[47:32] != sum_q[15:0], data_i[31:18] != count_q[27:14], data_i[17:4] != count_q[13:0]
    };
  end

  assign ended_o   = was_end_q && differ_q == '0;
  assign bad_end_o = was_end_q && differ_q != '0;

endmodule
