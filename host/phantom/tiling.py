"""Tiling: how a layer can be spread over the mesh, and what limits it. `tiling_choice` takes the fastest by `tiling_estimate`.

The partial sums of a bank are shared out as `slots` filters x `tile_rows` rows x `pitch` positions <= 256. Cores form `tiles` x
`groups`: cores of one tile see the same activations, cores of one group the same weights. `col_tiles` of the tiles lie side by
side, a whole number of output segments each. More filters at a time mean fewer refills of the activation buffers; more
positions at a time mean that the weights are read less often.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from .config import Config
from .layout import Cut
from .segments import LANES, MAX_CHUNKS, MAX_COLUMNS, POSITIONS, Segmentation, stream_words
from .views import MAX_ROWS, Geometry

BANK = 256  # partial sums of a thread in one bank
MAX_SLOTS = 32
MAX_TILES = 16
MAX_CORES = 64  # drain table
MAX_PACKETS = 64  # packet table of the LAM
MAX_STRIPS = 56  # producer strips that the row buffer keeps apart
KEPT_CHUNKS, KEPT_COLUMNS = 8, 64  # of the output, whose rows tiles can keep for one another
UNEVEN = 0.03  # by so much the rows of a strip may be denser than those of the layer
SPARE_WORDS = 64  # of the row buffer that no strip may need
RING_MARGIN = 32  # entries of the activation ring that are never filled


@dataclass(frozen=True)
class Reader:
    """What reads a layer's output: rows of it at a time, at least; and their density, as expected."""

    rows: int
    density: float


@dataclass(frozen=True)
class Workload:
    """What the estimate and the limits need to know of a layer. Densities are fractions."""

    name: str
    filters: int  # channels of the result
    channels: int  # of the input stream
    reach: tuple[int, int]  # first and last row of the input that an output row looks at, from its own times the stride
    stride: int
    out_rows: int  # after pooling
    out_cols: int
    weight_density: float  # of all windows
    act_density: float  # expected; what is sized by it is checked by the hardware
    flat: bool = False
    most_segments: int = 0  # of a channel of the output, where the next layer has a limit
    reader: Reader | None = None  # of the output
    pool: tuple[int, int, int] = (1, 1, 0)  # maximum pooling: window, step, rows of padding above
    sharers: int = 0  # filters that read a channel, at most, where every filter reads a single one (depthwise); else 0
    heavy: float = 1.0  # share of the filters with at least half as many weights as a filter has on average
    met: float = 1.0  # density of what a weight meets, over that of all channels: carried ones are met by few
    slots_each: int = 1  # slots that a channel of the result takes: two where a kept one is added to it
    covered: float = 1.0  # share of the channels, by eighths, that a filter reads: half of them with two groups
    loads: np.ndarray | None = field(default=None, compare=False, repr=False)  # nonzero weights of each filter, if known
    kept_rows: int = 0  # rows of sums that a tile has from the one above it, where pooling windows overlap

    def sum_rows(self, rows: int) -> int:
        """Rows of partial sums for so many output rows."""
        size, step, _ = self.pool
        return (rows - 1) * step + size - self.kept_rows

    @property
    def above(self) -> int:
        """Rows of partial sums of the first tile that lie in the padding above the image."""
        return self.pool[2] - self.kept_rows


