"""phantom evaluate: what it computes from cycles, by hand; tables and documents; it is always said by which model; bad
input.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import masks_for_tests as small
import numpy as np
import pytest

from phantom.cli import main
from phantom.config import load_config
from phantom.errors import ConfigError, FormatError, PhantomError, RangeError
from phantom_sim import evaluation, ours
from phantom_sim.evaluate import sized
from phantom_sim.evaluation import Evaluation, LayerResult, Ratio, evaluate, in_processes
from phantom_sim.evaluation_docs import update
from phantom_sim.evaluation_report import design_table, document, layer_table, lookahead_table, ratio_table, text
from phantom_sim.rivals.lineup import CLAIMS, DENSE, LOOKAHEADS, PAPER, mesh, paper, scaled
from phantom_sim.rivals.phantom_paper import PhantomPaper
from phantom_sim.workloads.layer import LayerMasks
from phantom_sim.workloads.networks import SHORT, recipes

TINY = load_config("tiny")  # 16 multipliers


def result(name: str, macs: int, effectual: int, nonzeros: float = 1.0, **cycles: float) -> LayerResult:
    return LayerResult(name, "conv 3x3", macs, effectual, 0.5, 0.5, False, 2 * nonzeros, nonzeros, cycles, {n: {} for n in
    cycles})


def by_hand() -> Evaluation:
    layers = (
        result("a", 1600, 400, dense=100, SCNN=80, ours=40),
        result("b", 3200, 320, 1000.0, dense=200, SCNN=50, ours=100),
    )
    sizes = {"dense": 16, "SCNN": 16, "ours": 16}
    totals = {"dense": (300.0,), "SCNN": (130.0,), "ours": (140.0,)}
    return Evaluation("net", "made up", TINY, sizes, layers, totals, 10.0)


def test_speedups_bounds_and_ratios() -> None:
    found = by_hand()
    assert found.speedup_total("ours") == pytest.approx(300 / 140)
    assert found.speedup_layer_mean("ours") == pytest.approx((100 / 40 + 200 / 100) / 2)
    assert found.utilisation("ours") == pytest.approx(720 / 16 / 140)
    assert found.bound_total == pytest.approx(4800 / 720) and found.bound_layer_mean == pytest.approx((4 + 10) / 2)
    # Layer a: 25 cycles of multiplying; layer b: 1,000 bytes at 10 a cycle, though 20 cycles of multiplying would do.
    assert [found.least_cycles(layer) for layer in found.layers] == [25, 100]
    assert found.reach_total == pytest.approx(300 / 125) and found.reach_layer_mean == pytest.approx((4 + 2) / 2)
    dense, scnn = found.ratios()
    assert dense.rival == DENSE and dense.total == pytest.approx(300 / 140)
    assert scnn.total == pytest.approx(130 / 140) and scnn.layer_mean == pytest.approx((80 / 40 + 50 / 100) / 2)
    assert scnn.bound == pytest.approx(max(4800 / 720 / (300 / 130), (4 * 80 / 100 + 10 * 50 / 200) / 2))
    assert scnn.most_total == pytest.approx(130 / 125) and scnn.most_layer_mean == pytest.approx((80 / 25 + 50 / 100) / 2)


def test_multipliers_count() -> None:
    """A design with half of the multipliers and twice the cycles is as fast."""
    found = by_hand()
    halved = Evaluation(
        "net",
        "",
        TINY,
        found.multipliers | {"SCNN": 8},
        tuple(
            result(one.name, one.macs_dense, one.macs_effectual, **one.cycles | {"SCNN": 2 * one.cycles["SCNN"]})
            for one in found.layers
        ),
        found.totals,
        10.0,
    )
    assert halved.speedup_total("SCNN") == found.speedup_total("SCNN")
    assert halved.ratios()[1].total == found.ratios()[1].total


@pytest.mark.parametrize(
    ("total", "mean", "most", "most_mean", "bound", "verdict"),
    [
        (2.1, 1.0, 3, 3, 3, "reproduced"),
        (1.5, 2.1, 3, 3, 3, "reproduced as the mean of layers"),
        (1.5, 1.5, 3, 3, 3, "not reproduced"),
        (1.5, 1.5, 1.9, 3, 3, "not reproduced"),
        (1.5, 1.5, 1.9, 1.8, 3, "cannot be behind our memory"),
        (1.5, 1.5, 1.9, 1.8, 1.9, "cannot be"),
    ],
)
def test_verdicts(total: float, mean: float, most: float, most_mean: float, bound: float, verdict: str) -> None:
    assert Ratio("rival", 2.0, total, mean, most, most_mean, bound).verdict == verdict


def test_claims_are_the_papers() -> None:
    assert [(claim.rival, claim.factor) for claim in CLAIMS] == [
        ("dense", 12.0),
        ("SCNN", 4.1),
        ("SparTen GB-H", 1.98),
        ("Eyeriss v2", 2.36),
    ]
    assert {claim.rival for claim in CLAIMS} <= {design.name for design in scaled(128)}


@pytest.fixture(scope="module")
def tiny() -> Evaluation:
    layers = [small.conv(seed, shape=(8, 12, 12), filters=16) for seed in (1, 2)]
    layers.append(small.conv(3, shape=(8, 12, 12), filters=8, groups=8))
    object.__setattr__(layers[1], "name", "second")
    return evaluate("net", "random", [layers], TINY, 16, 12.8, processes=1)


def test_all_designs_run_the_same_masks(tiny: Evaluation) -> None:
    layers = [small.conv(seed, shape=(8, 12, 12), filters=16) for seed in (1, 2)]
    for found, layer in zip(tiny.layers, layers):
        assert found.macs_effectual == layer.macs_effectual
        for design in scaled(16, 12.8):
            assert found.cycles[design.name] == design.run(layer).cycles
        assert found.cycles["ours"] == ours.simulated(layer, TINY, 12.8 / 4).cycles
    for name in tiny.designs:
        assert tiny.speedup_total(name) <= tiny.bound_total, "nobody is faster than the bound"


def test_which_model_it_is_is_always_said(tiny: Evaluation) -> None:
    assert ours.METHOD == "cycle model"
    shown = document(tiny)
    assert shown["designs"]["ours"]["method"] == "cycle model" and shown["designs"]["SCNN"]["method"] == "model"
    assert all(ratio["method"] == "cycle model" for ratio in shown["ratios"].values())
    for head, rows in (layer_table(tiny), design_table(tiny), ratio_table(tiny)):
        cells = [*head, *(row[0] for row in rows)]
        assert "ours" not in cells and any("ours (cycle model)" in cell for cell in cells)
    assert "ours (cycle model)" in text(tiny)


def test_document(tiny: Evaluation) -> None:
    shown = json.loads(json.dumps(document(tiny)))
    assert {"densities", "layers", "designs", "ratios"} <= set(shown)
    for entry in shown["designs"].values():
        assert {"cycles", "speedup_total", "speedup_layer_mean", "utilisation", "share_of_bound"} <= set(entry)
        assert entry["share_of_bound"] == pytest.approx(entry["utilisation"]), "both are effectual over all cycles"
    assert shown["ratios"]["SCNN"]["paper"] == 4.1 and len(shown["layers"]) == 3


@pytest.fixture(scope="module")
def looking_ahead() -> tuple[Evaluation, list[LayerMasks]]:
    layers = [small.conv(seed, shape=(6, 12, 12), filters=16, weights=0.3) for seed in (1, 2)]
    return evaluate("net", "random", [layers], TINY, 36, 12.8, processes=1, with_lookaheads=True), layers


def test_lookaheads(looking_ahead: tuple[Evaluation, list[LayerMasks]], tiny: Evaluation) -> None:
    """The paper's core on the same masks as all others; no design of the comparison, but for the one that is."""
    found, layers = looking_ahead
    assert set(found.lookaheads) == {(lf, order) for lf in LOOKAHEADS for order in (False, True)}
    assert found.compared == tiny.compared and found.lookaheads[27, True] == PAPER
    (base,) = (design for design in scaled(36, 12.8) if isinstance(design, PhantomPaper))
    for (lf, order), name in found.lookaheads.items():
        design = replace(base, lf=lf, out_of_order=order)
        assert [layer.cycles[name] for layer in found.layers] == [design.run(layer).cycles for layer in layers]
        assert found.cycles(name) == sum(layer.cycles[name] for layer in found.layers)
    entries = {(entry["lf"], entry["out_of_order"]): entry for entry in document(found)["lookaheads"]}
    for lf in LOOKAHEADS:
        assert entries[lf, True]["cycles"] <= entries[lf, False]["cycles"]
    assert entries[27, True]["speedup_total"] == found.speedup_total(PAPER) > 1.2 * entries[3, True]["speedup_total"]
    head, rows = lookahead_table(found)
    assert [row[0] for row in rows[::2]] == [str(lf) for lf in LOOKAHEADS] and len(head) == len(rows[0])
    gains = [float(row[-1].rstrip("%")) for row in rows[1::2]]
    assert gains[-1] == pytest.approx(100 * (entries[27, False]["cycles"] / entries[27, True]["cycles"] - 1), abs=0.06)


