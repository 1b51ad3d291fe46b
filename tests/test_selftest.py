"""`phantom selftest` on the simulated board: a good one passes; of one that is broken in a known way it says what is wrong."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from broken_device import damage, miscompute, packets_of, reads

from phantom import cli
from phantom.config import Config, load_config
from phantom.program import compile_network
from phantom.selftest import clock, loop, run
from phantom.selftest.networks import jobs
from phantom.selftest.where import owners

TINY = load_config("tiny")
FEW = ("depthwise", "fully connected")  # no two cores of `tiny` get the same weights in these


@pytest.fixture(scope="module")
def simulation() -> Iterator[Any]:
    pytest.importorskip("pynq")
    from phantom_sim.overlay import board

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = board("tiny", hang_cycles=200_000)
    yield result
    result.device.close()


@pytest.fixture
def overlay(simulation: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A board for a self-test of two kinds of layer, which are enough to see what a fault looks like."""
    monkeypatch.setattr(run, "jobs", lambda: [job for job in jobs() if job.title in FEW])
    return simulation


class Result:
    """What a self-test found."""

    def __init__(self, overlay: Any, exact: bool = True) -> None:
        self.passed, self.document = run.selftest(overlay, TINY, exact)
        self.failed = {check["title"]: check["text"] for check in self.document["checks"] if not check["passed"]}
        self.tried = [check["title"] for check in self.document["checks"]]
        self.meaning = " ".join(self.document["meaning"])
        assert self.passed == (not self.failed) == (not self.meaning)


# --- a good device --------------------------------------------------------------------------------------------------------


def test_a_good_device_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pynq")
    report = tmp_path / "selftest.json"
    assert cli.main(["selftest", "--device", "rtl", "--json", str(report)]) == 0
    lines = capsys.readouterr().out.splitlines()
    document = json.loads(report.read_text())
    titles = [check["title"] for check in document["checks"]]
    assert titles == ["identity", "registers", "clock", "DMA loop", *(job.title for job in jobs()), "cycles"]
    assert document["passed"] and document["meaning"] == [] and document["device"] == "rtl"
    assert lines[-1] == "passed" and len(lines) == len(titles) + 2 < 40, "one page"
    assert all(line.startswith("  ok    ") and title in line for line, title in zip(lines[1:], titles))
    assert "cycles               20 networks within 1 % and 8 cycles a stage of the cycle model" in lines[-2]


# --- identity, registers, clock -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("register", "change", "message"),
    [
        ("ID", lambda value: value ^ 1, "identifies itself as 0x5048544C; a Phantom would say 0x5048544D"),
        ("VERSION", lambda value: value + (1 << 16), "version 2 of the register map; this driver knows 1"),
        ("COLS", lambda value: value * 2, "built with cols = 4; configuration 'tiny' has 2: load the bitstream of 'tiny'"),
    ],
)
def test_another_device(overlay: Any, monkeypatch: pytest.MonkeyPatch, register: str, change: Any, message: str) -> None:
    reads(overlay, monkeypatch, "phantom_0", register, change)
    result = Result(overlay)
    assert result.tried == ["identity"] and message in result.failed["identity"]
    assert "nothing else was tried" in result.meaning


