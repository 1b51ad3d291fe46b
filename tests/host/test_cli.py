"""The command line without a simulation: on the reference, with wrong arguments, and with devices that are not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks_for_tests import random_conv, random_fc, random_input

import phantom
from phantom import cli, command_run, devices, network_file, reference, shipped
from phantom import run as runs
from phantom.config import load_config
from phantom.driver import Counters
from phantom.errors import DeviceError, MismatchError
from phantom.network import Network
from phantom.outline import kind_of
from phantom.report import CAUSES
from phantom.run import ReferenceRunner, accuracy, by_name, run_network

TINY = load_config("tiny")


@pytest.fixture(scope="module")
def network() -> Network:
    rng = np.random.default_rng(2)
    conv = random_conv(rng, 6, 3, (3, 3), stride=2, padding=(1, 1, 1, 1))
    return Network("net", (3, 8, 8), np.dtype(np.uint8), [conv, random_fc(rng, 4, 6 * 16)])


@pytest.fixture
def files(network: Network, tmp_path: Path) -> tuple[str, str]:
    """Paths of the network and of five images for it."""
    network_file.save(network, tmp_path / "net.npz")
    np.save(tmp_path / "x.npy", random_input(np.random.default_rng(3), (5, 3, 8, 8), np.uint8))
    return str(tmp_path / "net.npz"), str(tmp_path / "x.npy")


def fails(arguments: Sequence[object], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr of a command that must fail."""
    assert cli.main([str(a) for a in arguments]) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("phantom: error: ")
    return line


# --- run -----------------------------------------------------------------------------------------------------------------


def test_reference(files: tuple[str, str], network: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net, x = files
    out, document = tmp_path / "y.npy", tmp_path / "r.json"
    command = ["run", net, "--input", x, "--device", "reference", "--output", str(out), "--json", str(document)]
    assert cli.main(command) == 0
    text = capsys.readouterr().out
    assert "conv 3x3/2" in text and "cycles" not in text and "bit-exact" not in text
    expected = [reference.run(network, image)[-1] for image in np.load(x)]
    assert np.array_equal(np.load(out), expected)
    report = json.loads(document.read_text())
    assert report["bit_exact"] is None and report["images"] == 5 and report["device"] == "reference"
    assert report["totals"]["macs_dense"] == 5 * (6 * 27 * 16 + 4 * 96)


def test_one_image_and_the_first_images(files: tuple[str, str], tmp_path: Path) -> None:
    net, x = files
    np.save(tmp_path / "one.npy", np.load(x)[1])
    for source, extra, count in ((tmp_path / "one.npy", [], 1), (x, ["--images", "2"], 2)):
        out = tmp_path / "y.npy"
        assert cli.main(["run", net, "--input", str(source), "--device", "reference", "--output", str(out), *extra]) == 0
        assert np.load(out).shape == (count, 4, 1, 1)


def test_digits_come_along(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "digits", "--device", "reference", "--images", "100"]) == 0
    assert "accuracy: " in capsys.readouterr().out


