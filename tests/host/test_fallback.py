"""Models with operators that the hardware lacks, cut for accelerator and host: what comes out is what ONNX Runtime computes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from fallback_models import MODELS, OPSET, conv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx_models import quantise
from rounding import check_rounding
from small_models import Small
from test_onnx_models import models
from test_phantom_file import check_same

from phantom import cli, phantom_file
from phantom.config import load_config
from phantom.errors import DeviceError, FormatError, PhantomError, ShapeError
from phantom.hosted import HostRunner
from phantom.onnx.fallback import _Cut, cut, import_part
from phantom.onnx.graph import read
from phantom.onnx.runtime import Runtime
from phantom.onnx.units import Units
from phantom.onnx.values import UnsupportedModel
from phantom.phantom_file import Compiled
from phantom.plan import Accelerated, Hosted, Plan, Port
from phantom.run import ReferenceRunner, as_images
from phantom.run_plan import run_plan
from phantom.scales import Quantisation

TINY = load_config("tiny")


def write(name: str, folder: Path) -> Path:
    small = Small(opset=OPSET)
    return small.save(folder / f"{name}.onnx", MODELS[name][0](small))


def images(count: int = 2) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 3, (count, 4, 6, 6)).astype(np.float32)


def run(plan: Plan, given: np.ndarray, check: bool = True) -> dict[str, np.ndarray]:
    runners = [ReferenceRunner(segment.network) for segment in plan.accelerated if segment.network]
    return run_plan(plan, TINY, "reference", runners, given, check).results


def content(plan: Plan) -> list[object]:
    return [
        len(segment.outline.layers) if isinstance(segment, Accelerated) else [op for _, op in segment.nodes]
        for segment in plan.segments
    ]


@pytest.mark.parametrize("name", MODELS)
def test_cut(name: str, tmp_path: Path) -> None:
    """The segments are as few as can be, and the output differs from ONNX Runtime's by no more than rounding."""
    graph = read(write(name, tmp_path))
    plan = cut(graph, TINY)
    assert content(plan) == MODELS[name][1]
    x = images(4)
    (result,) = run(plan, x).values()
    whole = Units(graph)
    for image, got in zip(x, result, strict=True):
        expected = whole.values(image)[graph.outputs[0]][0]
        assert got.shape == expected.shape and got.dtype == expected.dtype
        off = np.abs(got.astype(np.float64) - expected)
        assert np.count_nonzero(off) <= 0.02 * off.size, "a layer rounds otherwise, rarely"
        assert off.max() < 0.41, "by one step of a scale of 0.4"


