"""Models that are odd but right, and inputs that are wrong: a result, or one line that says what is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from fallback_models import conv
from small_models import Small

from phantom import cli, phantom_file, reference
from phantom.compiling import plan_of
from phantom.config import load_config
from phantom.network import Network
from phantom.onnx import import_model
from phantom.phantom_file import Compiled
from phantom.run import as_images

TINY = load_config("tiny")


def zeros(small: Small) -> str:
    """A quantised convolution without any weight; its outputs are its biases."""
    scale, zero = small.constant(np.float32(0.02)), small.constant(np.int8(0))
    weights = small.op("DequantizeLinear", small.constant(np.zeros((4, 4, 3, 3), np.int8)), scale, zero)
    bias = small.constant(np.array([0.5, -1, 0, 2], np.float32))
    return small.pair(small.op("Conv", small.at, weights, bias, pads=[1] * 4), scale=0.25)


def compiled(network: Network, folder: Path) -> Compiled:
    """Compiled, written and loaded; each stage has an estimate."""
    phantom_file.save(Compiled(TINY, plan_of(network, TINY)), folder / "n.phantom")
    loaded = phantom_file.load(folder / "n.phantom")
    assert all(figures.cycles > 0 for figures in loaded.plan.accelerated[0].figures)
    return loaded


def test_no_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = Small()
    path = small.save(tmp_path / "m.onnx", zeros(small))
    network = import_model(path).network
    compiled(network, tmp_path)
    (image,) = as_images(network, np.ones((4, 6, 6), np.float32))
    got = reference.run(network, image)[-1]
    assert got[:, 0, 0].tolist() == [2, -4, 0, 8] and np.all(got == got[:, :1, :1])
    np.save(tmp_path / "x.npy", np.ones((4, 6, 6), np.float32))
    assert cli.main(["run", str(path), "--input", str(tmp_path / "x.npy"), "--device", "reference"]) == 0
    assert cli.main(["estimate", str(path), "--config", "tiny"]) == 0
    assert "conv 3x3" in capsys.readouterr().out


def test_nothing_to_multiply(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An image of zeros: densities are 0, and so are all effectual multiplies of the first layer."""
    small = Small()
    path = small.save(tmp_path / "m.onnx", conv(small, conv(small, small.at)))
    np.save(tmp_path / "x.npy", np.zeros((2, 4, 6, 6), np.float32))
    given = ["--input", str(tmp_path / "x.npy")]
    assert cli.main(["compile", str(path), *given, "-o", str(tmp_path / "m.phantom"), "--config", "tiny"]) == 0
    assert cli.main(["run", str(path), *given, "--device", "reference"]) == 0
    assert cli.main(["estimate", str(path), *given, "--config", "tiny"]) == 0
    capsys.readouterr()


def test_outputs(tmp_path: Path) -> None:
    """What nobody wants is left out, of whatever kind; one tensor under two names is one output with two ports."""
    small = Small()
    first = conv(small, small.at)
    small.op("Sin", first)
    path = small.save(tmp_path / "m.onnx", first, small.op("Identity", first))
    imported = import_model(path)
    assert [layer.name for layer in imported.network.layers] == ["n3"] and imported.network.outputs == ("n3",)
    assert len(imported.ports) == 2 and {port.layer for port in imported.ports} == {"n3"}
    assert imported.ports[0].tensor == first
    compiled(imported.network, tmp_path)
    model = onnx.load(path)
    model.graph.output.append(model.graph.output[0])
    onnx.save(model, path)
    assert import_model(path).network.outputs == ("n3",)


def test_wrong_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For the model and for a file that was made from it."""
    small = Small()
    path, net, x = small.save(tmp_path / "m.onnx", conv(small, small.at)), tmp_path / "m.phantom", tmp_path / "x.npy"
    assert cli.main(["compile", str(path), "-o", str(net), "--config", "tiny"]) == 0
    bad = np.ones((2, 4, 6, 6), np.float32)
    bad[1, 3, 2, 1] = np.nan
    for array, message in (
        (bad, "the value at index (1, 3, 2, 1) is NaN; values must be numbers"),
        (bad[:, :3], "the input is float32 of shape (2, 3, 6, 6); network 'm' takes int8 or float32 of shape (4, 6, 6)"),
        (bad[:0], f"{x}: is empty, an array of shape (0, 4, 6, 6); it must hold one image at least"),
        (np.ones((4, 6, 6), np.int64), "the input is int64 of shape (4, 6, 6)"),
        (np.ones((4, 6, 6), np.uint8), "the input is uint8"),
        (np.array(["a"]), "the input is <U1 of shape (1,)"),
    ):
        np.save(x, array)
        for subject in ([str(path)], [str(net), "--reference", str(path)]):
            capsys.readouterr()
            assert cli.main(["run", *subject, "--input", str(x), "--device", "reference"]) == 2
            (line,) = capsys.readouterr().err.splitlines()
            assert line.startswith(f"phantom: error: {message}")
