"""What the command line reads and writes: networks, images, outputs, documents. Errors are FormatErrors that name the file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import network_file
from .errors import FormatError, RangeError
from .network import Network
from .outline import Outline

NETWORKS = Path(__file__).with_name("networks")


def load_network(name: str) -> Network:
    """A network file, or a model; what is left to the host is said."""
    path = network_path(name)
    if path.suffix.lower() != ".onnx":
        return network_file.load(path)
    from .onnx import import_model

    imported = import_model(path)
    for line in imported.host:
        print(line)
    return imported.network


def network_path(name: str) -> Path:
    """A network that comes along is meant by its bare name; everything else is a path."""
    for suffix in (".npz", ".onnx"):
        shipped = NETWORKS / f"{name}{suffix}"
        if Path(name).name == name and not Path(name).suffix and shipped.exists():
            return shipped
    return Path(name)


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
    if options.input is None:
        path = network_path(options.network)
        if path.parent != NETWORKS:
            raise FormatError(f"network {options.network!r} has no images of its own; name some: --input X.npy")
        with np.load(NETWORKS / "digits_test.npz", allow_pickle=False) as file:  # all that come along read digits
            images, labels = file["images"], file["labels"]
        return images if path.suffix == ".npz" else (images / 16).astype(np.float32), labels  # models take them as 0..1
    try:
        array = np.load(options.input, allow_pickle=False)
    except FileNotFoundError:
        raise FormatError(f"{options.input}: there is no such file") from None
    except (OSError, ValueError, EOFError) as error:
        raise FormatError(f"{options.input}: not a .npy file, or damaged ({error})") from None
    if not isinstance(array, np.ndarray):
        raise FormatError(f"{options.input}: holds several arrays; it must be a .npy file with one")
    return array, None


def check_writable(*paths: str | None) -> None:
    """Find out before the long work, not after it."""
    for path in paths:
        if path is not None and not Path(path).resolve().parent.is_dir():
            raise FormatError(f"{path}: there is no such directory to write it to")


def check_outputs_file(path: str | None, outputs: Collection[str]) -> None:
    """Raise FormatError where `path` cannot hold all outputs."""
    if path and len(outputs) > 1 and not path.endswith(".npz"):
        raise FormatError(f"{path}: the network has {len(outputs)} outputs; they go to a file named .npz")


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
