// Output side: drain -> requantiser (8 lanes) -> maximum of a pooling window -> encoder -> stream out.
//                          ^-- bias + kept value -- residual <-- memory <--' values that are kept
//
// The memory keeps values of up to 512 places x 8 channels: a slot whose values are added to those of the slot behind it, or the last
// row of a tile's sums, with which the pooling windows of the tile below begin.
//
// The parameters of the lanes are delayed like the sums that they belong to, so that a new slot's parameters never reach a lane before
// the last sum of the slot before. Only the mesh's first 8 threads of a core are drained: one chunk of channels.
module phantom_output
  import phantom_pkg::*;
#(
  parameter int unsigned Rows       = 4,
  parameter int unsigned Cols       = 4,
  parameter int unsigned ParamDepth = 1024
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic            start_i,
  input  drain_cfg_t      cfg_i,
  input  logic            entry_we_i,
  input  logic [5:0]      entry_index_i,
  input  drain_entry_t    entry_i,
  output logic            done_o,
  output logic            waiting_o,    // for a core
  // parameters, from the weight stream
  input  logic            prm_valid_i,
  output logic            prm_ready_o,
  input  logic [59:0]     prm_data_i,
  // mesh
  input  logic            pass_done_i[Rows][Cols],
  output logic [Rows-1:0] drain_rows_o,
  output logic [Cols-1:0] drain_cols_o,
  output logic            drain_en_o,
  output logic            drain_clear_o,
  output logic [7:0]      drain_addr_o,
  output logic            drained_o,
  input  logic [AccW-1:0] drain_data_i[LanesPerChunk],
  // result stream
  output logic            out_valid_o,
  input  logic            out_ready_i,
  output logic [63:0]     out_data_o,
  output logic            out_last_o
);

  localparam int unsigned MeshLatency    = 4;
  localparam int unsigned RequantLatency = 7;
  localparam int unsigned Latency        = MeshLatency + RequantLatency;  // to the value, before pooling

  // --- parameters wait in drain order -----------------------------------------------------------------------------------

  logic        prm_valid, prm_ready, prm_go, prm_swap;
  logic [MeshLatency-1:0] swap_q;  // on its way beside the sums
  logic [59:0] prm;

  phantom_block_fifo #(
    .Width(60),
    .Depth(ParamDepth)
  ) u_params (
    .clk_i,
    .rst_ni,
    .in_valid_i (prm_valid_i),
    .in_ready_o (prm_ready_o),
    .in_data_i  (prm_data_i),
    .out_valid_o(prm_valid),
    .out_ready_i(prm_ready && swap_q == '0),
    .out_data_o (prm)
  );

  // --- drain ----------------------------------------------------------------------------------------------------------------

  logic       drain_done, seg_valid, seg_ready, first, exists, complete, last, keep, partner, above;
  logic [8:0] place;
  logic [2:0] prm_lane;
  logic [5:0] bit_index;
  segment_t   seg;

  phantom_drain #(
    .Rows(Rows),
    .Cols(Cols)
  ) u_drain (
    .clk_i,
    .rst_ni,
    .start_i,
    .cfg_i,
    .entry_we_i,
    .entry_index_i,
    .entry_i,
    .done_o     (drain_done),
    .waiting_o,
    .pass_done_i,
    .rows_o     (drain_rows_o),
    .cols_o     (drain_cols_o),
    .en_o       (drain_en_o),
    .clear_o    (drain_clear_o),
    .addr_o     (drain_addr_o),
    .drained_o,
    .prm_valid_i(prm_go),
    .prm_ready_o(prm_ready),
    .prm_lane_o (prm_lane),
    .prm_swap_o (prm_swap),
    .seg_valid_o(seg_valid),
    .seg_ready_i(seg_ready),
    .seg_o      (seg),
    .bit_o      (bit_index),
    .first_o    (first),
    .real_o     (exists),
    .complete_o (complete),
    .last_o     (last),
    .keep_o     (keep),
    .partner_o  (partner),
    .above_o    (above),
    .place_o    (place)
  );

  // --- lanes ------------------------------------------------------------------------------------------------------------------

  // What is known of a position travels beside its sums; one stage more behind the maximum.
  logic [Latency-2:0] first_q, exists_q, above_q;
  (* keep = "true" *) logic [LanesPerChunk-1:0] lane_first_q, lane_exists_q, lane_above_q;  // beside the value, for each lane
  logic [Latency:0]   valid_q, keep_q, last_q;
  logic [5:0]         bit_q[Latency+1];
  logic [8:0]         place_q[Latency+1];

  always_ff @(posedge clk_i) begin
    first_q  <= {first_q[Latency-3:0], first};
    exists_q <= {exists_q[Latency-3:0], exists};
    above_q  <= {above_q[Latency-3:0], above};
    lane_first_q  <= {LanesPerChunk{first_q[Latency-2]}};
    lane_exists_q <= {LanesPerChunk{exists_q[Latency-2]}};
    lane_above_q  <= {LanesPerChunk{above_q[Latency-2]}};
    last_q   <= {last_q[Latency-1:0], last};
    bit_q[0]   <= bit_index;
    place_q[0] <= place;
    for (int unsigned i = 1; i <= Latency; i++) begin
      bit_q[i]   <= bit_q[i-1];
      place_q[i] <= place_q[i-1];
    end
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[Latency-1:0], drain_en_o && complete && !keep};
    if (!rst_ni) keep_q <= '0;
    else keep_q <= {keep_q[Latency-1:0], drain_en_o && keep};
  end

  // Parameters are loaded into `next_q` ahead of time, but not while a swap is under way to those that are there.
  assign prm_go = prm_valid && swap_q == '0;

  logic [62:0] load_q;
  logic        load_valid_q;
  logic [7:0]  value[LanesPerChunk], largest_q[LanesPerChunk], kept[LanesPerChunk];
  logic [7:0]  kept_row_q[LanesPerChunk];
  logic        partner_q;
  logic signed [31:0] bias_q[LanesPerChunk], bias[LanesPerChunk];

  always_ff @(posedge clk_i) begin
    load_q       <= {prm_lane, prm};
    load_valid_q <= prm_go && prm_ready;
    if (!rst_ni) swap_q <= '0;
    else swap_q <= {swap_q[MeshLatency-2:0], prm_swap};
  end

  for (genvar l = 0; l < LanesPerChunk; l++) begin : g_lane
    logic [59:0] next_q;
    logic [27:0] prm_q;
    always_ff @(posedge clk_i) begin
      if (load_valid_q && load_q[62:60] == 3'(l)) next_q <= load_q[59:0];
      if (swap_q[MeshLatency-2]) bias_q[l] <= next_q[31:0];  // a cycle earlier, for the residual
      if (swap_q[MeshLatency-1]) prm_q <= next_q[59:32];
    end
    phantom_requantiser u_requantiser (
      .clk_i,
      .acc_i       (drain_data_i[l]),
      .bias_i      (bias[l]),
      .multiplier_i(prm_q[23:0]),
      .sel_i       (prm_q[26:24]),
      .clamp_i     (prm_q[27]),
      .low0_i      (cfg_i.low0),
      .high0_i     (cfg_i.high0),
      .low1_i      (cfg_i.low1),
      .high1_i     (cfg_i.high1),
      .y_o         (value[l])
    );

    // The largest value of a window so far. The clamp's lower end stands for positions that do not exist: it never wins alone,
    // because a window has one that does. int8 and uint8 compare alike once the sign bit is turned round.
    logic [7:0] flip, candidate;
    assign flip      = {cfg_i.low0[8], 7'd0};
    assign candidate = !lane_exists_q[l] ? cfg_i.low0[7:0] : lane_above_q[l] ? kept_row_q[l] : value[l];
    always_ff @(posedge clk_i) begin
      if (lane_first_q[l] || (candidate ^ flip) > (largest_q[l] ^ flip)) largest_q[l] <= candidate;
    end
  end

  // --- values that are kept -----------------------------------------------------------------------------------------------

  logic [8*LanesPerChunk-1:0] kept_wr, kept_rd;

  always_comb begin
    for (int unsigned l = 0; l < LanesPerChunk; l++) begin
      kept_wr[8*l+:8] = largest_q[l];
      kept[l]         = kept_rd[8*l+:8];
    end
  end

  // Those of a slot are wanted ahead of the sums that they are added to, those of a row beside the values of its windows.
  phantom_sdp_ram #(
    .Width(8 * LanesPerChunk),
    .Depth(512)
  ) u_kept (
    .clk_i,
    .wr_en_i  (keep_q[Latency]),
    .wr_addr_i(place_q[Latency]),
    .wr_data_i(kept_wr),
    .rd_en_i  (1'b1),
    .rd_addr_i(cfg_i.pool.keep_row ? place_q[Latency-3] : place),
    .rd_data_o(kept_rd)
  );

  always_ff @(posedge clk_i) begin
    partner_q  <= partner;
    kept_row_q <= kept;
  end

  phantom_residual u_residual (
    .clk_i,
    .kept_signed_i(cfg_i.kept_signed),
    .factor_i     (cfg_i.factor),
    .partner_i    (partner_q),
    .value_i      (kept),
    .bias_i       (bias_q),
    .bias_o       (bias)
  );

`ifndef SYNTHESIS
  // The first position of a slot is read 13 cycles after that of the slot before, when its value has just been written. A tile's
  // first row is read at least 16 cycles after the row that is kept of the tile above.
  logic [8:0] kept_q;  // values of a slot that are there
  always_ff @(posedge clk_i) begin
    if (drain_en_o && keep && place == '0) kept_q <= '0;
    else if (keep_q[Latency]) kept_q <= place_q[Latency] + 9'd1;
    if (rst_ni && drain_en_o && partner) begin
      assert (place < kept_q) else $error("phantom_output: a kept value is wanted before it is there");
    end
    for (int unsigned i = Latency - 2; i <= Latency; i++) begin
      if (rst_ni && above_q[Latency-3] && keep_q[i]) begin
        assert (place_q[i] != place_q[Latency-3]) else $error("phantom_output: a kept row is wanted before it is there");
      end
    end
  end
`endif

  // --- encoder, stream out ------------------------------------------------------------------------------------------------

  logic        enc_valid, enc_ready, enc_empty;
  logic [63:0] enc_data;

  phantom_encoder u_encoder (
    .clk_i,
    .rst_ni,
    .seg_valid_i(seg_valid),
    .seg_ready_o(seg_ready),
    .seg_i      (seg),
    .valid_i    (valid_q[Latency]),
    .last_i     (last_q[Latency]),
    .bit_i      (bit_q[Latency]),
    .value_i    (largest_q),
    .out_valid_o(enc_valid),
    .out_ready_i(enc_ready),
    .out_data_o (enc_data),
    .empty_o    (enc_empty)
  );

  logic started_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) started_q <= 1'b0;
    else if (start_i) started_q <= 1'b1;
  end

  phantom_stream_out u_stream_out (
    .clk_i,
    .rst_ni,
    .in_valid_i(enc_valid),
    .in_ready_o(enc_ready),
    .in_data_i (enc_data),
    .finish_i  (started_q && drain_done && enc_empty),
    .done_o,
    .out_valid_o,
    .out_ready_i,
    .out_data_o,
    .out_last_o
  );

endmodule
