"""phantom scaling: parts of layers compute what the layer computes; shares by hand; documents; impossible sizes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import masks_for_tests as small
import numpy as np
import pytest

from phantom.cli import main
from phantom.config import load_config
from phantom.errors import ConfigError
from phantom_sim import scaling
from phantom_sim.ours import memory_ports, simulated
from phantom_sim.scaling import MESH, TOGETHER, Job, LayerShare, Share, enlarged, run_job
from phantom_sim.scaling_report import curve_table, layer_table
from phantom_sim.workloads.layer import LayerMasks
from phantom_sim.workloads.networks import Recipe, recipes
from phantom_sim.workloads.split import by_filters, by_rows

TINY, BOARD = load_config("tiny"), load_config("pynq_z2")


def counts(layer: LayerMasks) -> np.ndarray:
    """Pairs of nonzeros at each output [filters, rows, columns]."""
    _, channels, rows, cols = layer.weights.shape
    total = np.zeros((layer.filters, *layer.plane), np.int64)
    base = np.arange(layer.filters) // (layer.filters // layer.groups) * channels
    for c in range(channels):
        for r in range(rows):
            for s in range(cols):
                total += layer.window(r, s)[base + c] * layer.weights[:, c, r, s, None, None]
    return total


@pytest.mark.parametrize("parts", [1, 2, 3, 5, 40])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_parts_by_rows(parts: int, stride: int, padding: int) -> None:
    layer = small.conv(41, shape=(3, 13, 11), filters=4, stride=stride)
    layer = replace(layer, padding=(padding, 1, padding, 1), out_size=0)
    found = by_rows(layer, parts)
    assert len(found) == min(parts, layer.plane[0])
    assert np.array_equal(np.concatenate([counts(part) for part in found], axis=1), counts(layer))
    assert max(part.plane[0] for part in found) - min(part.plane[0] for part in found) <= 1


@pytest.mark.parametrize("parts", [1, 2, 3, 8, 40])
def test_parts_by_filters(parts: int) -> None:
    layer = small.conv(42, shape=(3, 9, 9), filters=21, weights=0.4)
    found = by_filters(layer, parts)
    assert len(found) == min(parts, 21) and sum(part.filters for part in found) == 21
    mine = sorted(part.weights[k].tobytes() for part in found for k in range(part.filters))
    assert mine == sorted(layer.weights[k].tobytes() for k in range(21))
    assert sum(part.macs_effectual for part in found) == layer.macs_effectual
    if parts <= 3:
        loads = [int(part.weights.sum()) / part.filters for part in found]
        assert max(loads) < 1.15 * min(loads), "equally dense"


def test_larger_configurations() -> None:
    large = enlarged(BOARD, 1024)
    assert (large.rows, large.cols, large.multipliers) == (16, 8, 1024)
    assert large.row_buffer_words == 65536 and large.param_depth == 4096, "as far as a configuration goes"
    less = enlarged(BOARD, 32)
    assert (less.rows, less.cols, less.row_buffer_words) == (2, 2, BOARD.row_buffer_words)
    assert enlarged(BOARD, 8).weight_ports == 1, "one column has one port"
    for size in (36, 4096, 8 * 17, 0):
        with pytest.raises(ConfigError, match=f"{size} multipliers are no mesh"):
            enlarged(BOARD, size)


def recipe(number: int = 8) -> Recipe:
    """A layer of VGG16."""
    return recipes("vgg16")[number]


class Made(Recipe):
    """A recipe of the layer that the tests want."""

    def make(self) -> LayerMasks:
        return small.conv(43, shape=(16, 12, 12), filters=32)


def job(multipliers: int, way: str) -> Job:
    return Job(Made(**recipe().__dict__), TINY, multipliers, way)


def test_a_layer_on_one_mesh_and_on_several() -> None:
    layer = job(16, MESH).layer.make()
    one = run_job(job(16, MESH))
    right = simulated(layer, TINY, 8.0)
    assert (one.cycles, one.effectual) == (right.cycles, layer.macs_effectual)
    assert one.weight_port == pytest.approx(right.counters.wgt_words / right.cycles / TINY.weight_ports)
    assert one.lost == tuple(right.stalls.values())
    larger = run_job(job(64, MESH))
    assert larger.cycles < 0.7 * one.cycles and larger.cores == 8
    several = run_job(job(64, TOGETHER))
    # Each of the four has a quarter of the rows or of the filters: the slowest one counts.
    slowest = [max(simulated(part, TINY, 8.0).cycles for part in split(layer, 4)) for split in (by_rows, by_filters)]
    assert several.cycles in slowest and several.effectual == one.effectual and several.cores <= TINY.cores
    assert one.cycles / 4 < several.cycles < one.cycles


def test_what_does_not_fit_is_said() -> None:
    found = run_job(Job(recipe(1), TINY, 16, MESH))
    assert "does not fit" in found.refused and not found.cycles
    share = Share(16, MESH, (found,))
    assert share.refused == found.refused and curve_table([share], TINY)[1] == [("16", *["-"] * 8)]


def test_shares_by_hand() -> None:
    layers = (
        LayerShare("a", 1600, 200, 2, (0.0, 0.1, 0.2, 0.0, 0.0, 0.0), 0.5),
        LayerShare("b", 8000, 800, 2, (0.0, 0.1, 0.0, 0.3, 0.0, 0.0), 1.0),
    )
    share = Share(16, MESH, layers)
    assert share.cycles == 1000 and share.share == pytest.approx(9600 / 16 / 1000)
    assert [share.of(layer) for layer in layers] == [pytest.approx(0.5), pytest.approx(8000 / 16 / 800)]
    assert share.weight_port == pytest.approx(0.9)
    assert share.lost["channel"] == pytest.approx(0.24) and share.lost["weight"] == pytest.approx(0.04)
    together = Share(32, TOGETHER, layers)
    head, rows = curve_table([share, together], TINY)
    assert rows[0] == ("16", "1x2", "800", "60.0%", "2", "90%", "channel 24%, fetch 10%", "-", "-") and len(head) == len(rows[0])
    assert rows[1][0] == "32" and rows[1][-2:] == ("30.0%", "60.0%")
    assert layer_table([share, together], TOGETHER) == (("layer", "32"), [("a", "25.0%"), ("b", "31.2%")])


def test_all_ports_count() -> None:
    assert memory_ports(TINY) == 2 + TINY.weight_ports, "activations, results"


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(scaling, "recipes", lambda network, seed: [Made(**recipe().__dict__)])
    written, docs = tmp_path / "s.json", tmp_path / "d.md"
    docs.write_text("<!-- scaling vgg16 curve -->\nold\n<!-- end -->\n<!-- evaluate vgg16 layers -->\nkept\n<!-- end -->\n")
    options = ["--processes", "1", "--json", str(written), "--plots", str(tmp_path), "--docs", str(docs)]
    assert main(["scaling", "--config", "tiny", "--multipliers", "16", "32", "--layers", recipe().name, *options]) == 0
    out = capsys.readouterr().out
    assert "several accelerators, one image" in out and "weight ports busy" in out
    points = json.loads(written.read_text())["points"]
    assert [(point["multipliers"], point["way"]) for point in points] == [(16, MESH), (32, TOGETHER), (32, MESH)]
    assert all(0.05 < point["share_of_bound"] <= 1 for point in points)
    text = docs.read_text()
    assert "old" not in text and "kept" in text and "| multipliers | mesh |" in text
    assert (tmp_path / "vgg16-scaling.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["vgg17"], "vgg17"),
        (["--multipliers", "36"], "36 multipliers are no mesh"),
        (["--layers", "conv1_1", "fc6"], "vgg16 has no convolution fc6; it has conv1_1, "),
        (["--processes", "0"], "--processes 0; it must be 1 at least"),
        (["--seed", "-1"], "--seed -1; it must be 0 at least"),
        (["--config", "none"], "no configuration 'none'"),
    ],
)
def test_bad_input(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scaling", *arguments]) == 2
    assert words in capsys.readouterr().err
