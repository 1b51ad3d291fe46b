"""phantom_accelerator between its DMA engines and the memory: all blocks, cycle by cycle.

Cycle 0 is the first one of StRun (phantom_control), in which start_o is high; before it only the DMA engines move. Within a
cycle every block must see the registers of the others as they were at its beginning: so a block comes before those that it
looks at, and what goes the other way travels in a ring, put down for the cycle in which it arrives.
"""

from __future__ import annotations

from typing import Any

from .core import begin_jobs, end_jobs, lend_port, step_front, take_arriving
from .counters import BANK, CHANNEL, FETCH, HAZARD, ISSUE, WEIGHT, watched_core
from .dma import step_mm2s, step_s2mm
from .drain import IDLE as DRAIN_IDLE
from .drain import LANES, drain_waiting, step_drain
from .encoder import DEPTH, step_encoder
from .kernel import kept_kernel, kernel
from .lam_fetch import fetch_waiting, step_fetch
from .lam_lane import push_token, step_lane
from .lam_pack import FILLS
from .lam_reader import ARRIVING
from .memory import drive
from .run_ring import fill_tile
from .slice import step_block_fifo, step_slice
from .state import ACT, ENC, EVENTS, OUT, S2MM_IN, S2MM_OUT, WGT, WGT_IN, reset
from .stream_in import step_stream_in, stream_in_ready
from .thread import LONGEST, PES, PLACES, grant_words, place_of, read_words, step_fetch_words, step_stages
from .weight_queue import THREADS, push_word
from .weight_stream import PARAMS, SLOTS, WEIGHTS, step_weight_stream, weight_ready

LEAD = 620  # cycles that the DMA engines have before the start: reset and scrub (576), and the write to CTRL
SWAP = (1 << 4) - 1  # swap_q is MeshLatency bits long
DRAIN_DELAY = 2  # en_o of the drain, drain_en_q of the core; drained_o and drained_q likewise
LAST_DELAY = 13  # en_o, then valid_q of phantom_output (12 bits): from a read to its value at the encoder
DONE, ROW_BUFFER, STILL = range(3)  # how a run ends
MOST_STUCK = 63  # stuck_q of phantom_control
MACS_EVERY = 1 << 14  # cycles after which the multiplies of the threads are added up
MOST_STILL = 1 << 20  # the driver's watchdog


@kernel
def _step_lam(s: Any, cfg: Any, now: int) -> None:
    """Fetch and lanes."""
    fetch = s.fetch[0]
    step_fetch(fetch, s.walk[0], s.readers, cfg, s.tokens, s.memory, s.directory, s.lanes, now, s.stream_in[0])
    for i in range(len(s.lanes)):
        step_lane(s.lanes[i], s.scans[i], s.packs[i], s.beats[i], s.fills[i], cfg, s.tokens, s.tiles, now)
        fetch.values_used[i] -= s.lanes[i].back
    at = now % ARRIVING
    for i in range(len(s.readers)):
        reader = s.readers[i]
        if reader.arriving[at]:
            reader.arriving[at] = 0
            push_token(s.lanes[reader.arrive_lane[at]], reader.arrive_token[at])


@kernel
def _step_output(s: Any, cfg: Any, nonzeros: Any, now: int, prm_push: int) -> None:
    """Parameters, drain, encoder, stream out, and the DMA engine that writes: what is downstream first."""
    drain, encoder, wires, params = s.drain[0], s.encoder[0], s.wires[0], s.params[0]
    enc, out, inlet = s.slices[ENC], s.slices[OUT], s.slices[S2MM_IN]
    inlet_ready = 0 if inlet.spare else 1
    out_ready = 0 if out.spare else 1
    enc_ready = 0 if enc.spare else 1
    finish = now > 0 and drain.state == DRAIN_IDLE and encoder.open == 0
    end_now = 1 if finish and not enc.out and not encoder.end_sent else 0
    port = s.ports[len(s.ports) - 1]
    step_s2mm(s.s2mm[0], inlet, s.slices[S2MM_OUT], port, now, out.out, encoder.end_sent and out_ready)
    step_slice(out, enc.out or end_now, inlet_ready)
    if end_now and out_ready:
        encoder.end_sent = 1
    step_slice(enc, encoder.hold, out_ready)

    prm_go = 1 if params.out and wires.swap == 0 else 0
    prm_take = 1 if drain.lane != LANES and wires.swap == 0 else 0
    core = drain.core + 1
    step_drain(drain, cfg, s.cores, nonzeros, now == 0, prm_go, encoder.open < DEPTH)
    wires.swap = (wires.swap << 1 | drain.swap) & SWAP
    at = (now + DRAIN_DELAY) % EVENTS
    wires.drain_core[at] = core if drain.en else 0
    wires.drain_clear[at] = drain.clear
    wires.drained_core[at] = core if drain.drained else 0
    wires.last[(now + LAST_DELAY) % EVENTS] = drain.last
    step_block_fifo(params, prm_push, cfg.param_depth, prm_take)
    step_encoder(encoder, drain.seg, drain.seg_words, wires.last[now % EVENTS], enc_ready)


