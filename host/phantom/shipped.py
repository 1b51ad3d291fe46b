"""From what a command is given as its network to a file: a path, or the bare name of one that comes along."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from .errors import FormatError

NETWORKS = Path(__file__).with_name("networks")
INTEGER = ("digits",)  # .npz
QUANTISED = ("digits_plain", "digits_residual", "digits_separable")  # .onnx
FLOAT = ("digits_float",)  # .onnx, for prune-quantize
RUNNABLE = (*INTEGER, *QUANTISED)
NETWORK_FILE, MODEL, COMPILED = ".npz", ".onnx", ".phantom"
SOURCES = (NETWORK_FILE, MODEL)  # what can be compiled


def shipped_file(name: str) -> Path | None:
    """The file of a network that comes along; None where `name` is not one's."""
    if name not in (*RUNNABLE, *FLOAT):
        return None
    return NETWORKS / f"{name}{NETWORK_FILE if name in INTEGER else MODEL}"


def network_path(name: str, kinds: Sequence[str] = SOURCES, along: Sequence[str] = RUNNABLE) -> Path:
    """The file of a network; where its name has a known ending, whether it is there is left to who reads it.

    Args:
        name: a path, or the bare name of a network that comes along.
        kinds: endings of file names that the command takes. along: those that come along and that it takes, for messages.

    Raises FormatError where it cannot be such a file.
    """
    path = shipped_file(name) or Path(name)
    kind = path.suffix.lower()
    if path.is_dir():
        raise FormatError(f"{name}: is a directory; it must be a file ({_either(kinds)})")
    if kind in kinds:
        return path
    if kind == COMPILED:
        raise FormatError(f"{name}: is compiled already; name the model that it was made from ({_either(kinds)})")
    if kind == NETWORK_FILE:
        raise FormatError(f"{name}: is a network file ({kind}); this takes {_either(kinds)}; {along[0]} comes along")
    if path.exists():
        raise FormatError(f"{name}: unknown kind of file; it must be {_either(kinds)}")
    raise FormatError(f"{name}: there is no such file, nor a network that comes along: {', '.join(along)}")


def shown(path: object) -> str:
    """How messages call a network's file: one that comes along by its bare name."""
    file = Path(str(path))
    return file.stem if file.parent == NETWORKS else str(path)


def _either(kinds: Collection[str]) -> str:
    *others, last = kinds
    return f"{', '.join(others)} or {last}" if others else last
