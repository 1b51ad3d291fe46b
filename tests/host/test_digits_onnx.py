"""The committed ONNX digits networks: sparse, of the layers they claim, quantised as we quantise, and right on unseen digits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import phantom  # noqa: E402
from phantom import qdq  # noqa: E402

FOLDER = Path(phantom.__file__).parent / "networks"
NAMES = ("digits_plain", "digits_separable", "digits_residual")


@pytest.fixture(scope="module", params=NAMES)
def network(request: pytest.FixtureRequest) -> tuple[str, Any]:
    proto = onnx.load(FOLDER / f"{request.param}.onnx")
    onnx.checker.check_model(proto, full_check=True)
    return request.param, proto


def test_reads_digits_it_has_not_seen(network: tuple[str, Any]) -> None:
    with np.load(FOLDER / "digits_test.npz", allow_pickle=False) as file:
        images, labels = (file["images"] / 16).astype(np.float32), file["labels"]
    assert images.shape == (540, 1, 8, 8)
    scores_of = qdq.activations(network[1])["scores"]
    run = qdq.Runner(network[1], [scores_of.name], 1)
    scores = np.concatenate([found[scores_of.name] for found in run(images)]).astype(int)
    best = scores.max(axis=1, keepdims=True)
    right = ((scores == best).sum(axis=1) == 1) & (scores.argmax(axis=1) == labels)
    assert right.mean() >= 0.98


def test_is_sparse_and_symmetric(network: tuple[str, Any]) -> None:
    weights = qdq.weights(network[1])
    size = sum(values.size for values, _ in weights.values())
    assert 0.70 <= 1 - sum(meaning.nonzero(values) for values, meaning in weights.values()) / size <= 0.90
    assert all(values.dtype == np.int8 and not meaning.zero_point.any() for values, meaning in weights.values())
    points = {name: int(i.zero_point) for name, i in qdq.activations(network[1]).items()}
    assert set(points.values()) <= {0, -128} and points["image"] == -128 and points["scores"] == 0


def test_layers(network: tuple[str, Any]) -> None:
    name, proto = network
    kinds = set()
    for node in proto.graph.node:
        if node.op_type == "Conv":
            given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            kinds.add((given["kernel_shape"][0], given["strides"][0], given["group"] > 1))
    others = {node.op_type for node in proto.graph.node} - {"Conv", "QuantizeLinear", "DequantizeLinear"}
    convolutions = {
        "digits_plain": {(3, 1, False), (3, 2, False), (1, 1, False)},
        "digits_separable": {(3, 1, False), (1, 1, False), (3, 1, True), (3, 2, True)},
        "digits_residual": {(3, 1, False), (3, 2, False), (1, 2, False)},
    }
    assert kinds == convolutions[name]
    more = {"digits_plain": set(), "digits_separable": {"GlobalAveragePool"}, "digits_residual": {"Add", "MaxPool"}}
    assert others == {"Gemm", "Flatten"} | more[name]


def test_the_float_one_is_neither_pruned_nor_quantised_and_reads_digits() -> None:
    import onnxruntime

    from phantom import float_model

    path = FOLDER / "digits_float.onnx"
    model = float_model.load(path)  # refuses a quantised one
    assert {weights.kind for weights in model.weights} == {"Conv", "Gemm"}
    assert all(np.count_nonzero(array) == array.size for array in model.arrays().values())
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with np.load(FOLDER / "digits_test.npz", allow_pickle=False) as file:
        images, labels = (file["images"] / 16).astype(np.float32), file["labels"]
    scores = np.concatenate([session.run(None, {model.input: image[None]})[0] for image in images])
    assert np.mean(scores.argmax(axis=1) == labels) >= 0.98
    tells_nothing(path.read_bytes())


def test_tells_nothing_of_where_it_was_made(network: tuple[str, Any]) -> None:
    tells_nothing(network[1].SerializeToString())


def tells_nothing(text: bytes) -> None:
    assert b"/home" not in text and b"/work" not in text and b".py" not in text
