// First-in first-out buffer in block RAM, for depths where distributed RAM would cost too much.
//
// Contract: as phantom_fifo, but a word takes three cycles to come through. `in_ready_o` is a register and may turn off a word early.
// The output is registered: the memory's word is fetched as soon as the output register is free.
module phantom_block_fifo #(
  parameter int unsigned Width = 64,
  parameter int unsigned Depth = 1024,
  localparam int unsigned PtrW = $clog2(Depth)
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

  logic [PtrW:0]    wr_q, rd_q;
  logic             fetch, fetched_q, slice_ready, in_ready_q;
  logic [Width-1:0] data;

  assign in_ready_o = in_ready_q;
  // One word at most lies between the memory and the slice.
  assign fetch      = wr_q != rd_q && (!fetched_q || slice_ready);

  phantom_sdp_ram #(
    .Width(Width),
    .Depth(Depth)
  ) u_mem (
    .clk_i,
    .wr_en_i  (in_valid_i && in_ready_o),
    .wr_addr_i(wr_q[PtrW-1:0]),
    .wr_data_i(in_data_i),
    .rd_en_i  (fetch),
    .rd_addr_i(rd_q[PtrW-1:0]),
    .rd_data_o(data)
  );

  phantom_slice #(
    .Width(Width)
  ) u_slice (
    .clk_i,
    .rst_ni,
    .in_valid_i (fetched_q),
    .in_ready_o (slice_ready),
    .in_data_i  (data),
    .out_valid_o,
    .out_ready_i,
    .out_data_o
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_q      <= '0;
      rd_q      <= '0;
      fetched_q <= 1'b0;
      in_ready_q <= 1'b0;
    end else begin
      wr_q      <= wr_q + (PtrW + 1)'(in_valid_i && in_ready_o);
      rd_q      <= rd_q + (PtrW + 1)'(fetch);
      in_ready_q <= (wr_q - rd_q) < (PtrW + 1)'(Depth - 1);  // another one may be coming in
      fetched_q <= fetch || (fetched_q && !slice_ready);
    end
  end

endmodule
