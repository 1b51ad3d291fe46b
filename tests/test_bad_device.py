"""Memory that answers with errors or not at all, a device that is another one or goes silent, a reset in the middle of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from bad_input import TINY, Case, conv, make_board

from phantom.config import load_config
from phantom.driver import Accelerator
from phantom.errors import DeviceError, DeviceTimeout

START = 0x1  # CTRL


@pytest.fixture(scope="module")
def board() -> Iterator[Accelerator]:
    pytest.importorskip("pynq")
    result = make_board()
    yield result
    result.overlay.device.close()


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(conv(6, 40, name="strips"), (6, 16, 40))


def model(board: Accelerator) -> Any:
    return board.overlay.device.model


# --- the memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("response", [2, 3], ids=["SLVERR", "DECERR"])
@pytest.mark.parametrize("place", ["first word", "middle", "last word"])
@pytest.mark.parametrize("which", ["activations", "weights", "results"])
def test_error_of_the_memory(board: Accelerator, case: Case, which: str, place: str, response: int) -> None:
    engine = ("dma_wgt1" if place == "last word" else "dma_wgt") if which == "weights" else "dma_act"
    source, weights = board.upload(case.words), board.upload(case.weights)
    result = board.allocate(case.program.result_words)
    buffer = {"activations": source, "weights": weights, "results": result}[which]
    words, _ = board.run_layer(case.program, source, len(case.words), weights, result)
    last = {"activations": len(case.words), "weights": len(case.weights), "results": words}[which] - 1
    bad = buffer.device_address + 8 * {"first word": 0, "middle": last // 2, "last word": last}[place]
    model(board).inject_error(bad, bad + 8, response)
    with case.refused(board, f"{engine}, {which}: the memory answered {'SLVERR' if response == 2 else 'DECERR'}.*DMASR = 0x"):
        try:
            board.run_layer(case.program, source, len(case.words), weights, result)
        finally:
            model(board).inject_error(0, 0)


STOPS = ["hp0_read", "hp3_write", "hp1_read", "hp2_read"]


@pytest.mark.parametrize("beats", [0, 1, 100])
@pytest.mark.parametrize("channel", STOPS)
def test_memory_that_stops(board: Accelerator, case: Case, channel: str, beats: int) -> None:
    """The watchdog sees it. An engine with a burst under way cannot be reset: the next run says so, until the memory is back."""
    engine = {"hp1_read": "dma_wgt", "hp2_read": "dma_wgt1"}.get(channel, "dma_act")
    stuck = f"{engine} does not come out of its reset: the memory owes it an answer"
    model(board).inject_stop(channel, beats)
    try:
        with pytest.raises(DeviceError, match=rf"layer 'strips': error 8, watchdog.*STATUS = 0x00000800; .*DMASR = .*; {stuck}"):
            case.run(board)
        with pytest.raises(DeviceTimeout, match=f"layer 'strips', before its start: {stuck}"):
            case.run(board)
    finally:
        model(board).inject_stop(channel, None)
    case.check(board)


@pytest.mark.parametrize("channel", STOPS)
def test_memory_that_stops_without_a_watchdog(board: Accelerator, case: Case, channel: str) -> None:
    """The driver's own time-out (here at its first look), with the state of the registers."""
    timeout, watchdog = board.timeout, board.watchdog
    board.timeout, board.watchdog = 0.001, 0
    model(board).inject_stop(channel, 50)
    try:
        with case.refused(board, r"not finished after 0.001 s \[STATUS = 0x00000001; activations: \d+ of \d+", DeviceTimeout):
            try:
                case.run(board)
            finally:
                board.timeout, board.watchdog = timeout, watchdog
                model(board).inject_stop(channel, None)
    finally:
        board.timeout, board.watchdog = timeout, watchdog


def test_last_answer_that_never_comes(board: Accelerator, case: Case) -> None:
    """The layer is done, but the end of its result is not in memory: that is no success."""
    before = model(board).beats.hp3_write
    case.check(board)
    written = model(board).beats.hp3_write - before
    model(board).inject_stop("hp3_write", written - 1)
    with case.refused(board, r"dma_act S2MM_DMASR still reads .*\[STATUS = 0x00000002; ", DeviceTimeout):
        try:
            case.run(board)
        finally:
            model(board).inject_stop("hp3_write", None)


# --- the device -----------------------------------------------------------------------------------------------------------


