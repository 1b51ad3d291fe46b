"""Saving and loading: what is loaded is what was saved, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from networks_for_tests import random_conv, random_fc

from phantom.errors import FormatError
from phantom.network import Network
from phantom.network_file import load, save


@pytest.fixture
def network() -> Network:
    rng = np.random.default_rng(3)
    layers = [
        random_conv(rng, 4, 4, (3, 2), stride=2, padding=(1, 0, 2, 1), channel_groups=2, out_dtype=np.int8, relu=False),
        random_fc(rng, 5, 4 * 5 * 4),
    ]
    return Network("two layers", (4, 8, 8), np.int8, layers)


def test_round_trip(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "n.npz"
    save(network, path)
    again = load(path)
    for name in ("name", "input_shape", "input_dtype"):
        assert getattr(again, name) == getattr(network, name)
    assert len(again.layers) == len(network.layers)
    for old, new in zip(network.layers, again.layers, strict=True):
        assert type(old) is type(new)
        for name in old.__dataclass_fields__:
            left, right = getattr(old, name), getattr(new, name)
            assert np.array_equal(left, right) and type(left) is type(right), name
            if isinstance(left, np.ndarray):
                assert left.dtype == right.dtype


def test_every_truncation_and_changed_byte(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "n.npz"
    save(network, path)
    data = path.read_bytes()
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        with pytest.raises(FormatError, match=r"n\.npz"):
            load(path)
    changed = 0
    for at in range(0, len(data), 3):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x11]) + data[at + 1 :])
        try:
            again = load(path)
        except FormatError:
            changed += 1
        else:  # a byte without meaning, such as the date of a member
            assert np.array_equal(again.layers[0].weights, network.layers[0].weights)
    assert changed > len(data) / 3 / 2, "most bytes have a meaning"


def test_tampered_members(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "n.npz"
    save(network, path)
    with np.load(path) as file:
        members = dict(file)
    header = json.loads(members["header"].tobytes())

    def refused(message: str, **change: np.ndarray) -> None:
        np.savez(path, **(members | change))
        with pytest.raises(FormatError, match=message):
            load(path)

    def text(**change: object) -> np.ndarray:
        return np.frombuffer(json.dumps(header | change).encode(), dtype=np.uint8)

    weights = members["0.weights"].copy()
    weights.flat[0] ^= 1
    refused("checksum", **{"0.weights": weights})
    refused("checksum", header=text(name="other"))
    refused("version 3; it must be", header=text(version=3))
    refused("is 'zip'", header=text(format="zip"))
    refused("damaged", header=np.zeros(3, np.uint8))
    refused("checksum", **{"2.weights": weights})
    refused("damaged", header=np.array([{}], dtype=object))
    with pytest.raises(FormatError, match="no such file"):
        load(tmp_path / "none.npz")
