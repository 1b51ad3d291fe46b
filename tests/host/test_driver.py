"""The driver against an overlay that does what a test tells it: what it refuses, what it writes, how it gives up."""

from __future__ import annotations

import re

import numpy as np
import pytest
from fake_overlay import COUNTERS, WIDTH, FakeOverlay
from networks_for_tests import random_conv

from phantom.config import load_config
from phantom.driver import MAX_TRANSFER, PARAMETERS, Accelerator, Counters
from phantom.error_codes import ERRORS, explain
from phantom.errors import DeviceError, DeviceTimeout, ShapeError
from phantom.layout import Layout
from phantom.program import Program, compile_layer

TINY = load_config("tiny")


@pytest.fixture(scope="module")
def program() -> Program:
    rng = np.random.default_rng(1)
    return compile_layer(random_conv(rng, 9, 4, (3, 3), padding=(1, 1, 1, 1)), Layout.plain((4, 8, 8), np.dtype(np.uint8)), TINY)


def run(overlay: FakeOverlay, program: Program, timeout: float = 5.0, words: int = 10) -> tuple[int, Counters]:
    source, result = np.zeros(words, np.uint64), np.zeros(program.result_words, np.uint64)
    return Accelerator(overlay, TINY, timeout).run_layer(program, source, words, program.weights, result)


# --- identity ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["phantom_0", "dma_act", "dma_wgt"])
def test_not_a_phantom_overlay(missing: str) -> None:
    overlay = FakeOverlay(TINY)
    delattr(overlay, missing)
    with pytest.raises(DeviceError, match=f"has no {missing}"):
        Accelerator(overlay)


def test_wrong_magic() -> None:
    overlay = FakeOverlay(TINY)
    overlay.phantom_0.values["ID"] = 0xDEADBEEF
    with pytest.raises(DeviceError, match="0xDEADBEEF; a Phantom would say 0x5048544D"):
        Accelerator(overlay)


def test_another_major_version() -> None:
    overlay = FakeOverlay(TINY)
    overlay.phantom_0.values["VERSION"] = 2 << 16
    with pytest.raises(DeviceError, match="version 2 of the register map; this driver knows 1"):
        Accelerator(overlay)


def test_a_minor_version_is_no_reason() -> None:
    overlay = FakeOverlay(TINY)
    overlay.phantom_0.values["VERSION"] = 1 << 16 | 999
    assert Accelerator(overlay, TINY).parameters["rows"] == TINY.rows


@pytest.mark.parametrize("name", PARAMETERS)
def test_another_build(name: str) -> None:
    overlay = FakeOverlay(TINY)
    wanted = getattr(TINY, name)
    built = wanted - 1 if name == "weight_ports" else wanted + 1
    overlay.phantom_0.values[name.upper()] = built
    with pytest.raises(DeviceError, match=f"built with {name} = {built}; configuration 'tiny' has {wanted}"):
        Accelerator(overlay, TINY)
    assert Accelerator(overlay).parameters[name] == built, "without a configuration it is taken as it is"


def test_a_weight_port_without_an_engine() -> None:
    overlay = FakeOverlay(TINY)
    del overlay.dma_wgt1
    with pytest.raises(DeviceError, match="has 2 weight ports, but the overlay not as many of dma_wgt, dma_wgt1"):
        Accelerator(overlay, TINY)


def test_a_layer_for_another_number_of_weight_ports(program: Program) -> None:
    overlay = FakeOverlay(TINY, program)
    overlay.phantom_0.values["WEIGHT_PORTS"] = 1
    result = np.zeros(program.result_words, np.uint64)
    with pytest.raises(DeviceError, match="layer 'conv': compiled for 2 weight ports; the hardware has 1"):
        Accelerator(overlay).run_layer(program, result, 10, program.weights, result)


def test_description_without_a_register() -> None:
    overlay = FakeOverlay(TINY)
    del overlay.ip_dict["phantom_0"]["registers"]["LF"]
    with pytest.raises(DeviceError, match="no register LF"):
        Accelerator(overlay)


# --- a layer -------------------------------------------------------------------------------------------------------------


