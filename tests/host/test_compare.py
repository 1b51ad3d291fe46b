"""`phantom compare` and `phantom run` on models: what they print, write and answer."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx_models import Builder, quantise

from phantom import cli, command_run, reference
from phantom.compare import compare
from phantom.driver import Counters
from phantom.errors import MismatchError
from phantom.network import Network
from phantom.onnx import import_model
from phantom.run import ReferenceRunner, as_images, by_name


def small(*tail: str, style: str = "int8") -> Builder:
    """Convolution with ReLU, residual addition, pooling, and what `tail` names."""
    builder = Builder(np.random.default_rng(7), (3, 8, 8), positive=style != "int8")
    builder.conv(8, (3, 3), 1, [1] * 4, 1, 1, True)
    left = builder.same("Relu")
    builder.conv(8, (3, 3), 1, [1] * 4, 1, 1, True)
    if style != "int8":
        builder.same("Relu")
    builder.node("Add", [builder.at, left], (8, 8, 8))
    builder.same("Relu")
    builder.pool("MaxPool", (2, 2), 2, [0] * 4)
    for op in tail:
        if op == "Gemm":
            builder.gemm(10, False)
        else:
            builder.same(op)
    return builder


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A model in QDQ form, and eight real images."""
    builder = small("Dropout", "Gemm", "Softmax")
    path = quantise(builder.model(), builder.images(4), tmp_path / "m.onnx", "QDQ", "int8")
    np.save(tmp_path / "x.npy", builder.images(8))
    return path, tmp_path / "x.npy"