def test_lookaheads_in_a_document(looking_ahead: tuple[Evaluation, list[LayerMasks]], tiny: Evaluation, tmp_path: Path) -> None:
    path = tmp_path / "evaluation.md"
    path.write_text("<!-- evaluate net lookaheads -->\nold\n<!-- end -->\n")
    update(path, [tiny])
    assert "old" in path.read_text(), "an evaluation without them leaves the table that is there"
    update(path, [looking_ahead[0]])
    assert "| 27 | out of order |" in path.read_text()


def test_means_over_seeds() -> None:
    runs = [[small.conv(seed, shape=(8, 12, 12), filters=16)] for seed in (1, 2, 3)]
    found = evaluate("net", "", runs, TINY, 16, 12.8, processes=1)
    each = [evaluate("net", "", [run], TINY, 16, 12.8, processes=1) for run in runs]
    for name in found.designs:
        assert found.totals[name] == tuple(one.totals[name][0] for one in each)
        assert found.layers[0].cycles[name] == pytest.approx(np.mean([one.layers[0].cycles[name] for one in each]))


def test_what_our_hardware_does_not_take_is_said() -> None:
    wide = small.conv(1, shape=(8, 40, 40), kernel=17, filters=16)
    found = evaluate("net", "", [[wide]], TINY, 16, 12.8, processes=1)
    assert "ours" not in found.designs and not found.ratios() and "289 windows" in found.layers[0].refused
    assert "not on our hardware" in text(found) and "-" in layer_table(found)[1][0]


