"""Layers as masks: counted right, drawn as asked for, the same again, refused when they do not fit."""

from __future__ import annotations

from pathlib import Path

import masks_for_tests as small
import numpy as np
import pytest

from phantom.errors import ConfigError, FormatError, RangeError, ShapeError
from phantom_sim.workloads import networks, spread
from phantom_sim.workloads.layer import LayerMasks
from phantom_sim.workloads.model import is_model, model_layers
from phantom_sim.zoo.architectures import architecture
from phantom_sim.zoo.densities import published
from phantom_sim.zoo.layers import sizes


@pytest.mark.parametrize("kind", small.KINDS)
def test_effectual_multiplies(kind: str) -> None:
    layer = small.conv(1, **small.KINDS[kind])
    assert layer.macs_effectual == small.effectual(layer)
    assert layer.macs_dense == layer.weights.size * layer.plane[0] * layer.plane[1] >= layer.macs_effectual


def test_dilation_and_uneven_padding() -> None:
    layer = small.conv(2, dilation=2, padding=(0, 1, 2, 3))
    assert layer.plane == (7 + 2 - 4, 9 + 4 - 4) and layer.macs_effectual == small.effectual(layer)


def test_what_does_not_fit_is_refused() -> None:
    weights, activations = np.ones((4, 3, 3, 3), bool), np.ones((3, 8, 8), bool)
    for arguments, options, words in (
        ((weights.astype(np.int8), activations), {}, "it must be bool"),
        ((weights[0], activations), {}, "with 4 axes"),
        ((weights, activations[:2]), {}, "do not fit"),
        ((weights[:0], activations), {}, "not empty"),
        ((weights, activations[:, :2]), {}, "larger than the padded input"),
        ((weights, activations), {"connected": True}, "fully connected"),
        ((weights[:, :1], activations), {"groups": 3}, "do not fit"),
    ):
        with pytest.raises(ShapeError, match=words):
            LayerMasks("conv7", *arguments, **options)


@pytest.mark.parametrize("name", ["vgg16", "mobilenet", "vgg16_scnn", "mobilenet_v1_half", "alexnet", "resnet18"])
def test_recipes_follow_the_published_densities(name: str) -> None:
    net = architecture(networks.SHORT.get(name, name))
    densities, _ = published(net)
    found = networks.recipes(name)
    size = sizes(net)
    assert [r.name for r in found] == [layer.name for layer in net.layers]
    assert sum(r.size.macs for r in found) == sum(s.macs for s in size.values())
    for recipe, layer in zip(found, net.layers, strict=True):
        assert recipe.weights == densities[layer.name].weights and recipe.output == densities[layer.name].activations
    assert found[0].input == 1


def test_masks_have_their_densities_and_differ_between_filters() -> None:
    recipe = next(r for r in networks.recipes("vgg16") if r.name == "conv4_2")
    layer = recipe.make()
    assert layer.act_density == pytest.approx(0.51, abs=1e-4)
    assert layer.weight_density == pytest.approx(0.27, rel=0.03)
    filters = layer.weights.reshape(layer.filters, -1).mean(axis=1)
    assert 0.2 < np.log(filters).std() < 0.4, "0.3, and a little by chance"
    again = recipe.make()
    assert np.array_equal(layer.weights, again.weights) and np.array_equal(layer.activations, again.activations)
    other = next(r for r in networks.recipes("vgg16", seed=2) if r.name == "conv4_2").make()
    assert not np.array_equal(layer.weights, other.weights)


def test_zeros_come_in_patches() -> None:
    rng = np.random.default_rng(3)
    shape = (16, 64, 64)
    for patches, low, high in ((0.0, -0.02, 0.02), (0.5, 0.2, 0.5)):
        mask = spread.activation_mask(rng, shape, 0.5, spread.Spread(0, 0, patches)).astype(float) - 0.5
        assert low < (mask[:, :, 1:] * mask[:, :, :-1]).mean() * 4 < high, "correlation of neighbours"


