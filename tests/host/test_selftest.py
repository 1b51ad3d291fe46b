"""The parts of the self-test that need no device: what it runs, who computes what, figures of the package, what findings mean."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from phantom.config import load_config, load_configs
from phantom.errors import ConfigError, FormatError
from phantom.network import Add, Concat, Conv, FullyConnected, MaxPool
from phantom.program import Program, compile_network
from phantom.run import by_name
from phantom.selftest import figures
from phantom.selftest.figures import stored
from phantom.selftest.findings import Finding, meaning, page
from phantom.selftest.loop import loop_job
from phantom.selftest.networks import jobs
from phantom.selftest.where import Wrong, first_wrong, owners
from phantom.weight_decode import decode_core

CONFIGS = load_configs()
JOBS = {job.title: job for job in jobs()}


def test_every_kind_of_layer_is_there() -> None:
    layers = [layer for job in JOBS.values() for layer in job.network.layers]
    assert {type(layer) for layer in layers} == {Conv, FullyConnected, MaxPool, Add, Concat}
    convs = [layer for layer in layers if isinstance(layer, Conv)]
    assert {layer.stride for layer in convs} >= {1, 2, 3, 4} and {layer.dilation for layer in convs} == {1, 2}
    assert {layer.weights.shape[2] for layer in convs} == {1, 3, 5, 7, 11}
    assert {bool(layer.channel_groups > 1) + (layer.channel_groups == layer.filters) for layer in convs} == {0, 1, 2}
    assert {job.image.dtype for job in JOBS.values()} == {np.dtype(np.uint8), np.dtype(np.int8)}


def test_they_are_the_same_every_time() -> None:
    """Otherwise the figures of the package would be those of other networks."""
    for job in jobs():
        assert np.array_equal(job.image, JOBS[job.title].image)


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_every_thread_of_every_core_computes(name: str) -> None:
    config = CONFIGS[name]
    (program,) = compile_network(JOBS["conv, every core"].network, config)
    assert len(np.unique(owners(program).reshape(3, -1), axis=1).T) == config.multipliers


@pytest.mark.parametrize("name", ["tiny", "pynq_z2"])
def test_the_loop_is_more_than_the_row_buffer_holds(name: str) -> None:
    config = CONFIGS[name]
    job = loop_job(config)
    (program,) = compile_network(job.network, config)
    assert config.row_buffer_words < len(program.source.compress(job.image)) < 2 * config.row_buffer_words
    values = {int(byte) for byte in np.unique(job.image)}
    assert values == set(range(1, 256)), "a zero would not be sent"


# --- who computes what ----------------------------------------------------------------------------------------------------


def weights_by_thread(program: Program, row: int, col: int, threads: int) -> np.ndarray:
    """Nonzero weights that each thread of a core is sent, by the weight streams: int64 [threads]."""
    bits = program.registers["CORE"]
    total = np.zeros(threads, np.int64)
    for start, count in program.weight_streams:
        words = program.weights[start : start + count]
        found = decode_core(words, row, col, threads, bits["window_bits"], bits["slot_bits"])
        total += np.bincount(found.thread, minlength=threads)
    return total


@pytest.mark.parametrize("title", [title for title in JOBS if title not in ("addition", "concatenation")])
@pytest.mark.parametrize("name", ["tiny", "pynq_z2"])
def test_owners_are_those_that_the_weights_are_sent_to(name: str, title: str) -> None:
    config = CONFIGS[name]
    for program in compile_network(JOBS[title].network, config):
        found = owners(program)
        assert found.shape == (3, *program.result.logical)
        per_filter = np.bincount(program.stage.k, minlength=program.stage.filters)
        for row in range(config.rows):
            for col in range(config.cols):
                mine = (found[0] == row) & (found[1] == col)
                if not mine.any():
                    continue
                sent = weights_by_thread(program, row, col, config.threads)
                for thread in range(config.threads):
                    filters = (mine & (found[2] == thread)).any(axis=(1, 2))
                    assert per_filter[filters].sum() == sent[thread], (row, col, thread)


def test_the_first_layer_that_is_wrong_is_blamed() -> None:
    job, config = JOBS["concatenation"], load_config("pynq_z2")
    programs = compile_network(job.network, config)
    right = [np.zeros(shape, np.uint8) for shape in job.network.shapes()]
    outputs = {name: output.copy() for name, output in by_name(job.network, right).items()}
    assert first_wrong(job.network, programs, right, outputs) is None
    outputs["after"][2, 3, 4] = outputs["conv3x3"][5, 1, 0] = outputs["conv3x3"][5, 1, 1] = 1
    wrong = first_wrong(job.network, programs, right, outputs)
    assert wrong is not None and (wrong.layer, wrong.values, wrong.of) == ("conv3x3", 2, 700)
    part = programs[0].bundle.part("conv3x3")
    row, col, thread = owners(programs[0])[:, part.start + 5, 1, 0]
    assert wrong.threads == {((row, col), thread): 2} and wrong.cores == {(row, col): 2}
    assert str(wrong) == f"layer 'conv3x3': 2 of 700 values differ, all of core ({row}, {col}), thread {thread}"


# --- figures of the package -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_the_package_has_figures_of_every_configuration(name: str) -> None:
    found = stored(CONFIGS[name])
    assert list(found) == ["DMA loop", *JOBS]
    for figure in found.values():
        assert 0 < figure.fastest <= figure.cycles <= figure.slowest and figure.macs > 0


def test_figures_of_other_sizes_are_refused(tmp_path: Path) -> None:
    pynq_z2 = CONFIGS["pynq_z2"]
    with pytest.raises(ConfigError, match=r"has cycles for clock_mhz = 125; configuration 'pynq_z2' has 100: `make selftest-fig"):
        stored(replace(pynq_z2, clock_mhz=100))
    with pytest.raises(ConfigError, match=r"run_depth = 512; configuration 'pynq_z2' has 256"):
        stored(replace(pynq_z2, run_depth=256))
    with pytest.raises(ConfigError, match="no cycles for configuration 'mine'; `make selftest-figures` makes them"):
        stored(replace(pynq_z2, name="mine"))
    damaged = tmp_path / "figures.json"
    for text in ("{", "[]", json.dumps({"pynq_z2": {"sizes": {}, "figures": {"loop": [1, 2]}}})):
        damaged.write_text(text)
        with pytest.raises(FormatError, match=r"figures.json cannot be read \("):
            stored(pynq_z2, damaged)


def test_the_command_that_makes_them_exists() -> None:
    makefile = Path(__file__).resolve().parents[2] / "Makefile"
    assert f"\n{figures.COMMAND.partition(' ')[2]}:" in makefile.read_text()


# --- what findings mean ---------------------------------------------------------------------------------------------------


def layer(title: str, *cores: tuple[int, int], threads: int = 2) -> Finding:
    """A layer that is wrong on these cores; right when there are none."""
    by_thread = {(core, t): 1 for core in cores for t in range(threads)}
    wrong = Wrong(title, len(by_thread), 100, dict.fromkeys(cores, threads), by_thread, 16)
    return Finding("layer", title, not cores, "", wrong if cores else None)


ALL = tuple((row, col) for row in range(4) for col in range(4))


@pytest.mark.parametrize(
    ("findings", "says"),
    [
        ([layer("a"), layer("b")], []),
        ([layer("a", (0, 1), threads=1), layer("b", (0, 1), threads=1)], ["All wrong values are of one thread, 0 of core"]),
        ([layer("a", (0, 1)), layer("b", (0, 1), threads=1)], ["All wrong values are of one core, (0, 1)"]),
        ([layer("a", (0, 1)), layer("b", (2, 1))], ["The wrong values are of 2 cores only, (0, 1), (2, 1)"]),
        (
            [layer("a", *ALL), layer("b"), layer("c")],
            ["1 of 3 kinds of layer are wrong (a), whichever core computed them"],
        ),
        ([layer("a", *ALL)], ["1 of 1 kinds of layer are wrong, whichever core"]),
        (
            [Finding("loop", "", False, ""), Finding("layer", "a", False, ""), Finding("clock", "", False, "")],
            ["The clock is not", "Data is damaged", "1 of 1 kinds of layer did not run", "The loop fails without arithmetic"],
        ),
        ([Finding("cycles", "", False, "")], ["Results are right, but time is not"]),
        ([Finding("layer", "a", False, ""), Finding("cycles", "", False, "")], ["1 of 1 kinds", "Time is not as the"]),
    ],
)
def test_what_findings_mean(findings: list[Finding], says: list[str]) -> None:
    found = meaning(findings, 16)
    assert len(found) == len(says) and all(text.startswith(start) for text, start in zip(found, says)), found
    shown = page(findings, 16)
    assert shown == "passed" if not says else all(text in shown for text in found)
