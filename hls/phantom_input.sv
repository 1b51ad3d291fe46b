// Input side: the compressed input into the row buffer, and out of it as runs for the cores.
//
//   activation stream --> stream in --> row memory, directory --> LAM --> fills, by lane
//                             `------- rows that are there ------^
//
// Contract: a layer starts with `start_i`. Rows that the LAM has given back are overwritten by those that come; `full_o` while there is no
// room for the next word. An error stops the stream for good.
module phantom_input
  import phantom_pkg::*;
#(
  parameter int unsigned Rows           = 4,
  parameter int unsigned Cols           = 4,
  parameter int unsigned Lf             = 16,
  parameter int unsigned RowBufferWords = 12288,
  parameter int unsigned DirectoryDepth = 2048
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic            start_i,
  input  input_cfg_t      in_cfg_i,
  input  lam_cfg_t        cfg_i,
  input  view_t           view_i[4],
  input  logic            tile_we_i,     // tile table of the LAM
  input  logic [3:0]      tile_index_i,
  input  logic [31:0]     tile_cores_i,
  // activation stream
  input  logic            in_valid_i,
  output logic            in_ready_o,
  input  logic [63:0]     in_data_i,
  input  logic            in_last_i,
  output error_e          error_o,
  output logic            ended_o,
  output logic            full_o,
  // LAM
  output logic            done_o,
  output logic            waiting_o,
  output logic            blocked_o,
  input  logic            room_i[Rows][Cols],
  output logic [Rows-1:0] fill_rows_o,
  output logic [Cols-1:0] fill_cols_o[lam_lanes(Rows)],
  output fill_t           fill_o[lam_lanes(Rows)]
);

  localparam int unsigned AddrW = $clog2(RowBufferWords);
  localparam int unsigned DirW  = $clog2(DirectoryDepth);

  logic             mem_we, dir_we;
  logic [AddrW-1:0] mem_wr_addr, mem_rd_addr, dir_wr_addr, dir_rd_addr;
  logic [63:0]      mem_wr_data, mem_rd_data[2];
  logic [DirW-1:0]  dir_wr_index, dir_rd_index;
  logic [10:0]      rows_ready, rows_coming, need_row;
  logic [8:0]       chunks_ready;

  phantom_stream_in #(
    .RowBufferWords(RowBufferWords),
    .DirectoryDepth(DirectoryDepth)
  ) u_stream_in (
    .clk_i,
    .rst_ni,
    .cfg_i       (in_cfg_i),
    .in_valid_i,
    .in_ready_o,
    .in_data_i,
    .in_last_i,
    .mem_we_o    (mem_we),
    .mem_addr_o  (mem_wr_addr),
    .mem_data_o  (mem_wr_data),
    .dir_we_o    (dir_we),
    .dir_index_o (dir_wr_index),
    .dir_addr_o  (dir_wr_addr),
    .rows_ready_o(rows_ready),
    .rows_coming_o(rows_coming),
    .chunks_ready_o(chunks_ready),
    .need_row_i  (need_row),
    .full_o,
    .error_o,
    .ended_o
  );

  phantom_row_memory #(
    .Words(RowBufferWords)
  ) u_row_memory (
    .clk_i,
    .wr_en_i  (mem_we),
    .wr_addr_i(mem_wr_addr),
    .wr_data_i(mem_wr_data),
    .rd_addr_i(mem_rd_addr),
    .rd_data_o(mem_rd_data)
  );

  phantom_sdp_ram #(
    .Width(AddrW),
    .Depth(DirectoryDepth)
  ) u_directory (
    .clk_i,
    .wr_en_i  (dir_we),
    .wr_addr_i(dir_wr_index),
    .wr_data_i(dir_wr_addr),
    .rd_en_i  (1'b1),
    .rd_addr_i(dir_rd_index),
    .rd_data_o(dir_rd_addr)
  );

  phantom_lam #(
    .Rows          (Rows),
    .Cols          (Cols),
    .Lf            (Lf),
    .RowBufferWords(RowBufferWords),
    .DirectoryDepth(DirectoryDepth)
  ) u_lam (
    .clk_i,
    .rst_ni,
    .start_i,
    .cfg_i,
    .in_cfg_i,
    .view_i,
    .tile_we_i,
    .tile_index_i,
    .tile_cores_i,
    .done_o,
    .waiting_o,
    .blocked_o,
    .rows_ready_i(rows_ready),
    .rows_coming_i(rows_coming),
    .chunks_ready_i(chunks_ready),
    .need_row_o  (need_row),
    .dir_index_o (dir_rd_index),
    .dir_addr_i  (dir_rd_addr),
    .mem_addr_o  (mem_rd_addr),
    .mem_data_i  (mem_rd_data),
    .room_i,
    .fill_rows_o,
    .fill_cols_o,
    .fill_o
  );

endmodule
