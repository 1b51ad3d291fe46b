"""The networks to measure on: right architectures, densities as asked for, the same bytes again. On a small network, for time."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from phantom import qdq  # noqa: E402
from phantom.errors import ConfigError, ShapeError  # noqa: E402
from phantom_sim.workloads.spread import channel_densities  # noqa: E402
from phantom_sim.zoo import build, synthesis  # noqa: E402
from phantom_sim.zoo.architectures import ARCHITECTURES, architecture  # noqa: E402
from phantom_sim.zoo.densities import Density, parse, published  # noqa: E402
from phantom_sim.zoo.images import images  # noqa: E402
from phantom_sim.zoo.layers import INPUT, MEAN, Architecture, Layer, Pool, sizes  # noqa: E402

SMALL = Architecture(
    "small",
    (3, 48, 48),
    [
        Layer("stem", INPUT, 16, 5, 2, 2, pool=Pool(3, 2, 1)),
        Layer("a", "stem", 32, 3, 1, 1),
        Layer("side", "stem", 32, 1, activation=""),
        Layer("b", "a", 32, 3, 1, 1, groups=2, shortcut="side"),
        Layer("wide", "b", 64, 1, activation="relu6"),
        Layer("dw", "wide", 64, 3, 1, 1, groups=64, activation="relu6"),
        Layer("narrow", "dw", 32, 1, activation="", shortcut="b"),
        Layer("head", "narrow", 128, 1, pool=MEAN),
        Layer("fc1", "head", 256),
        Layer("fc2", "fc1", 10, activation=""),
    ],
)
DENSITIES = {
    "stem": Density(0.8, 0.7),
    "a": Density(0.3, 0.45),
    "side": Density(0.5, 1),
    "b": Density(0.25, 0.6),
    "wide": Density(0.15, 0.5),
    "dw": Density(1, 0.65),
    "narrow": Density(0.2, 1),
    "head": Density(0.1, 0.4),
    "fc1": Density(0.05, 0.3),
    "fc2": Density(0.25, 1),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> build.Built:
    return build.build(SMALL, tmp_path_factory.mktemp("zoo"), DENSITIES, keep_float=True)


def test_densities_come_out(built: build.Built) -> None:
    for layer, found in zip(SMALL.layers, built.layers, strict=True):
        size = np.prod(sizes(SMALL)[layer.name].weights)
        wanted = max(round(DENSITIES[layer.name].weights * size), layer.filters)
        assert found.layer == layer.name and found.weights == wanted / size
        if layer.activation:
            assert abs(found.calibrated - DENSITIES[layer.name].activations) < 0.02, found
            assert abs(found.activations - DENSITIES[layer.name].activations) < 0.06, found


def test_what_is_measured_is_in_the_file(built: build.Built) -> None:
    """Counted anew, from the float tensors that the file's integers stand for."""
    proto = onnx.load(built.model)
    onnx.checker.check_model(proto)
    tensors = {"stem": "stem.pool", "b": "b.act", "narrow": "narrow.sum", "head": "head.act", "fc1": "fc1.act"}
    integers = qdq.activations(proto)
    assert {int(integers[t].zero_point) for t in ("stem.pool", "b.act", "wide.act", "dw.act", "head.pool", "fc1.act")} == {-128}
    assert {int(integers[t].zero_point) for t in (INPUT, "side.out", "narrow.sum", "fc2.out")} == {0}
    run = qdq.Runner(proto, [integers[t].name for t in tensors.values()], 1)
    image = np.load(built.image)
    assert image.shape == (1, 3, 48, 48) and image.dtype == np.float32
    (values,) = run(image)
    found = {m.layer: m for m in built.layers}
    for layer, tensor in tensors.items():
        real = integers[tensor].real(values[integers[tensor].name])
        assert found[layer].activations == np.count_nonzero(real) / real.size
    assert found["wide"].input == found["b"].activations and found["fc2"].input == found["fc1"].activations
    assert json.loads(built.model.with_suffix(".json").read_text())["layers"][3]["weights"] == found["b"].weights
    assert found["dw"].kind == "dw 3x3" and found["stem"].kind == "conv 5x5/2" and found["fc1"].kind == "fc"
    assert len(built.table().splitlines()) == 2 + len(SMALL.layers)