def test_registers_that_do_not_answer(board: Accelerator, case: Case) -> None:
    """Before a run, and while it waits: an exception that says where, not a hang."""
    model(board).inject_stop("registers")
    with case.refused(board, "write to 0x43C000.*no answer within 10000 cycles.*STATUS = .; ", DeviceTimeout):
        try:
            case.run(board)
        finally:
            model(board).inject_stop("registers", None)
    with pytest.raises(DeviceTimeout, match=r"read of 0x43C00000.*no answer"):
        model(board).inject_stop("registers")
        try:
            Accelerator(board.overlay, TINY)
        finally:
            model(board).inject_stop("registers", None)
    case.check(board)


def when_started(board: Accelerator, monkeypatch: pytest.MonkeyPatch, action: Callable[[], None]) -> None:
    """Do something 2,000 cycles after the next start of a layer."""
    block, write = board.overlay.phantom_0, board.overlay.phantom_0.write
    control = board._address("CTRL")

    def spy(address: int, value: int) -> None:
        write(address, value)
        if (address, value) == (control, START):
            monkeypatch.undo()
            model(board).step(2000)
            assert block.read(board._address("STATUS")) is not None
            action()

    monkeypatch.setattr(block, "write", spy)


def test_registers_that_fall_silent_in_a_run(board: Accelerator, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    when_started(board, monkeypatch, lambda: model(board).inject_stop("registers"))
    with case.refused(board, "read of 0x43C00044 .*no answer", DeviceTimeout):
        try:
            case.run(board)
        finally:
            model(board).inject_stop("registers", None)


@pytest.mark.parametrize("cycles", [0, 30, 400, 700, 1500, 9000])
def test_reset_while_busy(board: Accelerator, case: Case, monkeypatch: pytest.MonkeyPatch, cycles: int) -> None:
    """Somebody resets the accelerator under the driver's feet."""
    block, write, control = board.overlay.phantom_0, board.overlay.phantom_0.write, board._address("CTRL")

    def spy(address: int, value: int) -> None:
        write(address, value)
        if (address, value) == (control, START):
            monkeypatch.undo()
            model(board).step(cycles)
            assert model(board).read(0x43C0_0044) & 1, "it is to be busy"
            write(control, 2)

    monkeypatch.setattr(block, "write", spy)
    with case.refused(board, "stopped without finishing.*STATUS = 0x00000000"):
        case.run(board)


def test_interrupted_run(board: Accelerator, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C goes through as it is, and the DMA has let go of the buffers."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    when_started(board, monkeypatch, interrupt)
    with pytest.raises(KeyboardInterrupt):
        case.run(board)
    for engine in (board.overlay.dma_act, board.overlay.dma_wgt, board.overlay.dma_wgt1):
        assert engine.read(0x04) == 0, "neither halted nor under way: as after a reset and a start"
    case.check(board)


def test_a_driver_that_finds_a_busy_device(board: Accelerator, case: Case) -> None:
    """What another program left behind, in the middle of its run, does not matter."""
    source, weights = board.upload(case.words), board.upload(case.weights)
    result = board.allocate(case.program.result_words)
    board.configure(case.program)
    board._transfers.result.begin(result, 8 * case.program.result_words)
    board._transfers.source.begin(source, 8 * len(case.words))
    for transfer, (start, words) in zip(board._transfers.weights, case.program.weight_streams, strict=True):
        transfer.begin(weights, 8 * words, 8 * start)
    board._write_fields("CTRL", {"start": 1})
    model(board).step(5000)
    assert model(board).read(0x43C0_0044) & 1
    case.check(Accelerator(board.overlay, TINY))
    board.recover()
    case.check(board)


def test_another_build(board: Accelerator, case: Case) -> None:
    with pytest.raises(DeviceError, match=r"built with rows = 1; configuration 'small' has 2: load the bitstream of 'small'"):
        Accelerator(board.overlay, load_config("small"))
    case.check(board)


def test_another_major_version(board: Accelerator, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    block, read = board.overlay.phantom_0, board.overlay.phantom_0.read
    monkeypatch.setattr(block, "read", lambda address: read(address) + (address == 4) * (1 << 16))
    with pytest.raises(DeviceError, match="the hardware has version 2 of the register map; this driver knows 1"):
        Accelerator(board.overlay, TINY)
    monkeypatch.undo()
    case.check(board)


def test_words_of_a_run_are_counted_in_the_message(board: Accelerator, case: Case) -> None:
    damaged = case.words.copy()
    damaged[-1] ^= np.uint64(1 << 40)
    n, weights = len(damaged), case.program.strips * sum(case.program.weight_words)
    with case.refused(board, rf"error 3, .*\[STATUS = 0x00000300; activations: {n} of {n} words, .*of {weights} words, "):
        case.run(board, damaged)
