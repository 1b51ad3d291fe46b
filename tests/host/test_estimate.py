"""Estimates: bounds against counts of their own, the command against the plan. That bounds hold: tests/test_compiled.py."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fallback_models import MODELS, OPSET
from graphs_for_tests import random_graph
from hypothesis import given, settings
from hypothesis import strategies as st
from networks_for_tests import random_conv, random_fc, random_input
from small_layers import add, conv
from small_models import Small

from phantom import cli, network_file, reference
from phantom.compiling import plan_of
from phantom.compress import compress
from phantom.config import load_config
from phantom.densities import channel_shares, shares, tensors_of
from phantom.effectual import effectual_macs
from phantom.estimate import BOUNDS, assumed_densities, pairs
from phantom.lower import lower
from phantom.network import Network

TINY = load_config("tiny")
UINT8, INT8 = np.dtype(np.uint8), np.dtype(np.int8)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_pairs(seed: int) -> None:
    """Were all activations nonzero, a stage would multiply what its layers and carried channels ask for, padding excluded."""
    network = random_graph(seed)
    image = np.ones(network.input_shape, network.input_dtype)
    ones = {name: np.ones_like(array) for name, array in tensors_of(network, image).items()}
    reads = dict(zip((layer.name for layer in network.layers), network.sources(), strict=True))
    for stage in lower(network):
        wanted = 0
        for layer in stage.layers:
            inputs = [ones["input"] if i < 0 else ones[network.layers[i].name] for i in reads[layer.name]]
            wanted += effectual_macs(layer, *inputs)
        computed = {layer.name for layer in stage.layers}
        handed_on = [part for part in stage.result.parts if part.name not in computed]
        if type(stage.layers[0]).__name__ == "MaxPool":  # alone: its input is handed on to the drain
            (source,) = reads[stage.layers[0].name]
            wanted += ones["input" if source < 0 else network.layers[source].name].size
        if stage.residual is not None:  # the drain multiplies what it keeps
            wanted -= ones[stage.layers[0].name].size if stage.residual.factor else 0
        wanted += sum(part.stop - part.start for part in handed_on) * int(np.prod(stage.shape[1:]))
        weights = sum(np.count_nonzero(getattr(layer, "weights", 0)) for layer in stage.layers)
        joined = len(stage.k) != weights + sum(part.stop - part.start for part in handed_on)
        assert pairs(stage) == wanted or (joined and pairs(stage) <= wanted), stage.name


def test_bounds() -> None:
    """Each against what it counts."""
    rng = np.random.default_rng(2)
    layers = [random_conv(rng, 16, 3, (3, 3), padding=(1, 1, 1, 1)), random_fc(rng, 4, 16 * 64)]
    network = Network("net", (3, 8, 8), UINT8, layers)
    image = random_input(rng, (3, 8, 8), np.uint8)
    (segment,) = plan_of(network, TINY, image).accelerated
    assert segment.measured
    right = reference.run(network, image)
    columns = segment.figures, segment.stages, layers, [image, right[0]], right
    for figures, stage, layer, x, result in zip(*columns, strict=True):
        assert set(figures.bounds) == set(BOUNDS)
        assert figures.density == pytest.approx(np.count_nonzero(x) / x.size)
        assert figures.density_after == pytest.approx(np.count_nonzero(result) / result.size)
        effectual = effectual_macs(layer, x)
        assert figures.macs_expected == pytest.approx(effectual, rel=0.1) and figures.macs_expected > 0
        assert figures.bounds["multipliers"] == figures.macs_expected / TINY.multipliers
        port = 1.0  # words a cycle at 100 MHz
        assert figures.bounds["weights"] == max(stage.weight_words) * stage.strips / port
        for bound, layout, tensor in (("input", stage.source, x), ("output", stage.result, result)):
            # The hardware cuts at tiles, the host only at strips.
            words = len(compress(layout.arrange(tensor), layout.tile_rows, layout.span)) / port
            assert 0.6 * words <= figures.bounds[bound] <= words
        assert figures.cycles >= max(figures.bounds.values()) == figures.bounds[figures.binding]


def test_a_denser_input_takes_longer() -> None:
    network = Network("net", (32, 14, 14), UINT8, [conv("a", 32, 32), conv("b", 32, 32)])
    config = load_config("pynq_z2")
    rng = np.random.default_rng(3)
    cycles = []
    for density in (0.1, 0.9):
        image = np.where(rng.random((32, 14, 14)) < density, 9, 0).astype(np.uint8)
        cycles.append(plan_of(network, config, image).accelerated[0].figures[0].cycles)
    assert cycles[0] < 0.5 * cycles[1]


def test_assumed_densities() -> None:
    layers = [conv("a", 3, 4), conv("b", 4, 4, out_dtype=INT8, relu=False), add("s", "a", "b"), conv("c", 4, 6)]
    stages = lower(Network("n", (3, 8, 8), UINT8, layers, ("b", "c")))
    assert [stage.name for stage in stages] == ["a", "b", "s", "c"]
    assert assumed_densities(stages) == [1.0, 0.5, 0.75, 0.5, 0.5]
    assert assumed_densities(stages, 0.25) == [1.0, 0.25, 0.625, 0.25, 0.25]
    image = np.ones((3, 8, 8), np.uint8)
    found = shares(stages, tensors_of(Network("n", (3, 8, 8), UINT8, layers), image))
    assert len(found) == 5 and found[0] == 1.0
    by_channel = channel_shares(stages, tensors_of(Network("n", (3, 8, 8), UINT8, layers), image))
    assert [float(each.mean()) for each in by_channel] == pytest.approx(found[:-1])


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A network and an image for it."""
    rng = np.random.default_rng(2)
    layers = [replace(random_conv(rng, 6, 3, (3, 3), stride=2, padding=(1, 1, 1, 1)), name="a layer with a long name")]
    network_file.save(Network("net", (3, 8, 8), UINT8, [*layers, random_fc(rng, 4, 6 * 16)]), tmp_path / "net.npz")
    np.save(tmp_path / "x.npy", random_input(rng, (2, 3, 8, 8), np.uint8))
    return str(tmp_path / "net.npz"), str(tmp_path / "x.npy")