@dataclass(frozen=True)
class Tiling:
    """One way to spread a layer.

    rows, cols: cores that are used. tile_grid: tiles along each. col_tiles: tiles side by side in the image; others lie below.
    tile_rows, tile_cols: output rows and columns of a tile. span: columns of an output segment, a divisor of tile_cols.
    slots: filters of a thread. passes: rounds over the input. view_chans: each view is a channel of its own. lanes: tiles that
    the LAM fills at a time, each in its own share of the rows. own_chans: channels of a pass where every pass and every group has
    channels of its own, dealt out in turn; 0: all see all. slots_each: slots of a channel of the result.
    """

    rows: int
    cols: int
    tile_grid: tuple[int, int]
    col_tiles: int
    tile_rows: int
    tile_cols: int
    span: int
    slots: int
    passes: int
    view_chans: bool
    lanes: int
    own_chans: int = 0
    slots_each: int = 1
    cycles: float = 0.0

    @property
    def tiles(self) -> int:
        """Tiles side by side."""
        return self.tile_grid[0] * self.tile_grid[1]

    @property
    def groups(self) -> int:
        """Groups of filters side by side."""
        return self.rows * self.cols // self.tiles

    @property
    def out_slots(self) -> int:
        """Channels of the result of a thread."""
        return self.slots // self.slots_each

    @property
    def out_channels(self) -> int:
        """Channels of the result, places without a filter included."""
        return self.groups * LANES * self.out_slots * self.passes

    @property
    def strip_rows(self) -> int:
        """Output rows of a strip."""
        return self.tiles // self.col_tiles * self.tile_rows

    def at(self, tile: int) -> tuple[int, int]:
        """First output row in the strip, and first output column, of a tile."""
        return tile // self.col_tiles * self.tile_rows, tile % self.col_tiles * self.tile_cols

    def place(self, tile: int, group: int) -> tuple[int, int]:
        """Row and column of the core that works on a tile and a group; tiles take turns with the lanes."""
        tile_cols = self.tile_grid[1]
        if self.own_chans:
            at = group * self.tiles + tile
            lane, at = at % self.lanes, at // self.lanes
            return lane * (self.rows // self.lanes) + at // self.cols, at % self.cols
        tile = tile // self.lanes + tile % self.lanes * (self.tiles // self.lanes)
        group_rows, group_cols = self.rows // self.tile_grid[0], self.cols // tile_cols
        return (
            tile // tile_cols * group_rows + group // group_cols,
            tile % tile_cols * group_cols + group % group_cols,
        )

    def port_share(self, ports: int) -> float:
        """Share of the groups that the busiest weight port sends to; port p has the columns c with c % ports == p."""
        frame = replace(self, tile_rows=0, tile_cols=0, span=0, slots=0, passes=0, view_chans=False, cycles=0.0)
        return _port_share(frame, ports)


@cache
def _port_share(grid: Tiling, ports: int) -> float:
    columns = [{grid.place(tile, group)[1] % ports for tile in range(grid.tiles)} for group in range(grid.groups)]
    return max(sum(port in found for found in columns) for port in range(ports)) / grid.groups


GeometryOf = Callable[[int], Geometry]  # of a layer, by the output columns of a tile


def column_cuts(work: Workload, col_tiles: int) -> tuple[int, int] | None:
    """(columns of a tile, columns of a segment) when the output is cut into that many column tiles, None where it cannot be."""
    width = -(-work.out_cols // col_tiles)
    parts = -(-width // POSITIONS)
    span = -(-width // parts)
    tile = parts * span
    if (col_tiles - 1) * tile >= work.out_cols or -(-work.out_cols // span) > MAX_COLUMNS:
        return None
    return tile, span


def candidates(work: Workload, geometry_of: GeometryOf, config: Config) -> Iterator[tuple[Tiling, Geometry]]:
    """All shapes that the partial sums allow."""
    cuts: dict[int, tuple[int, int, Geometry]] = {}
    for col_tiles in range(1, 1 if work.flat else 2 if work.kept_rows else MAX_TILES + 1):
        sizes = column_cuts(work, col_tiles)
        if sizes is not None:
            cuts[col_tiles] = (*sizes, geometry_of(sizes[0]))
    if work.flat:
        cuts[1] = (work.out_cols, work.out_cols, geometry_of(work.out_cols))
    alike: set[tuple[int, ...]] = set()  # as many cores and tiles elsewhere in the mesh are no faster
    for rows in range(1, config.rows + 1):
        for cols in range(1, min(config.cols, MAX_CORES // rows) + 1):
            # Tall grids of tiles first: then the groups lie side by side, and each weight port has its share of them.
            for grid_cols in (c for c in range(1, cols + 1) if cols % c == 0):
                for grid_rows in (r for r in range(1, rows + 1) if rows % r == 0):
                    tiles = grid_rows * grid_cols
                    lanes = rows * cols // tiles * config.threads
                    fills = math.gcd(config.lam_lanes if rows == config.rows else 1, grid_rows)
                    if tiles > MAX_TILES or (lanes - config.threads >= work.filters and lanes > config.threads):
                        continue
                    if (lanes, tiles, fills) in alike:
                        continue
                    alike.add((lanes, tiles, fills))
                    for col_tiles, (tile_cols, span, geometry) in cuts.items():
                        if tiles % col_tiles == 0:
                            grid = (grid_rows, grid_cols)
                            frame = Tiling(rows, cols, grid, col_tiles, 0, tile_cols, span, 0, 0, False, fills)
                            yield from _shapes(work, lanes, frame, geometry)
                fills = config.lam_lanes if rows == config.rows else 1
                if work.sharers and rows * cols <= MAX_TILES and (rows * cols, fills) not in alike:
                    alike.add((rows * cols, fills))
                    yield from _own_channels(work, rows, cols, fills, cuts)


def _own_channels(
    work: Workload, rows: int, cols: int, lanes: int, cuts: dict[int, tuple[int, int, Geometry]]
) -> Iterator[tuple[Tiling, Geometry]]:
    """Tilings in which every group of cores, and every pass, has channels of its own (depthwise layers)."""
    for tiles in (n for n in range(1, rows * cols + 1) if rows * cols % n == 0):
        # The cores of a group must be a rectangle, spread over the rows of the lanes: whole rows of it, or a part of one.
        side, odd = divmod(tiles, lanes)
        if lanes % tiles if side == 0 else odd or (cols % side and side % cols):
            continue
        groups = rows * cols // tiles
        for col_tiles, (tile_cols, span, geometry) in cuts.items():
            if tiles % col_tiles:
                continue
            frame = Tiling(rows, cols, (tiles, 1), col_tiles, 0, tile_cols, span, 0, 0, False, lanes)
            for shape, _ in _shapes(work, 1, frame, geometry):
                most = BANK // (work.sum_rows(shape.tile_rows) * geometry.pitch)
                for slots in {min(most, MAX_SLOTS) >> i for i in range(6)} - {0}:
                    chans = LANES * (slots * groups // work.sharers)
                    # Groups that do not divide the channels of a pass: one of them has one more than the others.
                    while -(-chans // groups) * work.sharers > LANES * slots:
                        chans -= LANES
                    if not chans:
                        continue
                    passes = -(-work.channels // chans)
                    chans = LANES * -(-work.channels // (passes * LANES))
                    slots = min(slots, -(-(-(-chans // groups) * work.sharers) // LANES))
                    # No group without a channel in the last pass; room for filters without weights, too.
                    if work.channels - (passes - 1) * chans < groups or passes * groups * LANES * slots < work.filters:
                        continue
                    yield replace(shape, slots=slots, passes=passes, own_chans=chans), geometry


def _shapes(work: Workload, lanes: int, tiling: Tiling, geometry: Geometry) -> Iterator[tuple[Tiling, Geometry]]:
    """Rows of a tile, slots and passes for one way to lay tiles over the mesh."""
    row_tiles = tiling.tiles // tiling.col_tiles
    if row_tiles > work.out_rows:
        return
    for tile_rows in range(1, -(-work.out_rows // row_tiles) + 1):
        sums = work.sum_rows(tile_rows) * geometry.pitch
        if sums > BANK:
            break
        most = min(MAX_SLOTS, BANK // sums) // work.slots_each
        if not most:
            break
        passes = -(-work.filters // (lanes * most))
        slots = work.slots_each * -(-work.filters // (lanes * passes))
        shape = replace(tiling, tile_rows=tile_rows, slots=slots, passes=passes, slots_each=work.slots_each)
        for view_chans in {work.flat, work.flat or len(geometry.views) > 1}:
            yield replace(shape, view_chans=view_chans), geometry


def need_rows(tiling: Tiling, work: Workload, cut: Cut, strip: int) -> tuple[int, int]:
    """Input rows [first, end) of a strip, in rows of the stream."""
    height = cut.segments.height
    if work.flat:
        return 0, height
    row = strip * tiling.strip_rows * work.pool[1] - work.above  # of the sums
    last = row + work.sum_rows(tiling.strip_rows) - 1
    return max(0, row * work.stride + work.reach[0]), min(height, max(1, last * work.stride + work.reach[1] + 1))


def obstacle(tiling: Tiling, work: Workload, geometry: Geometry, cut: Cut, config: Config) -> str:
    """Why a tiling cannot run, or an empty string."""
    segments_of = cut.segments
    height = segments_of.height
    view_rows = [work.sum_rows(tiling.tile_rows) + view.runs - 1 for view in geometry.views]
    if max(view_rows) > MAX_ROWS:
        return f"a view of {max(view_rows)} rows; the LAM counts {MAX_ROWS}"
    if not work.flat and max(view.cols for view in geometry.views) > BANK:
        return f"{max(view.cols for view in geometry.views)} columns of a tile; the LAM counts {BANK}"
    if not work.flat:
        per_view = [rows * min(view.cols, view.width) for rows, view in zip(view_rows, geometry.views)]
        entries = max(per_view) if tiling.view_chans else sum(per_view)
        if entries > 2 * config.act_words - RING_MARGIN:
            return f"{entries} activations a channel; the activation buffer holds {2 * config.act_words - RING_MARGIN}"
    if work.most_segments:
        side = -(-work.out_cols // tiling.span)
        rows = POSITIONS >> (tiling.span - 1).bit_length() if side == 1 else 1
        parts = -(-work.out_rows // tiling.tile_rows) * -(-tiling.tile_rows // rows) * side
        if parts > work.most_segments:
            return f"{parts} segments a channel; the fully connected layer behind it takes {work.most_segments}"
    lanes = tiling.out_channels
    if work.kept_rows and lanes > KEPT_CHUNKS * LANES:
        return f"{lanes} channels of the result, places without a filter included; rows are kept of {KEPT_CHUNKS * LANES}"
    if not work.flat and lanes > MAX_CHUNKS * LANES:
        return f"{lanes} channels of the result, places without a filter included; a stream holds {MAX_CHUNKS * LANES}"
    if work.reader is not None and not work.flat:
        # The row buffer gives rows back by whole strips of their producer, which is this layer.
        strip = tiling.strip_rows
        held = min(work.out_rows, strip * (-(-(work.reader.rows - 1) // strip) + 1))
        written = Segmentation(lanes, work.out_rows, work.out_cols, tiling.span)
        words = stream_words(held, tiling.tile_rows, work.reader.density + UNEVEN, written)
        if words > config.row_buffer_words - SPARE_WORDS:
            most = config.row_buffer_words - SPARE_WORDS
            return f"{words:.0f} words that the layer behind it needs at a time; the row buffer holds {most}"
    strips = -(-work.out_rows // tiling.strip_rows)
    row_bits = (segments_of.chunks - 1).bit_length() + (segments_of.columns - 1).bit_length()
    for strip in range(strips):
        first, end = need_rows(tiling, work, cut, strip)
        held_first = first // cut.strip_rows * cut.strip_rows
        held_end = min(height, -(-end // cut.strip_rows) * cut.strip_rows)
        if held_end - held_first > config.directory_depth >> row_bits:
            return f"{held_end - held_first} rows at a time; the directory holds {config.directory_depth >> row_bits}"
        held_strips = -(-(held_end - held_first) // cut.strip_rows)
        if held_strips > MAX_STRIPS:
            return f"{held_strips} strips of the input at a time; the row buffer counts {MAX_STRIPS}"
        segments = (held_end - held_first) / segments_of.rows if segments_of.rows > 1 else held_end - held_first
        tiles = (held_end - held_first) / cut.tile_rows
        segments = max(segments, tiles * -(-cut.tile_rows // segments_of.rows))
        if segments * segments_of.columns > MAX_PACKETS:
            return f"{segments * segments_of.columns:.0f} packets a strip; the packet table holds {MAX_PACKETS}"
        words = stream_words(held_end - held_first, cut.tile_rows, work.act_density + UNEVEN, segments_of)
        if words > config.row_buffer_words - SPARE_WORDS:
            return f"{words:.0f} words a strip; the row buffer holds {config.row_buffer_words - SPARE_WORDS}"
    return ""
