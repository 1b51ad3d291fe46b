// LAM, last part: packs entries into words of two and turns the ends of rows into runs.
//
// A run of the view is `tile_rows` rows long: run j begins where row j begins and ends where row j + tile_rows begins. So at
// the end of row i - 1 (cut i) run i - tile_rows is complete; the cuts before it lie in a small memory. Every channel starts
// on a fresh word; each tile has its own place in the ring of its cores' activation buffers.
//
// Contract: one beat a cycle; `fill_o` follows two cycles later, and a commit never overtakes words or runs.
module phantom_lam_pack
  import phantom_pkg::*;
  import phantom_lam_pkg::*;
(
  input  logic       clk_i,
  input  logic       rst_ni,
  input  lam_cfg_t   cfg_i,
  input  view_t      view_i[4],
  input  logic       beat_valid_i,
  input  lam_beat_t  beat_i,
  output logic [3:0] tile_o,    // whose channel `fill_o` belongs to, valid with it
  output fill_t      fill_o
);

  // --- place in the ring --------------------------------------------------------------------------------------------------

  (* ram_style = "distributed" *) logic [8:0] place_mem[16];
  logic [15:0] placed_q;       // this tile has a place in place_mem; before, it begins at 0
  logic [8:0]  word_q;         // next word to be written
  logic        half_q;         // its lower half is held already
  act_entry_t  held_q;
  logic        word_we;
  logic [35:0] word;
  logic [9:0]  ptr, ptr_next;

  assign ptr      = {word_q, half_q};
  assign ptr_next = ptr + 10'(beat_i.count);
  assign word_we  = (half_q && beat_i.count != '0) || beat_i.count == 2'd2 || (half_q && beat_i.chan_end);
  assign word     = half_q ? {beat_i.entry[0], held_q} : beat_i.entry;

  always_ff @(posedge clk_i) begin
    if (beat_valid_i) begin
      if (half_q ? beat_i.count == 2'd2 : beat_i.count == 2'd1) held_q <= half_q ? beat_i.entry[1] : beat_i.entry[0];
      if (beat_i.chan_end) place_mem[beat_i.tile] <= ptr_next[9:1] + 9'(ptr_next[0]);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      placed_q <= '0;
      word_q   <= '0;
      half_q   <= 1'b0;
    end else if (beat_valid_i) begin
      {word_q, half_q} <= ptr_next;
      if (beat_i.chan_load) {word_q, half_q} <= {placed_q[beat_i.tile] ? place_mem[beat_i.tile] : 9'd0, 1'b0};
      if (beat_i.chan_end) placed_q[beat_i.tile] <= 1'b1;
    end
  end

  // --- cuts and runs ----------------------------------------------------------------------------------------------------

  (* ram_style = "distributed" *) logic [9:0] cut_mem[128];
  logic [6:0]  cut_q;         // index of the last cut
  logic [7:0]  run_q;         // run that the next cut completes, negative at first
  logic [9:0]  view_start_q;
  logic        new_view_q;    // the next beat begins a view at `ptr`
  logic [9:0]  view_start;

  assign view_start = new_view_q ? ptr : view_start_q;

  always_ff @(posedge clk_i) begin
    if (beat_valid_i && beat_i.row_end) cut_mem[cut_q + 7'd1] <= ptr_next;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      cut_q      <= '0;
      run_q      <= '0;
      new_view_q <= 1'b1;
    end else if (beat_valid_i) begin
      new_view_q   <= beat_i.view_end || beat_i.chan_load;
      view_start_q <= view_start;
      if (beat_i.view_end || beat_i.chan_load) begin
        cut_q <= '0;
        run_q <= 8'd1 - cfg_i.tile_rows;
      end else if (beat_i.row_end) begin
        cut_q <= cut_q + 7'd1;
        run_q <= run_q + 8'd1;
      end
    end
  end

  // --- first stage out ----------------------------------------------------------------------------------------------------

  logic        word_we1_q, run_we1_q, commit1_q;
  logic [8:0]  word_addr1_q;
  logic [35:0] word1_q;
  logic [5:0]  run_index1_q;
  logic [9:0]  run_first1_q, run_end1_q;
  logic [3:0]  tile1_q;

  always_ff @(posedge clk_i) begin
    word_addr1_q <= word_q;
    word1_q      <= word;
    tile1_q      <= beat_i.tile;
    run_index1_q <= view_i[beat_i.view].run_base + run_q[5:0];
    run_first1_q <= run_q == '0 ? view_start : cut_mem[run_q[6:0]];
    run_end1_q   <= ptr_next;
    word_we1_q   <= rst_ni && beat_valid_i && word_we;
    run_we1_q    <= rst_ni && beat_valid_i && beat_i.row_end && !run_q[7];
    commit1_q    <= rst_ni && beat_valid_i && beat_i.chan_end;
  end

  always_ff @(posedge clk_i) begin
    tile_o <= tile1_q;
    fill_o <= '{
        word_we: word_we1_q && rst_ni,
        word_addr: word_addr1_q,
        word: word1_q,
        run_we: run_we1_q && rst_ni,
        run_index: run_index1_q,
        run: '{empty: run_first1_q == run_end1_q, first: run_first1_q, last: run_end1_q - 10'd1},
        commit: commit1_q && rst_ni
    };
  end

  logic unused;
  assign unused = &{1'b0, cfg_i};

endmodule
