"""Every register of the machine in one tuple, and what it holds after reset."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from phantom.config import Config
from phantom.program import Program

from .core import CORE, reset_core
from .counters import COUNTERS
from .dma import MM2S, MM2S_FIFO, S2MM, start_split
from .drain import DRAIN
from .encoder import ENCODER
from .kernel import kernel, registers
from .lam_fetch import FETCH, TOKEN, TOKENS
from .lam_lane import LANE, reset_lane
from .lam_pack import FILL, FILLS, PACK
from .lam_reader import READER
from .lam_scan import BEAT, SCAN, STAGES
from .lam_walk import WALK
from .layer_config import TILES
from .memory import PORT
from .run_ring import TILE
from .slice import BLOCK_FIFO, SLICE
from .stream_in import DIRECTORY, STREAM_IN, reset_stream_in
from .thread import BATCH
from .weight_queue import THREADS
from .weight_stream import ARRIVAL, SLOTS, WEIGHT_STREAM

EVENTS = 16
# What does not belong to a block. drain_core, drain_clear, drained_core: what the drain asks of a core (its number plus one),
# by the cycle in which it arrives. last: the encoder gets a segment's last value. swap: swap_q of phantom_output. still,
# stuck: cycles without movement, and with a full row buffer that the LAM waits for.
WIRES = registers(
    "swap", "still", "stuck", ("drain_core", EVENTS), ("drain_clear", EVENTS), ("drained_core", EVENTS), ("last", EVENTS), bits=64
)  # fmt: skip
ACT, WGT = 0, 1  # ports and DMA engines that read; there is one of them for each weight stream. The last port is written to.
ENC, OUT, S2MM_IN, S2MM_OUT, WGT_IN = 1, 2, 3, 4, 5  # slices, behind that of ACT; those of the weight streams come last


class State(NamedTuple):
    """Arrays of records, those of a block that is there once have one element."""

    ports: np.ndarray
    mm2s: np.ndarray
    s2mm: np.ndarray
    slices: np.ndarray
    params: np.ndarray
    stream_in: np.ndarray
    memory: np.ndarray
    directory: np.ndarray
    walk: np.ndarray
    fetch: np.ndarray
    readers: np.ndarray
    tokens: np.ndarray
    lanes: np.ndarray
    scans: np.ndarray
    packs: np.ndarray
    beats: np.ndarray
    fills: np.ndarray
    weights: np.ndarray
    arrivals: np.ndarray
    cores: np.ndarray
    batches: np.ndarray
    queues: np.ndarray
    tiles: np.ndarray
    drain: np.ndarray
    encoder: np.ndarray
    counters: np.ndarray
    wires: np.ndarray


def new_state(config: Config, program: Program) -> State:
    """All zero, for a stage on a configuration."""
    cores, lanes = config.cores, 1 << program.registers["LAM_COLS"]["log2_lanes"]
    return State(
        ports=np.zeros(WGT + config.weight_ports + 1, PORT),
        mm2s=np.zeros(WGT + config.weight_ports, MM2S),
        s2mm=np.zeros(1, S2MM),
        slices=np.zeros(WGT_IN + config.weight_ports, SLICE),
        params=np.zeros(1, BLOCK_FIFO),
        stream_in=np.zeros(1, STREAM_IN),
        memory=np.zeros(config.row_buffer_words, np.int64),
        directory=np.zeros(DIRECTORY, np.int64),
        walk=np.zeros(1, WALK),
        fetch=np.zeros(1, FETCH),
        readers=np.zeros(min(config.lam_lanes, 2), READER),
        tokens=np.zeros(TOKENS, TOKEN),
        lanes=np.zeros(lanes, LANE),
        scans=np.zeros(lanes, SCAN),
        packs=np.zeros(lanes, PACK),
        beats=np.zeros((lanes, STAGES), BEAT),
        fills=np.zeros((lanes, FILLS), FILL),
        weights=np.zeros(config.weight_ports, WEIGHT_STREAM),
        arrivals=np.zeros((config.weight_ports, SLOTS), ARRIVAL),
        cores=np.zeros(cores, CORE),
        batches=np.zeros((cores + 1) // 2, BATCH),
        queues=np.zeros((cores, THREADS, config.weight_queue_words), np.int64),
        tiles=np.zeros(TILES, TILE),
        drain=np.zeros(1, DRAIN),
        encoder=np.zeros(1, ENCODER),
        counters=np.zeros(1, COUNTERS),
        wires=np.zeros(1, WIRES),
    )


@kernel
def reset(s: Any, cfg: Any, tile_of: Any, act_words: int, wgt_words: Any, result_words: int) -> None:
    """What is not zero when the DMA engines begin. tile_of [cores]: tile of each core, -1 where the layer does not use it.
    wgt_words [ports]: words of each weight stream."""
    s.mm2s[ACT].room = MM2S_FIFO
    start_split(s.mm2s[ACT], act_words, 1)
    for p in range(len(wgt_words)):
        s.mm2s[WGT + p].room = MM2S_FIFO
        start_split(s.mm2s[WGT + p], wgt_words[p], cfg.strips)
    start_split(s.s2mm[0], result_words, 1)
    reset_stream_in(s.stream_in[0], cfg)
    for i in range(len(s.lanes)):
        reset_lane(s.lanes[i], s.scans[i], s.packs[i])
    for i in range(len(s.cores)):
        s.cores[i].number = i
        s.cores[i].tile = tile_of[i]
        reset_core(s.cores[i], cfg)
