"""The layer registers and tables of a stage, as the blocks of the model read them: one record."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from phantom.config import Config
from phantom.errors import ConfigError
from phantom.layer_registers import TABLE_DRAIN, TABLE_SLOT, TABLE_TILE, TABLE_WINDOW
from phantom.program import Program

from .kernel import registers
from .lam_scan import LF
from .run_ring import RING
from .weight_queue import THREADS

VIEWS, WINDOWS, SLOTS, TILES, ENTRIES = 4, 256, 32, 16, 64
LAYER = registers(
    # the configuration
    "rows", "cols", "queue_words", "act_words", "run_depth", "row_buffer_words", "directory_depth", "param_depth",
    # input_cfg_t
    "in_rows", "in_last_xs", "in_span", "in_log2_pitch", "dir_xs_shift", "dir_row_shift", "in_strip_rows",
    "strip_packets", "block_packets", "block_chunks", "in_flat",
    # lam_cfg_t, view_t
    "lanes", "strips", "passes", "chans", "tiles", "views", "stride2", "view_chans", "lam_tile_rows", "tile_step_y",
    "lam_strip_rows", "pitch",
    "last_tile_x", "tile_step", ("edge_cols", 3), "need_step", "need_above", "need_span", "pass_chans", "own_chans", "last_owner",
    ("view_py", VIEWS), ("view_first", VIEWS), ("view_rows", VIEWS), ("view_run_base", VIEWS), ("view_col_first", VIEWS),
    ("view_col_span", VIEWS),
    # core_cfg_t, window table, slot table
    "slot_bits", "window_bits", "run_shift", "chan_cap", ("window_run", WINDOWS), ("window_offset", WINDOWS),
    ("window_skip", WINDOWS), ("slot_base", SLOTS),
    # drain_cfg_t, drain table
    "entries", "slots", "out_tile_rows", "seg_more_rows", "out_span", "out_last_span", "out_last_xs", "tile_last_xs", "out_rows",
    "out_strip_rows", "pool_more", "pool_step", "keep_row", "out_chunks", "pass_chunks", "out_flat", "pairs",
    ("entry_xs", ENTRIES), ("entry_core", ENTRIES), ("entry_chunk", ENTRIES), ("entry_row", ENTRIES),
)  # fmt: skip


def layer_record(program: Program, config: Config) -> np.ndarray:
    """LAYER [1] of a compiled stage on a configuration. Raises ConfigError for sizes that the RTL refuses, too."""
    for name, value in (("threads", THREADS), ("lf", LF), ("act_words", RING)):
        if getattr(config, name) != value:
            raise ConfigError(f"configuration {config.name!r}: {name} = {getattr(config, name)}; the RTL is laid out for {value}")
    layer = np.zeros(1, LAYER)
    _configuration(layer, config)
    _registers(layer, program.registers)
    _tables(layer, program, config)
    return layer


def tile_of_core(program: Program, config: Config) -> np.ndarray:
    """int64 [cores]: the tile that each core works on, -1 for those that the stage does not use."""
    tiles = np.full(config.cores, -1)
    for select, index, value in program.tables:
        if select == TABLE_TILE:
            for core in range(config.cores):
                if value >> core // config.cols & 1 and value >> 16 + core % config.cols & 1:
                    tiles[core] = index
    return tiles


def _configuration(layer: np.ndarray, config: Config) -> None:
    for name, value in (
        ("rows", config.rows),
        ("cols", config.cols),
        ("queue_words", config.weight_queue_words),
        ("act_words", config.act_words),
        ("run_depth", config.run_depth),
        ("row_buffer_words", config.row_buffer_words),
        ("directory_depth", config.directory_depth),
        ("param_depth", config.param_depth),
    ):
        layer[name] = value


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 & 1 else value


def _registers(layer: np.ndarray, registers: Mapping[str, Mapping[str, int]]) -> None:
    """Field by field; what is signed in the RTL comes as the bits of its register."""
    for name, register, field in (
        ("in_rows", "INPUT", "rows"),
        ("in_last_xs", "INPUT", "last_xs"),
        ("in_log2_pitch", "INPUT", "log2_pitch"),
        ("in_flat", "INPUT", "flat"),
        ("in_span", "DIRECTORY", "span"),
        ("dir_xs_shift", "DIRECTORY", "xs_shift"),
        ("dir_row_shift", "DIRECTORY", "row_shift"),
        ("in_strip_rows", "PRODUCER", "strip_rows"),
        ("strip_packets", "PRODUCER", "strip_packets"),
        ("block_packets", "BLOCK", "packets"),
        ("block_chunks", "BLOCK", "chunks"),
        ("strips", "LOOPS", "strips"),
        ("passes", "LOOPS", "passes"),
        ("chans", "LAM_LOOPS", "chans"),
        ("tiles", "LAM_LOOPS", "tiles"),
        ("views", "LAM_LOOPS", "views"),
        ("stride2", "LAM_LOOPS", "stride2"),
        ("view_chans", "LAM_LOOPS", "view_chans"),
        ("lam_tile_rows", "TILE", "rows"),
        ("pitch", "TILE", "pitch"),
        ("tile_step_y", "TILE_STEPS", "tile"),
        ("lam_strip_rows", "TILE_STEPS", "strip"),
        ("last_tile_x", "LAM_COLS", "last_tile_x"),
        ("tile_step", "LAM_COLS", "tile_step"),
        ("pass_chans", "LAM_PASS", "chans"),
        ("own_chans", "LAM_PASS", "own"),
        ("last_owner", "LAM_PASS", "last_owner"),
        ("need_step", "LAM_NEED", "step"),
        ("need_above", "LAM_NEED", "above"),
        ("need_span", "LAM_SPAN", "span"),
        ("slot_bits", "CORE", "slot_bits"),
        ("window_bits", "CORE", "window_bits"),
        ("run_shift", "CORE", "run_shift"),
        ("chan_cap", "CORE", "chan_cap"),
        ("entries", "DRAIN", "entries"),
        ("slots", "DRAIN", "slots"),
        ("seg_more_rows", "DRAIN", "seg_more_rows"),
        ("out_flat", "DRAIN", "flat"),
        ("tile_last_xs", "DRAIN", "tile_last_xs"),
        ("out_tile_rows", "OUT_TILE", "rows"),
        ("out_strip_rows", "OUT_TILE", "strip_rows"),
        ("out_rows", "OUTPUT", "rows"),
        ("out_span", "OUTPUT", "span"),
        ("out_last_span", "OUTPUT", "last_span"),
        ("out_last_xs", "OUTPUT", "last_xs"),
        ("out_chunks", "OUT_CHUNKS", "chunks"),
        ("pass_chunks", "OUT_CHUNKS", "pass_chunks"),
        ("pairs", "RESIDUAL", "pairs"),
        ("pool_more", "POOL", "more"),
        ("pool_step", "POOL", "step"),
        ("keep_row", "POOL", "keep_row"),
    ):
        layer[name] = registers[register][field]
    layer["edge_cols"] = [registers["EDGES"][f"col{i + 1}"] for i in range(3)]
    for v in range(VIEWS):
        view, cols = registers[f"VIEW{v}"], registers[f"VIEW_COLS{v}"]
        layer["view_py"][0, v] = view["py"]
        layer["view_first"][0, v] = _signed(view["first"], 8)
        layer["view_rows"][0, v] = view["rows"]
        layer["view_run_base"][0, v] = view["run_base"]
        layer["view_col_first"][0, v] = _signed(cols["first"], 8)
        layer["view_col_span"][0, v] = cols["span"]


def _tables(layer: np.ndarray, program: Program, config: Config) -> None:
    for select, index, value in program.tables:
        if select == TABLE_WINDOW:
            layer["window_run"][0, index] = value & 0x3F
            layer["window_offset"][0, index] = value >> 6 & 0xFF
            layer["window_skip"][0, index] = value >> 14 & 0x7
        elif select == TABLE_SLOT:
            layer["slot_base"][0, index] = value & 0xFF
        elif select == TABLE_DRAIN:
            layer["entry_xs"][0, index] = value >> 24
            layer["entry_core"][0, index] = (value >> 20 & 0xF) * config.cols + (value >> 16 & 0xF)
            layer["entry_chunk"][0, index] = value >> 8 & 0xFF
            layer["entry_row"][0, index] = value & 0xFF
    layer["lanes"] = 1 << program.registers["LAM_COLS"]["log2_lanes"]
