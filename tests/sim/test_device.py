"""Registers, DMA and errors through the unmodified PYNQ stack on the simulated device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pynq
import pytest
from pynq import Overlay
from pynq.lib.dma import DMA

from phantom.errors import DeviceError, DeviceTimeout, RangeError
from phantom_sim import overlay, verilate
from phantom_sim.device import SimulatedDevice
from phantom_sim.hwh import CONTROL_VLNV
from phantom_sim.verilate import Design

CONTROL = 0x43C0_0000


def send_and_receive(board: Overlay, data: np.ndarray) -> np.ndarray:
    """`data` (uint64) through the loop, by the stock driver."""
    source = pynq.allocate(data.shape, np.uint64)
    result = pynq.allocate(data.shape, np.uint64)
    source[:] = data
    board.dma_act.recvchannel.transfer(result)
    board.dma_act.sendchannel.transfer(source)
    board.dma_act.sendchannel.wait()
    board.dma_act.recvchannel.wait()
    assert board.dma_act.recvchannel.transferred == data.nbytes
    return np.array(result)


def random_words(count: int, seed: int) -> np.ndarray:
    """Random uint64."""
    return np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64)


def test_the_overlay_has_what_the_driver_looks_for(loop: Overlay) -> None:
    """Drivers bind by VLNV; parameters, registers and the clock come from the generated .hwh."""
    assert isinstance(loop.dma_act, DMA) and isinstance(loop.dma_wgt, DMA)
    assert loop.dma_act.recvchannel is not None and loop.dma_wgt.recvchannel is None
    assert loop.ip_dict["phantom_0"]["type"] == CONTROL_VLNV
    assert loop.ip_dict["phantom_0"]["parameters"] == {"Rows": "2", "Cols": "3"}
    assert loop.ip_dict["phantom_0"]["registers"]["STATUS"]["address_offset"] == 0x44
    assert pynq.Clocks.fclk0_mhz == pytest.approx(125.0)


def test_identity_and_build_parameters_read_back(loop: Overlay) -> None:
    """The design says what it is; the register map names the fields."""
    registers = loop.phantom_0.register_map
    assert int(registers.ID) == 0x5048544D
    assert registers.VERSION.major == 1
    assert (int(registers.ROWS), int(registers.COLS)) == (2, 3)
    registers.LAYER_INPUT.cols = 77
    registers.LAYER_INPUT.rows = 5
    assert int(registers.LAYER_INPUT) == 77 << 12 | 5


def test_a_run_counts_its_cycles_exactly(loop: Overlay) -> None:
    """Start, poll to done, 64-bit counter. Polling from Python takes few reads, however long the run."""
    loop.phantom_0.write(0x80, 1000)  # LAYER.INPUT.rows
    loop.phantom_0.write(0x40, 1)  # CTRL.start
    reads = 1
    while loop.phantom_0.read(0x44) & 1:
        reads += 1
    assert reads <= 5
    assert loop.phantom_0.read(0x44) & 2
    assert loop.phantom_0.mmio.read(0x100, 8) == 16_000


def test_table_port_steps_its_index(loop: Overlay) -> None:
    """Entries written back to back land in order."""
    loop.phantom_0.write(0x50, 0x0003_0000)
    for entry in range(8):
        loop.phantom_0.write(0x54, 0xAB00 + entry)
        loop.phantom_0.write(0x58, entry)
    assert loop.phantom_0.read(0x50) == 0x0003_0008
    for entry in range(8):
        loop.phantom_0.write(0x50, entry)
        assert loop.phantom_0.read(0x48) == 0xAB00 + entry


@pytest.mark.parametrize("seed", range(6))
def test_stock_dma_loops_random_sizes(loop: Overlay, seed: int) -> None:
    """One word, odd sizes, sizes around a burst and a page, and a large one."""
    rng = np.random.default_rng(seed)
    for count in (1, 2, 15, 16, 17, 511, 512, 513, int(rng.integers(1, 3000))):
        data = random_words(count, seed)
        assert np.array_equal(send_and_receive(loop, data), data)


def test_weights_have_a_port_of_their_own(loop: Overlay) -> None:
    """dma_wgt reads through hp1; its sink saw every word."""
    data = random_words(1000, 3)
    source = pynq.allocate(data.shape, np.uint64)
    source[:] = data
    loop.dma_wgt.sendchannel.transfer(source)
    loop.dma_wgt.sendchannel.wait()
    beats = loop.device.model.beats
    assert (beats.hp1_read, beats.hp0_read) == (1000, 0)
    assert loop.phantom_0.read(0x108) == 1000
    assert loop.phantom_0.read(0x110) == int((data & 0xFFFFFFFF).sum()) & 0xFFFFFFFF


def test_a_forgotten_flush_or_invalidate_shows(loop: Overlay) -> None:
    """The DDR does not see what the processor wrote before a flush, nor the processor the DDR before an invalidate."""
    buffer = pynq.allocate((16,), np.uint32)
    buffer[:] = 7
    at = buffer.device_address - loop.device.arena.base
    ddr = loop.device.arena.ddr[at : at + buffer.nbytes].view(np.uint32)
    assert not ddr.any()
    buffer[4:8].flush()
    assert ddr.tolist() == [0] * 4 + [7] * 4 + [0] * 8
    ddr[:] = 9
    assert buffer[0] == 7
    buffer.invalidate()
    assert (buffer == 9).all()


def test_buffers_are_freed_with_their_last_view(loop: Overlay) -> None:
    """A plain array on the memory keeps it; memory that is free is used again; too much is refused by name."""
    first = pynq.allocate((1 << 20,), np.uint8)
    address = first.device_address
    view = np.asarray(first)[10:]
    del first
    second = pynq.allocate((1,), np.uint8)
    assert second.device_address != address
    del view
    assert pynq.allocate((1 << 20,), np.uint8).device_address == address
    with pytest.raises(RangeError, match="no room for a buffer"):
        pynq.allocate((17 << 20,), np.uint8)


@pytest.mark.parametrize("offset", [0x0C, 0x3C, 0x200, 0x8000, 0xFFFC])
def test_reading_where_nothing_is_fails(loop: Overlay, offset: int) -> None:
    """Holes in the register map, and the far end of the window."""
    with pytest.raises(DeviceError, match="SLVERR"):
        loop.device.read_registers(CONTROL + offset, 4)


def test_outside_the_design_there_is_nothing(loop: Overlay) -> None:
    """No simulation time passes for an address that no block has."""
    with pytest.raises(DeviceError, match="no register block at 0x50000000"):
        loop.device.read_registers(0x5000_0000, 4)


def test_read_only_registers_refuse_a_write(loop: Overlay) -> None:
    """STATUS is not for writing."""
    with pytest.raises(DeviceError, match=r"write to 0x43C00044.*SLVERR"):
        loop.phantom_0.write(0x44, 1)


def test_a_register_that_never_answers_is_a_timeout(loop: Overlay) -> None:
    """The counter SILENT is decoded, but nobody answers."""
    with pytest.raises(DeviceTimeout, match=r"0x43C00118.*no answer within 10000 cycles"):
        loop.phantom_0.read(0x118)


def test_a_run_that_never_ends_is_a_timeout(loop: Overlay) -> None:
    """A driver's plain polling loop ends in an exception, not in a hang."""
    loop.phantom_0.write(0x80, 0xFFF)
    loop.phantom_0.write(0x40, 1)
    with pytest.raises(DeviceTimeout, match="phantom_0 STATUS still reads 0x00000001"):
        while loop.phantom_0.read(0x44) & 1:
            pass
    assert loop.device.model.cycles < 100_000


