// Register slice: cuts every combinational path of a valid/ready link, in both directions.
//
// Contract: latency 1, throughput one word a cycle, two words deep. `in_ready_o` comes straight from a register: when
// the far side stalls, the word already on its way goes to the second register instead of back up the pipe.
module phantom_slice #(
  parameter int unsigned Width = 64
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             in_valid_i,
  output logic             in_ready_o,
  input  logic [Width-1:0] in_data_i,
  output logic             out_valid_o,
  input  logic             out_ready_i,
  output logic [Width-1:0] out_data_o
);

  logic             out_valid_q, spare_valid_q;
  logic [Width-1:0] out_q, spare_q;
  logic             ready_q;  // no spare word; for the far side alone, because `spare_valid_q` is loaded by the data
  logic             moves;

  assign moves       = out_ready_i || !out_valid_q;
  assign in_ready_o  = ready_q;
  assign out_valid_o = out_valid_q;
  assign out_data_o  = out_q;

  always_ff @(posedge clk_i) begin
    if (!spare_valid_q) spare_q <= in_data_i;
    if (moves) out_q <= spare_valid_q ? spare_q : in_data_i;
  end

  // As two functions, not as cases: of those, synthesis makes resets and enables, which are a level more behind the ready.
  always_ff @(posedge clk_i) begin
    out_valid_q   <= rst_ni && (!moves || spare_valid_q || in_valid_i);
    spare_valid_q <= rst_ni && !moves && (spare_valid_q || in_valid_i);
    ready_q       <= !rst_ni || moves || !(spare_valid_q || in_valid_i);
  end

endmodule
