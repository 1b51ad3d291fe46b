// The layer registers as the structs of the blocks. Wires only; overlay/phantom.rdl says what each field means.
module phantom_layer_config
  import phantom_pkg::*;
(
  input  phantom_regs_pkg::phantom_layer_t__out_t layer_i,
  output input_cfg_t                              input_cfg_o,
  output lam_cfg_t                                lam_cfg_o,
  output core_cfg_t                               core_cfg_o,
  output drain_cfg_t                              drain_cfg_o,
  output view_t                                   view_o[4]
);

  always_comb begin
    input_cfg_o = '{
        chunks: layer_i.INPUT.chunks.value,
        rows: layer_i.INPUT.rows.value,
        last_xs: layer_i.INPUT.last_xs.value,
        span: layer_i.DIRECTORY.span.value,
        log2_pitch: layer_i.INPUT.log2_pitch.value,
        dir_xs_shift: layer_i.DIRECTORY.xs_shift.value,
        dir_row_shift: layer_i.DIRECTORY.row_shift.value,
        strip_rows: layer_i.PRODUCER.strip_rows.value,
        strip_packets: layer_i.PRODUCER.strip_packets.value,
        block_packets: layer_i.BLOCK.packets.value,
        block_chunks: layer_i.BLOCK.chunks.value,
        flat: layer_i.INPUT.flat.value
    };
    lam_cfg_o = '{
        strips: layer_i.LOOPS.strips.value,
        passes: layer_i.LOOPS.passes.value,
        chans: layer_i.LAM_LOOPS.chans.value,
        tiles: layer_i.LAM_LOOPS.tiles.value,
        views: layer_i.LAM_LOOPS.views.value,
        stride2: layer_i.LAM_LOOPS.stride2.value,
        view_chans: layer_i.LAM_LOOPS.view_chans.value,
        tile_rows: layer_i.TILE.rows.value,
        tile_step_y: layer_i.TILE_STEPS.tile.value,
        strip_rows: layer_i.TILE_STEPS.strip.value,
        pitch: layer_i.TILE.pitch.value,
        pass_chans: layer_i.LAM_PASS.chans.value,
        own_chans: layer_i.LAM_PASS.own.value,
        last_owner: layer_i.LAM_PASS.last_owner.value,
        log2_lanes: layer_i.LAM_COLS.log2_lanes.value,
        last_tile_x: layer_i.LAM_COLS.last_tile_x.value,
        tile_step: layer_i.LAM_COLS.tile_step.value,
        edge_cols: {layer_i.EDGES.col3.value, layer_i.EDGES.col2.value, layer_i.EDGES.col1.value},
        need_step: layer_i.LAM_NEED.step.value,
        need_above: layer_i.LAM_NEED.above.value,
        need_span: layer_i.LAM_SPAN.span.value
    };
    core_cfg_o = '{
        slot_bits: layer_i.CORE.slot_bits.value,
        window_bits: layer_i.CORE.window_bits.value,
        run_shift: layer_i.CORE.run_shift.value,
        chan_cap: layer_i.CORE.chan_cap.value
    };
    drain_cfg_o = '{
        strips: layer_i.LOOPS.strips.value,
        passes: layer_i.LOOPS.passes.value,
        entries: layer_i.DRAIN.entries.value,
        slots: layer_i.DRAIN.slots.value,
        slot_stride: layer_i.OUT_CHUNKS.slot_stride.value,
        tile_rows: layer_i.OUT_TILE.rows.value,
        seg_more_rows: layer_i.DRAIN.seg_more_rows.value,
        span: layer_i.OUTPUT.span.value,
        last_span: layer_i.OUTPUT.last_span.value,
        last_xs: layer_i.OUTPUT.last_xs.value,
        tile_last_xs: layer_i.DRAIN.tile_last_xs.value,
        log2_pitch: layer_i.DRAIN.log2_pitch.value,
        pitch: layer_i.TILE.pitch.value,
        row_step: layer_i.OUT_TILE.row_step.value,
        seg_step: layer_i.POOL.seg_step.value,
        rows: layer_i.OUTPUT.rows.value,
        strip_rows: layer_i.OUT_TILE.strip_rows.value,
        pool: '{
            more: layer_i.POOL.more.value,
            step: layer_i.POOL.step.value,
            top: layer_i.POOL.top.value,
            left: layer_i.POOL.left.value,
            bottom_more: layer_i.POOL.bottom_more.value,
            right_more: layer_i.POOL.right_more.value,
            keep_row: layer_i.POOL.keep_row.value
        },
        chunks: layer_i.OUT_CHUNKS.chunks.value,
        pass_chunks: layer_i.OUT_CHUNKS.pass_chunks.value,
        flat: layer_i.DRAIN.flat.value,
        pairs: layer_i.RESIDUAL.pairs.value,
        kept_signed: layer_i.RESIDUAL.kept_signed.value,
        factor: layer_i.RESIDUAL.factor.value,
        low0: layer_i.CLAMP0.low.value,
        high0: layer_i.CLAMP0.high.value,
        low1: layer_i.CLAMP1.low.value,
        high1: layer_i.CLAMP1.high.value
    };
    view_o[0] = '{py: layer_i.VIEW0.py.value, first: layer_i.VIEW0.first.value, rows: layer_i.VIEW0.rows.value,
                run_base: layer_i.VIEW0.run_base.value, col_first: layer_i.VIEW_COLS0.first.value,
                col_span: layer_i.VIEW_COLS0.span.value};
    view_o[1] = '{py: layer_i.VIEW1.py.value, first: layer_i.VIEW1.first.value, rows: layer_i.VIEW1.rows.value,
                run_base: layer_i.VIEW1.run_base.value, col_first: layer_i.VIEW_COLS1.first.value,
                col_span: layer_i.VIEW_COLS1.span.value};
    view_o[2] = '{py: layer_i.VIEW2.py.value, first: layer_i.VIEW2.first.value, rows: layer_i.VIEW2.rows.value,
                run_base: layer_i.VIEW2.run_base.value, col_first: layer_i.VIEW_COLS2.first.value,
                col_span: layer_i.VIEW_COLS2.span.value};
    view_o[3] = '{py: layer_i.VIEW3.py.value, first: layer_i.VIEW3.first.value, rows: layer_i.VIEW3.rows.value,
                run_base: layer_i.VIEW3.run_base.value, col_first: layer_i.VIEW_COLS3.first.value,
                col_span: layer_i.VIEW_COLS3.span.value};
  end

endmodule
