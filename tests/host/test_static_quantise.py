"""Quantised models: what onnxruntime writes is what we say it writes, zeros stay zeros, and the results are near."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from float_models_for_tests import NODES, Node, constants, examples, model, write  # noqa: E402

from phantom import float_model, qdq, static_quantise  # noqa: E402
from phantom.errors import FormatError  # noqa: E402
from phantom.output_error import output_errors  # noqa: E402


def quantised(folder: Path, proto: Any, data: np.ndarray, name: str = "q.onnx") -> Any:
    """Quantise `proto` through files; the float model is as `load` has changed it."""
    source = float_model.load(write(folder, proto))
    static_quantise.quantise(source, data, folder / name)
    return onnx.load(folder / name), source


def test_types_and_zero_points(tmp_path: Path) -> None:
    proto, _ = quantised(tmp_path, model(), examples())
    found = {name: (i.dtype, int(i.zero_point)) for name, i in qdq.activations(proto).items()}
    int8 = np.dtype(np.int8)
    signed, unsigned = (int8, 0), (int8, -128)
    assert found == {
        **dict.fromkeys(("x", "c2", "y"), signed),
        **dict.fromkeys(("r1", "p1", "r2", "g", "f"), unsigned),
    }
    for values, meaning in qdq.weights(proto).values():
        assert values.dtype == np.int8 and not meaning.zero_point.any() and meaning.scale.shape == (len(values),)
        assert meaning.axis == 0
    assert list(qdq.weights(proto)) == ["c1", "c2", "y"]
    assert not {"Relu", "QLinearConv"} & {node.op_type for node in proto.graph.node}
    opset = proto.opset_import[0].version
    assert opset == 17


def test_an_input_without_negative_values_is_unsigned(tmp_path: Path) -> None:
    proto, _ = quantised(tmp_path, model(), np.abs(examples()))
    assert int(qdq.activations(proto)["x"].zero_point) == -128


def test_zeros_stay_zeros(tmp_path: Path) -> None:
    values = constants()
    mask = {name: np.random.default_rng(5).random(w.shape) < 0.3 for name, w in values.items()}
    pruned = {name: np.where(mask[name], w, 0).astype(np.float32) if w.ndim > 1 else w for name, w in values.items()}
    proto, _ = quantised(tmp_path, model(values=pruned), examples())
    for layer, tensor in (("c1", "w1"), ("c2", "w2"), ("y", "w3")):
        integers, meaning = qdq.weights(proto)[layer]
        assert not integers[~mask[tensor]].any()
        step = meaning.scale.reshape(-1, *[1] * (integers.ndim - 1))
        assert np.all(np.abs(meaning.real(integers) - pruned[tensor]) <= step * 0.5001)
    # A window of zeros gives the bias, and a zero activation is the zero-point.
    zero = np.zeros((1, 3, 8, 8), np.float32)
    info = qdq.activations(proto)
    run = qdq.Runner(proto, [info["x"].name, info["r1"].name], 1)
    (out,) = run(zero)
    assert np.all(out[info["x"].name] == 0)
    assert info["r1"].nonzero(out[info["r1"].name]) == np.count_nonzero(values["b1"] > 0) * 64


def test_the_same_bytes_again(tmp_path: Path) -> None:
    digests = set()
    for name in ("a.onnx", "b.onnx"):
        quantised(tmp_path, model(), examples(), name)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


CONV: Node = ("Conv", ["x", "w1", "b1"], "c1", {"pads": [1] * 4})
LAST: Node = ("Conv", ["t", "w2", "b2"], "y", {"pads": [1] * 4, "group": 8})
POOL = {"kernel_shape": [2, 2], "strides": [2, 2]}
ODD: dict[str, list[Node]] = {
    "clip from 0": [CONV, ("Clip", ["c1", "zero", "one"], "t", {}), LAST],
    "clip from -1": [CONV, ("Clip", ["c1", "minus", "two"], "t", {}), LAST],
    "clip from 1": [CONV, ("Clip", ["c1", "one", "two"], "t", {}), LAST],
    "clip with Constant nodes": [
        ("Constant", [], "low", {"value_float": 0.0}),
        CONV,
        ("Clip", ["c1", "low", "one"], "t", {}),
        LAST,
    ],
    "pool before relu": [CONV, ("MaxPool", ["c1"], "p", POOL), ("Relu", ["p"], "t", {}), LAST],
    "relu beside": [CONV, ("Relu", ["c1"], "r", {}), ("Add", ["r", "c1"], "t", {}), LAST],
    "joined": [CONV, ("Relu", ["c1"], "r", {}), ("MaxPool", ["r"], "m", {"kernel_shape": [1, 1]}), ("Add", ["r", "m"], "t", {}),
    LAST], "leaky": [CONV, ("LeakyRelu", ["c1"], "t", {"alpha": 0.1}), LAST],
    "mean": [CONV, ("Relu", ["c1"], "r", {}), ("AveragePool", ["r"], "t", POOL), LAST],
    "relu first": [("Relu", ["x"], "x0", {}), ("Conv", ["x0", "w1", "b1"], "t", {}), LAST],
}


@pytest.mark.parametrize("name", ODD)
def test_odd_models_come_near(name: str, tmp_path: Path) -> None:
    """Whatever stands between layers, zero-points are 0 or -128 and every layer's output is right to about 7 bits."""
    values = constants() | {k: np.array(v, np.float32) for k, v in {"zero": 0, "one": 1, "two": 2, "minus": -1}.items()}
    used = {source for _, sources, _, _ in ODD[name] for source in sources}
    source = model(ODD[name], {k: v for k, v in values.items() if k in used})
    for node in source.graph.node:  # as exporters write constants
        if node.op_type == "Constant":
            node.attribute[0].CopyFrom(onnx.helper.make_attribute("value", onnx.numpy_helper.from_array(np.array(0, np.float32))))
    proto, given = quantised(tmp_path, source, examples())
    assert {int(i.zero_point) for i in qdq.activations(proto).values()} <= {0, -128}
    assert ("Clip" in {node.op_type for node in proto.graph.node}) == (name in ("clip from -1", "clip from 1"))
    (errors,) = output_errors(proto, [given.proto], examples(), 1)
    assert set(errors) >= {"y"}
    for layer, error in errors.items():
        assert error.sqnr is not None and error.sqnr > 30, (layer, error.sqnr)