def test_planes_that_nearly_fill_the_row_buffer_are_taken() -> None:
    """MobileNet's pw8: at once, its input fits only if it is no denser than expected; by strips, it does."""
    (layer,) = [recipe.make() for recipe in recipes(SHORT["mobilenet"]) if recipe.name == "pw8"]
    program = ours.compiled(layer, load_config("pynq_z2"))
    assert program.source.strip_rows < layer.activations.shape[1]


def test_processes_give_the_same_in_the_same_order() -> None:
    jobs = [evaluation.Job(small.conv(seed, shape=(4, 8, 8)), TINY, 6.4, tuple(scaled(16))) for seed in range(3)]
    alone, together = (in_processes(evaluation.run_job, jobs, "test", n) for n in (1, 2))
    assert [r.cycles for r in alone] == [r.cycles for r in together]


def test_sizes() -> None:
    assert [mesh(n) for n in (1, 8, 14, 16, 113, 128)] == [(1, 1), (4, 2), (7, 2), (4, 4), (14, 8), (16, 8)]
    for multipliers in (16, 36, 128, 500, 1024, 4096):
        for design in scaled(multipliers):
            assert 0.5 * multipliers <= design.multipliers <= multipliers, design.name
    assert [design.multipliers for design in paper()] == [1024, 1024, 1024, 1024, 1024, 1024, 384, 1008]
    with pytest.raises(RangeError, match="from 16 on"):
        scaled(15)
    larger = sized(load_config("pynq_z2"), 512)
    assert larger.multipliers == 512 and (larger.rows, larger.cols) == (8, 8) and sized(TINY, None) is TINY
    for bad in (100, 4, 0, -8, 8 * 17):
        with pytest.raises(ConfigError, match=f"--multipliers {bad}"):
            sized(TINY, bad)


