// First-in first-out buffer in distributed RAM, one clock.
//
// Contract: valid/ready on both sides; a word accepted at the input is at the output one cycle later (no
// fall-through path, so that no combinational path crosses the FIFO in either direction); one word a cycle; the output
// payload is stable while it waits. `level_o` counts the words held, for those who need to reserve room ahead.
module phantom_fifo #(
  parameter int unsigned Width = 64,
  parameter int unsigned Depth = 32,
  localparam int unsigned PtrW = $clog2(Depth)
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             in_valid_i,
  output logic             in_ready_o,
  input  logic [Width-1:0] in_data_i,
  output logic             out_valid_o,
  input  logic             out_ready_i,
  output logic [Width-1:0] out_data_o,
  output logic [PtrW:0]    level_o
);

  // A read address is a long wire where the word is wide: each 96 bits have one of their own, which synthesis is not to make one of.
  localparam int unsigned Parts = (Width + 95) / 96;
  localparam int unsigned PartW = (Width + Parts - 1) / Parts;

  logic [PtrW-1:0] wr_q;
  (* keep = "true" *) logic [Parts-1:0][PtrW-1:0] rd_q;
  logic [PtrW:0]   level_q;
  logic            ready_q, valid_q, push, pop;  // what the level says of the two sides, without a comparison behind it

  assign level_o     = level_q;
  assign in_ready_o  = ready_q;
  assign out_valid_o = valid_q;
  assign push        = in_valid_i && ready_q;
  assign pop         = valid_q && out_ready_i;

  for (genvar p = 0; p < Parts; p++) begin : g_part
    localparam int unsigned Bits = p == Parts - 1 ? Width - p * PartW : PartW;
    (* ram_style = "distributed" *) logic [Bits-1:0] mem[Depth];
    assign out_data_o[p*PartW+:Bits] = mem[rd_q[p]];
    always_ff @(posedge clk_i) begin
      if (push) mem[wr_q] <= in_data_i[p*PartW+:Bits];
      if (!rst_ni) rd_q[p] <= '0;
      else if (pop) rd_q[p] <= rd_q[p] + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_q    <= '0;
      level_q <= '0;
      ready_q <= 1'b1;
      valid_q <= 1'b0;
    end else begin
      wr_q    <= wr_q + PtrW'(push);
      // The far side is late: it selects between two sums. As a condition it would become an enable, which hangs on both sides.
      level_q <= pop ? level_q - (PtrW + 1)'(!push) : level_q + (PtrW + 1)'(push);
      ready_q <= pop || (push ? level_q != (PtrW + 1)'(Depth - 1) : ready_q);
      valid_q <= push || (pop ? level_q != (PtrW + 1)'(1) : valid_q);
    end
  end

`ifndef SYNTHESIS
  initial assert (Depth == 2 ** PtrW) else $fatal(1, "phantom_fifo: Depth %0d is not a power of two", Depth);
`endif

endmodule
