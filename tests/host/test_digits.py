"""The committed digits network: it is the sparse network that it claims to be, and it reads digits it has never seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import phantom
from phantom.network import Conv, FullyConnected, Network
from phantom.network_file import load
from phantom.reference import run

FOLDER = Path(phantom.__file__).parent / "networks"


@pytest.fixture(scope="module")
def network() -> Network:
    return load(FOLDER / "digits.npz")


@pytest.fixture(scope="module")
def held_out() -> tuple[np.ndarray, np.ndarray]:
    with np.load(FOLDER / "digits_test.npz", allow_pickle=False) as file:
        return file["images"], file["labels"]


def test_layers(network: Network) -> None:
    kinds = [(type(layer), layer.weights.shape[2:], getattr(layer, "stride", None)) for layer in network.layers]
    assert kinds == [
        (Conv, (3, 3), 1),
        (Conv, (3, 3), 2),
        (Conv, (1, 1), 1),
        (Conv, (3, 3), 1),
        (FullyConnected, (), None),
    ]
    assert [layer.out_dtype for layer in network.layers] == [np.uint8] * 4 + [np.int8]
    size = sum(layer.weights.size for layer in network.layers)
    assert 0.70 <= 1 - sum(np.count_nonzero(layer.weights) for layer in network.layers) / size <= 0.90


def test_held_out_images(network: Network, held_out: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = held_out
    assert images.dtype == np.uint8 and images.shape == (540, 1, 8, 8)
    assert images.max() <= 16 and np.bincount(labels).min() >= 50
    scores = np.array([run(network, image)[-1].reshape(-1) for image in images]).astype(int)
    assert np.abs(scores).max() < 127, "nothing is clamped"
    assert np.mean(scores.argmax(axis=1) == labels) >= 0.985


def test_held_out_images_are_the_real_ones(held_out: tuple[np.ndarray, np.ndarray]) -> None:
    data = pytest.importorskip("sklearn.datasets").load_digits()
    known = {(image.astype(np.uint8).tobytes(), int(label)) for image, label in zip(data.images, data.target, strict=True)}
    assert all((image.tobytes(), int(label)) in known for image, label in zip(*held_out, strict=True))
