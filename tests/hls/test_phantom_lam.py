"""phantom_lam over models of row memory, directory and activation buffers: what every window of every tile must see.

The model says which entries a run has to hold straight from the tensor; where the hardware puts them in the ring, and when,
is only checked for being within the room that the core has.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import bench
import cocotb
import numpy as np
import pytest
from cocotb.triggers import RisingEdge
from lam_bench import LamBench, Setup, compiled, flat_entries, run_entries
from streams import PROFILES, param

from phantom.network import MaxPool


async def run_layer(dut: Any, setup: Setup, stall: str, rows: str) -> None:
    """Run one layer and compare every run of every channel, tile by tile, pass by pass, strip by strip."""
    layer = LamBench(dut, setup, stall, rows)
    await layer.start()
    program = setup.program
    tiling, geometry = program.tiling, None if program.tiling.view_chans and setup.flat else setup.geometry
    channels = program.source.index.shape[0]
    planes = np.zeros((channels, *setup.planes.shape[1:]), setup.planes.dtype)
    planes[: len(setup.planes)] = setup.planes  # the last chunk is filled up
    setup = replace(setup, planes=planes)
    step = tiling.own_chans
    for strip in range(program.strips):
        for pass_ in range(tiling.passes):
            for channel in range(step * pass_, min(channels, step * (pass_ + 1))) if step else range(channels):
                owner = (channel - step * pass_) % tiling.groups * tiling.tiles if step else 0
                for tile in range(tiling.tiles):
                    row, col = tiling.at(tile)
                    first = strip * tiling.strip_rows + row
                    views = range(len(setup.geometry.views))
                    for part in [[v] for v in views] if tiling.view_chans else [list(views)]:
                        got = await layer.channel(owner + tile)
                        want = {}
                        for v in part:
                            if geometry is None:
                                want |= flat_entries(setup, channel, v)
                            else:
                                want |= run_entries(setup, channel, v, first, col)
                        where = f"strip {strip}, channel {channel}, tile {tile}, views {part}"
                        assert got.keys() == want.keys(), f"{where}: runs {sorted(got)}, expected {sorted(want)}"
                        for run in want:
                            assert got[run] == want[run], f"{where}, run {run}: {got[run]}, expected {want[run]}"
    await layer.quiet()


def random_setup(stride: int, pooled: bool = False, depthwise: bool = False, tries: int = 200) -> Setup:
    """A random convolution, pooled or not, depthwise or not, that compiles for these sizes, with a tiling of its own."""
    for _ in range(tries):
        ky, kx = random.choice(((1, 1), (3, 3), (3, 3), (5, 5), (2, 3)))
        height, width = random.randint(ky, 14), random.choice((kx, 5, 8, 13, 20, 33, 66))
        if width < kx:
            continue
        below = ky // 2 + random.choice((0, 0, 3))  # strips that lie below the image as a whole
        pad = (random.randint(0, ky // 2), random.randint(0, kx // 2), random.randint(0, below), random.randint(0, kx // 2))
        pool = None
        if pooled:
            size, step = random.choice((2, 3)), random.choice((1, 2, 3))
            before = random.randint(0, min(step, size - 1))
            pool = MaxPool("pool", (size, size), step, (before, random.randint(0, min(step, size - 1)), before, 0))
        setup = compiled(
            shape=(random.choice((16, 40) if depthwise else (1, 3, 8, 9)), height, width),
            kernel=(ky, kx),
            stride=stride,
            padding=pad,
            density=random.choice((0.1, 0.4, 0.9)),
            rows=param("Rows"),
            cols=param("Cols"),
            words=param("RowBufferWords"),
            directory=param("DirectoryDepth"),
            pool=pool,
            dilation=random.choice((1, 1, 2, 3)),
            depthwise=depthwise,
        )
        if setup is not None:
            return setup
    raise AssertionError("no random layer compiled")


@cocotb.test()
@cocotb.parametrize(stride=(1, 2), stall=PROFILES, rows=("none", "bursty"))
async def random_convolutions(dut, stride: int, stall: str, rows: str) -> None:
    setup = random_setup(stride)
    dut._log.info("%s", setup)
    await run_layer(dut, setup, stall, rows)


@cocotb.test()
@cocotb.parametrize(stride=(1, 2), stall=("none", "bursty"))
async def pooled_convolutions(dut, stride: int, stall: str) -> None:
    """Tiles of sums overlap where windows do, and begin above and left of the image where the pooling is padded."""
    setup = random_setup(stride, pooled=True)
    dut._log.info("%s", setup)
    await run_layer(dut, setup, stall, "none")


@cocotb.test()
@cocotb.parametrize(stride=(1, 2), stall=PROFILES)
async def channels_of_their_own(dut, stride: int, stall: str) -> None:
    """Depthwise layers: a pass walks its own channels, and they go to the groups of cores in turn."""
    setup = random_setup(stride, depthwise=True)
    dut._log.info("%s", setup)
    await run_layer(dut, setup, stall, "none")


@cocotb.test()
@cocotb.parametrize(stall=PROFILES)
async def fully_connected(dut, stall: str) -> None:
    shape = random.choice(((9, 3, 4), (20, 1, 1), (5, 8, 8), (3, 4, 30)))
    sizes = [param(name) for name in ("Rows", "Cols", "RowBufferWords", "DirectoryDepth")]
    setup = compiled(shape, None, 1, (0,) * 4, 0.5, *sizes)
    assert setup is not None
    await run_layer(dut, setup, stall, "none")


@cocotb.test()
@cocotb.parametrize(density=(0.0, 1.0))
async def extremes_of_density(dut, density: float) -> None:
    for stride in (1, 2):
        setup = compiled(
            (9, 6, 10),
            (3, 3),
            stride,
            (1,) * 4,
            density,
            param("Rows"),
            param("Cols"),
            param("RowBufferWords"),
            param("DirectoryDepth"),
        )
        assert setup is not None
        await run_layer(dut, setup, "none", "none")
        await RisingEdge(dut.clk_i)


@cocotb.test()
@cocotb.parametrize(stall=("heavy", "bursty"))
async def full_value_memories(dut, stall: str) -> None:
    """Packets of eight words, one behind the other, while cores have no room: a lane's value memory is full to the last word."""
    sizes = [param(name) for name in ("Rows", "Cols", "RowBufferWords", "DirectoryDepth")]
    setup = compiled((3, 12, 64), (1, 1), 1, (0,) * 4, 1.0, *sizes)
    assert setup is not None
    await run_layer(dut, setup, stall, "none")


@pytest.mark.parametrize(("rows", "cols"), [(1, 2), (2, 2), (4, 2)], ids=["one lane", "two lanes", "four lanes"])
def test_phantom_lam(rows: int, cols: int) -> None:
    np.seterr(all="raise")
    sizes = {"Rows": rows, "Cols": cols, "RowBufferWords": 1536, "DirectoryDepth": 256}
    bench.run("phantom_lam", module=__name__, params=sizes)