def test_identity_that_is_right_nearly_always(overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    count = iter(range(10_000))
    reads(overlay, monkeypatch, "phantom_0", "ID", lambda value: value ^ (0x100 if next(count) == 60 else 0))
    assert "ID read 0x5048544D, then 0x5048554D; it must never change" in Result(overlay).failed["identity"]


def test_a_description_of_another_build(overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    description = dict(overlay.ip_dict)
    description["phantom_0"] = {**description["phantom_0"], "parameters": {"Rows": "1", "RunDepth": "256"}}
    found = Result(types.SimpleNamespace(phantom_0=overlay.phantom_0, ip_dict=description)).failed["identity"]
    assert "built with run_depth = 512, and its description (.hwh) says 256; the two files must be of one build" in found


@pytest.mark.parametrize("stuck", [0, 0x10])
def test_register_with_a_stuck_bit(overlay: Any, monkeypatch: pytest.MonkeyPatch, stuck: int) -> None:
    reads(overlay, monkeypatch, "dma_act", "MM2S_SA", lambda value: value & ~0x10 | stuck)
    result = Result(overlay)
    assert "dma_act MM2S_SA: wrote 0x" in result.failed["registers"]
    assert "cannot rely on the registers" in result.meaning


def test_register_that_answers_for_another(overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    block, write = overlay.dma_act, overlay.dma_act.write
    registers = overlay.ip_dict["dma_act"]["registers"]
    source, result = (registers[name]["address_offset"] for name in ("MM2S_SA", "S2MM_DA"))
    monkeypatch.setattr(block, "write", lambda at, value: write(source if at == result else at, value))
    assert "dma_act MM2S_SA: wrote 0x00000000, read 0x00000010" in Result(overlay).failed["registers"]


def test_registers_that_fall_silent(overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the identity: every check ends, and the report is written."""
    check = run.check_registers

    def silent(overlay: Any, config: Config) -> str:
        overlay.device.model.inject_stop("registers")
        return check(overlay, config)

    monkeypatch.setattr(run, "check_registers", silent)
    try:
        result = Result(overlay)
    finally:
        overlay.device.model.inject_stop("registers", None)
    assert result.tried == ["identity", "registers", "driver"] and "no answer" in result.failed["driver"]


@pytest.mark.parametrize(
    ("setting", "measured", "message"),
    [
        (50.0, 50.0, "the clock is set to 50 MHz, too slow for configuration 'tiny', 100 MHz"),
        (200.0, 200.0, "the clock is set to 200 MHz; configuration 'tiny' is built for 100"),
        (100.0, 50.0, r"(49.9|50.0). MHz by the counter of cycles, while the processor has set 100 MHz"),
    ],
)
def test_another_clock(
    overlay: Any, monkeypatch: pytest.MonkeyPatch, setting: float, measured: float, message: str
) -> None:
    real = overlay.device.stopwatch
    ratio = 100 / measured  # seconds of the world in a second of the design
    watch = clock.Stopwatch(lambda: real.now() * ratio, lambda seconds: real.sleep(seconds / ratio), real.seconds)
    monkeypatch.setattr(clock, "stopwatch_of", lambda overlay: watch)
    monkeypatch.setattr(clock, "_setting", lambda: setting)
    result = Result(overlay)
    assert list(result.failed) == ["clock"]
    assert re.search(message, result.failed["clock"])
    assert "The clock is not what the configuration says" in result.meaning


def test_the_setting_is_read_from_the_processor(overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from pynq import Clocks

    before = Clocks.fclk0_mhz
    try:
        Clocks.fclk0_mhz = 50
        assert "MHz by the counter of cycles, while the processor has set 50 MHz" in Result(overlay).failed["clock"]
    finally:
        Clocks.fclk0_mhz = before
    assert Result(overlay).passed


def test_a_counter_that_stands_still(overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reads(overlay, monkeypatch, "phantom_0", "COUNTERS_CYCLES", lambda value: 7)
    assert "the counter of cycles stands at 7 while a layer runs" in Result(overlay).failed["clock"]


# --- memory ---------------------------------------------------------------------------------------------------------------


def test_bits_that_are_stuck_on_the_way(overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit 6 of the second byte of each word of values reads as 1."""

    def change(words: np.ndarray) -> None:
        if words[-1] == loop.MARK:  # the buffer of the loop's result
            for at, count in packets_of(words):
                words[at : at + count] |= np.uint64(1 << 14)

    damage(overlay, monkeypatch, change)
    result = Result(overlay)
    assert list(result.failed) == ["DMA loop"]
    assert re.search(r"\d+ of 16384 bytes came back changed: bits 0x40, in bytes \[1\] of the words", result.failed["DMA loop"])
    assert "Data is damaged or lost on its way" in result.meaning


def test_words_that_are_lost_on_the_way(overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the way in the hardware sees it: every second word is what the one before it was, as on a port of 32 bits."""

    def change(words: np.ndarray) -> None:
        if int(words[-1]) & 15 == 0xE and int(words[0]) & 15 == 1:
            words[1::2] = words[: len(words) // 2 * 2 : 2]

    damage(overlay, monkeypatch, change, "flush")
    result = Result(overlay)
    assert set(result.failed) == {"DMA loop", *FEW, "cycles"}
    assert re.search("error [123], activation stream", result.failed["DMA loop"])
    assert "mend that first" in result.meaning


def test_memory_that_answers_with_errors(overlay: Any) -> None:
    model = overlay.device.model
    base = overlay.device.arena.base
    model.inject_error(base, base + overlay.device.arena.size)
    try:
        result = Result(overlay)
    finally:
        model.inject_error(0, 0)
    assert set(result.failed) == {"DMA loop", *FEW, "cycles"}
    assert "the memory answered SLVERR" in result.failed["DMA loop"] and "no network ran to its end" in result.failed["cycles"]
    assert "2 of 2 kinds of layer did not run to their end" in result.meaning


def test_words_beyond_the_result(overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(words: np.ndarray) -> None:
        if words[-1] == loop.MARK:
            words[-3] = 0

    damage(overlay, monkeypatch, change)
    result = Result(overlay)
    assert list(result.failed) == ["DMA loop"]
    assert "was written, but the result has" in result.failed["DMA loop"]


def test_an_input_that_changes(overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(words: np.ndarray) -> None:
        if int(words[-1]) & 15 == 0xE:  # a buffer that an input fills
            words[5] ^= np.uint64(1)

    damage(overlay, monkeypatch, change)
    result = Result(overlay)
    assert list(result.failed) == ["DMA loop"] and "the input changed while it was read" in result.failed["DMA loop"]


# --- arithmetic -----------------------------------------------------------------------------------------------------------


def test_a_thread_that_computes_wrong_values(overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = (job for job in jobs() if job.title == FEW[0])
    row, col, thread = owners(compile_network(job.network, TINY)[0])[:, -1, 0, 0].tolist()  # of the last filter
    miscompute(monkeypatch, run, TINY, lambda *who: who == (row, col, thread))
    result = Result(overlay)
    assert result.failed[FEW[0]].endswith(f"values differ, all of core ({row}, {col}), thread {thread}")
    assert f"All wrong values are of one thread, {thread} of core ({row}, {col}): a path that is too slow there" in result.meaning


def test_a_core_that_computes_wrong_values(overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    miscompute(monkeypatch, run, TINY, lambda row, col, thread: col == 1)
    result = Result(overlay)
    assert "all of core (0, 1), " in result.failed["depthwise"]
    assert "All wrong values are of one core, (0, 1)" in result.meaning
    (check,) = (c for c in result.document["checks"] if c["title"] == "depthwise")
    assert [(c["row"], c["col"]) for c in check["cores"]] == [(0, 1)]


def test_all_cores_that_compute_wrong_values(overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    miscompute(monkeypatch, run, TINY, lambda row, col, thread: True)
    result = Result(overlay)
    assert "of 2 of the 2 cores that computed it" in result.failed["depthwise"]
    assert "2 of 2 kinds of layer are wrong, whichever core computed them: too fast a clock" in result.meaning


# --- counters and time ----------------------------------------------------------------------------------------------------


def test_a_counter_that_is_wrong(overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reads(overlay, monkeypatch, "phantom_0", "COUNTERS_ACT_WORDS", lambda value: value + 1)
    assert "values are right, the counter is not" in Result(overlay).failed["depthwise"]


def test_multiplies_that_are_not_those_of_the_model(overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    reads(overlay, monkeypatch, "phantom_0", "COUNTERS_MACS", lambda value: value + 1)
    result = Result(overlay)
    assert list(result.failed) == ["cycles"]
    assert "depthwise: 2,216 multiplies, not 2,215" in result.failed["cycles"]


@pytest.fixture
def memory(overlay: Any) -> Iterator[Callable[..., None]]:
    """Set the speed of the memory."""
    model, before = overlay.device.model, overlay.device.model.timing
    yield lambda **speed: model.set_timing(dataclasses.replace(before, **speed))
    model.set_timing(before)


def test_slow_memory(overlay: Any, memory: Callable[..., None]) -> None:
    """Results are right; on a board only what no memory in use explains is wrong."""
    memory(port_mb_per_s=500.0, latency=60)
    exact = Result(overlay)
    assert list(exact.failed) == ["cycles"] and "Results are right, but time is not" in exact.meaning
    assert "DMA loop: " in exact.failed["cycles"] and "(by the " in exact.failed["cycles"]
    assert Result(overlay, exact=False).passed
    memory(port_mb_per_s=100.0)
    assert list(Result(overlay, exact=False).failed) == ["cycles"]


def test_memory_that_is_faster_than_any(overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer cycles than a layer can take: the counter does not count."""
    reads(overlay, monkeypatch, "phantom_0", "COUNTERS_CYCLES", lambda value: value // 2)
    monkeypatch.setattr(run, "check_clock", lambda *_: "not looked at")
    assert "DMA loop: 4," in Result(overlay, exact=False).failed["cycles"]


def test_the_figures_of_the_package_are_used_without_the_model(overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "phantom_sim.selftest_figures", None)
    result = Result(overlay)
    assert result.passed and result.document["cycles_compared"] == "by the figures that come with the package"


def test_a_board_is_compared_with_the_figures_of_the_package_even_where_the_model_is_installed(overlay: Any) -> None:
    assert Result(overlay, exact=False).document["cycles_compared"] == "by the figures that come with the package"