def test_batchnorm_is_folded(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    values = constants()
    values["w1"][:, 0] = 0
    for name in ("scale", "beta", "mean"):
        values[name] = rng.normal(size=8).astype(np.float32)
    values["variance"] = rng.uniform(0.5, 2, 8).astype(np.float32)
    del values["b1"]
    norm: list[Node] = [
        ("Conv", ["x", "w1"], "c0", {"pads": [1] * 4}),
        ("BatchNormalization", ["c0", "scale", "beta", "mean", "variance"], "c1", {"epsilon": 1e-3}),
    ]
    source = model([*norm, *NODES[1:]], values)
    expected = [run["y"] for run in qdq.Runner(onnx.ModelProto.FromString(source.SerializeToString()), ["y"], 1)(examples())]
    folded = float_model.load(write(tmp_path, source))
    assert "BatchNormalization" not in {node.op_type for node in folded.proto.graph.node}
    assert not folded.arrays()["w1"][:, 0].any()
    onnx.checker.check_model(folded.proto)
    got = [run["y"] for run in qdq.Runner(folded.proto, ["y"], 1)(examples())]
    assert np.allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_weights_in_constant_nodes(tmp_path: Path) -> None:
    """Some exporters write them so."""
    proto = model()
    for tensor in reversed(list(proto.graph.initializer)):
        proto.graph.node.insert(0, onnx.helper.make_node("Constant", [], [tensor.name], value=tensor))
    del proto.graph.initializer[:]
    found = float_model.load(write(tmp_path, proto))
    assert [w.tensor for w in found.weights] == ["w1", "w2", "w3"]
    assert all(np.array_equal(array, constants()[name]) for name, array in found.arrays().items())


def test_what_onnxruntime_cannot_do_is_an_error(tmp_path: Path) -> None:
    source = float_model.load(write(tmp_path, model()))
    source.proto.graph.node[0].op_type = "Convolution"
    with pytest.raises(FormatError, match="onnxruntime cannot quantise it"):
        static_quantise.quantise(source, examples(), tmp_path / "q.onnx")
