"""Registers and tables of a compiled stage: fields by the names of the register description (`overlay/phantom.rdl`)."""

from __future__ import annotations

from .config import Config
from .errors import ShapeError
from .layout import Layout
from .places import tile_mask
from .stage import Stage
from .tiling import Tiling, Workload
from .views import EDGE_CODES, Geometry

CHANNELS = 64  # that a core keeps apart
FILL_LATENCY = (
    10  # cycles from the commit of a channel until the LAM holds still because of it, and all is there that it had begun
)

TABLE_WINDOW, TABLE_SLOT, TABLE_TILE, TABLE_DRAIN = range(4)


def layer_tables(
    work: Workload, geometry: Geometry, tiling: Tiling, signed: tuple[bool, ...]
) -> tuple[tuple[int, int, int], ...]:
    """Entries of the tables: (select, index, value)."""
    entries = []
    sums = work.sum_rows(tiling.tile_rows) * geometry.pitch
    for i, window in enumerate(geometry.windows):
        # Where a tile has rows from the one above, its own sums begin so many rows further down.
        offset = ((window.row - work.kept_rows) * geometry.pitch + window.shift) % 256
        entries.append((TABLE_WINDOW, i, signed[i] << 17 | window.skip << 14 | offset << 6 | window.run))
    for slot in range(tiling.slots):
        entries.append((TABLE_SLOT, slot, slot * sums))
    for tile in range(tiling.tiles * (tiling.groups if tiling.own_chans else 1)):
        entries.append((TABLE_TILE, tile, tile_mask(tiling, tile)))
    for group in range(tiling.groups):
        for tile in range(tiling.tiles):
            row, col = tiling.place(tile, group)
            first = group if work.flat else group * tiling.out_slots
            index = group * tiling.tiles + tile
            first_row, first_col = tiling.at(tile)
            entries.append((TABLE_DRAIN, index, first_col // tiling.span << 24 | row << 20 | col << 16 | first << 8 | first_row))
    return tuple(entries)


def layer_registers(
    stage: Stage,
    work: Workload,
    geometry: Geometry,
    tiling: Tiling,
    source: Layout,
    result: Layout,
    config: Config,
    bits: tuple[int, int],
) -> dict[str, dict[str, int]]:
    """Field values by register; `bits` are those of window and slot in the weight index."""
    window_bits, slot_bits = bits
    strips = -(-work.out_rows // tiling.strip_rows)
    sum_rows = work.sum_rows(tiling.tile_rows)
    step, above = work.pool[1], work.above
    # Not clipped at the last row of the input, because later strips go by it, too.
    span = max(1, (work.sum_rows(tiling.strip_rows) - 1 - above) * work.stride + work.reach[1] + 1)
    cut, out = source.geometry, result.geometry
    flat = work.flat
    chunk_bits, xs_bits = (cut.chunks - 1).bit_length(), (cut.columns - 1).bit_length()
    runs = max(view.runs for view in geometry.views) if flat else geometry.runs
    run_shift = (runs - 1).bit_length()
    edges = (*geometry.edges, 0xFF, 0xFF, 0xFF)
    registers = {
        "INPUT": {
            "chunks": cut.chunks,
            "rows": cut.height,
            "last_xs": cut.columns - 1,
            "log2_pitch": 0 if flat else cut.pitch.bit_length() - 1,
            "flat": int(flat),
        },
        "DIRECTORY": {"xs_shift": chunk_bits, "row_shift": chunk_bits + xs_bits, "span": cut.span},
        "PRODUCER": {"strip_rows": source.strip_rows, "strip_packets": source.strip_packets},
        "BLOCK": {"packets": source.block_packets, "chunks": source.block if source.block_packets else 0},
        "LOOPS": {"strips": strips, "passes": tiling.passes},
        "TILE": {"rows": sum_rows, "pitch": geometry.pitch},
        "TILE_STEPS": {"tile": tiling.tile_rows * step, "strip": tiling.strip_rows * step},
        "OUT_TILE": {"rows": tiling.tile_rows, "row_step": step * geometry.pitch & 0xFF, "strip_rows": tiling.strip_rows},
        "POOL": _pool(stage) | {"seg_step": 0 if flat else tiling.span * step & 0xFF, "keep_row": work.kept_rows},
        "LAM_LOOPS": {
            "chans": source.shape[0],
            "tiles": tiling.tiles,
            "views": len(geometry.views),
            "stride2": int(work.stride == 2),
            "view_chans": int(tiling.view_chans),
        },
        "LAM_COLS": {
            "log2_lanes": tiling.lanes.bit_length() - 1,
            "last_tile_x": tiling.col_tiles - 1,
            "tile_step": 0 if flat else tiling.tile_cols * step * work.stride,
        },
        "LAM_PASS": {
            "chans": tiling.own_chans or source.shape[0],
            "own": int(tiling.own_chans > 0),
            "last_owner": (tiling.groups - 1) * tiling.tiles if tiling.own_chans else 0,
        },
        "EDGES": {f"col{i + 1}": edges[i] for i in range(EDGE_CODES)},
        "LAM_NEED": {
            "step": tiling.strip_rows * step * work.stride,
            "above": max(0, above * work.stride - work.reach[0]),
        },
        "LAM_SPAN": {"span": cut.height if flat else span},
        "CORE": {
            "slot_bits": slot_bits,
            "window_bits": window_bits,
            "run_shift": run_shift,
            "chan_cap": min(CHANNELS, config.run_depth >> run_shift) - _behind(geometry, tiling, sum_rows),
        },
        "DRAIN": {
            "entries": tiling.groups * tiling.tiles,
            "slots": 1 if flat else tiling.slots,
            "seg_more_rows": 0 if flat else min(out.rows, tiling.tile_rows) - 1,
            "log2_pitch": out.pitch.bit_length() - 1,
            "flat": int(flat),
            "tile_last_xs": 0 if flat else tiling.tile_cols // tiling.span - 1,
        },
        "OUTPUT": {
            "rows": out.height,
            "span": out.span,
            "last_span": out.width - (out.columns - 1) * out.span,
            "last_xs": out.columns - 1,
        },
        "OUT_CHUNKS": {
            "chunks": out.chunks,
            "pass_chunks": tiling.groups * (1 if flat else tiling.out_slots),
            "slot_stride": sum_rows * geometry.pitch & 0xFF,
        },
    }
    kept = stage.residual
    registers["RESIDUAL"] = {
        "pairs": int(kept is not None),
        "kept_signed": int(kept.signed) if kept else 0,
        "factor": kept.factor & 0xFFF if kept else 0,
    }
    for i, (low, high) in enumerate(stage.clamps):
        registers[f"CLAMP{i}"] = {"low": low & 0x1FF, "high": high & 0x1FF}
    for i in range(4):
        view = geometry.views[min(i, len(geometry.views) - 1)]
        registers[f"VIEW{i}"] = {
            "py": view.py,
            "first": _signed(view.first, "first row of a view"),
            "rows": sum_rows + view.runs - 1,
            "run_base": view.run_base,
        }
        registers[f"VIEW_COLS{i}"] = {
            "first": _signed(view.col_first, "first column of a view"),
            "span": (view.cols - 1) * work.stride,
        }
    return registers


def _signed(value: int, what: str) -> int:
    """A field of 8 bits. Raises ShapeError."""
    if not -128 <= value < 128:
        raise ShapeError(f"{what} {value} from the output; padding and kernel, dilated, may reach 128 at most")
    return value & 0xFF


def _behind(geometry: Geometry, tiling: Tiling, sum_rows: int) -> int:
    """Channels that the LAM may still fill when a core has said that it has no room for more; the one in work is one of them.

    A channel takes it a cycle at its beginning, one a row of each of its views, and one at the end of each.
    """
    views = [sum_rows + view.runs for view in geometry.views]
    cycles = 1 + (min(views) if tiling.view_chans else sum(views))
    return 1 - (-FILL_LATENCY // cycles)


def _pool(stage: Stage) -> dict[str, int]:
    """The register of the maximum pooling."""
    pool = stage.pool
    if pool is None:
        return {"more": 0, "step": 1, "top": 0, "left": 0, "bottom_more": 0, "right_more": 0}
    size, step, (top, left, _, _) = pool.kernel[0], pool.stride, pool.padding
    # Rows and columns of the last window that lie inside.
    inside = (stage.shape[n + 1] + pad - (stage.result.plane[n] - 1) * step for n, pad in ((0, top), (1, left)))
    bottom_more, right_more = (min(size, n) - 1 for n in inside)
    return {"more": size - 1, "step": step, "top": top, "left": left, "bottom_more": bottom_more, "right_more": right_more}