def test_documents_are_updated_between_markers(tmp_path: Path, tiny: Evaluation) -> None:
    path = tmp_path / "evaluation.md"
    kept = "<!-- evaluate other layers -->\nkept\n<!-- end -->\n"
    path.write_text(f"text\n<!-- evaluate net ratios -->\nold\n<!-- end -->\nmore\n{kept}")
    update(path, [tiny])
    first = path.read_text()
    assert first.startswith("text\n") and "old" not in first and "kept" in first and "| SCNN |" in first
    update(path, [tiny])
    assert path.read_text() == first
    part = "<!-- evaluate net"
    for wrong, words in ((f"{part} ratios -->\n", "needs an"), (f"{part} x -->\n<!-- end -->", "no table 'x'")):
        path.write_text(wrong)
        with pytest.raises(FormatError, match=words):
            update(path, [tiny])
    with pytest.raises(FormatError, match="cannot be read"):
        update(tmp_path / "missing.md", [tiny])


def test_command_line_on_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("matplotlib")
    model = "host/phantom/networks/digits_separable.onnx"
    written, pictures = tmp_path / "out.json", tmp_path / "pictures"
    options = ["--config", "tiny", "--processes", "1", "--json", str(written), "--plots", str(pictures)]
    assert main(["evaluate", model, *options]) == 0
    shown = json.loads(written.read_text())["networks"]["digits_separable"]
    assert len(shown["layers"]) == 11 and "synthetic image" in shown["densities"]
    out = capsys.readouterr().out
    assert "ours (cycle model)" in out and "verdict" in out and "out of order gains" in out
    assert len(shown["lookaheads"]) == 2 * len(LOOKAHEADS)
    names = {path.name for path in pictures.iterdir()}
    assert names == {f"digits_separable-{kind}.png" for kind in ("speedup", "utilisation", "roofline", "lookahead")}
    assert all((pictures / name).read_bytes().startswith(b"\x89PNG") for name in names)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["vgg17"], "no network 'vgg17'; there are mobilenet, alexnet, vgg16"),
        (["vgg17"], "digits, digits_plain, digits_residual, digits_separable, or a model (.onnx)"),
        (["net.phantom"], "is compiled already; name the model"),
        (["host/phantom/networks/digits.npz"], "name one, --input X.npy (uint8)"),
        (["--plots", "/no/such/directory"], "no such directory to make it in"),
        (["missing.onnx"], "missing.onnx"),
        (["--seeds", "0"], "--seeds 0; it must be 1 at least"),
        (["--processes", "0"], "--processes 0"),
        (["--multipliers", "100"], "--multipliers 100"),
        (["--config", "none"], "no configuration 'none'"),
        (["--json", "/no/such/directory/x.json"], "no such directory"),
    ],
)
def test_bad_input(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_errors_of_a_process_arrive() -> None:
    for processes in (1, 2):
        with pytest.raises(ConfigError, match="no configuration 'none'"):
            in_processes(load_config, ["tiny", "none"], "test", processes)


def test_a_process_that_dies_is_an_error() -> None:
    with pytest.raises(PhantomError, match="ended without an answer"):
        in_processes(os._exit, [9, 9], "test", 2)
