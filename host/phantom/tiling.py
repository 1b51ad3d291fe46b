"""Tiling: how a layer is spread over the mesh, and the estimate by which the best way is chosen.

The partial sums of a bank are shared out as `slots` filters x `tile_rows` rows x `pitch` positions <= 256. Cores form `tiles` x
`groups`: cores of one tile see the same activations, cores of one group the same weights. `col_tiles` of the tiles lie side by
side, a whole number of output segments each. More filters at a time mean fewer refills of the activation buffers; more
positions at a time mean that the weights are read less often.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from .config import Config
from .errors import ShapeError
from .layout import Layout
from .segments import LANES, MAX_COLUMNS, POSITIONS, Segmentation
from .views import MAX_ROWS, NO_VIEW, Geometry

BANK = 256  # partial sums of a thread in one bank
MAX_SLOTS = 32
MAX_TILES = 16
MAX_PACKETS = 64  # packet table of the LAM
MAX_STRIPS = 56  # producer strips that the row buffer keeps apart
RING_MARGIN = 32  # entries of the activation ring that are never filled
BYTES_PER_CYCLE = 6.4  # of the weight stream: an HP port at 800 MB/s and 125 MHz


@dataclass(frozen=True)
class Reader:
    """What reads a layer's output: rows of it at a time, at least; and their density, as expected."""

    rows: int
    density: float


@dataclass(frozen=True)
class Workload:
    """What the estimate and the limits need to know of a layer. Densities are fractions."""

    name: str
    filters: int
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

    def sum_rows(self, rows: int) -> int:
        """Rows of partial sums for so many output rows."""
        size, step, _ = self.pool
        return (rows - 1) * step + size


