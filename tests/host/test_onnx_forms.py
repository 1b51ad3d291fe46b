"""What models may look like beside what the random ones draw: open batches, auto padding, rounding up, integer inputs, weights of
other kinds, several outputs. Every tensor is compared with ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx_models import Builder, quantise
from rounding import check_rounding
from small_models import Small

from phantom import reference
from phantom.network import Concat, Conv, FullyConnected, MaxPool
from phantom.onnx import Imported, import_model
from phantom.onnx.runtime import Runtime
from phantom.run import as_images

RNG = np.random.default_rng(5)


def checked(path: Path, count: int = 2, dtype: type | None = None) -> Imported:
    """Import the model and compare it with ONNX Runtime on random images."""
    imported = import_model(path)
    runtime = Runtime(imported)
    shape = (count, *imported.network.input_shape)
    if dtype is None:
        images: np.ndarray = (RNG.standard_normal(shape) * 4).astype(np.float32)
    else:
        info = np.iinfo(dtype)
        images = RNG.integers(info.min, info.max + 1, shape).astype(dtype)
    for image, integers in zip(images, as_images(imported.network, images), strict=True):
        check_rounding(imported, integers, runtime(image if dtype is None else integers), {})
    return imported


def test_a_flattening_that_is_computed(tmp_path: Path) -> None:
    """x.view(x.size(0), -1), as it is exported with an open batch."""
    small = Small()
    size = small.op("Gather", small.op("Shape", small.at), small.constant(np.array(0)), axis=0)
    first = small.op("Unsqueeze", size, small.constant(np.array([0])))
    shape = small.op("Concat", first, small.constant(np.array([-1])), axis=0)
    flat = small.op("Reshape", small.at, shape)
    network = checked(small.save(tmp_path / "m.onnx", small.pair(small.op("MatMul", flat, small.weights(144, 5)), 3.0))).network
    assert [type(layer) for layer in network.layers] == [FullyConnected]


@pytest.mark.parametrize("op", ["Flatten", "Squeeze", "Reshape"])
def test_ways_to_flatten(op: str, tmp_path: Path) -> None:
    small = Small()
    mean = small.pair(small.op("GlobalAveragePool", small.at), 0.05)
    more = {"Flatten": [], "Squeeze": [small.constant(np.array([2, 3]))], "Reshape": [small.constant(np.array([0, 4]))]}[op]
    flat = small.op(op, mean, *more)
    back = small.op("Unsqueeze", small.pair(flat, 0.05), small.constant(np.array([2, 3])))
    checked(small.save(tmp_path / "m.onnx", small.pair(small.op("Conv", back, small.weights(3, 4, 1, 1)), 0.5)))


@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 1, 0]])
def test_rounding_up(kernel: int, stride: int, pads: list[int], tmp_path: Path) -> None:
    small = Small(shape=("N", 4, 7, 8))
    pool = small.op("MaxPool", small.at, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=pads, ceil_mode=1)
    assert type(checked(small.save(tmp_path / "m.onnx", small.pair(pool))).network.layers[0]) is MaxPool


@pytest.mark.parametrize("auto", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_automatic_padding(auto: str, stride: int, tmp_path: Path) -> None:
    small = Small(shape=(1, 4, 7, 8))
    left = small.pair(small.conv(small.at, auto_pad=auto, strides=[stride] * 2), 1.0)
    right = small.op("MaxPool", small.at, kernel_shape=[3, 3], strides=[stride] * 2, auto_pad=auto)
    joined = small.op("Concat", left, small.pair(right), axis=1)
    checked(small.save(tmp_path / "m.onnx", small.pair(joined, 1.0)))


@pytest.mark.parametrize(
    ("dtype", "zero", "inside"), [(np.uint8, 0, np.uint8), (np.uint8, 128, np.int8), (np.int8, -128, np.uint8)]
)
def test_an_integer_input(dtype: type, zero: int, inside: type, tmp_path: Path) -> None:
    """A model that takes integers, in QOperator form by hand, per channel."""
    weights = RNG.integers(-127, 128, (6, 3, 3, 3)).astype(np.int8)
    arrays = {"xs": np.float32(0.1), "xz": np.array(zero, dtype), "w": weights}
    arrays |= {"ws": RNG.uniform(0.01, 0.02, 6).astype(np.float32), "wz": np.zeros(6, np.int8)}
    arrays |= {"ys": np.float32(0.5), "yz": np.array(zero, dtype), "b": RNG.integers(-999, 999, 6).astype(np.int32)}
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    node = helper.make_node("QLinearConv", ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"], ["y"], pads=[1, 2, 0, 1])
    graph = helper.make_graph(
        [node],
        "integers",
        [helper.make_tensor_value_info("x", kind, ["N", 3, 6, 7])],
        [helper.make_tensor_value_info("y", kind, None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), tmp_path / "m.onnx")
    network = checked(tmp_path / "m.onnx", dtype=dtype).network
    assert network.input_dtype == inside and network.outputs == ("y",) and not network.output_quantisation
    assert (network.input_quantisation is None) == (zero == 0)


def test_an_input_without_planes(tmp_path: Path) -> None:
    builder = Builder(np.random.default_rng(0), (20,))
    builder.gemm(30, False)
    builder.same("Relu")
    builder.gemm(5, True)
    for form in ("QDQ", "QOperator"):
        imported = checked(quantise(builder.model(), builder.images(4), tmp_path / "m.onnx", form, "int8"))
        assert imported.network.input_shape == (20, 1, 1)
        flat = builder.images(3)
        assert np.array_equal(as_images(imported.network, flat), as_images(imported.network, flat[:, :, None, None]))


def test_outputs_of_all_kinds(tmp_path: Path) -> None:
    """One twice, an integer one, one in between, and a branch that nobody asks for."""
    small = Small()
    first = small.pair(small.conv(small.at), 1.0)
    again = small.op("Identity", first)
    second = small.pair(small.conv(first), 9.0)
    small.op("Sin", small.conv(small.at))
    path = small.save(tmp_path / "m.onnx", second, first, again)
    imported = checked(path)
    assert len(imported.network.layers) == 2
    assert imported.network.outputs == (imported.network.layers[1].name, imported.network.layers[0].name)
    scales = {name: q.scale for name, q in imported.network.output_quantisation.items()}
    assert list(scales.values()) == [9.0, 1.0]


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax", "ArgMax"])
def test_what_the_host_computes(op: str, tmp_path: Path) -> None:
    small = Small()
    conv = small.pair(small.conv(small.at), 1.0)
    end = small.op("Identity", small.op(op, conv, axis=1))
    imported = import_model(small.save(tmp_path / "m.onnx", end))
    assert imported.host == (f"output {end!r}: {op} 'n6' is left to the host",)
    assert list(imported.network.output_quantisation) == [imported.network.layers[0].name]


@pytest.mark.parametrize("change", ["unsigned", "quantised in the model", "transposed", "one scale a channel"])
def test_weights(change: str, tmp_path: Path) -> None:
    small = Small()
    flat = small.pair(small.op("Flatten", small.at))
    if change == "unsigned":
        values = small.constant(RNG.integers(0, 256, (144, 7)).astype(np.uint8))
        weights = small.op("DequantizeLinear", values, small.constant(np.float32(0.02)), small.constant(np.uint8(128)))
    elif change == "quantised in the model":
        scale, zero = small.constant(RNG.uniform(0.01, 0.02, 7).astype(np.float32)), small.constant(np.zeros(7, np.int8))
        values = small.op("QuantizeLinear", small.constant(RNG.standard_normal((144, 7)).astype(np.float32)), scale, zero, axis=1)
        weights = small.op("DequantizeLinear", values, scale, zero, axis=1)
    elif change == "transposed":
        weights = small.op("Transpose", small.weights(7, 144), perm=[1, 0])
    else:
        values = small.constant(RNG.integers(-127, 128, (144, 7)).astype(np.int8))
        scale, zero = small.constant(RNG.uniform(0.01, 0.02, 7).astype(np.float32)), small.constant(np.zeros(7, np.int8))
        weights = small.op("DequantizeLinear", values, scale, zero, axis=-1)
    (layer,) = checked(small.save(tmp_path / "m.onnx", small.pair(small.op("MatMul", flat, weights), 2.0))).network.layers
    assert isinstance(layer, FullyConnected) and layer.weights.shape == (7, 144)
    assert len(set(layer.multiplier.tolist())) == (7 if change in ("quantised in the model", "one scale a channel") else 1)


def test_biases_that_are_real(tmp_path: Path) -> None:
    small = Small()
    bias = small.constant(RNG.standard_normal(4).astype(np.float32))
    conv = small.pair(small.op("Conv", small.at, small.weights(4, 4, 3, 3), bias), 1.0)
    gemm = small.op(
        "Gemm", small.pair(small.op("Flatten", conv), 1.0), small.weights(64, 5), bias := small.constant(np.float32([2.0]))
    )
    assert bias
    checked(small.save(tmp_path / "m.onnx", small.pair(gemm, 20.0)))


def test_a_normalisation_after_a_convolution(tmp_path: Path) -> None:
    """It becomes part of it, negative and zero factors included, when nothing is quantised between."""
    small = Small()
    bias = small.constant(np.array([1.0, -2.0, 3.0, 4.0], np.float32))
    conv = small.op("Conv", small.at, small.weights(4, 4, 3, 3), bias)
    arrays = [[1.5, -0.5, 0.0, -1.0], [0.5, -0.5, 2.0, 1.0], [0.1, 0.2, 0.3, -0.4], [0.5, 1.0, 1.5, 2.0]]
    normal = small.op("BatchNormalization", conv, *(small.constant(np.array(a, np.float32)) for a in arrays))
    shifted = small.op("Add", small.constant(np.array([[[0.3]], [[-0.7]], [[1.1]], [[0.0]]], np.float32)), normal)
    imported = checked(small.save(tmp_path / "m.onnx", small.pair(shifted, 0.5)))
    (layer,) = imported.network.layers
    assert isinstance(layer, Conv) and not layer.weights[2].any() and (layer.weights[1] <= 0).all()
    assert set(reference.run(imported.network, RNG.integers(-9, 9, (4, 6, 6)).astype(np.int8))[0][2].reshape(-1)) == {6}


def test_filters_without_weights(tmp_path: Path) -> None:
    """They yield their bias, however large it is in the unit that they were given."""
    small = Small()
    values = np.zeros((3, 4, 1, 1), np.int8)
    values[1] = 5
    scale = small.constant(np.array([1e-9, 0.02, 0.0], np.float32))
    weights = small.op("DequantizeLinear", small.constant(values), scale, small.constant(np.zeros(3, np.int8)), axis=0)
    bias = small.constant(np.array([3.0, 1.0, -2.0], np.float32))
    imported = checked(small.save(tmp_path / "m.onnx", small.pair(small.op("Conv", small.at, weights, bias), 0.05)))
    (layer,) = imported.network.layers
    (output,) = reference.run(imported.network, np.zeros((4, 6, 6), np.int8))
    assert isinstance(layer, Conv) and output[:, 0, 0].tolist() == [60, 20, -40]


def test_a_clamp_is_no_layer_where_it_can_be_a_limit(tmp_path: Path) -> None:
    """ReLU on the same scale: a limit of the layer before, unless something else reads that one."""
    for shared in (False, True):
        small = Small()
        before = small.pair(small.conv(small.at), 1.0)
        after = small.pair(small.op("Relu", before), 1.0)
        joined = small.op("Concat", after, before if shared else after, axis=1)
        imported = checked(small.save(tmp_path / "m.onnx", small.pair(joined, 1.0)))
        kinds = [type(layer) for layer in imported.network.layers]
        assert kinds == ([Conv, Conv, Concat] if shared else [Conv, Concat])
        assert imported.network.layers[0].limits == ((-128, 127) if shared else (0, 127))  # type: ignore[union-attr]


@pytest.mark.parametrize("scale", [1.0, 0.9])
@pytest.mark.parametrize("op", ["MaxPool", "GlobalAveragePool", "AveragePool", "MatMul"])
def test_an_activation_that_is_not_quantised(op: str, scale: float, tmp_path: Path) -> None:
    """QOperator form leaves a ReLU real before the pooling that follows; the network has it before the pooling, too."""
    small = Small()
    relu = small.op("Relu", small.pair(small.conv(small.at), 1.0))
    if op == "MatMul":
        end = small.op("MatMul", small.op("Flatten", relu), small.weights(64, 3))
        scale *= 20
    else:
        end = small.op(op, relu, **({} if "Global" in op else {"kernel_shape": [2, 1]}))
    network = checked(small.save(tmp_path / "m.onnx", small.pair(end, scale)), count=4).network
    assert network.layers[0].limits == ((-128, 127) if (op, scale) == ("MaxPool", 0.9) else (0, 127))  # type: ignore[union-attr]


def test_a_clip_before_a_pooling(tmp_path: Path) -> None:
    small = Small()
    clip = small.op(
        "Clip", small.pair(small.conv(small.at), 1.0), small.constant(np.float32(-2.6)), small.constant(np.float32(9.3))
    )
    pool = small.op("MaxPool", clip, kernel_shape=[1, 2])
    imported = checked(small.save(tmp_path / "m.onnx", small.pair(pool, 0.3)), count=4)
    assert imported.network.layers[-1].limits == (-9, 31)  # type: ignore[union-attr]


def test_an_activation_at_the_end(tmp_path: Path) -> None:
    """ReLU is exact on integers and becomes a limit; another limit is not, and is left to the host."""
    small = Small()
    conv = small.pair(small.conv(small.at), 1.0)
    imported = import_model(small.save(tmp_path / "m.onnx", small.op("Relu", conv)))
    assert imported.network.layers[0].limits == (0, 127) and not imported.host  # type: ignore[union-attr]
    small = Small()
    clip = small.op("Clip", small.pair(small.conv(small.at), 1.0), "", small.constant(np.float32(6.3)))
    imported = import_model(small.save(tmp_path / "m.onnx", clip))
    assert imported.host == (f"output {clip!r}: the limits -inf..6.3 are left to the host",)


@pytest.mark.parametrize(("low", "high"), [(0.0, 6.0), (-1.0, 2.55), (None, 1.0), (0.5, None)])
def test_limits(low: float | None, high: float | None, tmp_path: Path) -> None:
    small = Small()
    limits = ["" if value is None else small.constant(np.float32(value)) for value in (low, high)]
    clip = small.op("Clip", small.conv(small.at), *limits)
    (layer,) = checked(small.save(tmp_path / "m.onnx", small.pair(clip, 0.05))).network.layers
    least, most = (-128 if low is None else round(low / 0.05)), (127 if high is None else min(127, round(high / 0.05)))
    assert layer.limits == (least, most)  # type: ignore[union-attr]


def test_a_tensor_added_to_itself(tmp_path: Path) -> None:
    small = Small()
    checked(small.save(tmp_path / "m.onnx", small.pair(small.op("Add", small.at, small.at), 0.17)))


def test_a_zero_point_that_a_limit_makes_possible(tmp_path: Path) -> None:
    """uint8 with zero-point 100 is -100..155; after ReLU it is 0..155."""
    small = Small()
    relu = small.pair(small.op("Relu", small.conv(small.at)), 1.0, 100, np.uint8)
    imported = checked(small.save(tmp_path / "m.onnx", relu))
    assert imported.network.layers[0].limits == (0, 155)  # type: ignore[union-attr]


@pytest.mark.parametrize("opset", [17, 21])
def test_newer_opsets(opset: int, tmp_path: Path) -> None:
    builder = Builder(np.random.default_rng(3), (3, 7, 7), opset=opset)
    builder.conv(4, (3, 3), 1, [1] * 4, 1, 1, True)
    builder.same("Relu")
    builder.pool("AveragePool", (3, 3), 2, [0] * 4)
    builder.gemm(5, False)
    for form in ("QDQ", "QOperator"):
        checked(quantise(builder.model(), builder.images(4), tmp_path / "m.onnx", form, "int8"))
