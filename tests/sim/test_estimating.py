"""`phantom estimate` by the cycle model: against the model itself, what is drawn, and when it is the formula all the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fallback_models import MODELS, OPSET
from graphs_for_tests import random_graph
from networks_for_tests import random_conv, random_fc, random_input
from small_models import Small

from phantom import cli, command_estimate, network_file
from phantom.compiling import accelerated
from phantom.config import load_config
from phantom.errors import ShapeError
from phantom.estimate import FORMULA, MODEL
from phantom.network import Network
from phantom.program import Program
from phantom_sim import estimating
from phantom_sim.model import simulate_network

pytest.importorskip("numba")
TINY = load_config("tiny")
UINT8 = np.dtype(np.uint8)


def network(seed: int = 2) -> tuple[Network, np.ndarray]:
    rng = np.random.default_rng(seed)
    layers = [random_conv(rng, 24, 3, (3, 3), padding=(1, 1, 1, 1)), random_fc(rng, 4, 24 * 64)]
    return Network("net", (3, 8, 8), UINT8, layers), random_input(rng, (3, 8, 8), np.uint8)


def test_an_input_takes_what_it_takes() -> None:
    """Each stage as the model has it for that input, in graphs with additions, concatenations and carried tensors."""
    stages = 0
    for seed in range(8):
        graph = random_graph(seed, most=5)
        image = random_input(np.random.default_rng(seed), graph.input_shape, graph.input_dtype.type)
        try:
            segment = accelerated(graph, TINY, image)
        except ShapeError:  # tiny has a row buffer of 16 KiB
            continue
        found = estimating.by_model(segment, TINY, image)
        right = list(simulate_network(graph, image, TINY))
        assert [each.cycles for each in found] == [each.cycles for each in right], seed
        assert [each.macs_expected for each in found] == [each.effectual for each in right]
        assert [each.lost for each in found] == [each.stalls for each in right]
        assert {each.method for each in found} == {MODEL}
        for each, formula in zip(found, segment.figures, strict=True):
            assert each.bounds["multipliers"] == each.macs_expected / TINY.multipliers
            assert (each.name, each.density, each.macs_dense) == (formula.name, formula.density, formula.macs_dense)
        stages += len(found)
    assert stages > 15


def test_what_is_drawn_has_the_densities_of_the_estimate() -> None:
    sizes = 0
    for seed in range(12):
        graph = random_graph(seed, most=5)
        image = random_input(np.random.default_rng(seed), graph.input_shape, graph.input_dtype.type)
        for given in (None, image):
            try:
                segment = accelerated(graph, TINY, given)
            except ShapeError:
                continue
            programs = [program for program in segment.stages if isinstance(program, Program)]
            tensors = estimating.drawn(segment, programs)
            assert all(mask.dtype == bool for mask in tensors.values())
            for program, figures in zip(programs, segment.figures, strict=True):
                masks = [tensors[part.name] for part in program.stage.source.parts]
                assert sum(len(mask) for mask in masks) == program.stage.source.shape[0] or program is programs[0]
                size = sum(mask.size for mask in masks)
                if given is None and size > 400:
                    assert sum(mask.sum() for mask in masks) / size == pytest.approx(figures.density, abs=0.08)
                    sizes += 1
    assert sizes > 5
    # Measured: of the single tensors between the layers of a chain.
    net, image = network()
    segment = accelerated(net, TINY, image)
    programs = [program for program in segment.stages if isinstance(program, Program)]
    mask = estimating.drawn(segment, programs)[net.layers[0].name]
    assert mask.mean() == pytest.approx(segment.figures[1].density, abs=0.05)
    assert 0.1 < segment.figures[1].density < 0.9, "else it says nothing"


def test_denser_activations_take_longer() -> None:
    layers = [random_conv(np.random.default_rng(3), 48, 24, (3, 3))]
    segment = accelerated(Network("net", (24, 12, 12), UINT8, layers), TINY)
    thin = replace(segment, measured=True, figures=tuple(replace(each, density=0.1) for each in segment.figures))
    full = replace(segment, measured=True, figures=tuple(replace(each, density=1.0) for each in segment.figures))
    cycles = [sum(each.cycles for each in estimating.by_model(one, TINY)) for one in (thin, full)]
    assert cycles[0] < 0.5 * cycles[1]


def test_the_formula_stays_where_the_model_refuses() -> None:
    net, image = network()
    other = replace(TINY, name="other", lf=32)
    segment = accelerated(net, other, image)
    said: list[str] = []
    assert estimating.by_model(segment, other, image, said.append) == segment.figures
    assert len(said) == 2 and "by formula" in said[0] and "lf = 32" in said[0]


# --- the command ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str, str]:
    """A network, an image for it, and where to write figures."""
    net, image = network()
    network_file.save(net, tmp_path / "net.npz")
    np.save(tmp_path / "x.npy", image)
    return str(tmp_path / "net.npz"), str(tmp_path / "x.npy"), str(tmp_path / "e.json")


def test_command(files: tuple[str, str, str], capsys: pytest.CaptureFixture[str]) -> None:
    net, x, figures = files
    found = {}
    for name, options in (("drawn", []), ("input", ["--input", x]), ("formula", ["--by", "formula", "--input", x])):
        assert cli.main(["estimate", net, "--config", "tiny", "--json", figures, *options]) == 0
        found[name] = capsys.readouterr().out, json.loads(Path(figures).read_text())
    text, read = found["drawn"]
    assert "by the cycle model, not a measurement" in text and "drawn at random with these densities" in text
    assert "spread evenly" not in text and {layer["method"] for layer in read["layers"]} == {MODEL}
    assert all(layer["lost"] for layer in read["layers"])
    text, read = found["input"]
    assert "activations as of that input" in text and "drawn" not in text
    right = list(simulate_network(*network(), TINY))
    assert [layer["cycles"] for layer in read["layers"]] == [each.cycles for each in right]
    assert max(map(len, text.splitlines())) <= 100
    text, read = found["formula"]
    assert "by the formula, not a measurement" in text and "cycle model" not in text
    assert {layer["method"] for layer in read["layers"]} == {FORMULA} and not read["layers"][0]["lost"]


def test_without_the_simulation(
    files: tuple[str, str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_estimate, "NEEDED", ("phantom_sim", "package_that_is_not_there"))
    assert cli.main(["estimate", files[0], "--config", "tiny"]) == 0
    assert "by the formula" in capsys.readouterr().out
    assert cli.main(["estimate", files[0], "--config", "tiny", "--by", "model"]) == 2
    assert "needs package_that_is_not_there" in capsys.readouterr().err


def test_a_compiled_file_has_the_formula(
    files: tuple[str, str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compiled = str(tmp_path / "net.phantom")
    assert cli.main(["compile", files[0], "--config", "tiny", "-o", compiled]) == 0
    assert cli.main(["estimate", compiled]) == 0
    assert "by the formula" in capsys.readouterr().out
    assert cli.main(["estimate", compiled, "--by", "model"]) == 2
    assert "--by model goes with a model" in capsys.readouterr().err


def test_a_part_on_the_host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What comes back from the host is not at hand."""
    small = Small(opset=OPSET)
    path = str(small.save(tmp_path / "gate.onnx", MODELS["gate"][0](small)))
    assert cli.main(["estimate", path, "--fallback", "host", "--config", "tiny"]) == 0
    text = capsys.readouterr().out
    assert "by the cycle model" in text and "on the host, not estimated: n13 (Sigmoid)" in text


def test_some_stages_by_formula_are_marked(
    files: tuple[str, str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate = estimating.simulate_stage

    def refuse(program: Program, *rest: object, **more: object) -> object:
        if program.stage.flat:
            raise estimating.DeviceError("too dense")
        return simulate(program, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(estimating, "simulate_stage", refuse)
    assert cli.main(["estimate", files[0], "--config", "tiny"]) == 0
    text = capsys.readouterr().out
    assert "by the cycle model and the formula" in text and "~: by formula" in text and "refuses: too dense" in text
    assert text.count(" ~") == 1, "one of two stages"
