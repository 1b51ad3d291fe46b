"""Tiling: how a layer is spread over the mesh, and the estimate by which the best way is chosen.

The partial sums of a bank are shared out as `slots` filters x `tile_rows` rows x `pitch` positions <= 256. Cores form `tiles` x
`groups`: cores of one tile see the same activations, cores of one group the same weights. More filters at a time mean
fewer refills of the activation buffers; more positions at a time mean that the weights are read less often.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .config import Config
from .errors import ShapeError
from .layout import Layout
from .segments import LANES
from .views import MAX_ROWS, Geometry

BANK = 256  # partial sums of a thread in one bank
MAX_SLOTS = 32
MAX_TILES = 16
MAX_PACKETS = 64  # packet table of the LAM
MAX_STRIPS = 56  # producer strips that the row buffer keeps apart
RING_MARGIN = 32  # entries of the activation ring that are never filled
BYTES_PER_CYCLE = 6.4  # of the weight stream: an HP port at 800 MB/s and 125 MHz


@dataclass(frozen=True)
class Workload:
    """What the estimate and the limits need to know of a layer. Densities are fractions."""

    name: str
    filters: int
    channels: int  # of the input stream
    kernel: tuple[int, int]
    stride: int
    top: int
    out_rows: int
    out_cols: int
    weight_density: float
    act_density: float  # expected; what is sized by it is checked by the hardware
    flat: bool = False


@dataclass(frozen=True)
class Tiling:
    """One way to spread a layer. `rows` x `cols` cores are used, `tile_grid` says how many tiles along each."""

    rows: int
    cols: int
    tile_grid: tuple[int, int]
    tile_rows: int
    slots: int
    passes: int
    view_chans: bool  # each view is a channel of its own
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
        return self.tiles * self.tile_rows

    def place(self, tile: int, group: int) -> tuple[int, int]:
        """Row and column of the core that works on a tile and a group."""
        tile_cols = self.tile_grid[1]
        group_rows, group_cols = self.rows // self.tile_grid[0], self.cols // tile_cols
        return (
            tile // tile_cols * group_rows + group // group_cols,
            tile % tile_cols * group_cols + group % group_cols,
        )


def choose(work: Workload, geometry: Geometry, layout: Layout, config: Config) -> Tiling:
    """The fastest tiling that fits. Raises ShapeError when none does, with the reason of the last one tried."""
    best: Tiling | None = None
    reason = "no shape of tile was possible"
    for tiling in candidates(work, geometry, config):
        problem = obstacle(tiling, work, geometry, layout, config)
        if problem:
            reason = problem
            continue
        cycles = estimate(tiling, work, geometry, layout, config)
        if best is None or cycles < best.cycles:
            best = Tiling(**{**tiling.__dict__, "cycles": cycles})
    if best is None:
        raise ShapeError(f"layer {work.name!r} does not fit configuration {config.name!r}: {reason}")
    return best


def candidates(work: Workload, geometry: Geometry, config: Config) -> Iterator[Tiling]:
    """All shapes that the partial sums allow."""
    threads = LANES
    for rows in range(1, config.rows + 1):
        for cols in range(1, config.cols + 1):
            for grid_rows in (r for r in range(1, rows + 1) if rows % r == 0):
                for grid_cols in (c for c in range(1, cols + 1) if cols % c == 0):
                    tiles = grid_rows * grid_cols
                    lanes = rows * cols // tiles * threads
                    if tiles > min(MAX_TILES, work.out_rows) or (lanes - threads >= work.filters and lanes > threads):
                        continue
                    most_rows = -(-work.out_rows // tiles)
                    for tile_rows in range(1, most_rows + 1):
                        sums = tile_rows * geometry.pitch
                        if sums > BANK:
                            break
                        most = min(MAX_SLOTS, BANK // sums)
                        passes = -(-work.filters // (lanes * most))
                        slots = -(-work.filters // (lanes * passes))
                        for view_chans in {work.flat, work.flat or len(geometry.views) > 1}:
                            yield Tiling(rows, cols, (grid_rows, grid_cols), tile_rows, slots, passes, view_chans)


def need_rows(tiling: Tiling, work: Workload, layout: Layout, strip: int) -> tuple[int, int]:
    """Input rows [first, end) of a strip, in rows of the stream."""
    height = layout.index.shape[1]
    if work.flat:
        return 0, height
    first = strip * tiling.strip_rows * work.stride - work.top
    end = first + (tiling.strip_rows - 1) * work.stride + work.kernel[0]
    return max(0, first), min(height, max(1, end))


def obstacle(tiling: Tiling, work: Workload, geometry: Geometry, layout: Layout, config: Config) -> str:
    """Why a tiling cannot run, or an empty string."""
    cut = layout.geometry
    height = layout.index.shape[1]
    view_rows = [tiling.tile_rows + view.runs - 1 for view in geometry.views]
    if max(view_rows) > MAX_ROWS:
        return f"a view of {max(view_rows)} rows; the LAM counts {MAX_ROWS}"
    if not work.flat:
        per_view = [rows * (view.last_col + 1) for rows, view in zip(view_rows, geometry.views)]
        entries = max(per_view) if tiling.view_chans else sum(per_view)
        if entries > 2 * config.act_words - RING_MARGIN:
            return f"{entries} activations a channel; the activation buffer holds {2 * config.act_words - RING_MARGIN}"
    strips = -(-work.out_rows // tiling.strip_rows)
    row_bits = (cut.chunks - 1).bit_length() + (cut.columns - 1).bit_length()
    words_per_row = (1 + 8 * (1 + 8)) * cut.chunks * cut.columns * min(1.0, 0.125 + work.act_density)
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
        if segments * words_per_row > config.row_buffer_words - 64:
            return f"{segments * words_per_row:.0f} words a strip; the row buffer holds {config.row_buffer_words - 64}"
    return ""


def estimate(tiling: Tiling, work: Workload, geometry: Geometry, layout: Layout, config: Config) -> float:
    """Cycles, roughly: the slowest of multiplying, reading weights, filling the activation buffers and draining.

    Threads are coupled by the activation ring: how far one can be ahead of another is what the ring holds, and the fewer
    weights that is, the more their number differs. A ring that holds a single channel is not even filled ahead.
    """
    strips = -(-work.out_rows // tiling.strip_rows)
    rounds = tiling.slots * tiling.passes
    windows = work.kernel[0] * work.kernel[1] if not work.flat else geometry.runs
    run = tiling.tile_rows * work.out_cols * work.act_density if not work.flat else work.act_density
    jobs = rounds * windows * work.weight_density  # of a thread, a channel
    job = max(run * (1 + 1 / (run + 1)), config.threads * 0.9)

    fill, entries = fill_cycles(tiling, work, geometry, layout)
    ahead = min(work.channels, (2 * config.act_words - RING_MARGIN) / max(entries, 1.0))
    together = max(1.0, jobs / tiling.passes * ahead)
    spread = 1 + 1.2 * ((1 - work.weight_density) / together) ** 0.5
    compute = jobs * job * spread
    weights = jobs * tiling.groups * config.threads * 1.1 / 4 * 8 / BYTES_PER_CYCLE
    filling = tiling.passes * tiling.tiles * fill
    if ahead < 2:
        compute += tiling.passes * fill * (2 - ahead)
    outputs = work.filters * tiling.strip_rows * work.out_cols / 8 * 1.15
    body = work.channels * max(compute, weights, filling)
    return strips * (max(body, outputs) + 0.05 * work.channels * (compute + weights + filling) + 500)


def fill_cycles(tiling: Tiling, work: Workload, geometry: Geometry, layout: Layout) -> tuple[float, float]:
    """Cycles that the LAM takes for one channel of one tile, and the activations that it writes."""
    cut = layout.geometry
    if work.flat:
        return 64 + 12.0, geometry.runs * work.act_density
    scan = fetch = entries = 0.0
    for view in geometry.views:
        rows = tiling.tile_rows + view.runs - 1
        values = rows * (view.last_col + 1) * work.act_density
        pieces = rows * cut.columns * max(1.0, cut.pitch / 16)
        scan += max(pieces, values / 2 + rows * 0.3) + 3
        packets = max(1.0, rows * (work.stride if cut.rows > 1 else 1) / cut.rows) * cut.columns
        per_packet = 64 * work.act_density / 8 if cut.columns > 1 else cut.rows * cut.width * work.act_density / 8
        fetch += packets * (4.5 + per_packet) + 5
        entries += values
    return max(scan, fetch), entries