def test_what_a_layer_writes(program: Program) -> None:
    overlay = FakeOverlay(TINY, program)
    overlay.dma_act.recvchannel.transferred = 8 * 33
    words, _ = run(overlay, program, words=77)
    block = overlay.phantom_0
    assert words == 33
    for register, values in program.registers.items():
        (word,) = block.written(f"LAYER_{register}")
        for i, (field, value) in enumerate(values.items()):
            assert word >> WIDTH * i & (1 << WIDTH) - 1 == value, (register, field)
    select, index, tables = 0, 0, []
    for name, value in block.log:  # the port counts on
        if name == "TABLE":
            select, index = value >> 16, value & 63
        elif name == "TABLE_DATA":
            tables.append((select, index, value))
            index += 1
    assert tables == [tuple(map(int, entry)) for entry in program.tables]
    assert block.log[-1] == ("CTRL", 1), "started when all was written"
    assert overlay.dma_act.sendchannel.transfers == [77 * 8]
    assert overlay.dma_act.recvchannel.transfers == [program.result_words * 8]
    (first, words), (second, more) = program.weight_streams
    assert (overlay.dma_wgt.sendchannel.begins, overlay.dma_wgt.sendchannel.transfers) == ([0], [words * 8])
    assert (overlay.dma_wgt1.sendchannel.begins, overlay.dma_wgt1.sendchannel.transfers) == ([second * 8], [more * 8])
    assert first == 0 and second % 16 == 0 and second >= words and second + more == len(program.weights)


def test_counters(program: Program) -> None:
    overlay = FakeOverlay(TINY, program)
    for i, name in enumerate(COUNTERS):
        overlay.phantom_0.values[f"COUNTERS_{name}"] = 100 + i
    _, counters = run(overlay, program)
    assert (counters.cycles, counters.macs, counters.out_blocked) == tuple(2**32 + 100 + i for i in (0, 1, 11))
    assert counters.sampled == {
        cause: (2**32 + 112 + i) * TINY.cores for i, cause in enumerate(("hazard", "fetch", "weight", "channel", "issue", "bank"))
    }


@pytest.mark.parametrize("code", [*ERRORS, 99])
def test_errors_of_the_hardware(program: Program, code: int) -> None:
    overlay = FakeOverlay(TINY, program)
    overlay.phantom_0.values["STATUS"] = code << 8
    with pytest.raises(
        DeviceError, match=re.escape(f"layer 'conv': {explain(code, program)} [STATUS = 0x{code << 8:08X}; activations: ")
    ):
        run(overlay, program)
    recovered(overlay)


def test_stopped_without_finishing(program: Program) -> None:
    overlay = FakeOverlay(TINY, program)
    overlay.phantom_0.values["STATUS"] = 0
    with pytest.raises(DeviceError, match="stopped without finishing"):
        run(overlay, program)
    recovered(overlay)


def test_time_out(program: Program) -> None:
    overlay = FakeOverlay(TINY, program)
    overlay.phantom_0.values["STATUS"] = 1
    with pytest.raises(DeviceTimeout, match=r"layer 'conv': not finished after 0.02 s \[STATUS = 0x00000001; act"):
        run(overlay, program, timeout=0.02)
    recovered(overlay)


@pytest.mark.parametrize(
    ("engine", "channel", "name"),
    [
        ("dma_act", "sendchannel", "dma_act, activations"),
        ("dma_act", "recvchannel", "dma_act, results"),
        ("dma_wgt", "sendchannel", "dma_wgt, weights"),
    ],
)
@pytest.mark.parametrize(("bit", "meaning"), [(0x10, "longer than its buffer"), (0x20, "SLVERR"), (0x40, "DECERR")])
def test_error_of_the_memory(program: Program, engine: str, channel: str, name: str, bit: int, meaning: str) -> None:
    overlay = FakeOverlay(TINY, program)
    overlay.phantom_0.values["STATUS"] = 1
    getattr(getattr(overlay, engine), channel).error = bit
    with pytest.raises(DeviceError, match=f"{name}: .*{meaning}.*DMASR = 0x{bit | 2:04X}"):
        run(overlay, program)
    recovered(overlay)


