// A reset from another clock's world, made synchronous: asserted and released `Stages` edges after the input.
//
// Both edges are synchronised, because nothing behind it has an asynchronous reset; the source must hold its reset for longer than that.
// The flip-flops wake up as 0 after configuration, which is in reset.
module phantom_reset_sync #(
  parameter int unsigned Stages = 3
) (
  input  logic clk_i,
  input  logic async_rst_ni,
  output logic rst_no
);

  (* ASYNC_REG = "TRUE" *) logic [Stages-1:0] sync_q = '0;

  always_ff @(posedge clk_i) sync_q <= {sync_q[Stages-2:0], async_rst_ni};

  assign rst_no = sync_q[Stages-1];

endmodule
