"""phantom_encoder with its lanes and phantom_stream_out behind it: every stream must be one that expand() takes.

The model of the input side keeps the contract of the drain: a segment is announced only when there is room, its values
follow without a break, or with one, and the next segment's values come two cycles after at the earliest.
"""

from __future__ import annotations

import random
from pathlib import Path

import bench
import cocotb
import numpy as np
from cocotb.triggers import RisingEdge
from streams import PROFILES, Monitor, Port, pauses, start, stream_test
from structs import pack

from phantom.compress import compress
from phantom.expand import expand
from phantom.segments import Segmentation


def tensor(rng: np.random.Generator, shape: tuple[int, int, int], density: float) -> np.ndarray:
    """uint8 with zeros."""
    return np.where(rng.random(shape) < density, rng.integers(1, 256, shape), 0).astype(np.uint8)


async def feed(dut, planes: np.ndarray, strip_rows: int, idle: str) -> None:
    """Hand all segments over in stream order, as the drain does."""
    channels, height, width = planes.shape
    cut = Segmentation(channels, height, width)
    padded = np.zeros((cut.chunks * 8, height, width), np.uint8)
    padded[:channels] = planes
    edge, pause = RisingEdge(dut.clk_i), pauses(idle)
    for y0, nrows in zip(*map(np.ndarray.tolist, cut.starts(strip_rows)), strict=True):
        for xs in range(cut.columns):
            for chunk in range(cut.chunks):
                segment = {"more_rows": nrows - 1, "xs": xs, "y0": y0, "chunk": chunk}
                dut.seg_i.value = pack("segment_t", segment)
                dut.seg_valid_i.value = 1
                await edge
                while dut.seg_ready_o.value == 0:
                    await edge
                dut.seg_valid_i.value = 0
                dut.seg_i.value = random.getrandbits(28)
                columns = range(*cut.bounds(xs))
                places = [(y, x) for y in range(nrows) for x in columns]
                for y, x in places:
                    while next(pause):
                        await edge
                    for lane in range(8):
                        dut.value_i[lane].value = int(padded[8 * chunk + lane, y0 + y, x])
                    dut.bit_i.value = y * cut.pitch + x - columns.start
                    dut.valid_i.value, dut.last_i.value = 1, int((y, x) == places[-1])
                    await edge
                    dut.valid_i.value = 0
                    dut.last_i.value = random.getrandbits(1)  # counts only with a value
                    dut.value_i[random.randrange(8)].value = random.getrandbits(8)
                for _ in range(random.choice((0, 0, 0, 5))):
                    await edge


def rest(dut) -> None:
    """Inputs at rest."""
    for name in ("seg_valid_i", "seg_i", "valid_i", "last_i", "bit_i", "finish_i"):
        getattr(dut, name).value = 0
    for lane in range(8):
        dut.value_i[lane].value = 0


@stream_test(timeout_time=1, timeout_unit="ms")
async def makes_the_stream_of_a_tensor(dut, idle: str, stall: str) -> None:
    rng = np.random.default_rng(random.getrandbits(32))
    rest(dut)
    monitor = Monitor(Port(dut, "out", ("data", "last")), stall)
    await start(dut)
    shape = random.choice([(11, 5, 9), (8, 3, 64), (3, 2, 70), (17, 9, 3), (8, 20, 1), (9, 7, 8), (5, 2, 130)])
    strip_rows = random.choice((1, 2, 4, 64))
    planes = tensor(rng, shape, random.choice((0.02, 0.4, 0.9, 1.0)))
    dut._log.info("shape %s, strips of %d rows", shape, strip_rows)
    want = [int(w) for w in compress(planes, strip_rows)]
    await feed(dut, planes, strip_rows, idle)
    while dut.empty_o.value == 0:
        await RisingEdge(dut.clk_i)
    dut.finish_i.value = 1
    got = await monitor.collect(len(want))
    assert [last for _, last in got] == [0] * (len(want) - 1) + [1], "TLAST on END alone"
    words = np.array([word for word, _ in got], dtype=np.uint64)
    assert np.array_equal(expand(words, *shape), planes)
    assert words.tolist() == want, "same words in the same order as the host's"
    await monitor.silence()
    assert dut.done_o.value == 1


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(stall=PROFILES)
async def extremes_of_density(dut, stall: str) -> None:
    """Empty lanes beside full ones; a lane of exactly eight values, and of one more."""
    rest(dut)
    monitor = Monitor(Port(dut, "out", ("data", "last")), stall)
    await start(dut)
    planes = np.zeros((8, 5, 64), np.uint8)
    for lane, count in enumerate((0, 1, 7, 8, 9, 16, 63, 64)):
        planes[lane, :, 64 - count :] = 255
    planes[:, 1], planes[:, 2] = 0, 1
    await feed(dut, planes, 1, "none")
    while dut.empty_o.value == 0:
        await RisingEdge(dut.clk_i)
    dut.finish_i.value = 1
    want = [int(w) for w in compress(planes, 1)]
    await monitor.expect([(w, int(i == len(want) - 1)) for i, w in enumerate(want)])


def test_phantom_encoder() -> None:
    top = Path(__file__).with_name("encoder_bench.sv")
    bench.run("encoder_bench", module=__name__, extra_sources=[top])