def test_command(files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net, x = files
    document, compiled = tmp_path / "e.json", tmp_path / "net.phantom"
    command = ["--config", "tiny", "--by", "formula", "--json", str(document)]
    assert cli.main(["estimate", net, *command]) == 0
    text = capsys.readouterr().out
    assert "an estimate by the formula, not a measurement" in text
    assert "are assumed: 50% of unsigned ones" in text and "a layer~g name" in text
    assert max(map(len, text.splitlines())) <= 100
    read = json.loads(document.read_text())
    assert {layer["method"] for layer in read["layers"]} == {"formula"}
    assert read["estimated"] is True and read["densities"] == "assumed" and read["host"] == []
    assert [layer["kind"] for layer in read["layers"]] == ["conv 3x3/2", "fc"]
    assert read["totals"]["cycles"] == sum(layer["cycles"] for layer in read["layers"])
    assert read["totals"]["macs_dense"] == 6 * 27 * 16 + 4 * 96
    speedups = [-(-layer["macs_dense"] // 16) / layer["cycles"] for layer in read["layers"]]
    assert read["totals"]["speedup_layer_mean"] == pytest.approx(sum(speedups) / 2)
    for layer in read["layers"]:
        assert layer["bounds"][layer["bound_by"]] == max(layer["bounds"].values()) <= layer["cycles"]
    # With an input, and of a file that was compiled with it: the same figures.
    assert cli.main(["estimate", net, "--input", x, *command]) == 0
    assert "are those of one typical input" in capsys.readouterr().out
    measured = json.loads(document.read_text())
    assert measured["densities"] == "measured" and measured["layers"] != read["layers"]
    assert cli.main(["compile", net, "--input", x, "--config", "tiny", "-o", str(compiled)]) == 0
    assert cli.main(["estimate", str(compiled), "--json", str(document)]) == 0
    assert json.loads(document.read_text()) == measured
    capsys.readouterr()
    assert cli.main(["estimate", str(compiled), "--config", "small"]) == 2
    assert "is compiled for configuration 'tiny'" in capsys.readouterr().err
    assert cli.main(["estimate", str(compiled), "--input", x]) == 2
    assert "the densities are those that it was compiled for" in capsys.readouterr().err


def test_with_a_part_on_the_host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = Small(opset=OPSET)
    path = small.save(tmp_path / "gate.onnx", MODELS["gate"][0](small))
    options = ["--fallback", "host", "--config", "tiny", "--by", "formula", "--json", str(tmp_path / "e.json")]
    assert cli.main(["estimate", str(path), *options]) == 0
    assert "on the host, not estimated: n13 (Sigmoid), n16 (Mul)" in capsys.readouterr().out
    assert json.loads((tmp_path / "e.json").read_text())["host"] == [[["n13", "Sigmoid"], ["n16", "Mul"]]]