def test_table_and_document(files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, x = files
    document = tmp_path / "c.json"
    assert cli.main(["compare", str(model), "--input", str(x), "--images", "3", "--json", str(document)]) == 0
    text = capsys.readouterr().out
    assert "left to the host" in text and "Softmax" in text and "conv" in text
    read = json.loads(document.read_text())
    assert read["images"] == 3 and read["device"] == "reference"
    kinds = [entry["kind"] for entry in read["tensors"]]
    assert kinds[0] == "input" and {"conv", "add", "maxpool", "fc"} <= set(kinds)
    assert read["tensors"][0]["values"] == 3 * 3 * 64
    assert read["totals"][-1]["kind"] == "all"
    once = {entry["layer"]: entry["values"] for entry in read["tensors"]}
    assert len(once) < len(read["tensors"]), "two tensors of the model, before and after ReLU, are those of one layer"
    assert read["totals"][-1]["values"] == sum(once.values())
    assert all(entry["own"]["most"] <= 1 for entry in read["tensors"])


def test_run_gives_what_the_model_gives(files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Real outputs, in the model's unit: within one step of it of ONNX Runtime's, but for softmax, which is the host's."""
    model, x = files
    out = tmp_path / "y.npy"
    command = ["run", str(model), "--input", str(x), "--device", "reference", "--output", str(out)]
    assert cli.main(command) == 0
    assert "Softmax" in capsys.readouterr().out
    scores = np.load(out)
    assert scores.shape == (8, 10, 1, 1) and scores.dtype == np.float32
    proto = onnx.load(model)
    before = next(node.input[0] for node in proto.graph.node if node.op_type == "Softmax")
    del proto.graph.output[:]
    proto.graph.output.append(onnx.helper.make_tensor_value_info(before, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()  # without optimisations, some of which saturate sums on older x86 processors
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    step = float(next(iter(import_model(model).network.output_quantisation.values())).scale)
    for image, mine in zip(np.load(x), scores, strict=True):
        (theirs,) = session.run(None, {"x": image[None]})
        assert np.abs(theirs.reshape(-1) - mine.reshape(-1)).max() <= 1.01 * step


@pytest.mark.parametrize("name", ["digits_plain", "digits_separable", "digits_residual"])
def test_models_that_come_along(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = tmp_path / "c.json"
    assert cli.main(["compare", name, "--images", "20", "--json", str(document)]) == 0
    total = json.loads(document.read_text())["totals"][-1]
    assert total["values"] > 20 * 5000 and total["own"]["differ"] <= 1e-5 * total["values"]
    capsys.readouterr()
    assert cli.main(["run", name, "--device", "reference", "--images", "200"]) == 0
    right = re.search(r"accuracy: (\d+) of 200 images", capsys.readouterr().out)
    assert right is not None and int(right[1]) >= 195


def test_several_outputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    builder = small("Gemm")
    names = [builder.at, next(n.output[0] for n in builder.nodes if n.op_type == "MaxPool")]
    model = quantise(builder.model(*names), builder.images(4), tmp_path / "m.onnx", "QDQ", "int8")
    np.save(tmp_path / "x.npy", builder.images(3))
    command = ["run", str(model), "--input", str(tmp_path / "x.npy"), "--device", "reference", "--output"]
    assert cli.main([*command, str(tmp_path / "y.npy")]) == 2
    assert "has 2 outputs; they go to a file named .npz" in capsys.readouterr().err
    assert cli.main([*command, str(tmp_path / "y.npz")]) == 0
    network = import_model(model).network
    with np.load(tmp_path / "y.npz") as file:
        assert [file[name].shape for name in network.outputs] == [(3, 10, 1, 1), (3, 8, 4, 4)]
        images = as_images(network, np.load(tmp_path / "x.npy"))
        expected = [reference.run(network, image)[network.index(network.outputs[1])] for image in images]
        assert np.array_equal(file[network.outputs[1]], network.output_quantisation[network.outputs[1]].real(np.array(expected)))


def test_what_the_hardware_does_not_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    builder = Builder(np.random.default_rng(7), (3, 8, 8))
    builder.conv(8, (17, 17), 1, [8] * 4, 1, 1, True)
    model = quantise(builder.model(), builder.images(4), tmp_path / "m.onnx", "QDQ", "int8")
    np.save(tmp_path / "x.npy", builder.images(2))
    for command in ("run", "compare"):
        assert cli.main([command, str(model), "--input", str(tmp_path / "x.npy"), "--device", "rtl"]) == 2
        assert "convolution 17 x 17, 289 windows; the table holds 256" in capsys.readouterr().err


def test_a_graph_is_compiled(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A residual block and a pooling go to the device, in stages; what is pooled at once need not come back."""
    model, x = files
    seen: list[Any] = []

    class Device:
        def __init__(self, accelerator: object, programs: list[Any]) -> None:
            seen.extend(programs)

        def __call__(self, image: np.ndarray) -> tuple[dict[str, np.ndarray], list[Counters] | None]:
            network = import_model(model).network
            outputs = by_name(network, reference.run(network, image))
            return {part.name: outputs[part.name] for program in seen for part in program.stage.result.parts}, None

    monkeypatch.setattr(command_run, "DeviceRunner", Device)
    monkeypatch.setattr(command_run, "Accelerator", lambda *_, **__: None)
    monkeypatch.setattr(command_run, "open_overlay", lambda *_: None)
    assert cli.main(["compare", str(model), "--input", str(x), "--device", "rtl"]) == 0
    layers = [layer.name for program in seen for layer in program.stage.layers]
    assert layers == [layer.name for layer in import_model(model).network.layers]


def changed(network: Network, index: int, **change: object) -> Network:
    """The same network with another layer `index`."""
    layers = list(network.layers)
    layers[index] = dataclasses.replace(layers[index], **change)  # type: ignore[arg-type]
    return dataclasses.replace(network, layers=layers)


def test_a_wrong_layer_is_found(files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bias that is wrong shows in its own layer alone, and through all that follow."""
    imported = import_model(files[0])
    images = np.load(files[1])
    network = imported.network
    bias = network.layers[0].bias.copy()  # type: ignore[union-attr]
    bias[2] += 3000
    wrong = dataclasses.replace(imported, network=changed(network, 0, bias=bias))
    result = compare(wrong, images, ReferenceRunner(wrong.network), "reference")
    own = {line.tensor.layer: line.own for line in result.lines}
    through = {line.tensor.layer: line.through for line in result.lines}
    first, second = network.layers[0].name, network.layers[1].name
    assert own[first].most > 1 and own[first].first is not None and own[first].first[:2] == (0, 2)
    assert own[second].most <= 1 and through[second].most > 1
    assert not result.rounding_only
    assert "(0,2," in result.table()


def test_it_fails_at_the_command_line(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = import_model(files[0])
    index = next(i for i, layer in enumerate(right.network.layers) if layer.name.startswith("gemm"))
    wrong = dataclasses.replace(
        right, network=changed(right.network, index, multiplier=right.network.layers[index].multiplier // 2)
    )  # type: ignore[union-attr]
    monkeypatch.setattr("phantom.onnx.import_model", lambda _: wrong)
    assert cli.main(["compare", str(files[0]), "--input", str(files[1])]) == 1
    assert "differs by more than rounding" in capsys.readouterr().err


def test_a_promise_that_is_broken(files: tuple[Path, Path]) -> None:
    """Values that the importer has proven impossible are not cut to fit."""
    imported = import_model(files[0])
    tensors = list(imported.tensors)
    shifted = dataclasses.replace(tensors[1].quantisation, zero_point=-100)
    tensors[1] = dataclasses.replace(tensors[1], quantisation=shifted, limits=None)
    broken = dataclasses.replace(imported, tensors=tuple(tensors))
    with pytest.raises(MismatchError, match=r"the model promises -128\.\.127"):
        compare(broken, np.load(files[1]), ReferenceRunner(imported.network), "reference")


def test_wrong_input(files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, x = files
    images = np.load(x)
    images[1, 2, 3, 4] = np.nan
    np.save(tmp_path / "nan.npy", images)
    np.save(tmp_path / "wide.npy", images[..., :7])
    for name, message in (("nan", "index (1, 2, 3, 4) is NaN"), ("wide", "takes int8 or float32 of shape (3, 8, 8)")):
        for command in ("run", "compare"):
            assert cli.main([command, str(model), "--input", str(tmp_path / f"{name}.npy"), "--device", "reference"]) == 2
            assert message in capsys.readouterr().err


def test_integer_images_and_other_types(tmp_path: Path) -> None:
    """A network's integers, the model's, and real values are three ways to say the same image."""
    builder = small("Gemm", "Relu", style="int8-128")
    model = quantise(builder.model(), builder.images(4), tmp_path / "m.onnx", "QDQ", "int8-128")
    imported = import_model(model)
    assert imported.network.input_dtype == np.uint8 and imported.tensors[0].quantisation.zero_point == -128
    real = builder.images(3)
    integers = as_images(imported.network, real)
    theirs = (integers.astype(np.int16) - 128).astype(np.int8)
    assert np.array_equal(as_images(imported.network, theirs), integers)
    runner = ReferenceRunner(imported.network)
    tables = {compare(imported, images, runner, "reference").table() for images in (real, integers, theirs)}
    assert len(tables) == 1
