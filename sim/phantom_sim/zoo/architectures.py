"""AlexNet, VGG16, MobileNet v1, MobileNet v2 and ResNet-18 for 224 x 224 images and 1,000 classes.

BatchNorm is folded into the convolutions already. AlexNet is the published one with two groups of channels, for which densities
exist, padded for 224 instead of 227 columns and without its response normalisation, which is no matter of multiplies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from phantom.errors import ConfigError

from .layers import INPUT, MEAN, Architecture, Layer, Pool

IMAGE = (3, 224, 224)
CLASSES = 1000


def alexnet() -> Architecture:
    """Krizhevsky et al. 2012."""
    pool = Pool(3, 2)
    layers = [
        Layer("conv1", INPUT, 96, 11, 4, 2, pool=pool),
        Layer("conv2", "conv1", 256, 5, 1, 2, groups=2, pool=pool),
        Layer("conv3", "conv2", 384, 3, 1, 1),
        Layer("conv4", "conv3", 384, 3, 1, 1, groups=2),
        Layer("conv5", "conv4", 256, 3, 1, 1, groups=2, pool=pool),
        Layer("fc6", "conv5", 4096),
        Layer("fc7", "fc6", 4096),
        Layer("fc8", "fc7", CLASSES, activation=""),
    ]
    return Architecture("alexnet", IMAGE, layers)


def vgg16() -> Architecture:
    """Simonyan and Zisserman 2014, configuration D."""
    layers: list[Layer] = []
    source = INPUT
    for stage, (filters, depth) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1):
        for i in range(1, depth + 1):
            name = f"conv{stage}_{i}"
            layers.append(Layer(name, source, filters, 3, 1, 1, pool=Pool(2, 2) if i == depth else None))
            source = name
    layers += [Layer("fc6", source, 4096), Layer("fc7", "fc6", 4096), Layer("fc8", "fc7", CLASSES, activation="")]
    return Architecture("vgg16", IMAGE, layers)


def vgg16_scnn() -> Architecture:
    """The convolutions of VGG16, with densities of another source: only for cycle models."""
    whole = vgg16()
    return replace(whole, name="vgg16_scnn", layers=[layer for layer in whole.layers if not layer.connected])


def mobilenet_v1() -> Architecture:
    """Howard et al. 2017, width 1: thirteen pairs of a depthwise and a pointwise convolution."""
    return Architecture("mobilenet_v1", IMAGE, _mobilenet_v1(1.0))


def mobilenet_v1_half() -> Architecture:
    """The same with half of the channels, for 128 x 128 images: only for cycle models."""
    return Architecture("mobilenet_v1_half", (3, 128, 128), _mobilenet_v1(0.5))


def _mobilenet_v1(width: float) -> list[Layer]:
    layers = [Layer("conv1", INPUT, round(32 * width), 3, 2, 1, activation="relu6")]
    source, channels = "conv1", round(32 * width)
    blocks = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    for i, (full, stride) in enumerate(blocks, 1):
        filters = round(full * width)
        pool = MEAN if i == len(blocks) else None
        layers.append(Layer(f"dw{i}", source, channels, 3, stride, 1, groups=channels, activation="relu6"))
        layers.append(Layer(f"pw{i}", f"dw{i}", filters, 1, activation="relu6", pool=pool))
        source, channels = f"pw{i}", filters
    layers.append(Layer("fc", source, CLASSES, activation=""))
    return layers


def mobilenet_v2() -> Architecture:
    """Sandler et al. 2018, width 1: seventeen inverted residuals with linear bottlenecks."""
    layers = [Layer("conv1", INPUT, 32, 3, 2, 1, activation="relu6")]
    source, channels, block = "conv1", 32, 0
    for expand, filters, repeats, first in (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):
        for i in range(repeats):
            block += 1
            stride = first if i == 0 else 1
            wide, inner = channels * expand, source
            if expand > 1:
                inner = f"expand{block}"
                layers.append(Layer(inner, source, wide, 1, activation="relu6"))
            layers.append(Layer(f"dw{block}", inner, wide, 3, stride, 1, groups=wide, activation="relu6"))
            shortcut = source if stride == 1 and channels == filters else ""
            layers.append(Layer(f"project{block}", f"dw{block}", filters, 1, activation="", shortcut=shortcut))
            source, channels = f"project{block}", filters
    layers.append(Layer("head", source, 1280, 1, activation="relu6", pool=MEAN))
    layers.append(Layer("fc", "head", CLASSES, activation=""))
    return Architecture("mobilenet_v2", IMAGE, layers)


def resnet18() -> Architecture:
    """He et al. 2015: eight blocks of two 3x3 convolutions with a shortcut."""
    layers = [Layer("conv1", INPUT, 64, 7, 2, 3, pool=Pool(3, 2, 1))]
    source = "conv1"
    for stage, filters in enumerate((64, 128, 256, 512), 1):
        for block in range(2):
            name = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            layers.append(Layer(f"{name}.conv1", source, filters, 3, stride, 1))
            shortcut = source
            if stride == 2:
                shortcut = f"{name}.downsample"
                layers.append(Layer(shortcut, source, filters, 1, stride, activation=""))
            pool = MEAN if (stage, block) == (4, 1) else None
            layers.append(Layer(f"{name}.conv2", f"{name}.conv1", filters, 3, 1, 1, shortcut=shortcut, pool=pool))
            source = f"{name}.conv2"
    layers.append(Layer("fc", source, CLASSES, activation=""))
    return Architecture("resnet18", IMAGE, layers)


ARCHITECTURES: dict[str, Callable[[], Architecture]] = {
    make.__name__: make for make in (alexnet, vgg16, mobilenet_v1, mobilenet_v2, resnet18)
}
# Densities are known of these, too, but no models are made of them.
VARIANTS: dict[str, Callable[[], Architecture]] = {make.__name__: make for make in (vgg16_scnn, mobilenet_v1_half)}


def architecture(name: str) -> Architecture:
    """The network or variant called `name`. Raises ConfigError."""
    known = ARCHITECTURES | VARIANTS
    if name not in known:
        raise ConfigError(f"there is no network {name!r}; there are {', '.join(known)}")
    return known[name]()
