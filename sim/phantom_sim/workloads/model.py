"""A quantised ONNX model as masks: its own zeros, and those of its activations for one image, by the integer reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from phantom import reference
from phantom.errors import ConfigError, FormatError, ShapeError
from phantom.files import load_network, own_images
from phantom.layer import INPUT
from phantom.network import Conv, FullyConnected, Network
from phantom.run import as_images
from phantom.shipped import COMPILED, MODEL, RUNNABLE, SOURCES, shipped_file
from phantom_sim.zoo.images import images

from .layer import LayerMasks
from .networks import NAMES, SHORT


def is_model(name: str) -> bool:
    """Whether a network is a model's file or one that comes along; else its masks are drawn.

    Raises ConfigError for what is neither, nor a network whose densities are known.
    """
    if name in (*SHORT, *NAMES):
        return False
    if shipped_file(name) or name.lower().endswith((*SOURCES, COMPILED)) or Path(name).exists():
        return True
    known = ", ".join((*SHORT, *NAMES, *RUNNABLE))
    raise ConfigError(f"there is no network {name!r}; there are {known}, or a model ({MODEL})")


def model_layers(path: str, image: str | None = None) -> tuple[list[LayerMasks], str]:
    """The layers with weights of a model, and in words where its image is from.

    `image`: .npy file, [C, H, W] or [N, C, H, W], of which the first counts; else the first of those that come along with the
    network, else NAME.npy beside the model, else a synthetic one.

    Raises FormatError for what cannot be read, and where nothing has weights; ShapeError where the image does not fit.
    """
    network = load_network(path)
    weighted = [layer for layer in network.layers if isinstance(layer, Conv | FullyConnected)]
    if not weighted:
        raise FormatError(f"{path}: no layer has weights, so there is nothing to compare; it needs a convolution at least")
    array, said = _image(path, image, network)
    values = as_images(network, array)[0]
    outputs = reference.run(network, values)
    by_name = {INPUT: values, **{layer.name: out for layer, out in zip(network.layers, outputs, strict=True)}}
    names = [INPUT, *(layer.name for layer in network.layers)]
    found = []
    for layer, sources in zip(network.layers, network.sources(), strict=True):
        if isinstance(layer, Conv | FullyConnected):
            found.append(_masks(layer, by_name[names[sources[0] + 1]], by_name[layer.name]))
    return found, said


def _masks(layer: Conv | FullyConnected, source: np.ndarray, result: np.ndarray) -> LayerMasks:
    weights, mask = layer.weights != 0, source != 0
    size, density = result.size, float(np.count_nonzero(result)) / result.size
    if isinstance(layer, FullyConnected):
        weights = weights.reshape(layer.filters, *source.shape)
        return LayerMasks(layer.name, weights, mask, connected=True, out_size=size, out_density=density)
    return LayerMasks(
        layer.name,
        weights,
        mask,
        layer.stride,
        layer.padding,
        layer.channel_groups,
        layer.dilation,
        out_size=size,
        out_density=density,
    )


def _image(path: str, image: str | None, network: Network) -> tuple[np.ndarray, str]:
    if image is None and shipped_file(path):
        return own_images(path)[0], "the first of its own images"
    beside = Path(path).with_suffix(".npy")
    if image is None and beside.exists():
        image = str(beside)
    if image is None and network.input_quantisation is None:
        kind = network.input_dtype
        raise FormatError(
            f"{path}: takes {kind} and has no scale, so that no image can be made up: name one, --input X.npy ({kind}); "
            f"a model ({MODEL}) needs none"
        )
    if image is None:
        return images(1, network.input_shape)[0], "a synthetic image"
    try:
        array = np.load(image, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise FormatError(f"{image}: not a .npy file that can be read ({error})") from None
    if not isinstance(array, np.ndarray) or array.ndim not in (3, 4) or not len(array):
        raise ShapeError(f"{image}: it must hold one array of shape [C, H, W] or [N, C, H, W]")
    return array, image
