"""A network as one .npz file, with a version and a checksum.

The member `header` is JSON (UTF-8 bytes) with everything but the arrays; the members `0.weights`, `0.bias`, ... are the arrays of
layer 0 and so on. The header's checksum is the SHA-256 of the header without it, and of name, type, shape and bytes of
every array. Nothing is pickled.

Version 1 knew chains of convolutions and fully connected layers, with `relu` in place of limits; it is still read.
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
from .network import Add, AnyLayer, Concat, Conv, FullyConnected, MaxPool, Network
from .scales import Quantisation

FORMAT = "phantom-network"
VERSION = 2

_ARRAYS = {"weights": np.int8, "bias": np.int32, "multiplier": np.uint32, "sel": np.uint8}
_KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Conv, FullyConnected, MaxPool, Add, Concat)}
_WEIGHTED = ("Conv", "FullyConnected")
_REQUANTISED = ("name", "inputs", "low", "high", "out_dtype")
# Plain fields in the header, by kind.
_FIELDS = {
    "Conv": (*_REQUANTISED, "stride", "padding", "channel_groups", "dilation"),
    "FullyConnected": _REQUANTISED,
    "MaxPool": ("name", "inputs", "kernel", "stride", "padding"),
    "Add": (*_REQUANTISED, "factors", "multiplier", "sel"),
    "Concat": ("name", "inputs"),
}
_TUPLES = ("inputs", "padding", "kernel", "factors")


def save(network: Network, path: str | os.PathLike[str]) -> None:
    """Write `network` to `path`, which should end in .npz."""
    header, arrays = _described(network)
    header["checksum"] = _checksum(header, arrays)
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    with open(path, "wb") as file:
        np.savez_compressed(file, header=text, **arrays)


def checksum(network: Network) -> str:
    """SHA-256 of everything that a network is, hexadecimal: the one in the file of it."""
    return _checksum(*_described(network))


def _described(network: Network) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header, without the checksum, and arrays."""
    weighted = [(i, layer) for i, layer in enumerate(network.layers) if type(layer).__name__ in _WEIGHTED]
    arrays = {f"{i}.{name}": getattr(layer, name) for i, layer in weighted for name in _ARRAYS}
    header = {
        "format": FORMAT,
        "version": VERSION,
        "name": network.name,
        "input_shape": list(network.input_shape),
        "input_dtype": network.input_dtype.name,
        "layers": [_describe(layer) for layer in network.layers],
        "outputs": list(network.outputs),
        "input_quantisation": network.input_quantisation and _pack(network.input_quantisation),
        "output_quantisation": {name: _pack(q) for name, q in network.output_quantisation.items()},
    }
    return header, arrays


def load(path: str | os.PathLike[str]) -> Network:
    """Read a network.

    Raises FormatError when the file is missing, is no such file, is truncated or changed, or is of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            if "header" not in file.files and "images" in file.files:
                raise FormatError(f"{path}: holds images, not a network; images go to --input, as .npy")
            members = {name: file[name] for name in file.files}
        header = json.loads(members.pop("header").tobytes())
        found, version = header["format"], header["version"]
    except FileNotFoundError:
        raise FormatError(f"{path}: there is no such file") from None
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise FormatError(f"{path}: not a network file, or damaged ({error})") from None
    except (NotImplementedError, RuntimeError) as error:  # zip features that a damaged directory asks for
        raise FormatError(f"{path}: not a network file, or damaged ({error})") from None
    if found != FORMAT or version not in (1, VERSION):
        raise FormatError(f"{path}: is {found!r} version {version}; it must be {FORMAT!r} version {VERSION}")
    right = header.pop("checksum", None)
    if _checksum(header, members) != right:
        raise FormatError(f"{path}: the checksum is wrong; the file was damaged or changed")
    try:
        layers = [_layer(entry, i, members) for i, entry in enumerate(header["layers"])]
        basic = header["name"], tuple(header["input_shape"]), np.dtype(header["input_dtype"]), layers
        if version == 1:
            return Network(*basic)
        scale = header["input_quantisation"]
        scales = {name: _unpack(entry) for name, entry in header["output_quantisation"].items()}
        return Network(*basic, tuple(header["outputs"]), None if scale is None else _unpack(scale), scales)
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path}: the description is incomplete ({error})") from None
    except PhantomError as error:
        raise FormatError(f"{path}: {error}") from None


def _describe(layer: AnyLayer) -> dict[str, Any]:
    kind = type(layer).__name__
    entry: dict[str, Any] = {"kind": kind}
    for name in _FIELDS[kind]:
        value = getattr(layer, name)
        entry[name] = value.name if name == "out_dtype" else list(value) if name in _TUPLES else value
    return entry


def _layer(entry: dict[str, Any], index: int, members: dict[str, np.ndarray]) -> AnyLayer:
    kind = entry["kind"]
    if kind not in _KINDS:
        raise ValueError(f"layer {index} is of kind {kind!r}")
    rest: dict[str, Any] = {key: tuple(value) if key in _TUPLES else value for key, value in entry.items() if key != "kind"}
    if "out_dtype" in rest:
        rest["out_dtype"] = np.dtype(rest["out_dtype"])
    if kind in _WEIGHTED:
        for name, dtype in _ARRAYS.items():
            rest[name] = members[f"{index}.{name}"]
            if rest[name].dtype != dtype:
                raise TypeError(f"{index}.{name} is {rest[name].dtype}")
    layer: AnyLayer = _KINDS[kind](**rest)
    return layer


def _pack(quantisation: Quantisation) -> list[Any]:
    return [quantisation.scale, quantisation.zero_point, quantisation.dtype.name]


def _unpack(entry: list[Any]) -> Quantisation:
    scale, zero_point, dtype = entry
    return Quantisation(float(scale), int(zero_point), np.dtype(dtype))


def _checksum(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
