"""What the command line reads and writes: networks, images, outputs, documents. Errors are FormatErrors that name the file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import network_file
from .errors import FormatError, RangeError, ShapeError
from .network import Network
from .outline import Outline
from .shipped import INTEGER, MODEL, NETWORKS, network_path, shipped_file

DIGITS = NETWORKS / "digits_test.npz"  # what all networks that come along read
PICTURES = (".png", ".svg", ".pdf")


def load_network(name: str) -> Network:
    """A network file, or a model; what is left to the host is said."""
    path = network_path(name)
    if path.suffix.lower() != MODEL:
        return network_file.load(path)
    from .onnx import import_model

    imported = import_model(path)
    for line in imported.host:
        print(line)
    return imported.network


def read_images(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray | None]:
    """The images that the options ask for, and their labels where they are known."""
    images, labels = _all_images(options)
    if options.images is None:
        return images, labels
    if options.images < 1:
        raise RangeError(f"--images {options.images}; it must be 1 at least")
    if images.ndim not in (2, 4):
        return images, labels
    return images[: options.images], None if labels is None else labels[: options.images]


def _all_images(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray | None]:
    if options.input is not None:
        return read_array(options.input), None
    if shipped_file(options.network) is None:
        raise FormatError(f"network {options.network!r} has no images of its own; name some: --input X.npy")
    with np.load(DIGITS, allow_pickle=False) as file:
        labels = file["labels"]
    return own_images(options.network), labels


def own_images(name: str) -> np.ndarray:
    """The images of a network that comes along, as it takes them."""
    with np.load(DIGITS, allow_pickle=False) as file:
        images: np.ndarray = file["images"]
    return images if name in INTEGER else (images / 16).astype(np.float32)  # models take them as 0..1


def read_array(path: str) -> np.ndarray:
    """The array in a .npy file. Raises FormatError; ShapeError where it has no elements."""
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise FormatError(f"{path}: there is no such file") from None
    except (OSError, ValueError, EOFError) as error:
        raise FormatError(f"{path}: not a .npy file, or damaged ({error})") from None
    if not isinstance(array, np.ndarray):
        raise FormatError(f"{path}: holds several arrays; it must be a .npy file with one")
    if not array.size:
        raise ShapeError(f"{path}: is empty, an array of shape {array.shape}; it must hold one image at least")
    return array


def check_writable(*paths: str | Path | None) -> None:
    """Find out before the long work, not after it."""
    for path in paths:
        if path is not None and not Path(path).resolve().parent.is_dir():
            raise FormatError(f"{path}: there is no such directory to write it to")
        if path is not None and Path(path).is_dir():
            raise FormatError(f"{path}: cannot be written: it is a directory; name a file")


def check_folders(*paths: str | Path | None) -> None:
    """The same for directories that are made where they are missing, but not those that they are in."""
    for path in paths:
        if path is None:
            continue
        if not Path(path).resolve().parent.is_dir():
            raise FormatError(f"{path}: there is no such directory to make it in")
        if Path(path).exists() and not Path(path).is_dir():
            raise FormatError(f"{path}: is a file; it must be a directory to write pictures to")


def check_picture(path: str | None) -> None:
    """Raise FormatError where a picture cannot be written to `path` for its ending."""
    if path is not None and Path(path).suffix.lower() not in PICTURES:
        raise FormatError(f"{path}: a picture must end in {', '.join(PICTURES[:-1])} or {PICTURES[-1]}")


def check_outputs_file(path: str | None, outputs: Collection[str]) -> None:
    """Raise FormatError where `path` cannot hold all outputs."""
    if path and len(outputs) > 1 and not path.endswith(".npz"):
        raise FormatError(f"{path}: the network has {len(outputs)} outputs; they go to a file named .npz")
    if path and not path.endswith((".npy", ".npz")):
        raise FormatError(f"{path}: the output is written as an array; the file must end in .npy")


def named_outputs(network: Network | Outline, results: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs by layer: real values where the model ends in such, else integers."""
    scales = network.output_quantisation
    return {
        name: scales[name].real(array) if name in scales else array
        for name, array in zip(network.outputs, results, strict=True)
    }


def write_outputs(path: str, named: Mapping[str, np.ndarray]) -> None:
    """One array as .npy, or all by name as .npz."""
    if path.endswith(".npz"):
        _write(path, lambda file: np.savez(file, **named))
    else:
        _write(path, lambda file: np.save(file, next(iter(named.values()))))


def write_document(path: str, document: Any) -> None:
    """As JSON."""
    text = json.dumps(document, indent=2) + "\n"
    _write(path, lambda file: file.write(text.encode()))


def _write(path: str, write: Any) -> None:
    try:
        with open(path, "wb") as file:
            write(file)
    except OSError as error:
        raise FormatError(f"{path}: cannot be written ({error.strerror})") from None


__all__ = [
    "NETWORKS",
    "check_folders",
    "check_outputs_file",
    "check_picture",
    "check_writable",
    "load_network",
    "named_outputs",
    "network_path",
    "own_images",
    "read_array",
    "read_images",
    "write_document",
    "write_outputs",
]