def test_fully_connected_and_after_a_mean() -> None:
    found = {r.name: r for r in networks.recipes("mobilenet")}
    fc = found["fc"].make()
    assert fc.connected and fc.weights.shape == (1000, 1024, 1, 1) and fc.act_density == 1, "a mean leaves no zeros"
    fc6 = next(r for r in networks.recipes("vgg16") if r.name == "fc6")
    assert fc6.source == (512, 7, 7) and fc6.input == 0.19
    assert found["dw2"].assumed and not found["pw3"].assumed and not found["conv1"].assumed


def test_given_densities() -> None:
    layers = networks.recipes("mobilenet_v1_half", density=(0.3, 0.6))
    assert {r.weights for r in layers} == {0.3} and {r.input for r in layers} == {0.6}
    for density in ((0, 0.5), (0.5, 1.01), (-1, 1), (float("nan"), 1)):
        with pytest.raises(RangeError, match="above 0 and at most 1"):
            networks.recipes("vgg16", density=density)
    with pytest.raises(ConfigError, match="there is no network 'vgg17'"):
        networks.recipes("vgg17")


def test_spread_of_densities_keeps_the_mean() -> None:
    rng = np.random.default_rng(0)
    for density in (0.04, 0.5, 0.95):
        assert spread.filter_densities(rng, density, 300, 0.3).mean() == pytest.approx(density, abs=1e-6)
    mask = spread.weight_mask(rng, (64, 2, 1, 1), 0.01, 0.3)
    assert mask.reshape(64, -1).any(axis=1).all(), "no filter is empty"


def test_a_models_own_zeros() -> None:
    """Against the arrays of the network that comes along."""
    from phantom.files import load_network
    from phantom.network import Conv, FullyConnected

    path = "host/phantom/networks/digits_residual.onnx"
    layers, said = model_layers(path)
    weighted = [layer for layer in load_network(path).layers if isinstance(layer, Conv | FullyConnected)]
    assert said == "a synthetic image" and [layer.name for layer in layers] == [layer.name for layer in weighted]
    for masks, layer in zip(layers, weighted, strict=True):
        assert np.count_nonzero(masks.weights) == np.count_nonzero(layer.weights)
        assert masks.filters == layer.filters and masks.connected == isinstance(layer, FullyConnected)
    assert 0 < layers[1].act_density < 1 and layers[1].activations.shape[0] == layers[0].filters


def test_networks_that_come_along() -> None:
    """By their names, on the first of their own images."""
    path = "host/phantom/networks/digits_plain.onnx"
    for name, same in (("digits_plain", path), ("digits", None)):
        layers, said = model_layers(name)
        assert is_model(name) and said == "the first of its own images" and layers[0].name == "conv1"
        if same:
            assert all(np.array_equal(a.weights, b.weights) for a, b in zip(layers, model_layers(same)[0], strict=True))
    assert is_model("some.onnx") and not is_model("mobilenet")
    with pytest.raises(ConfigError, match=r"no network 'vgg17'; there are mobilenet, alexnet, .* digits_separable, or a model"):
        is_model("vgg17")
    with pytest.raises(ConfigError, match="no network 'vgg17'; there are mobilenet, alexnet"):
        networks.recipes("vgg17")


def test_models_that_cannot_be_used(tmp_path: Path) -> None:
    path = "host/phantom/networks/digits_plain.onnx"
    bad = tmp_path / "x.npy"
    bad.write_bytes(b"no array")
    with pytest.raises(FormatError, match=r"x\.npy: not a \.npy file"):
        model_layers(path, str(bad))
    np.save(bad, np.zeros((2, 2), np.float32))
    with pytest.raises(ShapeError, match=r"x\.npy: .*\[C, H, W\]"):
        model_layers(path, str(bad))
    with pytest.raises(FormatError, match=r"missing\.onnx"):
        model_layers("missing.onnx")


def test_a_model_without_weights(tmp_path: Path) -> None:
    from small_models import Small

    small = Small()
    pool = small.op("MaxPool", small.at, kernel_shape=[2, 2])
    with pytest.raises(FormatError, match=r"pool\.onnx: no layer has weights"):
        model_layers(str(small.save(tmp_path / "pool.onnx", small.pair(pool))))