def test_reset_that_does_not_end(program: Program) -> None:
    overlay = FakeOverlay(TINY, program)
    overlay.phantom_0.values["STATUS"] = 3 << 8
    overlay.dma_wgt.stuck = True
    with pytest.raises(DeviceTimeout, match="dma_wgt does not come out of its reset"):
        run(overlay, program)


@pytest.mark.parametrize("engine", ["dma_act", "dma_wgt"])
def test_transfer_that_cannot_begin(program: Program, engine: str) -> None:
    overlay = FakeOverlay(TINY, program)
    getattr(overlay, engine).sendchannel.refuses = True
    with pytest.raises(DeviceError, match=f"layer 'conv': {engine}, .*: no transfer of .* can begin: DMA channel not idle"):
        run(overlay, program)
    assert 1 not in overlay.phantom_0.written("CTRL"), "not started without its streams"
    recovered(overlay)


def test_transfer_that_does_not_end(program: Program) -> None:
    overlay = FakeOverlay(TINY, program)
    overlay.dma_act.recvchannel.busy = True
    with pytest.raises(DeviceTimeout, match="layer 'conv': dma_act, results: the layer is done, but the transfer does not end"):
        run(overlay, program, timeout=0.02)
    recovered(overlay)


def test_failed_recovery_is_made_up_for(program: Program) -> None:
    """While an engine is stuck, nothing is begun; once it is free, everything goes on."""
    overlay = FakeOverlay(TINY, program)
    accelerator = Accelerator(overlay, TINY)
    source, result = np.zeros(10, np.uint64), np.zeros(program.result_words, np.uint64)
    overlay.dma_wgt.stuck = True
    for _ in range(2):
        with pytest.raises(DeviceTimeout, match="layer 'conv', before its start: dma_wgt does not come out of its reset"):
            accelerator.run_layer(program, source, 10, program.weights, result)
    assert not overlay.phantom_0.written("TABLE") and not overlay.dma_act.sendchannel.transfers
    overlay.dma_wgt.stuck = False
    accelerator.run_layer(program, source, 10, program.weights, result)
    resets = overlay.dma_wgt.resets
    accelerator.run_layer(program, source, 10, program.weights, result)
    assert overlay.dma_wgt.resets == resets, "after a good run there is nothing to recover from"


@pytest.mark.parametrize(("words", "size"), [(0, 0), (MAX_TRANSFER // 8 + 1, MAX_TRANSFER + 8)])
def test_too_long_a_transfer(program: Program, words: int, size: int) -> None:
    overlay = FakeOverlay(TINY, program)
    with pytest.raises(DeviceError, match=f"input of {size} bytes; a transfer takes 8 to {MAX_TRANSFER}"):
        run(overlay, program, words=words)
    assert not overlay.phantom_0.log, "nothing was begun"


def test_foreign_weights_and_small_buffers(program: Program) -> None:
    overlay = FakeOverlay(TINY, program)
    accelerator, result = Accelerator(overlay, TINY), np.zeros(program.result_words, np.uint64)
    with pytest.raises(DeviceError, match="layer 'conv': the buffer of weights does not hold the layer's stream"):
        accelerator.run_layer(program, result, 10, program.weights[::-1], result)
    with pytest.raises(ShapeError, match=f"layer 'conv': result of {8 * program.result_words} bytes in a buffer of 8"):
        accelerator.run_layer(program, result, 10, program.weights, result[:1])
    assert not overlay.phantom_0.log, "nothing was begun"


def test_value_beyond_its_field(program: Program) -> None:
    overlay = FakeOverlay(TINY, program)
    overlay.ip_dict["phantom_0"]["registers"]["LAYER_TILE"]["fields"]["rows"]["bit_width"] = 2
    with pytest.raises(DeviceError, match=r"LAYER_TILE.rows = \d+ does not fit its 2 bits"):
        run(overlay, program)


def recovered(overlay: FakeOverlay) -> None:
    """Everything was reset, and every channel that is used runs again."""
    assert overlay.phantom_0.log[-1] == ("CTRL", 2)
    assert overlay.dma_act.resets == overlay.dma_wgt.resets == 2, "before the first run, and after the error"
    for channel in (overlay.dma_act.sendchannel, overlay.dma_act.recvchannel, overlay.dma_wgt.sendchannel):
        assert channel.starts == 2