@dataclass(frozen=True)
class Tiling:
    """One way to spread a layer.

    rows, cols: cores that are used. tile_grid: tiles along each. col_tiles: tiles side by side in the image; others lie below.
    tile_rows, tile_cols: output rows and columns of a tile. span: columns of an output segment, a divisor of tile_cols.
    slots: filters of a thread. passes: rounds over the input. view_chans: each view is a channel of its own. two_lanes: the LAM
    fills two tiles at a time, one in each half of the mesh.
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
    two_lanes: bool
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
    def strip_rows(self) -> int:
        """Output rows of a strip."""
        return self.tiles // self.col_tiles * self.tile_rows

    def at(self, tile: int) -> tuple[int, int]:
        """First output row in the strip, and first output column, of a tile."""
        return tile // self.col_tiles * self.tile_rows, tile % self.col_tiles * self.tile_cols

    def place(self, tile: int, group: int) -> tuple[int, int]:
        """Row and column of the core that works on a tile and a group; with two lanes, odd tiles lie in the lower half."""
        tile_cols = self.tile_grid[1]
        if self.two_lanes:
            tile = tile // 2 + tile % 2 * (self.tiles // 2)
        group_rows, group_cols = self.rows // self.tile_grid[0], self.cols // tile_cols
        return (
            tile // tile_cols * group_rows + group // group_cols,
            tile % tile_cols * group_cols + group % group_cols,
        )


GeometryOf = Callable[[int], Geometry]  # of a layer, by the output columns of a tile


def choose(
    work: Workload, geometry_of: GeometryOf, layout: Layout, config: Config, rank: int = 0
) -> tuple[Tiling, Geometry]:
    """The fastest tiling that fits by the estimate, or with `rank` the one so many places behind it; and its geometry.

    Raises ShapeError when none fits, with the reason of the fastest one.
    """
    found: list[tuple[float, int, Tiling, Geometry]] = []
    for tiling, geometry in candidates(work, geometry_of, config):
        found.append((estimate(tiling, work, geometry, layout, config), len(found), tiling, geometry))
    reason = ""
    fit: tuple[Tiling, Geometry] | None = None
    for cycles, _, tiling, geometry in sorted(found, key=lambda item: item[:2]):
        problem = obstacle(tiling, work, geometry, layout, config)
        reason = reason or problem
        if not problem:
            fit = replace(tiling, cycles=cycles), geometry
            if rank == 0:
                break
            rank -= 1
    if fit is None:
        reason = reason or "no shape of tile was possible"
        raise ShapeError(f"layer {work.name!r} does not fit configuration {config.name!r}: {reason}")
    return fit


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
    for col_tiles in range(1, 1 if work.flat else MAX_TILES + 1):
        sizes = column_cuts(work, col_tiles)
        if sizes is not None:
            cuts[col_tiles] = (*sizes, geometry_of(sizes[0]))
    if work.flat:
        cuts[1] = (work.out_cols, work.out_cols, geometry_of(work.out_cols))
    for rows in range(1, config.rows + 1):
        for cols in range(1, config.cols + 1):
            for grid_rows in (r for r in range(1, rows + 1) if rows % r == 0):
                for grid_cols in (c for c in range(1, cols + 1) if cols % c == 0):
                    tiles = grid_rows * grid_cols
                    lanes = rows * cols // tiles * config.threads
                    if tiles > MAX_TILES or (lanes - config.threads >= work.filters and lanes > config.threads):
                        continue
                    for col_tiles, (tile_cols, span, geometry) in cuts.items():
                        if tiles % col_tiles == 0:
                            lanes_fit = rows == config.rows and grid_rows % 2 == 0
                            grid = (grid_rows, grid_cols)
                            frame = Tiling(rows, cols, grid, col_tiles, 0, tile_cols, span, 0, 0, False, lanes_fit)
                            yield from _shapes(work, lanes, frame, geometry)


def _shapes(work: Workload, lanes: int, tiling: Tiling, geometry: Geometry) -> Iterator[tuple[Tiling, Geometry]]:
    """Rows of a tile, slots and passes for one way to lay tiles over the mesh."""
    row_tiles = tiling.tiles // tiling.col_tiles
    if row_tiles > work.out_rows:
        return
    for tile_rows in range(1, -(-work.out_rows // row_tiles) + 1):
        sums = work.sum_rows(tile_rows) * geometry.pitch
        if sums > BANK:
            break
        most = min(MAX_SLOTS, BANK // sums)
        passes = -(-work.filters // (lanes * most))
        slots = -(-work.filters // (lanes * passes))
        for view_chans in {work.flat, work.flat or len(geometry.views) > 1}:
            yield replace(tiling, tile_rows=tile_rows, slots=slots, passes=passes, view_chans=view_chans), geometry


def need_rows(tiling: Tiling, work: Workload, layout: Layout, strip: int) -> tuple[int, int]:
    """Input rows [first, end) of a strip, in rows of the stream."""
    height = layout.index.shape[1]
    if work.flat:
        return 0, height
    _, step, top = work.pool
    row = strip * tiling.strip_rows * step - top  # of the sums
    last = row + work.sum_rows(tiling.strip_rows) - 1
    return max(0, row * work.stride + work.reach[0]), min(height, max(1, last * work.stride + work.reach[1] + 1))


def obstacle(tiling: Tiling, work: Workload, geometry: Geometry, layout: Layout, config: Config) -> str:
    """Why a tiling cannot run, or an empty string."""
    cut = layout.geometry
    height = layout.index.shape[1]
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
    if work.reader is not None and not work.flat:
        # The row buffer gives rows back by whole strips of their producer, which is this layer.
        strip = tiling.strip_rows
        held = min(work.out_rows, strip * (-(-(work.reader.rows - 1) // strip) + 1))
        lanes = tiling.groups * config.threads * tiling.slots * tiling.passes
        written = Segmentation(lanes, work.out_rows, work.out_cols, tiling.span)
        rows = -(-held // tiling.tile_rows) * -(-tiling.tile_rows // written.rows)  # of segments
        words = rows * written.rows * words_per_row(work.reader.density + 0.08, written)
        if words > config.row_buffer_words - 64:
            most = config.row_buffer_words - 64
            return f"{words:.0f} words that the layer behind it needs at a time; the row buffer holds {most}"
    strips = -(-work.out_rows // tiling.strip_rows)
    row_bits = (cut.chunks - 1).bit_length() + (cut.columns - 1).bit_length()
    per_row = words_per_row(work.act_density + 0.08, layout.geometry)  # part-filled words included
    for strip in range(strips):
        first, end = need_rows(tiling, work, layout, strip)
        held_first = first // layout.strip_rows * layout.strip_rows
        held_end = min(height, -(-end // layout.strip_rows) * layout.strip_rows)
        if held_end - held_first > config.directory_depth >> row_bits:
            return f"{held_end - held_first} rows at a time; the directory holds {config.directory_depth >> row_bits}"
        held_strips = -(-(held_end - held_first) // layout.strip_rows)
        if held_strips > MAX_STRIPS:
            return f"{held_strips} strips of the input at a time; the row buffer counts {MAX_STRIPS}"
        segments = (held_end - held_first) / cut.rows if cut.rows > 1 else held_end - held_first
        tiles = (held_end - held_first) / layout.tile_rows
        segments = max(segments, tiles * -(-layout.tile_rows // cut.rows))
        if segments * cut.columns > MAX_PACKETS:
            return f"{segments * cut.columns:.0f} packets a strip; the packet table holds {MAX_PACKETS}"
        if segments * cut.rows * per_row > config.row_buffer_words - 64:
            return f"{segments * cut.rows * per_row:.0f} words a strip; the row buffer holds {config.row_buffer_words - 64}"
    return ""


def estimate(tiling: Tiling, work: Workload, geometry: Geometry, layout: Layout, config: Config) -> float:
    """Cycles, roughly: the slowest of multiplying, reading weights, filling the activation buffers and draining.

    Threads are coupled by the activation ring: how far one can be ahead of another is what the ring holds, and the fewer
    weights that is, the more their number differs. A ring that holds a single channel is not even filled ahead.
    """
    strips = -(-work.out_rows // tiling.strip_rows)
    rounds = tiling.slots * tiling.passes
    windows = len(geometry.windows) if not work.flat else geometry.runs
    # Entries that a window skips at the edge of a tile are fetched all the same.
    places = 1.0 if work.flat else work.sum_rows(tiling.tile_rows) * run_cols(tiling, work, geometry)
    run = places * work.act_density
    jobs = rounds * windows * work.weight_density  # of a thread, a channel
    job = max(run * (1 + 1 / (run + 1)), config.threads * 0.9)

    scan, fetch, entries = fill_cycles(tiling, work, geometry, layout)
    fill = max(scan, fetch)
    ahead = min(work.channels, (2 * config.act_words - RING_MARGIN) / max(entries, 1.0))
    together = max(1.0, jobs / tiling.passes * ahead)
    spread = 1 + 0.5 * ((1 - work.weight_density) / together) ** 0.5
    if tiling.slots == 1:  # nothing to pair: the busiest of all threads is about 2.6 deviations above the mean
        spread += 2.6 * ((1 - work.weight_density) / max(1.0, jobs * work.channels)) ** 0.5
    compute = jobs * job * spread
    weights = jobs * tiling.groups * config.threads * 1.1 / 4 * 8 / BYTES_PER_CYCLE
    filling = tiling.passes * tiling.tiles * max(scan / (2 if tiling.two_lanes else 1), fetch)
    if ahead < 2:
        compute += tiling.passes * fill * (2 - ahead)
    slowest = max(compute, weights, filling)
    body = work.channels * (slowest + 0.04 * (compute + weights + filling - slowest))
    busy = strips * (max(body, tiling.passes * drain_cycles(tiling, work)) + 400)
    return busy + waiting_cycles(tiling, work, layout, config, strips)


def waiting_cycles(tiling: Tiling, work: Workload, layout: Layout, config: Config, strips: int) -> float:
    """Cycles in which the input is waited for: the first strip's rows, and what of the others finds no room before its time."""
    words = words_per_row(work.act_density, layout.geometry) / BYTES_PER_CYCLE * 8
    room = config.row_buffer_words / BYTES_PER_CYCLE * 8
    first = need_rows(tiling, work, layout, 0)
    inner = need_rows(tiling, work, layout, min(1, strips - 1))
    held = words * (inner[1] - inner[0])
    fresh = words * min(inner[1] - inner[0], tiling.strip_rows * work.pool[1] * work.stride)
    return words * (first[1] - first[0]) + (strips - 1) * max(0.0, fresh - (room - held))


