// LAM, values: reads two values at a time out of a lane's value memory, and makes activation entries of them.
//
// Contract: the entries come a cycle after places and columns; `enable_i` low freezes them. A place is word and byte; the second value
// is the next one in the same packet.
module phantom_lam_values
  import phantom_pkg::*;
(
  input  logic             clk_i,
  input  logic             enable_i,
  input  logic [23:0]      edge_cols_i,  // columns with codes 1 to 3
  // write side
  input  logic             value_we_i,
  input  logic [5:0]       value_addr_i,
  input  logic [63:0]      value_i,
  // read side
  input  logic [1:0][8:0]  rank_i,       // place of each value
  input  logic [7:0]       row_pos_i,    // position of the row in the tile
  input  logic [1:0][7:0]  col_i,        // column in the tile, from the view's first one
  output act_entry_t [1:0] entry_o
);

  // Even words of the value memory lie in one bank, odd ones in the other: two values that follow one another lie in one word, or
  // in one of each.
  logic [63:0] words[2];
  for (genvar b = 0; b < 2; b++) begin : g_bank
    (* ram_style = "distributed" *) logic [63:0] value_mem[32];
    assign words[b] = value_mem[rank_i[0][3] == b ? rank_i[0][8:4] : rank_i[1][8:4]];
    always_ff @(posedge clk_i) if (value_we_i && value_addr_i[0] == b) value_mem[value_addr_i[5:1]] <= value_i;
  end

  for (genvar e = 0; e < 2; e++) begin : g_entry
    logic [63:0] word;
    logic [1:0]  edge_col;
    assign word = words[rank_i[e][3]];

    always_comb begin
      edge_col = '0;
      for (int unsigned i = 1; i < 4; i++) if (col_i[e] == edge_cols_i[8*(i-1)+:8]) edge_col = 2'(i);
    end

    always_ff @(posedge clk_i) begin
      if (enable_i) begin
        entry_o[e].value    <= word[8*rank_i[e][2:0]+:8];
        entry_o[e].position <= row_pos_i + col_i[e];
        entry_o[e].edge_col <= edge_col;
      end
    end
  end

endmodule