def test_waiting_for_a_stream_that_never_comes_is_a_timeout(loop: Overlay) -> None:
    """The stock driver's wait() would spin for ever."""
    result = pynq.allocate((64,), np.uint64)
    loop.dma_act.recvchannel.transfer(result)
    with pytest.raises(DeviceTimeout, match="dma_act S2MM_DMASR"):
        loop.dma_act.recvchannel.wait()


def test_an_address_outside_memory_is_a_decode_error(loop: Overlay) -> None:
    """DECERR from the memory reaches the status register, and the stock driver raises."""
    dma = loop.dma_wgt
    for offset, value in ((0x18, 0x0800_0000), (0x28, 256)):
        dma.write(offset, value)
    loop.device.model.step(1000)  # the error shows first, halted once the bursts under way are drained
    status = loop.device.read_registers(0x43C2_0004, 4)
    assert int.from_bytes(status, "little") & 0x71 == 0x41  # DecErr, halted


def test_an_injected_slave_error_is_reported(loop: Overlay) -> None:
    """SLVERR in the middle of a buffer stops the transfer with the right bit."""
    source = pynq.allocate((1024,), np.uint64)
    bad = source.device_address + 4000
    loop.device.model.inject_error(bad, bad + 8)
    with pytest.raises(RuntimeError):
        loop.dma_wgt.sendchannel.transfer(source)
        loop.dma_wgt.sendchannel.wait()
    loop.device.model.step(1000)  # the error shows first, halted once the bursts under way are drained
    status = loop.device.read_registers(0x43C2_0004, 4)
    assert int.from_bytes(status, "little") & 0x71 == 0x21  # SlvErr, halted


