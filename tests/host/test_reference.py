"""The reference against independent implementations: scipy for the sums, ONNX Runtime for sums and rounding."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks_for_tests import random_conv, random_fc, random_input

from phantom.errors import ShapeError
from phantom.network import Network
from phantom.reference import accumulate, run, run_layer


@st.composite
def cases(draw: st.DrawFn) -> tuple[object, np.ndarray]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    groups = draw(st.sampled_from([1, 1, 2, 4]))
    channels = groups * draw(st.integers(1, 4))
    filters = groups * draw(st.integers(1, 4))
    kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    padding = draw(st.tuples(*[st.integers(0, 3)] * 4))
    size = draw(st.tuples(st.integers(5, 12), st.integers(5, 12)))
    dtype = draw(st.sampled_from([np.uint8, np.int8]))
    stride = draw(st.sampled_from([1, 2]))
    layer = random_conv(
        rng, filters, channels, kernel, stride=stride, padding=padding, channel_groups=groups, out_dtype=dtype, relu=False
    )
    return layer, random_input(rng, (channels, *size), dtype)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_against_scipy(case: tuple[object, np.ndarray]) -> None:
    correlate2d = pytest.importorskip("scipy.signal").correlate2d
    layer, image = case
    top, left, bottom, right = layer.padding  # type: ignore[attr-defined]
    padded = np.pad(image.astype(np.int64), ((0, 0), (top, bottom), (left, right)))
    per = layer.weights.shape[1]  # type: ignore[attr-defined]
    filters_per = layer.filters // layer.channel_groups  # type: ignore[attr-defined]
    for k, filter_ in enumerate(layer.weights.astype(np.int64)):  # type: ignore[attr-defined]
        first = k // filters_per * per
        total = sum(correlate2d(padded[first + c], filter_[c], mode="valid") for c in range(per))
        step = layer.stride  # type: ignore[attr-defined]
        assert np.array_equal(accumulate(layer, image)[k], total[::step, ::step])  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(cases())
def test_against_onnx_conv_integer(case: tuple[object, np.ndarray]) -> None:
    layer, image = case
    if image.dtype == np.int8:  # ONNX Runtime's ConvInteger takes uint8 activations; the shift is taken out by the zero point
        zero = 128
        image_u8 = (image.astype(np.int16) + 128).astype(np.uint8)
    else:
        zero, image_u8 = 0, image
    got = _onnx("ConvInteger", layer, image_u8, [np.array(zero, np.uint8)])
    assert np.array_equal(got[0], accumulate(layer, image))  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(cases())
def test_against_onnx_qlinear_conv(case: tuple[object, np.ndarray]) -> None:
    """Sums and rounding. ONNX Runtime scales in float32, so results next to a half may differ by one."""
    layer, image = case
    if image.dtype == np.int8:
        image = image.view(np.uint8)
        layer = dataclasses.replace(layer, out_dtype=np.dtype(np.uint8), low=0, high=255)  # type: ignore[type-var]
    scale = (layer.multiplier / 2.0 ** (14 + 4 * layer.sel.astype(float))).astype(np.float32)  # type: ignore[attr-defined]
    one, zero = np.array(1, np.float32), np.array(0, np.uint8)
    w_zero = np.zeros(layer.filters, np.int8)  # type: ignore[attr-defined]
    got = _onnx("QLinearConv", layer, image, [one, zero, scale, w_zero, one, zero, layer.bias])[0]  # type: ignore[attr-defined]
    want = run_layer(layer, image)  # type: ignore[arg-type]
    off = np.abs(got.astype(int) - want.astype(int))
    assert off.max() <= 1
    assert np.count_nonzero(off) <= max(1, 0.001 * off.size)


def _onnx(op: str, layer: object, image: np.ndarray, rest: list[np.ndarray]) -> np.ndarray:
    """Run one convolution node. The model is built with onnx, or skipped."""
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    weights = layer.weights  # type: ignore[attr-defined]
    values = [weights, *rest] if op == "ConvInteger" else [*rest[:2], weights, *rest[2:]]
    names = [f"v{i}" for i in range(len(values))]
    node = onnx.helper.make_node(
        op,
        ["x", *names],
        ["y"],
        pads=list(layer.padding),  # type: ignore[attr-defined]
        strides=[layer.stride] * 2,  # type: ignore[attr-defined]
        group=layer.channel_groups,  # type: ignore[attr-defined]
        kernel_shape=list(weights.shape[2:]),
    )
    out = onnx.TensorProto.INT32 if op == "ConvInteger" else onnx.TensorProto.UINT8
    graph = onnx.helper.make_graph(
        [node],
        "one",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.UINT8, [1, *image.shape])],
        [onnx.helper.make_tensor_value_info("y", out, None)],
        [onnx.numpy_helper.from_array(value, name) for name, value in zip(names, values, strict=True)],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    # On x86 processors without VNNI the default kernel adds pairs of products in 16 bits, which saturates for large weights.
    options = runtime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": image[None]})[0]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), dtype=st.sampled_from([np.uint8, np.int8]))
def test_fully_connected(seed: int, dtype: type) -> None:
    rng = np.random.default_rng(seed)
    layer = random_fc(rng, 7, 3 * 4 * 5)
    image = random_input(rng, (3, 4, 5), dtype)
    flat = [int(v) for v in image.reshape(-1)]
    want = [sum(int(w) * a for w, a in zip(row, flat, strict=True)) for row in layer.weights]
    assert accumulate(layer, image).reshape(-1).tolist() == want


def test_extremes_are_exact() -> None:
    rng = np.random.default_rng(0)
    layer = random_fc(rng, 1, 60000)
    object.__setattr__(layer, "weights", np.full((1, 60000), -128, np.int8))
    assert accumulate(layer, np.full((60000, 1, 1), 255, np.uint8)).item() == -128 * 255 * 60000
    assert accumulate(layer, np.full((60000, 1, 1), -128, np.int8)).item() == 128 * 128 * 60000


def test_a_network_hands_outputs_on() -> None:
    rng = np.random.default_rng(1)
    first = random_conv(rng, 8, 3, (3, 3), padding=(1, 1, 1, 1))
    network = Network("n", (3, 6, 6), np.uint8, [first, random_fc(rng, 4, 8 * 36, out_dtype=np.int8, relu=False)])
    image = random_input(rng, (3, 6, 6), np.uint8)
    outputs = run(network, image)
    assert [o.shape for o in outputs] == network.shapes()
    assert [o.dtype for o in outputs] == [np.uint8, np.int8]
    assert np.array_equal(outputs[1], run_layer(network.layers[1], outputs[0]))
    for wrong in (image.astype(np.int8), image[:2], image.astype(float)):
        with pytest.raises(ShapeError):
            run(network, wrong)
    with pytest.raises(ShapeError):
        accumulate(first, image.astype(np.int32))
