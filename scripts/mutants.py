"""Break the hardware, or its cycle model, by hand, one place at a time, and see a test fail: `make mutants`.

Each mutant is a change of one line in a copy of the tree, and the tests that should notice. A mutant that they let pass is a hole
in the tests, and so is a line that is not there any more: both make this script exit with 1. It takes minutes a mutant
of the hardware, and half a minute one of the model (`make mutants ARGS=model:`).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mutants_of_model import RULES

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Mutant:
    """`old` becomes `new` in `file`, a path or the X of hls/phantom_X.sv; `tests` are arguments of pytest."""

    name: str
    file: str
    old: str
    new: str
    tests: str


LAM, TDS, THREAD = (f"tests/hls/test_phantom_{name}.py" for name in ("lam", "tds", "thread"))
MAPPER, QUEUE, DMA = (f"tests/hls/test_phantom_{name}.py" for name in ("thread_mapper", "weight_queue", "dma"))
FIFO, ENCODER, COUNTERS = (f"tests/hls/test_phantom_{name}.py" for name in ("fifo", "encoder_lane", "counters"))
DRAIN, OUTPUT, REQUANTISER = (f"tests/hls/test_phantom_{name}.py" for name in ("drain", "output", "requantiser"))

MUTANTS = (
    Mutant("FIFO: it takes a word more than it has", "fifo", "'(Depth - 1) : ready_q", "'(Depth) : ready_q", FIFO),
    Mutant("FIFO: the last word is never gone", "fifo", "level_q != (PtrW + 1)'(1) : valid_q", "level_q != '0 : valid_q", FIFO),
    Mutant("FIFO: the read addresses go apart", "fifo", "rd_q[p] + 1'b1;", "rd_q[p] + 1'(p == 0);", LAM),
    Mutant("FIFO: the level falls with every pop", "fifo", "level_q - (PtrW + 1)'(!push)", "level_q - (PtrW + 1)'(1)", FIFO),
    Mutant("encoder: an empty word keeps its bytes", "encoder_lane", "if (b != 0 && count_q[2:0] == '0)", "if (1'b0)", ENCODER),
    Mutant("DMA: the second transfer goes on with the first", "dma_split", "<= fits || !run_i;", "<= fits;", DMA),
    Mutant("DMA: a pass more than asked for", "dma_split", "taken_q && pass_last_q) repeat_q", "1'b0) repeat_q", DMA),
    Mutant("DMA: a length of no words starts", "dma_channel", "|| no_words_q;", ";", DMA),
    Mutant("counters: moved in the wrong cycle", "counters", "here_q[31]} : 32'd1;", "here_q[31]} : 32'd2;", COUNTERS),
    Mutant(
        "LAM: the last column of a tile is left out", "lam_request", "6'(in_cfg_i.span - 7'd1);", "6'(in_cfg_i.span - 7'd2);", LAM
    ),
    Mutant("LAM: a row ends with its first packet", "lam_request", "= packet_i.last_xs ||", "= 1'b1 ||", LAM),
    Mutant("LAM: the ring of rows does not turn", "lam_request", "addr_back[AddrW] ? addr_on", "1'b1 ? addr_on", LAM),
    Mutant("LAM: values are given back too early", "lam_request", "&& fits_q[l] &&", "&&", LAM),
    Mutant(
        "LAM: the pieces before this one count nothing",
        "lam_pick",
        "rank1_q + 9'(count_of(before_q",
        "9'(count_of(before_q",
        LAM,
    ),
    Mutant("LAM: the second nonzero is the first again", "lam_pick", "low2_q       <= low2;", "low2_q       <= low;", LAM),
    Mutant("LAM: all channels go to the first group", "lam_walk", "tile_q[3:0] + owner_q;", "tile_q[3:0];", LAM),
    Mutant("LAM: every pass has the first channels", "lam_walk", "(last_pass_q || !cfg_i.own_chans)", "1'b1", LAM),
    Mutant(
        "LAM: a strip below the image has packets",
        "lam_fetch",
        "? StDir : StLoad;",
        "? StDir : StDir;",
        "tests/test_end_to_end.py::test_convolution",
    ),
    Mutant("LAM: values go to another lane", "lam_reader", "(second_we_q[2] && lanes_q[2]", "(second_we_q[2] && lanes_q[3]", LAM),
    Mutant("LAM: runs are an entry too long", "lam_pack", "last: run_end1_q - 10'd1", "last: run_end1_q", LAM),
    Mutant("TDS: empty runs become jobs", "tds", "weight5_q && !run_i.empty", "weight5_q", TDS),
    Mutant("TDS: the offset of the window is added", "tds", "slot_base4_q - offset4_q", "slot_base4_q + offset4_q", TDS),
    Mutant("TDS: no carry into the channel", "tds", "= padded + step;", "= {padded.chan + step.chan, 13'(padded + step)};", TDS),
    Mutant("mapper: a thread is picked again while busy", "thread_mapper", "= busy | parked;", "= parked;", MAPPER),
    Mutant("mapper: the first thread again and again", "thread_mapper", "any_ahead ? before_all(behind_ahead) :", "", MAPPER),
    Mutant("TDS: an end of pass moves on", "tds", "if (pass_end) step = '0;", "", TDS),
    Mutant("TDS: a channel left is asked for", "tds", "chan_over3_q <= skip || pass_end;", "chan_over3_q <= 1'b0;", TDS),
    Mutant("mapper: parked threads never come back", "thread_mapper", "release_i ? '0 : parked_q", "parked_q", MAPPER),
    Mutant(
        "accumulator: a sum is read before it is written",
        "thread",
        "|| (valid4_q && (&same4));",
        "|| (valid4_q && (&same4) && 1'b0);",
        THREAD,
    ),
    Mutant("accumulator: draining does not clear", "thread", "if (drain3_q) sum4_q", "if (1'b0) sum4_q", THREAD),
    Mutant(
        "accumulator: activations are never negative", "thread", ".act_signed && entry.value[7]", ".act_signed && 1'b0", THREAD
    ),
    Mutant(
        "accumulator: edge codes of even entries are ignored",
        "thread",
        "!skip[rd_word[h].edge_col]",
        "!(skip[rd_word[h].edge_col] && h[0])",
        THREAD,
    ),
    Mutant(
        "weight queue: announces one word of room too many", "weight_queue", "(Words - 1 - Margin));", "(Words - Margin));", QUEUE
    ),
    Mutant(
        "accumulator: reads of odd addresses clear",
        "thread",
        "? drain_clear_i : go",
        "? drain_clear_i || drain_addr_i[0] : go",
        THREAD,
    ),
    Mutant("TDS: int8 is taken for uint8 and the reverse", "tds", "act_signed: act_signed5_q", "act_signed: !act_signed5_q", TDS),
    Mutant(
        "core: nothing is cleared",
        "core",
        "<= drain_clear_i;",
        "<= drain_clear_i && drain_scrub_i;",
        "tests/hls/test_phantom_core.py",
    ),
    Mutant(
        "weight stream: all channels have the first clamp",
        "weight_stream",
        "prm_data_o  = in_data_i[59:0];",
        "prm_data_o  = {1'b0, in_data_i[58:0]};",
        "tests/hls/test_phantom_weight_stream.py",
    ),
    Mutant(
        "weight stream: columns of another stream are taken",
        "weight_stream",
        "(in_data_i[63:48] & ~OwnCols) != '0",
        "(in_data_i[63:48] >> Cols) != '0",
        "tests/hls/test_phantom_weight_stream.py",
    ),
    Mutant("mesh: all cores hear the first weight bus", "mesh", "= c % WeightPorts;", "= 0;", "tests/hls/test_phantom_mesh.py"),
    Mutant(
        "accelerator: done while a weight stream goes on",
        "accelerator",
        "(&wgt_ended)",
        "(wgt_ended[0])",
        "tests/hls/test_phantom_accelerator.py",
    ),
    Mutant(
        "LAM: of many nonzeros the second one comes twice",
        "lam_pick",
        "many_q ? rest & ~low2 :",
        "many_q ? rest :",
        LAM,
    ),
    Mutant("LAM: four nonzeros of a piece are enough", "lam_pick", "at_least(~gone_q, 5) :", "1'b0 :", LAM),
    Mutant("LAM: rows that do not exist are left out", "lam_scan", "tok_row != row_then;", "1'b0;", LAM),
    Mutant(
        "LAM: a chunk is read before it is there",
        "lam_fetch",
        "next.chan[11:3] < chunks_ready_i",
        "next.chan[11:3] <= chunks_ready_i",
        "tests/hls/test_phantom_accelerator.py",
    ),
    Mutant(
        "stream in: a block is told a packet too early",
        "stream_in",
        "block_q == block_last_q;",
        "block_q + 16'd1 == block_last_q;",
        "tests/hls/test_phantom_stream_in.py",
    ),
    Mutant(
        "weight stream: room by the mask before",
        "weight_stream",
        "? in_data_i[32+:Rows] : rows_q",
        "? rows_q : rows_q",
        "tests/hls/test_phantom_weight_stream.py",
    ),
    Mutant("LAM: odd columns at stride 2", "lam_scan", "{odd, !odd}", "{!odd, odd}", LAM),
    Mutant(
        "LAM: tiles do not overlap where windows do",
        "lam_walk",
        "12'(cfg_i.tile_step_y)",
        "12'(cfg_i.tile_step_y | cfg_i.tile_rows)",
        LAM,
    ),
    Mutant(
        "drain: segments of a tile overlap", "drain", "addr_q       <= row_base_q + across_q;", "addr_q <= row_base_q;", DRAIN
    ),
    Mutant("drain: windows step by one", "drain", "? 8'(cfg_i.pool.step) :", "? 8'(cfg_i.pool.step[0]) :", DRAIN),
    Mutant("drain: a tile's last row of windows leaves sums behind", "drain", " || (last_row_q && final_q)", "", DRAIN),
    Mutant("drain: sums that the next segment wants are cleared", "drain", "(last_col_q && last_xs_q)", "last_col_q", DRAIN),
    Mutant("drain: no row is kept", "drain", "keep_q || (cfg_i.pool.keep_row && last_seg_row_q)", "keep_q", DRAIN),
    Mutant("drain: kept at the image's end", "drain", "if (beyond_q) state_q", "if (beyond_q && !keep_q) state_q", DRAIN),
    Mutant("drain: what the tile above has kept is cleared here", "drain", "spent_x && !above;", "spent_x;", DRAIN),
    Mutant("drain: the last rows of a tile are cleared", "drain", "(image_ends_q || !cfg_i.pool.keep_row)", "1'b1", DRAIN),
    Mutant("drain: rows of all chunks are kept in one place", "drain", "{chunk_q[2:0], col_q[5:0]}", "9'(col_q)", DRAIN),
    Mutant("output: kept rows are not looked at", "output", "lane_above_q[l] ? kept_row_q[l] : value[l]", "value[l]", OUTPUT),
    Mutant("output: kept rows are read late", "output", "? place_q[Latency-3] :", "? place_q[Latency-2] :", OUTPUT),
    Mutant("drain: a row beyond the image counts", "drain", "cfg_i.pool.bottom_more);", "cfg_i.pool.bottom_more + 2'd1);", DRAIN),
    Mutant("LAM: what is found is lost where there is no room", "lam_fetch", "= !found_q || ready_found;", "= 1'b1;", LAM),
    Mutant("LAM: rows are given back before they are read", "lam_fetch", "if (idle) begin", "begin", LAM),
    Mutant("LAM: a word used up makes room at once", "lam_request", "taken[l] ? more[l] <= 7'd56 :", "", LAM),
    Mutant("LAM: a channel begins where the tile before has ended", "lam_fetch", "next.new_chan ? '0 :", "1'b0 ? '0 :", LAM),
    Mutant("LAM: tiles of a lower strip begin above it", "lam_walk", "next_strip_q ? next_base_q : base_q;", "base_q;", LAM),
    Mutant(
        "LAM: a visit is taken before its flags are there",
        "lam_walk",
        "StView:  state_q <= StRange;",
        "StView:  state_q <= StReady;",
        LAM,
    ),
    Mutant("LAM: two requests at a time", "lam_request", " && room[l%Readers];", ";", LAM),
    Mutant("LAM: a reader is free in the other's turn", "lam_reader", "(!turn_i || view_end)", "1'b1", LAM),
    Mutant("LAM: the packet table ends a row early", "lam_fetch", "row_q >= need_end ?", "row_q + 11'd1 >= need_end ?", LAM),
    Mutant("LAM: headers are read out of turn", "lam_fetch", "if (port_free_i) state_q", "state_q", LAM),
    Mutant("LAM: a reader takes no turns", "lam_reader", "reading_q && (turn_i || tok_q.view_end);", "reading_q;", LAM),
    Mutant("LAM: the second word of two is left out", "lam_reader", "(first_q ? 4'd1 : 4'd2)}", "4'd2}", LAM),
    Mutant("LAM: values of two words come out of one bank", "lam_values", "rank_i[0][3] == b ?", "1'b1 ?", LAM),
    Mutant("LAM: a lane says too late that it is full", "lam_lane", "5'(TokenDepth - 8)", "5'(TokenDepth - 4)", LAM),
    Mutant(
        "row memory: the last word is not followed by the first",
        "row_memory",
        "? '0 :",
        "? '1 :",
        "tests/hls/test_phantom_row_memory.py",
    ),
    Mutant("drain: what is kept is announced as a segment", "drain", "!beyond_q && !keep_q;", "!beyond_q;", DRAIN),
    Mutant("drain: slots of a pair are chunks of their own", "drain", "8'(slot_q[5:1])", "8'(slot_q)", DRAIN),
    Mutant("output: what is kept is written, too", "output", "&& complete && !keep}", "&& complete}", OUTPUT),
    Mutant("output: values are kept too far on", "output", "wr_addr_i(place_q[Latency])", "wr_addr_i(place_q[9])", OUTPUT),
    Mutant("output: a bias comes into force too early", "output", "if (swap_q[MeshLatency-2])", "if (prm_swap)", OUTPUT),
    Mutant("residual: kept values have no sign", "residual", "kept_signed_i && value_i[l][7]", "1'b0", OUTPUT),
    Mutant("residual: other slots are added to, too", "residual", "partner_i ?", "1'b1 ?", OUTPUT),
    Mutant("output: padding counts as zero", "output", "? cfg_i.low0[7:0] :", "? 8'd0 :", OUTPUT),
    Mutant("output: the maximum takes int8 for uint8", "output", "{cfg_i.low0[8], 7'd0}", "8'd0", OUTPUT),
    Mutant("output: positions are a cycle ahead of their values", "output", "RequantLatency = 7", "RequantLatency = 6", OUTPUT),
    Mutant("requantiser: halves are rounded up", "requantiser", "(sticky5_q || window5_q[1])", "1'b1", REQUANTISER),
    Mutant("requantiser: the clamp of the next value", "requantiser", "clamp_q[4] ? low1_i", "clamp_q[3] ? low1_i", REQUANTISER),
    Mutant(
        "encoder: words_o forgets the last, half-filled word",
        "encoder_lane",
        "+ 4'(count_q[2:0] != '0)",
        "",
        "tests/hls/test_phantom_encoder_lane.py tests/hls/test_phantom_encoder.py",
    ),
    Mutant(
        "encoder: an empty last channel has no end",
        "encoder",
        "lane_done && words_q[7:4] == '0",
        "1'b0",
        "tests/hls/test_phantom_encoder.py",
    ),
    Mutant("thread: two words that are there count as none", "thread", " || (!room_q && !arriving_q);", ";", THREAD),
    Mutant("thread: a word more than there is room for", "thread", "&& !(advance && fill_q != use_q)", "", THREAD),
    Mutant("encoder: a header without its row", "encoder", "hold_q.y0,", "10'd0,", "tests/hls/test_phantom_encoder.py"),
    Mutant("DMA: bursts cross a 4 KB boundary", "dma_split", "5'd16 - {1'b0, offset_q}", "5'd16", DMA),
    Mutant(
        "DMA: the last word of an aborted transfer is taken for the end",
        "dma_mm2s",
        "run_q && last_out && !stale_q",
        "run_q && last_out",
        "tests/hls/test_phantom_dma_faults.py",
    ),
    Mutant(
        "stream in: packets of a strip are not waited for",
        "stream_in",
        "packets_q == strip_last_q;",
        "packets_q + 16'd1 == strip_last_q;",
        "tests/hls/test_phantom_stream_in.py",
    ),
    Mutant("LAM: a packet of many nonzeros in a third loses some", "ones_pkg", "two[t] && third[t][i]", "1'b0", LAM),
    Mutant("LAM: the last piece of a row is not seen", "lam_scan", "IndexW'(piece_q + 1'b1) == last", "piece_q == last", LAM),
    Mutant("LAM: the row behind a token's is taken for its own", "lam_reader", "judged.row + 13'sd1", "judged.row", LAM),
    Mutant("LAM: a view ends a row early", "lam_reader", ": {6'b0, rows_q[0]};", ": {6'b0, rows_q[0]} - 13'd1;", LAM),
    Mutant("LAM: the port is the other reader's", "lam_reader", "!view_end && !turn_i;", "!view_end && turn_i;", LAM),
    Mutant("drain: segments are a row longer", "drain", "<= row_left_q == 6'd1;", "<= row_left_q == '0;", DRAIN),
    Mutant("weight queue: a last word is not the last", "weight_queue", "in || level_q[t] != PtrW'(1);", "1'b1;", QUEUE),
    Mutant("TDS: another thread loses its entry", "tds", "pop_thread_o = thread4_q;", "pop_thread_o = thread3_q;", TDS),
    Mutant(
        "activation stream: a packet is a word longer",
        "stream_in",
        "left_q == 7'd2 &&",
        "left_q == 7'd1 &&",
        "tests/hls/test_phantom_stream_in.py",
    ),
    Mutant(
        "weight stream: a packet is a word longer",
        "weight_stream",
        "left_q == 16'd2;",
        "left_q == 16'd1;",
        "tests/hls/test_phantom_weight_stream.py",
    ),
    Mutant(
        "weight stream: any END is the last",
        "weight_stream",
        "ended_q || (ended && last2_q)",
        "ended_q || (ended)",
        "tests/hls/test_phantom_weight_stream.py",
    ),
)


MODEL = "tests/sim/test_model.py"
MUTANTS += tuple(Mutant(f"model: {name}", f"sim/phantom_sim/model/{file}.py", old, new, MODEL) for name, file, old, new in RULES)


def run(mutant: Mutant, tree: Path) -> str:
    """Try one mutant in a copy of the tree; returns what is wrong, or an empty string when a test failed as it should."""
    path = tree / (mutant.file if "/" in mutant.file else f"hls/phantom_{mutant.file}.sv")
    text = path.read_text()
    if text.count(mutant.old) != 1:
        return f"{mutant.old!r} is {text.count(mutant.old)} times in {path.name}; it must be there once"
    try:
        path.write_text(text.replace(mutant.old, mutant.new))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", *mutant.tests.split()],
            cwd=tree,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        path.write_text(text)
    if done.returncode == 0:
        return f"{mutant.tests} did not notice"
    noticed = any(error in done.stdout for error in ("AssertionError", "errors.DeviceError", "errors.MismatchError"))
    return "" if noticed else "did not build:\n" + done.stdout[-2000:]


def main() -> int:
    """Try all mutants, or those whose names contain one of the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="only mutants whose names contain one of these")
    wanted = parser.parse_args().names
    mutants = [m for m in MUTANTS if not wanted or any(name in m.name for name in wanted)]
    holes = 0
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", ".hypothesis"))
        (tree / "build").mkdir()
        for built, copy in (("gen", shutil.copy2), ("sim", os.link)):  # where the simulation of an unchanged RTL is found
            if (ROOT / "build" / built).exists():
                shutil.copytree(ROOT / "build" / built, tree / "build" / built, copy_function=copy)
        for number, mutant in enumerate(mutants, 1):
            problem = run(mutant, tree)
            print(f"[{number}/{len(mutants)}] {mutant.name}: {problem or 'noticed'}", flush=True)
            holes += bool(problem)
    print(f"{len(mutants) - holes} of {len(mutants)} mutants noticed")
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(main())
