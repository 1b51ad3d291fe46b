"""Real values and integers, and the integers of an addition."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantom.errors import RangeError, ShapeError
from phantom.factors import TOLERANCE, add_factors, clamped_multiplier_of
from phantom.layers_plain import MAX_FACTOR
from phantom.quantise import requantise
from phantom.scales import Quantisation, type_of


def test_against_quantize_linear() -> None:
    """ONNX Runtime's QuantizeLinear, halves and saturation included."""
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    values = np.concatenate([np.arange(-400, 400) / 4, rng.standard_normal(2000) * 60, [np.inf, -np.inf]]).astype(np.float32)
    for scale, zero, dtype in ((0.5, 0, np.uint8), (0.37, 128, np.uint8), (0.37, -3, np.int8), (0.25, 127, np.int8)):
        node = onnx.helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"])
        kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        graph = onnx.helper.make_graph(
            [node],
            "g",
            [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, values.shape)],
            [onnx.helper.make_tensor_value_info("y", kind, values.shape)],
            [
                onnx.numpy_helper.from_array(np.array(scale, np.float32), "s"),
                onnx.numpy_helper.from_array(np.array(zero, dtype), "z"),
            ],
        )
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
        session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        want = session.run(None, {"x": values})[0].astype(int) - zero
        assert np.array_equal(Quantisation(scale, zero, np.dtype(dtype)).quantise(values), want)


def test_real_values_return() -> None:
    scale = Quantisation(0.3, 0, np.dtype(np.int8))
    values = np.arange(-128, 128)
    assert np.array_equal(scale.quantise(scale.real(values)), values) and scale.real(values).dtype == np.float32


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0.0,), RangeError, "scale is 0.0"),
        ((float("nan"),), RangeError, "scale is nan"),
        ((1.0, 256), RangeError, "zero-point is 256; it must be within 0..255"),
        ((1.0, 0, np.dtype(np.int16)), ShapeError, "int16"),
    ],
)
def test_no_scales(arguments: tuple[object, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Quantisation(*arguments)  # type: ignore[arg-type]


@given(st.integers(-300, 300), st.integers(0, 300), st.sampled_from([np.uint8, np.int8]))
def test_types(low: int, width: int, preferred: type) -> None:
    high = low + width
    got = type_of(low, high, np.dtype(preferred))
    holds = [d for d in (np.uint8, np.int8) if np.iinfo(d).min <= low and high <= np.iinfo(d).max]
    assert got == (preferred if preferred in holds else holds[0] if holds else None)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.01, 100), st.floats(0.01, 100))
def test_factors_are_the_best(a: float, b: float) -> None:
    """No pair among all of them has a smaller error, or else fewer multiplies where the error does not matter."""
    (fa, fb), scale = add_factors(a, b)
    assert min(fa, fb) >= 0 and max(fa, fb) <= MAX_FACTOR
    every = np.arange(MAX_FACTOR + 1, dtype=np.float64)
    x, y = every[:, None], every[None, :]
    # The distance of (a, b) from the line through (x, y).
    with np.errstate(invalid="ignore"):
        distance = np.abs(a * y - b * x) / np.hypot(x, y)
    distance[0, 0] = np.inf
    mine = np.hypot(scale * fa - a, scale * fb - b)
    limit = TOLERANCE * max(a, b)
    assert mine <= max(limit, distance.min()) + 1e-9 * max(a, b)
    if distance.min() < 0.99 * limit:
        weights = np.ceil(every / 127)[:, None] + np.ceil(every / 127)
        assert np.ceil(fa / 127) + np.ceil(fb / 127) <= weights[distance < 0.99 * limit].min()


def test_simple_ratios_are_exact() -> None:
    assert add_factors(1.0, 1.0) == ((1, 1), 1.0)
    assert add_factors(0.75, 0.5) == ((3, 2), 0.25)
    assert add_factors(2032.0, 1.0) == ((2032, 1), 1.0)
    assert add_factors(1e6, 1.0)[0] == (1, 0), "what is lost is less than any factor could say"
    for wrong in (0.0, -1.0, float("inf")):
        with pytest.raises(RangeError, match="must be positive"):
            add_factors(1.0, wrong)


@pytest.mark.parametrize("scale", [0.0, 2.0**-44, 2.0**-43, 1e-3, 1023.9, 1024.0, 1e9])
def test_multipliers_beyond_the_range(scale: float) -> None:
    """They give what the exact scale would give, clamped to 9 bits, at both ends of the accumulators' range and near 0."""
    multiplier, sel = clamped_multiplier_of(scale)
    for acc in (-(2**31) + 1, -1, 0, 1, 2**31 - 1):
        want = min(max(round(Fraction(scale) * acc), -256), 255)
        assert int(requantise(np.array(acc), 0, multiplier, sel, -256, 255)) == want
