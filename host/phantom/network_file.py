"""A network as one .npz file, with a version and a checksum.

The member `header` is JSON (UTF-8 bytes) with everything but the arrays; the members `0.weights`, `0.bias`, ... are the arrays of
layer 0 and so on. The header's checksum is the SHA-256 of the header without it, and of name, type, shape and bytes of
every array. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from typing import Any

import numpy as np

from .errors import FormatError, PhantomError
from .network import Conv, FullyConnected, Layer, Network

FORMAT = "phantom-network"
VERSION = 1

_ARRAYS = ("weights", "bias", "multiplier", "sel")
_DTYPES = {"weights": np.int8, "bias": np.int32, "multiplier": np.uint32, "sel": np.uint8}


def save(network: Network, path: str | os.PathLike[str]) -> None:
    """Write `network` to `path`, which should end in .npz."""
    arrays = {f"{i}.{name}": getattr(layer, name) for i, layer in enumerate(network.layers) for name in _ARRAYS}
    header = {
        "format": FORMAT,
        "version": VERSION,
        "name": network.name,
        "input_shape": list(network.input_shape),
        "input_dtype": network.input_dtype.name,
        "layers": [_describe(layer) for layer in network.layers],
    }
    header["checksum"] = _checksum(header, arrays)
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    with open(path, "wb") as file:
        np.savez_compressed(file, header=text, **arrays)


def load(path: str | os.PathLike[str]) -> Network:
    """Read a network.

    Raises FormatError when the file is missing, is no such file, is truncated or changed, or is of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            members = {name: file[name] for name in file.files}
        header = json.loads(members.pop("header").tobytes())
        found, version = header["format"], header["version"]
    except FileNotFoundError:
        raise FormatError(f"{path}: there is no such file") from None
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise FormatError(f"{path}: not a network file, or damaged ({error})") from None
    except (NotImplementedError, RuntimeError) as error:  # zip features that a damaged directory asks for
        raise FormatError(f"{path}: not a network file, or damaged ({error})") from None
    if found != FORMAT or version != VERSION:
        raise FormatError(f"{path}: is {found!r} version {version}; it must be {FORMAT!r} version {VERSION}")
    right = header.pop("checksum", None)
    if _checksum(header, members) != right:
        raise FormatError(f"{path}: the checksum is wrong; the file was damaged or changed")
    try:
        layers = [_layer(entry, i, members) for i, entry in enumerate(header["layers"])]
        return Network(header["name"], tuple(header["input_shape"]), np.dtype(header["input_dtype"]), layers)
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path}: the description is incomplete ({error})") from None
    except PhantomError as error:
        raise FormatError(f"{path}: {error}") from None


def _describe(layer: Layer) -> dict[str, Any]:
    entry: dict[str, Any] = {"kind": type(layer).__name__, "name": layer.name, "relu": layer.relu}
    entry["out_dtype"] = layer.out_dtype.name
    if isinstance(layer, Conv):
        entry |= {"stride": layer.stride, "padding": list(layer.padding), "channel_groups": layer.channel_groups}
    return entry


def _layer(entry: dict[str, Any], index: int, members: dict[str, np.ndarray]) -> Layer:
    arrays: dict[str, Any] = {name: members[f"{index}.{name}"] for name in _ARRAYS}
    for name, array in arrays.items():
        if array.dtype != _DTYPES[name]:
            raise TypeError(f"{index}.{name} is {array.dtype}")
    rest = {key: value for key, value in entry.items() if key != "kind"}
    rest["out_dtype"] = np.dtype(rest["out_dtype"])
    if entry["kind"] == "Conv":
        rest["padding"] = tuple(rest["padding"])
        return Conv(**rest, **arrays)
    if entry["kind"] == "FullyConnected":
        return FullyConnected(**rest, **arrays)
    raise ValueError(f"layer {index} is of kind {entry['kind']!r}")


def _checksum(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