@pytest.mark.parametrize("name", MODELS)
def test_without_it(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An error that names the operator, or for those at the end a remark."""
    path, x = write(name, tmp_path), tmp_path / "x.npy"
    np.save(x, images())
    operator = next(part for part in MODELS[name][1] if isinstance(part, list))[0]
    compiled = cli.main(["compile", str(path), "-o", str(tmp_path / "n.phantom"), "--config", "tiny"])
    captured = capsys.readouterr()
    if name == "softmax":
        assert compiled == 0 and "Softmax 'n11' is left to the host" in captured.out
        return
    assert compiled == 2
    assert f"({operator})" in captured.err or "'n6' (maximum pooling 4 x 4 / 1" in captured.err


def test_file_and_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Compiled, written, loaded; run with the model for the reference; the same for the model itself."""
    path, x, net = write("gate", tmp_path), tmp_path / "x.npy", tmp_path / "gate.phantom"
    np.save(x, images())
    document = tmp_path / "r.json"
    command = ["compile", str(path), "-o", str(net), "--config", "tiny", "--fallback", "host", "--json", str(document)]
    assert cli.main(command) == 0
    assert "on the host: n13 (Sigmoid), n16 (Mul)" in capsys.readouterr().out
    assert json.loads(document.read_text())["host"] == [[["n13", "Sigmoid"], ["n16", "Mul"]]]
    direct, loaded = Compiled(TINY, cut(read(path), TINY)), phantom_file.load(net)
    check_same(direct, loaded)
    assert direct.plan.segments[1] == loaded.plan.segments[1] and isinstance(loaded.plan.segments[1], Hosted)
    outputs = []
    for command in ([str(path), "--fallback", "host"], [str(net), "--reference", str(path)]):
        y = tmp_path / "y.npy"
        rest = ["--input", str(x), "--device", "reference", "--output", str(y), "--json", str(document)]
        assert cli.main(["run", *command, *rest]) == 0
        assert "on the host: n13 (Sigmoid), n16 (Mul): " in capsys.readouterr().out
        read_back: dict[str, Any] = json.loads(document.read_text())
        (entry,) = read_back["host"]
        assert entry["nodes"] == [["n13", "Sigmoid"], ["n16", "Mul"]] and entry["seconds"] > 0 and entry["share"] is None
        assert [layer["name"] for layer in read_back["layers"]] == ["n3", "n6", "n10", "n20"]
        outputs.append(np.load(y))
    assert np.array_equal(*outputs) and outputs[0].shape == (2, 4, 6, 6)
    for wrong, message in (
        (write("sigmoid", tmp_path), "was not made from"),
        ("digits", "name that"),
    ):
        arguments = ["run", str(net), "--input", str(x), "--device", "reference", "--reference", str(wrong)]
        assert cli.main(arguments) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_what_crosses_a_border(dtype: type) -> None:
    """A layer's integers as the model's tensor: real, or of its own type, with its zero-point."""
    zero = -128 if dtype is np.int8 else 0
    quantisation = Quantisation(0.5, zero, np.dtype(dtype))
    output = np.array([0, 1, 200, 255, 7, 9], np.uint8).reshape(6, 1, 1)
    integer = Port("t", "l", (6,), quantisation).value(output)
    assert integer.dtype == dtype and integer.tolist() == [[zero, 1 + zero, 200 + zero, 255 + zero, 7 + zero, 9 + zero]]
    real = Port("t", "l", (2, 1, 3), quantisation, real=True).value(output)
    assert real.dtype == np.float32 and real.tolist() == [[[[0, 0.5, 100]], [[127.5, 3.5, 4.5]]]]
    assert np.array_equal(Port("t", "l", (6, 1, 1)).value(output)[0], output)


def test_several_outputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One of the host, one real and one integer of the accelerator; each under the model's name, as the model has it."""
    small = Small()
    first = conv(small, small.at)
    integer = small.nodes[-1].input[0]
    second = small.op("Sigmoid", first)
    path, y = small.save(tmp_path / "m.onnx", first, second, integer), tmp_path / "y.npz"
    model = onnx.load(path)
    model.graph.output[2].type.tensor_type.elem_type = onnx.TensorProto.INT8
    onnx.save(model, path)
    np.save(tmp_path / "x.npy", images())
    command = ["run", str(path), "--input", str(tmp_path / "x.npy"), "--device", "reference", "--fallback", "host", "--output"]
    assert cli.main([*command, str(y)]) == 0
    found, expected = np.load(y), Units(read(path)).values(images()[1])
    assert set(found.files) == {first, second, integer}
    for name in found.files:
        assert found[name].dtype == expected[name].dtype
        assert np.abs(found[name][1] - expected[name][0]).max() <= (1 if name == integer else 0.4)
    capsys.readouterr()
    assert cli.main([*command, str(tmp_path / "y.npy")]) == 2
    assert "has 3 outputs; they go to a file named .npz" in capsys.readouterr().err


def test_nothing_left(tmp_path: Path) -> None:
    small = Small()
    path = small.save(tmp_path / "m.onnx", small.pair(small.op("Tanh", small.at)))
    with pytest.raises(UnsupportedModel, match="nothing is left for the accelerator; its operators are Tanh"):
        cut(read(path), TINY)


def test_all_of_it(tmp_path: Path) -> None:
    small = Small()
    path = small.save(tmp_path / "m.onnx", conv(small, small.at))
    only = cut(read(path), TINY, images()[0]).alone
    assert only is not None and [layer.name for layer in only.outline.layers] == ["n3"]


def test_what_is_no_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, x = write("tanh_first", tmp_path), tmp_path / "x.npy"
    plan = cut(read(path), TINY)
    bad = images()
    bad[1, 2, 3, 4] = np.nan
    with pytest.raises(PhantomError, match=r"index \(1, 2, 3, 4\) is NaN"):
        run(plan, bad)
    with pytest.raises(ShapeError, match=r"on the host, n2: ONNX Runtime does not take x: float32 \(1, 4, 6, 5\)"):
        run(plan, images()[..., :5])
    np.save(x, images()[..., :5])
    command = ["run", str(path), "--input", str(x), "--device", "reference", "--fallback", "host"]
    assert cli.main(command) == 2
    assert "takes float32 of shape (4, 6, 6), or [N, ...] of them" in capsys.readouterr().err
    assert cli.main(["run", "digits", "--device", "reference", "--fallback", "host"]) == 2
    assert "--fallback needs an ONNX model" in capsys.readouterr().err


def test_a_damaged_part(tmp_path: Path) -> None:
    """A part for the host that is no model is an error of ONNX Runtime's, not ours."""
    plan = cut(read(write("sigmoid", tmp_path)), TINY)
    segments = [Hosted(s.nodes, s.inputs, s.outputs, b"\1\2") if isinstance(s, Hosted) else s for s in plan.segments]
    with pytest.raises(DeviceError, match="does not take the model"):
        run(Plan(plan.name, plan.input, plan.outputs, tuple(segments)), images())


def test_random_cuts(tmp_path: Path) -> None:
    """Any of a model's units on the host: the rest still fits together, and all that comes out is right but for rounding."""
    seen = {"models": 0, "segments": 0}

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(models(), st.integers(0, 2**32 - 1))
    def check(case: tuple[Any, str, str, bool], seed: int) -> None:
        builder, form, style, per_channel = case
        path = quantise(builder.model(), builder.images(4), tmp_path / "q.onnx", form, style, per_channel)
        graph = read(path)
        made = _Cut(graph, TINY, None)
        rng = np.random.default_rng(seed)
        made.host |= {unit.target for unit in made.units.all if rng.random() < 0.25}
        try:
            plan = made.run()
        except UnsupportedModel as error:
            assert "nothing is left for the accelerator" in str(error)
            return
        phantom_file.save(Compiled(TINY, plan), tmp_path / "n.phantom")
        check_same(Compiled(TINY, plan), phantom_file.load(tmp_path / "n.phantom"))
        seen["models"] += 1
        seen["segments"] += len(plan.segments)
        image = builder.images(1)
        values = made.units.values(image[0])
        for name, got in run(plan, image).items():
            assert got.dtype == values[name].dtype and got.shape == values[name].shape
        # Segment by segment from ONNX Runtime's own tensors, so that no difference is carried on.
        for segment in plan.segments:
            if isinstance(segment, Hosted):
                for name, array in HostRunner(segment)(values).items():
                    assert np.array_equal(array, values[name])
                continue
            part = import_part(made.units, segment.tensor, tuple(port.tensor for port in segment.ports), values)
            (given,) = as_images(part.network, values[segment.tensor])
            if len(part.tensors) > 1:  # beside the input; a ReLU at the end leaves none that is quantised
                check_rounding(part, given, Runtime(part)(given), {})

    check()
    assert seen["models"] > 20 and seen["segments"] > 2.5 * seen["models"], seen


def test_refused_before_it_is_cut(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="there is no such file"):
        read(tmp_path / "none.onnx")