def test_wrong_arguments(files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net, x = files
    wrong, several = tmp_path / "wrong.npy", tmp_path / "several.npz"
    np.save(wrong, np.zeros((3, 8, 9), np.uint8))
    np.savez(several, a=np.zeros(1))
    on_reference = ["--device", "reference"]
    assert "no images of its own; name some: --input" in fails(["run", net, *on_reference], capsys)
    assert "there is no such file" in fails(["run", "nothing.npz", "--input", x, *on_reference], capsys)
    assert "there is no such file" in fails(["run", net, "--input", "nothing.npy", *on_reference], capsys)
    assert "unknown kind of file; it must be .npz, .onnx or .phantom" in fails(["run", x, "--input", x, *on_reference], capsys)
    assert "not a .npy file" in fails(["run", net, "--input", __file__, *on_reference], capsys)
    assert "several arrays" in fails(["run", net, "--input", several, *on_reference], capsys)
    assert "(3, 8, 9); network 'net' takes uint8 of shape (3, 8, 8)" in fails(
        ["run", net, "--input", wrong, *on_reference], capsys
    )
    assert "--images 0" in fails(["run", net, "--input", x, "--images", "0", *on_reference], capsys)
    assert "there is no configuration 'huge'; there are big" in fails(["run", net, "--input", x, "--config", "huge"], capsys)
    assert "no such directory" in fails(["run", net, "--input", x, "--json", tmp_path / "no" / "r.json", *on_reference], capsys)
    assert "cannot be written" in fails(["run", net, "--input", x, "--json", tmp_path, *on_reference], capsys)
    np.save(wrong, np.zeros((0, 3, 8, 8), np.uint8))
    assert "it must hold one image at least" in fails(["run", net, "--input", wrong, *on_reference], capsys)


def test_no_board(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pynq")
    net, x = files
    assert "--device rtl" in fails(["run", net, "--input", x, "--device", "board"], capsys)
    assert "--device rtl" in fails(["selftest", "--device", "board"], capsys)


def test_unknown_device() -> None:
    with pytest.raises(DeviceError, match="'tape'"):
        devices.open_overlay("tape", TINY)


def test_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(network_file, "load", stop)
    assert cli.main(["run", "digits", "--device", "reference"]) == 130
    assert capsys.readouterr().err == "phantom: interrupted\n"


def test_host_alone() -> None:
    """Nothing but the host package and numpy is loaded, simulation and PYNQ least of all, unless it is asked for."""
    program = (
        "import sys; from phantom import cli; cli.main(['info']);"
        "cli.main(['run', 'digits', '--device', 'reference', '--images', '1']);"
        "sys.exit(any(m.split('.')[0] in ('phantom_sim', 'pynq', 'matplotlib') for m in sys.modules))"
    )
    host = str(Path(phantom.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": host}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


# --- the run itself ------------------------------------------------------------------------------------------------------


class Fake:
    """A device that computes rightly but for one value of one layer of one image, and counts cycles."""

    def __init__(self, network: Network, wrong: int | None = None) -> None:
        self.network, self.wrong, self.image = network, wrong, -1

    @property
    def stages(self) -> list[tuple[str, ...]]:
        return [(layer.name,) for layer in self.network.layers]

    def __call__(self, image: np.ndarray) -> tuple[dict[str, np.ndarray], list[Counters] | None]:
        self.image += 1
        outputs = reference.run(self.network, image)
        if self.image == self.wrong:
            outputs[0][2, 3, 1] ^= 1
        counters = [Counters(100, 7, *[0] * 10, sampled={"weight": 50}) for _ in outputs]
        return by_name(self.network, outputs), counters


def test_exactly_checked(network: Network) -> None:
    images = random_input(np.random.default_rng(4), (3, 3, 8, 8), np.uint8)
    report = run_network(network, TINY, "rtl", Fake(network), images).report
    assert report.bit_exact is True
    assert [layer.cycles for layer in report.layers] == [300, 300]
    assert report.layers[0].sampled == {"weight": 150} and report.layers[0].macs == 21
    with pytest.raises(
        MismatchError, match=r"layer 'conv \(image 1\)': 1 of 96 values differ; the first is channel 2, row 3, column 1"
    ):
        run_network(network, TINY, "rtl", Fake(network, wrong=1), images)
    assert run_network(network, TINY, "rtl", Fake(network, wrong=1), images, check=False).report.bit_exact is None


def test_check_by_default(
    files: tuple[str, str], network: Network, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_run, "runner_on", lambda *_: Fake(network, wrong=4))
    command = ["run", files[0], "--input", files[1]]
    assert "layer 'conv (image 4)': 1 of 96 values differ" in fails(command, capsys)
    assert cli.main([*command, "--no-check"]) == 0
    assert "bit-exact" not in capsys.readouterr().out
    assert cli.main([*command, "--images", "4"]) == 0
    assert "bit-exact: all 2 layers" in capsys.readouterr().out


def test_plot(files: tuple[str, str], network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(command_run, "runner_on", lambda *_: Fake(network))
    picture = tmp_path / "r.png"
    assert cli.main(["run", files[0], "--input", files[1], "--plot", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 10_000


def test_accuracy() -> None:
    scores = np.array([[1, 5, 2], [3, 3, 0], [9, 0, 0], [0, 0, -1]], np.int8)
    assert accuracy(scores, np.array([1, 2, 0, 0])) == 0.5, "right, wrong, right, and a tie"
    assert accuracy(scores, np.array([1, 0, 0, 2])) == 0.5
    with pytest.raises(runs.ShapeError, match="4 integers below 3"):
        accuracy(scores, np.array([1, 2]))


def test_kinds(network: Network) -> None:
    assert [kind_of(layer) for layer in network.layers] == ["conv 3x3/2", "fc"]
    images = np.zeros((1, 3, 8, 8), np.uint8)
    assert run_network(network, TINY, "reference", ReferenceRunner(network), images, check=False).report.layers[1].kind == "fc"


def test_chosen_layers(files: tuple[str, str], network: Network, monkeypatch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Their cycles are not said to be those of all."""
    monkeypatch.setattr(command_run, "runner_on", lambda *_: Fake(network))
    command = ["run", files[0], "--input", files[1]]
    assert cli.main([*command, "--layers", "conv"]) == 0
    text = capsys.readouterr().out
    assert "500 cycles for 5 images in these 1 of 2 layers: 1.0 us each" in text
    assert "bit-exact: these 1 of 2 layers equal" in text
    assert cli.main(command) == 0
    text = capsys.readouterr().out
    assert "1,000 cycles for 5 images: 2.0 us each" in text and "input: integers, taken as they are (uint8)" in text


# --- info ----------------------------------------------------------------------------------------------------------------


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info"]) == 0
    table = capsys.readouterr().out
    assert all(name in table for name in ("tiny", "small", "pynq_z2", "digits_float", *shipped.RUNNABLE))
    assert all(word in table for word in (*CAUSES, "LAM", "util", "dense", "effectual", "GOP/s", "speedup"))
    assert cli.main(["info", "--config", "pynq_z2"]) == 0
    text = capsys.readouterr().out
    assert "4 x 4 cores x 8 threads = 128 multipliers" in text and "125 MHz" in text and "row buffer" in text
    assert max(map(len, (table + text).splitlines())) <= 100
    assert "no configuration 'x'" in fails(["info", "--config", "x"], capsys)
