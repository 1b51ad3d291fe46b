"""What the command line says: help, how an input is taken, and what is wrong with networks, labels and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks_for_tests import random_conv, random_fc, random_input

from phantom import cli, command_run, network_file, optional, shipped
from phantom.answers import answer_line
from phantom.input_note import input_note
from phantom.network import Network
from phantom.scales import Quantisation

HOST_COMMANDS = ("run", "compile", "estimate", "prune-quantize", "compare", "info", "selftest")


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Paths of a network for four classes and of five images for it."""
    rng = np.random.default_rng(2)
    conv = random_conv(rng, 6, 3, (3, 3), stride=2, padding=(1, 1, 1, 1))
    network_file.save(Network("net", (3, 8, 8), np.dtype(np.uint8), [conv, random_fc(rng, 4, 6 * 16)]), tmp_path / "net.npz")
    np.save(tmp_path / "x.npy", random_input(rng, (5, 3, 8, 8), np.uint8))
    return str(tmp_path / "net.npz"), str(tmp_path / "x.npy")


def fails(arguments: Sequence[object], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr of a command that must fail."""
    assert cli.main([str(a) for a in arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("phantom: error: ")
    return line


# --- help, and commands of the simulation --------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [None, *HOST_COMMANDS, *cli.SIMULATED])
def test_help(command: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        cli.main([command, "--help"] if command else ["--help"])
    text = capsys.readouterr().out
    assert done.value.code == 0 and text.startswith("usage: ")
    assert command is not None or all(name in text for name in (*HOST_COMMANDS, *cli.SIMULATED))


def test_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["rnu"])
    text = capsys.readouterr().err
    assert all(name in text for name in (*HOST_COMMANDS, *cli.SIMULATED))


def test_without_the_simulation(monkeypatch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cli, "available", lambda _: False)
    monkeypatch.setattr(optional, "available", lambda _: False)
    for arguments in (["evaluate"], ["bench", "--help"]):
        assert f"{arguments[0]} needs the simulation; `make setup` installs it, or pip with" in fails(arguments, capsys)
    assert "phantom_sim, which is in the wheel and in the sources" in fails(["estimate", "digits", "--by", "model"], capsys)
    with pytest.raises(SystemExit):
        cli.main(["rnu"])
    assert "evaluate" not in capsys.readouterr().err


def test_without_what_the_simulation_needs(monkeypatch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name, name="yaml")

    monkeypatch.setattr(cli.importlib, "import_module", missing)
    assert "evaluate needs yaml; `make setup` installs it" in fails(["evaluate"], capsys)
    monkeypatch.setattr(cli, "available", lambda name: name != "numba")
    assert "bench needs numba; `make setup` installs it" in fails(["bench"], capsys)
    with pytest.raises(SystemExit):
        cli.main(["rnu"])
    assert "selftest" in capsys.readouterr().err


# --- wrong networks ------------------------------------------------------------------------------------------------------


def test_wrong_networks(files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is refused for what is wrong with it."""
    compiled, images, plain = tmp_path / "net.phantom", shipped.NETWORKS / "digits_test.npz", "digits_plain"
    along = "nor a network that comes along: digits, digits_plain, digits_residual, digits_separable"
    assert "is compiled already; name the model" in fails(["compile", compiled, "-o", tmp_path / "x.phantom"], capsys)
    assert "is compiled already; name the model" in fails(["compare", compiled], capsys)
    assert "is a network file (.npz); this takes .onnx; digits_plain comes along" in fails(["compare", "digits"], capsys)
    assert "holds images, not a network" in fails(["run", images, "--device", "reference"], capsys)
    assert "is a directory" in fails(["run", tmp_path, "--device", "reference"], capsys)
    assert "unknown kind of file; it must be .npz, .onnx or .phantom" in fails(["run", __file__], capsys)
    assert along in fails(["run", "nosuch", "--device", "reference"], capsys)
    assert fails(["run", "nosuch.npz", "--device", "reference"], capsys).count("nosuch") == 1
    assert cli.main(["run", plain, "--device", "reference", "--images", "2"]) == 0


def test_what_does_not_fit_the_smallest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(5)
    net, x = tmp_path / "net.npz", tmp_path / "x.npy"
    wide = random_conv(rng, 2, 64, (11, 11), padding=(5, 5, 5, 5))
    network_file.save(Network("net", (64, 224, 224), np.dtype(np.uint8), [wide]), net)
    np.save(x, np.full((64, 224, 224), 1, np.uint8))
    assert "does not fit configuration 'tiny'" in (line := fails(["run", net, "--input", x], capsys))
    assert line.endswith("; try --config pynq_z2")


# --- how an input is taken -----------------------------------------------------------------------------------------------


def test_how_an_input_is_taken() -> None:
    rng = np.random.default_rng(1)
    layers = [random_conv(rng, 2, 1, (1, 1))]
    scale = Quantisation(1 / 255, -128, np.dtype(np.int8))
    network = Network("net", (1, 2, 2), np.dtype(np.uint8), layers, (), scale)
    real = np.array([0, 0, 0.5, 1], np.float32).reshape(1, 2, 2)
    assert input_note(network, real) == ["input: real values, quantised with scale 0.00392157"]
    (_, warning) = input_note(network, 255 * real)
    assert warning == "warning: 100% of the nonzero values lie beyond its range, 0 to 1: prepare images as in training"
    for dtype, zero in ((np.uint8, 0), (np.int8, -128)):
        (line,) = input_note(network, np.zeros((1, 2, 2), dtype))
        assert line == (
            f"input: integers, taken as quantised already ({np.dtype(dtype)}, scale 0.00392157, zero-point {zero})"
        )
    plain = Network("net", (1, 2, 2), np.dtype(np.uint8), layers)
    assert input_note(plain, np.zeros((1, 2, 2), np.uint8)) == ["input: integers, taken as they are (uint8)"]


def test_pixels_to_a_model_that_takes_real_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx")
    pixels = np.load(shipped.NETWORKS / "digits_test.npz")["images"][:2]
    for name, array, said in (("u.npy", pixels, "taken as quantised already"), ("f.npy", pixels * 1.0, "warning: 9")):
        np.save(tmp_path / name, array)
        command = ["digits_plain", "--input", str(tmp_path / name)]
        assert cli.main(["run", *command, "--device", "reference"]) == 0
        assert said in capsys.readouterr().out
        assert cli.main(["estimate", *command, "--by", "formula"]) == 0
        assert said in capsys.readouterr().out


# --- answers, labels, outputs --------------------------------------------------------------------------------------------


def test_labels(files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net, x = files
    path = tmp_path / "labels.npy"
    command = ["run", net, "--input", x, "--device", "reference"]
    assert cli.main([*command, "--output", str(tmp_path / "y.npy")]) == 0
    scores = np.load(tmp_path / "y.npy").reshape(5, 4)
    best = scores.argmax(axis=1)
    assert f"output: class {', '.join(map(str, best))} (index of the largest value)\n" in capsys.readouterr().out
    np.save(path, best)
    assert cli.main([*command, "--labels", str(path), "--images", "3"]) == 0
    alone = sum((scores[i] == scores[i].max()).sum() == 1 for i in range(3))
    assert f"accuracy: {alone} of 3 images" in capsys.readouterr().out
    for labels, message in (
        (best[:4], r"labels.npy: labels have shape (4,); there are 5 images, so it must be (5,)"),
        (best.astype(np.float32), "labels are float32; they must be integers, one an image"),
        (best + 4, "the network has 4 classes, 0 to 3"),
    ):
        np.save(path, labels)
        assert message in fails([*command, "--labels", path], capsys)
    assert "--labels goes with --input" in fails(["run", "digits", "--labels", path, "--device", "reference"], capsys)


def test_outputs_that_are_no_scores() -> None:
    assert answer_line([np.zeros((2, 3, 4, 4))]) is None and answer_line([np.zeros((2, 1, 1, 1))]) is None
    assert answer_line([np.zeros((2, 1001))]) is None and answer_line([np.zeros((2, 3))] * 2) is None
    assert answer_line([np.eye(12)]) == f"output: class {', '.join(map(str, range(10)))}, ... (index of the largest value)"


def test_wrong_outputs(files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    """Said before anything runs."""
    net, x = files
    monkeypatch.setattr(command_run, "run_network", None)
    command = ["run", net, "--input", x, "--device", "reference"]
    assert "a picture must end in .png, .svg or .pdf" in fails([*command, "--plot", tmp_path / "x.txt"], capsys)
    assert "counts no cycles" in fails([*command, "--plot", tmp_path / "x.png"], capsys)
    assert "the file must end in .npy" in fails([*command, "--output", tmp_path / "y.txt"], capsys)
    assert "is a directory; name a file" in fails([*command, "--json", tmp_path], capsys)
    assert "no such directory to make it in" in fails(["sweep", "grid.yaml", "--plots", tmp_path / "no" / "x"], capsys)
