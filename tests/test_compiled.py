"""From a model to a file to the simulated board: the command line as users have it, every value compared."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fallback_models import MODELS, OPSET
from small_models import Small

from phantom import cli, network_file, phantom_file, reference
from phantom.compiling import plan_of
from phantom.config import load_config
from phantom.files import NETWORKS
from phantom.network import Conv, FullyConnected, Network
from phantom.network_file import load

IMAGES = 3


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The digits, compiled for the smallest configuration, and three images."""
    pytest.importorskip("pynq")
    folder = tmp_path_factory.mktemp("compiled")
    net, x = str(folder / "digits.phantom"), str(folder / "x.npy")
    assert cli.main(["compile", "digits", "-o", net, "--config", "tiny"]) == 0
    with np.load(NETWORKS / "digits_test.npz") as file:
        np.save(x, file["images"][:IMAGES])
    return net, x


def test_run(files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file alone gives the same outputs and figures as the network, and says that it was not compared."""
    net, x = files
    network = load(NETWORKS / "digits.npz")
    y, mine, theirs = tmp_path / "y.npy", tmp_path / "mine.json", tmp_path / "theirs.json"
    assert cli.main(["run", net, "--input", x, "--output", str(y), "--json", str(mine)]) == 0
    text = capsys.readouterr().out
    assert "not compared" in text and "--reference MODEL" in text and "bit-exact" not in text
    assert np.array_equal(np.load(y), [reference.run(network, image)[-1] for image in np.load(x)])
    assert cli.main(["run", net, "--input", x, "--reference", "digits", "--json", str(theirs)]) == 0
    assert "bit-exact: all 5 layers" in capsys.readouterr().out
    left, right = (json.loads(path.read_text()) for path in (mine, theirs))
    assert left["bit_exact"] is None and right["bit_exact"] is True
    assert left["layers"] == right["layers"] and left["totals"]["macs_effectual"] > 0
    direct = tmp_path / "direct.json"
    assert cli.main(["run", "digits", "--input", x, "--json", str(direct)]) == 0
    counted = ("name", "kind", "macs_dense", "macs_effectual")
    for one, other in zip(left["layers"], json.loads(direct.read_text())["layers"], strict=True):
        assert [one[key] for key in counted] == [other[key] for key in counted]


def test_some_layers(files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net, x = files
    document = tmp_path / "r.json"
    command = ["run", net, "--input", x, "--reference", "digits", "--json", str(document), "--layers"]
    assert cli.main([*command, "conv[12], fc"]) == 0
    assert "bit-exact: these 3 of 5 layers" in capsys.readouterr().out
    assert [layer["name"] for layer in json.loads(document.read_text())["layers"]] == ["conv1", "conv2", "fc"]
    assert cli.main([*command, "conv1,conv9"]) == 2
    assert "there is no layer 'conv9'; there are conv1, conv2, conv3, conv4, fc" in capsys.readouterr().err


def test_damaged_weights_are_found(files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that was made with other weights than the reference has, by somebody who sealed it: compared, it differs."""
    compiled = phantom_file.load(files[0])
    network = load(NETWORKS / "digits.npz")
    (segment,) = compiled.plan.accelerated
    assert segment.outline.checksum
    conv = network.layers[0]
    layers = [replace(conv, bias=conv.bias + 1000), *network.layers[1:]]  # type: ignore[union-attr, type-var]
    other = plan_of(replace(network, layers=layers), compiled.config).accelerated[0]
    forged = replace(other, outline=replace(other.outline, checksum=segment.outline.checksum))
    path = tmp_path / "forged.phantom"
    phantom_file.save(replace(compiled, plan=replace(compiled.plan, segments=(forged,))), path)
    command = ["run", str(path), "--input", files[1], "--reference", "digits"]
    assert cli.main(command) == 2
    assert "layer 'conv1 (image 0)'" in capsys.readouterr().err
    assert cli.main([*command, "--layers", "fc", "--no-check"]) == 0


def test_with_a_part_on_the_host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Accelerator, host, accelerator: the model at once, and as a file, with and without the model to compare with."""
    pytest.importorskip("onnxruntime")
    small = Small(opset=OPSET)
    model, net = small.save(tmp_path / "gate.onnx", MODELS["gate"][0](small)), tmp_path / "gate.phantom"
    x, y, document = tmp_path / "x.npy", tmp_path / "y.npy", tmp_path / "r.json"
    np.save(x, np.random.default_rng(1).normal(0, 3, (2, 4, 6, 6)).astype(np.float32))
    given = ["--fallback", "host", "--input", str(x)]
    assert cli.main(["compile", str(model), "-o", str(net), "--config", "tiny", *given]) == 0
    outputs, figures = [], []
    for subject in ([str(model), "--fallback", "host"], [str(net)], [str(net), "--reference", str(model)]):
        assert cli.main(["run", *subject, "--input", str(x), "--output", str(y), "--json", str(document)]) == 0
        text = capsys.readouterr().out
        assert ("not compared" in text) == (len(subject) == 1) != ("bit-exact: all 4 layers" in text)
        assert "on the host: n13 (Sigmoid), n16 (Mul): " in text and "% of the time" in text
        outputs.append(np.load(y))
        figures.append(json.loads(document.read_text()))
        (host,) = figures[-1]["host"]
        seconds = figures[-1]["totals"]["cycles"] / load_config("tiny").clock_mhz / 1e6
        assert host["share"] == pytest.approx(host["seconds"] / (host["seconds"] + seconds))
    assert all(np.array_equal(outputs[0], output) for output in outputs)
    assert figures[1]["layers"] == figures[2]["layers"]
    assert cli.main(["run", str(model), *given, "--device", "reference", "--output", str(y)]) == 0
    assert np.array_equal(np.load(y), outputs[0])


def test_estimates_hold(files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No layer runs faster than a bound, counted or expected; the estimate is of the right size."""
    image, measured, estimated = tmp_path / "one.npy", tmp_path / "r.json", tmp_path / "e.json"
    np.save(image, np.load(files[1])[:1])
    assert cli.main(["run", "digits", "--input", str(image), "--json", str(measured)]) == 0
    assert cli.main(["estimate", "digits", "--config", "tiny", "--input", str(image), "--json", str(estimated)]) == 0
    capsys.readouterr()
    run, guess = (json.loads(path.read_text()) for path in (measured, estimated))
    for real, expected in zip(run["layers"], guess["layers"], strict=True):
        assert max(expected["bounds"].values()) <= real["cycles"], real["name"]
        assert 0.5 < expected["cycles"] / real["cycles"] < 2, real["name"]
        assert expected["macs_expected"] == pytest.approx(real["macs_effectual"], rel=0.25)


def test_without_weights_or_activations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to multiply anywhere: the hardware comes to an end, and yields the biases."""
    ones = np.ones(6, np.int64)
    conv = Conv("c", np.zeros((6, 3, 3, 3), np.int8), np.arange(6) * 9, 16384 * ones, 0 * ones, padding=(1, 1, 1, 1))
    full = FullyConnected("f", np.zeros((4, 6 * 36), np.int8), ones[:4], 16384 * ones[:4], 0 * ones[:4])
    network_file.save(Network("empty", (3, 6, 6), np.dtype(np.uint8), [conv, full]), tmp_path / "n.npz")
    for values in (0, 7):
        np.save(tmp_path / "x.npy", np.full((3, 6, 6), values, np.uint8))
        assert cli.main(["run", str(tmp_path / "n.npz"), "--input", str(tmp_path / "x.npy")]) == 0
        assert "bit-exact: all 2 layers" in capsys.readouterr().out


def test_for_another_configuration(files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net, x = files
    assert cli.main(["run", net, "--input", x, "--config", "small"]) == 2
    assert "is compiled for configuration 'tiny', rows = 1; 'small' has 2: compile it again with --config small" in (
        capsys.readouterr().err
    )
    compiled = phantom_file.load(net)
    for change, message in (({"lf": 32}, "lf = 32; 'tiny' has 16"), ({"name": "mine"}, "there is no configuration 'mine'")):
        path = tmp_path / "other.phantom"
        phantom_file.save(replace(compiled, config=replace(compiled.config, **change)), path)
        assert cli.main(["run", str(path), "--input", x]) == 2
        assert message in capsys.readouterr().err


def test_the_program_in_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    """It is complete: it runs as it stands, and reads the first of the digits, a 2."""
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(program, "README.md", "exec"), {})
    digit, cycles = map(int, capsys.readouterr().out.split())
    assert digit == 2 and cycles > 10_000


def test_wrong_uses(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    net, x = files
    for arguments, message in (
        (["run", net, "--input", x, "--check"], "holds no network that the reference could compute"),
        (["run", net, "--input", x, "--device", "reference"], "--reference MODEL.onnx"),
        (["run", net, "--input", x, "--reference", "digits_plain"], "was not made from digits_plain"),
        (["run", "digits", "--input", x, "--reference", "digits"], "--reference goes with a .phantom file"),
        (["run", net], "has no images of its own"),
        (["compile", "digits", "-o", "digits.bin"], "digits.bin: it must end in .phantom"),
        (["compile", net, "-o", "x.phantom"], "is compiled already; name the model"),
    ):
        assert cli.main(arguments) == 2
        assert message in capsys.readouterr().err