@kernel
def _count_states(s: Any, core: Any, b: Any, queued: int, has_job: int, parked: int, passed: int) -> None:
    """What the threads of a core do: the masks are from before the cycle, mac and stall are of the cycle itself."""
    states = s.counters[0].states
    for t in range(THREADS):
        i = place_of(core.number, t)
        if b.mac[i]:
            continue
        if b.stall[i]:
            states[HAZARD] += 1
        elif has_job >> t & 1:
            states[FETCH] += 1
        elif parked >> t & 1:
            states[CHANNEL] += 1
        elif not queued >> t & 1:
            states[WEIGHT] += 1
        elif passed >> t & 1:
            states[BANK] += 1
        else:
            states[ISSUE] += 1


@kernel
def _take_words(s: Any, cfg: Any, arrival: Any) -> None:
    """A word of a weight bus into the queues of its cores."""
    for r in range(cfg.rows):
        if arrival.rows >> r & 1:
            for c in range(cfg.cols):
                if arrival.cols >> c & 1:
                    i = r * cfg.cols + c
                    push_word(s.cores[i], s.queues[i], cfg.queue_words, arrival.word)


@kernel
def _step_mesh(s: Any, cfg: Any, used: Any, now: int) -> int:
    """The cores in `used`, then what is filled. Returns whether any thread moves."""
    wires, at = s.wires[0], now % EVENTS
    watched = watched_core(cfg, now)
    queued = has_job = parked = passed = 0
    for n in range(len(used)):
        i = used[n]
        core, b = s.cores[i], s.batches[i >> 1]
        if i == watched:
            queued, has_job, parked, passed = core.queued, core.jobs | core.pending, core.parked, core.passed
        step_front(
            core, b, s.tiles[core.tile], s.queues[i], cfg, now,
            wires.drained_core[at] == i + 1, wires.drained_core[(at + 1) % EVENTS] == i + 1,
        )  # fmt: skip
        lend_port(core, b, 1 if wires.drain_core[at] == i + 1 else 0, wires.drain_clear[at])
        if core.jobs or core.pending or core.draining:
            b.awake = LONGEST
    moves = 0
    for n in range(len(s.batches)):
        b = s.batches[n]
        if b.awake:
            b.awake -= 1
            moves = 1
            step_stages(b)
            grant_words(b)
            for i in range(2 * n, min(2 * n + 2, len(s.cores))):
                if s.cores[i].jobs:
                    read_words(b, (i & 1) * (PES // 2), s.tiles[s.cores[i].tile].words)
            step_fetch_words(b)
    for n in range(len(used)):
        core, b = s.cores[used[n]], s.batches[used[n] >> 1]
        if core.jobs:
            end_jobs(core, b)
        begin_jobs(core, b)
        take_arriving(core, b)
    if s.cores[watched].tile >= 0:
        _count_states(s, s.cores[watched], s.batches[watched >> 1], queued, has_job, parked, passed)
    else:
        s.counters[0].states[WEIGHT] += THREADS
    for p in range(len(s.weights)):
        if s.arrivals[p, now % SLOTS].valid:
            _take_words(s, cfg, s.arrivals[p, now % SLOTS])
    for lane in range(len(s.lanes)):
        fill = s.fills[lane, now % FILLS]
        if fill.word_we or fill.run_we or fill.commit:
            fill_tile(s.tiles[fill.tile], cfg, fill, now)
    return moves


@kernel
def _add_macs(s: Any) -> None:
    """The threads' own counters have 16 bits."""
    for n in range(len(s.batches)):
        b = s.batches[n]
        for i in range(PLACES):
            s.counters[0].macs += b.macs[i]
            b.macs[i] = 0


@kept_kernel
def run(
    s: Any, layer: Any, tile_of: Any, used: Any, act: Any, wgt: Any, wgt_streams: Any, result_words: int, nonzeros: Any
) -> tuple[int, int]:
    """Run a layer to its end. Returns its cycles and how it ended.

    Args:
        s: a new State. layer: LAYER [1]. tile_of: int64 [cores], see `reset`; used: the cores with a tile. act, wgt: int64
        streams, those of the weights for one strip; wgt_streams: int64 [2, ports], first word and words of each of them.
        result_words: of the buffer. nonzeros: int64 [channels, rows, segments] of the result stream.
    """
    cfg = layer[0]
    reset(s, cfg, tile_of, len(act), wgt_streams[1], result_words)
    flags, wires = s.counters[0].flags, s.wires[0]
    # A state is counted STATE_DELAY cycles late, so the first ones are of cycles before the start, and the last ones are
    # lost. In all of them the threads have no weight: one sample makes up for the last cycle, which ends the run.
    s.counters[0].states[WEIGHT] = THREADS
    act_in, stream_in = s.slices[ACT], s.stream_in[0]
    for now in range(-LEAD, 1 << 62):
        for i in range(len(s.ports)):
            drive(s.ports[i], now)
        if now < 0:
            flags[5] = act_in.out  # row_buffer_full: of the last cycle before the start
            step_mm2s(s.mm2s[ACT], act_in, s.ports[ACT], now, 0)
            for p in range(len(s.weights)):
                step_mm2s(s.mm2s[WGT + p], s.slices[WGT_IN + p], s.ports[WGT + p], now, 0)
            continue
        out_valid, out_ready = s.slices[OUT].out, 0 if s.slices[S2MM_IN].spare else 1
        all_ended, wgt_go = stream_in.ended, 0
        for p in range(len(s.weights)):
            all_ended &= s.weights[p].ended
        if s.encoder[0].end_sent and not out_valid and all_ended:
            _add_macs(s)
            return now + 1, DONE
        act_word = act[s.mm2s[ACT].sent] if act_in.out else 0
        act_ready = stream_in_ready(stream_in)
        for p in range(len(s.weights)):
            w, inlet = s.weights[p], s.slices[WGT_IN + p]
            w.word = wgt[wgt_streams[0, p] + s.mm2s[WGT + p].sent % wgt_streams[1, p]] if inlet.out else 0
            w.ready = weight_ready(w, s.params[0].ready)
            w.go = 1 if inlet.out and w.ready else 0
            wgt_go += w.go
            flags[6] += 1 if not inlet.out and not w.ended else 0
            flags[7] += 1 if w.state == WEIGHTS and inlet.out and not w.ready else 0
        act_in_out = act_in.out
        act_go = 1 if act_in_out and act_ready else 0
        out_go = 1 if out_valid and out_ready else 0
        waiting = fetch_waiting(s.fetch[0], s.walk[0], stream_in)
        blocked = 0
        for i in range(len(s.lanes)):
            blocked |= 1 if not s.lanes[i].enable and s.lanes[i].level != 0 else 0
        flags[0] += act_go
        flags[1] += wgt_go
        flags[2] += out_go
        flags[3] += waiting
        flags[4] += blocked
        flags[5] += 1 if act_in.out and not act_ready else 0
        flags[8] += drain_waiting(s.drain[0], s.cores)
        flags[9] += 1 if out_valid and not out_ready else 0

        need_row, full = s.fetch[0].need_row, not stream_in.room
        prm_push = s.weights[0].go and s.weights[0].state == PARAMS
        _step_lam(s, cfg, now)
        step_stream_in(stream_in, cfg, s.memory, s.directory, act_in_out, act_go, act_word, need_row)
        for p in range(len(s.weights)):
            last = s.mm2s[WGT + p].sent == wgt_streams[1, p] * cfg.strips - 1
            step_weight_stream(s.weights[p], cfg, s.cores, s.arrivals[p], now, last)
        _step_output(s, cfg, nonzeros, now, prm_push)
        step_mm2s(s.mm2s[ACT], act_in, s.ports[ACT], now, act_ready)
        for p in range(len(s.weights)):
            step_mm2s(s.mm2s[WGT + p], s.slices[WGT_IN + p], s.ports[WGT + p], now, s.weights[p].ready)
        moves = _step_mesh(s, cfg, used, now)
        if now % MACS_EVERY == 0:
            _add_macs(s)

        wires.stuck = wires.stuck + 1 if waiting and full else 0
        wires.still = 0 if act_go or wgt_go or out_go or moves else wires.still + 1
        if wires.stuck >= MOST_STUCK:
            return now + 1, ROW_BUFFER
        if wires.still >= MOST_STILL:
            return now + 1, STILL
    return 0, STILL