def words_per_row(density: float, cut: Segmentation) -> float:
    """Words of the stream for one row of planes that are cut like this."""
    values = -(-cut.rows * cut.span // 8) * min(1.0, density)
    return (1 + LANES * (1 + values)) * cut.chunks * cut.columns / cut.rows


def run_cols(tiling: Tiling, work: Workload, geometry: Geometry) -> float:
    """Columns of the input in a row of a run, on average over tiles and windows."""
    total = count = 0
    for x0 in range(0, work.out_cols, tiling.tile_cols):
        for window in geometry.windows:
            if window.view != NO_VIEW:
                view = geometry.views[window.view]
                first = x0 * work.pool[1] + view.col_first // work.stride
                total += max(0, min(view.width, first + view.cols) - max(0, first))
                count += 1
    return total / max(1, count)


def drain_cycles(tiling: Tiling, work: Workload) -> float:
    """Cycles that drain and encoder take for one pass of a strip, at 60 % of nonzero outputs."""
    if work.flat:
        return 9.0 * tiling.slots * tiling.groups
    rows, cols = tiling.tile_rows, work.out_cols / tiling.col_tiles
    side = max(1.0, cols / tiling.span)
    high = POSITIONS >> (tiling.span - 1).bit_length() if work.out_cols == tiling.span else 1
    segments = -(-rows // high) * side
    words = segments * 9 + rows * cols * 0.6
    slot = max(3 + 2 * segments + rows * cols * work.pool[0] ** 2, words * 8 / BYTES_PER_CYCLE, 16.0)
    return tiling.tiles * tiling.groups * (12 + tiling.slots * slot)


def fill_cycles(tiling: Tiling, work: Workload, geometry: Geometry, layout: Layout) -> tuple[float, float, float]:
    """Cycles that a lane and the fetch take for one channel of one tile on average, and the activations that are written."""
    cut = layout.geometry
    if work.flat:
        return 64 + 12.0, 12.0, geometry.runs * work.act_density
    density = work.act_density
    scan = fetch = entries = 0.0
    for view in geometry.views:
        rows = work.sum_rows(tiling.tile_rows) + view.runs - 1
        for tile in range(tiling.col_tiles):
            first = tile * tiling.tile_cols * work.pool[1] * work.stride + view.col_first
            last = min(cut.width - 1, first + (view.cols - 1) * work.stride)
            first = max(0, first)
            if last < first:
                continue
            entries += rows * ((last - first) // work.stride + 1) * density
            words = min(8.0, cut.rows * cut.span * density / 8 + 0.4)
            beats = packets = 0.0
            for xs in range(first // cut.span, last // cut.span + 1):
                left, right = max(first - xs * cut.span, 0), min(last - xs * cut.span, cut.span - 1)
                for piece in range(left // 16, right // 16 + 1):
                    count = (min(right, 16 * piece + 15) - max(left, 16 * piece)) // work.stride + 1
                    # Two nonzeros a beat; an odd one and an empty piece cost a beat, too.
                    beats += count * density / 2 + (1 - (1 - 2 * density) ** count) / 4 + (1 - density) ** count
                packets += 1 + (rows - 1) * (work.stride if cut.rows > 1 else 1) / cut.rows
            # Rows of a packet that the view does not want take a cycle each.
            scan += rows * beats + 2 + (cut.rows - 1) * (1 if work.stride == 1 else 2)
            fetch += packets * max(2.0 + work.stride, 1 + words) + 6
    return scan / tiling.col_tiles, fetch / tiling.col_tiles, entries / tiling.col_tiles
