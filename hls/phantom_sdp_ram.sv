// Simple dual-port memory: one write port, one read port, one clock, read latency 1.
//
// A read of the address that is written in the same cycle returns the old word (READ_FIRST); whoever cannot live with that
// keeps the two apart. `rd_en_i` holds the output. `Style` picks the fabric: "block" or "distributed".
module phantom_sdp_ram #(
  parameter int unsigned Width = 36,
  parameter int unsigned Depth = 512,
  parameter              Style = "block",
  localparam int unsigned AddrW = $clog2(Depth)
) (
  input  logic             clk_i,
  input  logic             wr_en_i,
  input  logic [AddrW-1:0] wr_addr_i,
  input  logic [Width-1:0] wr_data_i,
  input  logic             rd_en_i,
  input  logic [AddrW-1:0] rd_addr_i,
  output logic [Width-1:0] rd_data_o
);

  (* ram_style = Style *) logic [Width-1:0] mem[Depth];

  always_ff @(posedge clk_i) begin
    if (wr_en_i) mem[wr_addr_i] <= wr_data_i;
    if (rd_en_i) rd_data_o <= mem[rd_addr_i];
  end

endmodule