@pytest.mark.parametrize("response, bit", [(2, 0x20), (3, 0x40)])
def test_an_injected_answer_is_the_one_that_was_asked_for(loop: Overlay, response: int, bit: int) -> None:
    """SLVERR or DECERR, for writes too, and no longer than wanted."""
    source, result = pynq.allocate((64,), np.uint64), pynq.allocate((64,), np.uint64)
    loop.device.model.inject_error(result.device_address, result.device_address + 8, response)
    loop.dma_act.recvchannel.transfer(result)
    loop.dma_act.sendchannel.transfer(source)
    loop.device.model.step(2000)
    assert loop.dma_act.read(0x34) & 0x70 == bit
    loop.device.model.inject_error(0, 0)
    loop.download()
    loop.dma_act.recvchannel.start()
    loop.dma_act.sendchannel.start()
    data = random_words(64, 9)
    assert np.array_equal(send_and_receive(loop, data), data)


@pytest.mark.parametrize("channel", ["hp0_read", "hp3_write", "hp1_read"])
@pytest.mark.parametrize("beats", [0, 1, 37, 200])
def test_a_channel_stops_where_it_was_told_to(loop: Overlay, channel: str, beats: int) -> None:
    """Not a beat more; the others go on; and when it goes on nothing is lost."""
    model, data = loop.device.model, random_words(300, 4)
    source, weights, result = (pynq.allocate((300,), np.uint64) for _ in range(3))
    source[:] = weights[:] = data
    model.inject_stop(channel, beats)
    loop.dma_act.recvchannel.transfer(result)
    loop.dma_act.sendchannel.transfer(source)
    loop.dma_wgt.sendchannel.transfer(weights)
    model.step(5000)
    assert getattr(model.beats, channel) == beats
    assert (model.beats.hp1_read == 300) == (channel != "hp1_read")
    model.inject_stop(channel, None)
    for wait in (loop.dma_act.sendchannel, loop.dma_act.recvchannel, loop.dma_wgt.sendchannel):
        wait.wait()
    assert np.array_equal(result, data) and model.beats.total == 900


def test_registers_that_were_told_not_to_answer(loop: Overlay) -> None:
    """Reads and writes time out, and do nothing; afterwards all is as before."""
    model = loop.device.model
    model.inject_stop("registers")
    for access in (lambda: loop.phantom_0.read(0), lambda: loop.phantom_0.write(0x80, 5)):
        with pytest.raises(DeviceTimeout, match="no answer within 10000 cycles"):
            access()
    model.inject_stop("registers", None)
    assert loop.phantom_0.read(0) == 0x5048544D and loop.phantom_0.read(0x80) == 0


def test_a_reset_engine_is_not_waited_for(loop: Overlay) -> None:
    """Its status reads "not idle" again, but no transfer is under way: reading it takes no time."""
    loop.dma_act.recvchannel.transfer(pynq.allocate((64,), np.uint64))
    loop.dma_act.write(0x00, 4)
    loop.dma_act.recvchannel.start()
    start = loop.device.model.cycles
    assert loop.dma_act.read(0x34) == 0
    assert loop.device.model.cycles - start < 1000


def test_loading_again_resets_the_design(loop: Overlay) -> None:
    """download() is a reset: storage in the design is back to its reset value."""
    loop.phantom_0.write(0x80, 0x123)
    loop.download()
    assert loop.phantom_0.read(0x80) == 0


def test_a_closed_device_says_so(loop: Overlay) -> None:
    """Using it is an error, not a crash."""
    loop.device.close()
    with pytest.raises(DeviceError, match="closed"):
        loop.phantom_0.read(0)


def test_a_trace_is_written_when_asked_for(design: Design, tmp_path: Path) -> None:
    """The same design built with tracing; the file is complete once the device is closed."""
    path = tmp_path / "run.fst"
    board = overlay.board(design, memory_bytes=1 << 20, trace=path)
    assert board.phantom_0.read(0) == 0x5048544D
    board.device.close()
    assert path.stat().st_size > 500
    plain = verilate.build(design)
    with pytest.raises(DeviceError, match="without tracing"):
        SimulatedDevice(plain, memory_bytes=1 << 20, trace=tmp_path / "none.fst")
