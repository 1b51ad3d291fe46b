"""phantom_stream_in: strips whose packets come in any order, a ring that wraps, release, and every error of the stream."""

from __future__ import annotations

import random
from typing import Any

import bench
import cocotb
import numpy as np
import pytest
from cocotb.triggers import ClockCycles, RisingEdge
from streams import Driver, Port, param, start, stream_test
from structs import pack

from phantom.compress import compress
from phantom.layout import Layout
from phantom.stream import end_word

HEADER, TRUNCATED, CHECKSUM = 1, 2, 3


class Source:
    """A random tensor as packets by strip, and the configuration that goes with it."""

    def __init__(self, shape: tuple[int, int, int], strip_rows: int, block: int = 0) -> None:
        rng = np.random.default_rng(random.getrandbits(32))
        planes = np.where(rng.random(shape) < 0.4, rng.integers(1, 256, shape), 0).astype(np.uint8)
        layout = Layout.plain(shape, np.dtype(np.uint8), strip_rows, block)
        cut = layout.geometry
        words = [int(w) for w in compress(planes, strip_rows)][:-1]
        strips: dict[int, list[list[int]]] = {}
        while words:
            length = 9 + sum(words[0] >> 32 + 4 * i & 15 for i in range(8))
            strips.setdefault((words[0] >> 12 & 0x3FF) // strip_rows, []).append(words[:length])
            words = words[length:]
        for packets in strips.values():
            random.shuffle(packets)
            if block:  # in any order within one
                packets.sort(key=lambda packet: (packet[0] >> 4 & 0xFF) // block)
        self.strips = list(strips.values())
        chunk_bits, xs_bits = (cut.chunks - 1).bit_length(), (cut.columns - 1).bit_length()
        self.cfg = {
            "chunks": cut.chunks,
            "rows": cut.height,
            "last_xs": cut.columns - 1,
            "log2_pitch": cut.pitch.bit_length() - 1,
            "span": cut.span,
            "dir_xs_shift": chunk_bits,
            "dir_row_shift": chunk_bits + xs_bits,
            "strip_rows": strip_rows,
            "strip_packets": layout.strip_packets,
            "block_packets": layout.block_packets,
            "block_chunks": block,
            "flat": 0,
        }

    @property
    def words(self) -> list[int]:
        """The stream, END included."""
        body = [word for strip in self.strips for packet in strip for word in packet]
        return [*body, end_word(np.array(body, dtype=np.uint64))]


class Bench:
    """The design, and what its writes leave behind."""

    def __init__(self, dut: Any, source: Source, idle: str) -> None:
        self.dut, self.source = dut, source
        self.memory: dict[int, int] = {}
        self.directory: dict[int, int] = {}
        dut.cfg_i.value = pack("input_cfg_t", source.cfg)
        dut.need_row_i.value = 0
        self.driver = Driver(Port(dut, "in", ("data", "last")), idle)

    async def start(self) -> None:
        """Reset, and watch the writes."""
        await start(self.dut)
        cocotb.start_soon(self._watch())

    def send(self, words: list[int]) -> None:
        """Send words with TLAST on the last one."""
        self.driver.send([(word, int(i == len(words) - 1)) for i, word in enumerate(words)])

    async def _watch(self) -> None:
        dut = self.dut
        while True:
            await RisingEdge(dut.clk_i)
            if dut.mem_we_o.value == 1:
                self.memory[int(dut.mem_addr_o.value)] = int(dut.mem_data_o.value)
            if dut.dir_we_o.value == 1:
                self.directory[int(dut.dir_index_o.value)] = int(dut.dir_addr_o.value)

    def check_strip(self, strip: int, chunks: int = 256) -> None:
        """Every row of every packet of a strip must be found, whole, through the directory; of so many chunks."""
        cfg, depth, ring = self.source.cfg, param("DirectoryDepth"), param("RowBufferWords")
        for packet in self.source.strips[strip]:
            head = packet[0]
            y0, xs, chunk = head >> 12 & 0x3FF, head >> 22 & 15, head >> 4 & 0xFF
            for row in range(y0, y0 + (head >> 26 & 63) + 1 if chunk < chunks else y0):
                index = row << cfg["dir_row_shift"] | xs << cfg["dir_xs_shift"] | chunk
                at = self.directory.get(index % depth)
                assert at is not None, f"row {row}, xs {xs}, chunk {chunk} is not in the directory"
                got = [self.memory.get((at + i) % ring) for i in range(len(packet))]
                assert got == packet, f"row {row}, xs {xs}, chunk {chunk}: another packet lies at {at}"


@stream_test()
async def strips_are_found_and_released(dut, idle: str, stall: str) -> None:
    """A LAM that holds a window of rows and moves on, at a speed of its own (`stall`)."""
    shape, strip_rows = random.choice([((11, 19, 9), 4), ((3, 11, 70), 1), ((8, 40, 8), 8), ((17, 9, 16), 2), ((9, 30, 5), 3)])
    source = Source(shape, strip_rows)
    b = Bench(dut, source, idle)
    await b.start()
    b.send(source.words)
    rows = shape[1]
    for strip, _ in enumerate(source.strips):
        end = min(rows, (strip + 1) * strip_rows)
        for _ in range(6000):
            ready = int(dut.rows_ready_o.value)
            assert ready <= rows + strip_rows - 1 and (ready == rows or ready % strip_rows == 0)
            if ready >= end:
                break
            await RisingEdge(dut.clk_i)
        assert int(dut.rows_ready_o.value) >= end, f"strip {strip} was never ready"
        await ClockCycles(dut.clk_i, 2 + {"none": 0, "light": 10, "heavy": 400, "bursty": random.choice((0, 300))}[stall])
        for held in range(max(0, strip - 1), strip + 1):
            b.check_strip(held)  # nothing that is needed was overwritten meanwhile
        dut.need_row_i.value = max(0, strip * strip_rows)
    await b.driver.drain()
    await ClockCycles(dut.clk_i, 4)
    assert dut.ended_o.value == 1 and int(dut.error_o.value) == 0 and int(dut.rows_ready_o.value) == rows


@stream_test()
async def chunks_are_told(dut, idle: str, stall: str) -> None:
    """Block by block, none too early; of a strip that is the whole image, and of every whole one."""
    del stall
    block = random.choice((1, 2, 3))
    shape, strip_rows = random.choice([((60, 10, 9), 4), ((40, 7, 8), 7), ((20, 3, 70), 4), ((33, 12, 16), 6)])
    source = Source(shape, strip_rows, block)
    b = Bench(dut, source, idle)
    await b.start()
    b.send(source.words)
    told: list[list[int]] = [[] for _ in source.strips]
    for _ in range(20000):
        await RisingEdge(dut.clk_i)
        ready, now = int(dut.rows_ready_o.value), int(dut.chunks_ready_o.value)
        dut.need_row_i.value = ready
        if ready == shape[1]:
            break
        assert int(dut.rows_coming_o.value) == ready + strip_rows
        strip = ready // strip_rows
        if now and now not in told[strip]:
            told[strip].append(now)
            b.check_strip(strip, now)
    whole = [chunks for strip, chunks in enumerate(told) if (strip + 1) * strip_rows <= shape[1] or len(told) == 1]
    most = -(-shape[0] // 8)
    for chunks in whole:
        assert [n for n in chunks if n < most] == list(range(block, most, block)), "each block, before the strip is complete"
    assert whole
    await b.driver.drain(20000)
    await ClockCycles(dut.clk_i, 4)
    assert int(dut.error_o.value) == 0


@cocotb.test()
async def a_chunk_beside_its_block_is_an_error(dut) -> None:
    source = Source((40, 8, 8), 8, 2)
    first, last = source.strips[0][0], source.strips[0][-1]
    source.strips[0][0], source.strips[0][-1] = last, first
    b = Bench(dut, source, "none")
    await b.start()
    b.send(source.words)
    await ClockCycles(dut.clk_i, 20)
    assert int(dut.error_o.value) == HEADER


@cocotb.test()
async def a_strip_that_cannot_fit_reports_full(dut) -> None:
    source = Source((40, 8, 8), 8)
    source.strips[0] *= 5
    source.cfg["strip_packets"] *= 5
    b = Bench(dut, source, "none")
    await b.start()
    b.send(source.words)
    await ClockCycles(dut.clk_i, 3 * param("RowBufferWords"))
    assert dut.full_o.value == 1 and int(dut.rows_ready_o.value) == 0 and b.driver.queue
    assert len(b.memory) > param("RowBufferWords") - 8, "the ring is to be used to the end"


def damage(kind: str, source: Source) -> tuple[list[int], int]:
    """A stream with one fault, and the error that it must give."""
    words = source.words
    body = source.strips[0][0]
    cfg = source.cfg
    put = {
        "kind": (0xF, 2),
        "chunk": (0xFF << 4, cfg["chunks"] << 4),
        "xs": (0xF << 22, cfg["last_xs"] + 1 << 22),
        "row": (0x3FF << 12, cfg["rows"] << 12),
        "rows": (0x3F << 26, min(63, cfg["rows"] - (body[0] >> 12 & 0x3FF)) << 26),
    }
    if kind in put:
        at = 0 if random.random() < 0.5 or kind == "rows" else len(body)
        words[at] = words[at] & ~put[kind][0] | put[kind][1]
        return words, HEADER
    if kind == "truncated":
        return words[: random.randrange(1, len(words) - 1)], TRUNCATED
    if kind == "after_end":
        return words + body, CHECKSUM
    if kind in ("other_strip", "missing"):  # with an END that is right
        strips = [list(strip) for strip in source.strips]
        if kind == "other_strip":
            at = random.randrange(len(strips) - 1)
            strips[at][-1], strips[at + 1][0] = strips[at + 1][0], strips[at][-1]
        else:
            last = max(strips[-1], key=lambda packet: packet[0] & 0x03FFFFF0)  # of the last chunk and segment
            strips[-1].remove(last)
        body = [word for strip in strips for packet in strip for word in packet]
        return [*body, end_word(np.array(body, dtype=np.uint64))], HEADER if kind == "other_strip" else TRUNCATED
    if kind == "value":
        words[2 + random.randrange(len(body) - 2)] ^= 1 << random.randrange(64)
    elif kind == "order":
        words[1], words[2] = words[2], words[1] ^ 1
    else:
        words[-1] ^= 1 << {"count": random.randrange(4, 32), "checksum": random.randrange(32, 64)}[kind]
    return words, CHECKSUM


@cocotb.test()
@cocotb.parametrize(
    kind=(
        "kind",
        "chunk",
        "xs",
        "row",
        "rows",
        "truncated",
        "after_end",
        "other_strip",
        "missing",
        "value",
        "order",
        "count",
        "checksum",
    ),
    idle=("none", "heavy"),
)
async def errors(dut, kind: str, idle: str) -> None:
    source = Source((16, 9, 16), 3)
    words, want = damage(kind, source)
    b = Bench(dut, source, idle)
    await b.start()
    dut.need_row_i.value = 9
    driver = b.driver
    b.send(words)
    await driver.drain()
    await ClockCycles(dut.clk_i, 4)
    assert int(dut.error_o.value) == want
    driver.send([(random.getrandbits(64), random.getrandbits(1)) for _ in range(100)])
    written = dict(b.memory)
    await driver.drain()
    assert int(dut.error_o.value) == want, "the first error stays"
    assert b.memory == written, "what is swallowed leaves no trace"


@pytest.mark.parametrize("depth", [64, 2048])  # the largest holds 2,048 rows of a single chunk
def test_phantom_stream_in(depth: int) -> None:
    bench.run("phantom_stream_in", module=__name__, params={"RowBufferWords": 768, "DirectoryDepth": depth})