def test_zeros_of_the_float_model_are_those_of_the_file(built: build.Built) -> None:
    floats = onnx.load(built.model.with_name("small.float.onnx"))
    onnx.checker.check_model(floats, full_check=True)
    integers = qdq.weights(onnx.load(built.model))
    for tensor in floats.graph.initializer:
        if tensor.name.endswith(".weight"):
            stored, _ = integers[tensor.name.removesuffix(".weight")]
            assert np.array_equal(onnx.numpy_helper.to_array(tensor) != 0, stored != 0), tensor.name
            assert np.all((stored != 0).reshape(len(stored), -1).any(axis=1)), "no filter is empty"


def test_filters_and_channels_differ(built: build.Built) -> None:
    """Not all filters are as dense as the layer: load balance would look better than it is."""
    stored, _ = qdq.weights(onnx.load(built.model))["a"]
    counts = np.count_nonzero(stored, axis=(1, 2, 3))
    binomial = np.sqrt(0.3 * 0.7 * stored[0].size)
    assert counts.std() > 1.5 * binomial
    densities = channel_densities(np.random.default_rng(0), 0.3, 512, synthesis.CHANNEL_SPREAD)
    assert densities.mean() == pytest.approx(0.3, abs=1e-6) and 0.06 < densities.std() < 0.15


def test_the_same_bytes_again(built: build.Built, tmp_path: Path) -> None:
    again = build.build(SMALL, tmp_path, DENSITIES, keep_float=True)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(path.name for path in built.model.parent.iterdir())
    assert names == ["small.float.onnx", "small.float.onnx.data", "small.json", "small.npy", "small.onnx"]
    for name in names:
        digests = [hashlib.sha256((folder / name).read_bytes()).digest() for folder in (tmp_path, built.model.parent)]
        assert digests[0] == digests[1], name
    assert again.layers == built.layers


def test_without_a_float_model(tmp_path: Path) -> None:
    two = Architecture("two", (3, 16, 16), [Layer("a", INPUT, 8, 3, 1, 1), Layer("b", "a", 4, activation="")])
    build.build(two, tmp_path, {"a": Density(0.5, 0.5), "b": Density(0.5, 1)})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["two.json", "two.npy", "two.onnx"]


def test_thresholds_between_equal_values() -> None:
    values = np.array([0, 1, 1, 1, 1, 2, 3, 4], np.float32)
    assert synthesis.threshold_for(values, 2) == (2.5, 2)
    assert synthesis.threshold_for(values, 4) == (1.5, 3), "of four equal ones, the upper edge is nearer"
    assert synthesis.threshold_for(values, 6) == (0.5, 7)
    assert synthesis.threshold_for(values, 8)[1] == 8 and synthesis.threshold_for(values, 8)[0] < 0
    assert synthesis.threshold_for(values, 0)[1] == 0 and synthesis.threshold_for(values, -3)[0] > 4


def test_images() -> None:
    made = images(3, (3, 32, 48))
    assert made.shape == (3, 3, 32, 48) and made.dtype == np.float32
    assert np.array_equal(made[1], images(2, (3, 32, 48))[1]) and not np.array_equal(made[0], made[1])
    assert np.allclose(made.mean(axis=(1, 2, 3)), 0, atol=1e-4) and np.allclose(made.std(axis=(1, 2, 3)), 1, atol=1e-4)
    neighbours = np.mean(made[..., 1:] * made[..., :-1])
    assert neighbours > 0.7, "smooth, as natural images are"


# --- architectures and published densities -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "weights", "macs", "last"),
    [  # weights and multiplies as they are known of each, without biases
        ("alexnet", 60_954_656, 724_406_816, (1000, 4096)),
        ("vgg16", 138_344_128, 15_470_264_320, (1000, 4096)),
        ("mobilenet_v1", 4_209_088, 568_740_352, (1000, 1024)),
        ("mobilenet_v2", 3_469_760, 300_774_272, (1000, 1280)),
        ("resnet18", 11_678_912, 1_814_073_344, (1000, 512)),
    ],
)
def test_architectures(name: str, weights: int, macs: int, last: tuple[int, int]) -> None:
    found = sizes(architecture(name))
    assert sum(int(np.prod(size.weights)) for size in found.values()) == weights
    assert sum(size.macs for size in found.values()) == macs
    assert list(found.values())[-1].weights == last


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_published_densities(name: str) -> None:
    net = architecture(name)
    densities, sources = published(net)
    assert list(densities) == [layer.name for layer in net.layers] and set(sources) == {"weights", "activations"}
    size = {layer: int(np.prod(s.weights)) for layer, s in sizes(net).items()}
    kept = sum(size[layer] * d.weights for layer, d in densities.items()) / sum(size.values())
    # Totals that the sources give: 11 % and 7.5 % of all weights; 90 % and 85 % zeros in the 1x1 convolutions; 40 % of all.
    if name in ("alexnet", "vgg16", "resnet18"):
        assert kept == pytest.approx({"alexnet": 0.11, "vgg16": 0.075, "resnet18": 0.4008}[name], abs=0.002)
        assert all(not d.assumed for d in densities.values()) == (name != "resnet18")
    else:
        pointwise = {densities[n].weights for n, s in sizes(net).items() if s.weights[2:] == (1, 1)}
        assert pointwise == {0.1 if name == "mobilenet_v1" else 0.15}
        assert densities["dw13"].assumed == (name == "mobilenet_v2") and densities["dw12"].weights == 1


def test_vgg16_as_another_source_has_it() -> None:
    """Input densities of its convolutions as a simulator of SCNN has them: near the table that we use, but not the same."""
    densities, _ = published(architecture("vgg16"))
    read = [1, *(d.activations for d in densities.values())][:13]
    scnn = [100, 50, 89, 79, 81, 63, 69, 71, 50, 45, 39, 33, 32]
    assert np.abs(np.array(read) * 100 - scnn).max() <= 7


def test_wrong_entries() -> None:
    net = Architecture("two", (3, 16, 16), [Layer("a", INPUT, 8, 3, 1, 1), Layer("b", "a", 4, activation="")])
    good = {"a": [50, 40], "b": [10, 100]}
    assert parse(net, {"layers": good, "assumed": ["*"]}) == {"a": Density(0.5, 0.4, True), "b": Density(0.1, 1, False)}
    assert parse(net, {"layers": {"a": [50, 40]}, "each": {"b*": [10, 100]}}) == parse(net, {"layers": good})
    for layers, message in (
        ({"a": [50, 40]}, "layer 'b' is missing"),
        ({**good, "c": [1, 1]}, "no layers ['c']"),
        ({**good, "a": [50, 0]}, "must be"),
        ({**good, "a": 50}, "must be"),
        ({**good, "a": [50, 100]}, "stands for no activation"),
        ({**good, "b": [50, 40]}, "stands for no activation"),
    ):
        with pytest.raises(ConfigError, match="two") as caught:
            parse(net, {"layers": layers})
        assert message in str(caught.value)
    with pytest.raises(ConfigError, match="'typo'"):
        parse(net, {"layers": good, "typo": 1})
    with pytest.raises(ConfigError, match="no entry 'two'"):
        published(net)
    with pytest.raises(ConfigError, match="no network 'lenet'; there are alexnet"):
        architecture("lenet")


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([Layer("a", "b", 8, 3)], "must come before it"),
        ([Layer("a", INPUT, 8, 3), Layer("a", "a", 8, 3)], "distinct"),
        ([Layer("a", INPUT, 8, 3, groups=2)], "do not divide"),
        ([Layer("a", INPUT, 8, 3, shortcut=INPUT)], "do not fit"),
        ([Layer("a", INPUT, 8, 20)], "nothing is left"),
    ],
)
def test_layers_that_do_not_fit(layers: list[Layer], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        sizes(Architecture("wrong", (3, 16, 16), layers))
