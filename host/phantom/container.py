"""A file of one JSON header and many arrays, all in place: it is read into one buffer, and every array is a view of that.

    byte  0        8         12        16          24        32              64
          +--------+---------+---------+-----------+---------+---------------+--------- - - -+--- - - -
          | magic  | version | header  |  file     | 0       | SHA-256       | header (JSON) | arrays
          | 8      | u32     | bytes   |  bytes    | u64     | of all other  |               |
          |        |         | u32     |  u64      |         | bytes, 32     |               |
          +--------+---------+---------+-----------+---------+---------------+--------- - - -+--- - - -

Integers are little-endian. The header, which ends in spaces, and every array begin at a multiple of 64 bytes; what is between
arrays is zero. The header's member `arrays` lists type and shape of each array in order, from which follows where it is.
Nothing is compressed and nothing is pickled, so what a file needs in memory is its size.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import FormatError

MAGIC = b"PHANTOM\n"
HEAD = struct.Struct("<8sIIQQ32s")
ALIGN = 64
DTYPES = ("|u1", "|i1", "<u4", "<i4", "<u8", "<i8")


def padded(size: int) -> int:
    """The next multiple of ALIGN."""
    return -(-size // ALIGN) * ALIGN


def write(path: str | os.PathLike[str], version: int, header: dict[str, Any], arrays: Sequence[np.ndarray]) -> None:
    """Write header and arrays. The same header and arrays give the same bytes. Raises FormatError."""
    arrays = [np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")) for array in arrays]
    listed = [[array.dtype.str, list(array.shape)] for array in arrays]
    text = json.dumps({**header, "arrays": listed}, separators=(",", ":")).encode()
    text += b" " * (padded(len(text)) - len(text))
    pieces: list[Any] = [text]
    for array in arrays:
        pieces += [array.reshape(-1).view(np.uint8), bytes(padded(array.nbytes) - array.nbytes)]
    size = ALIGN + sum(len(piece) for piece in pieces)
    head = HEAD.pack(MAGIC, version, len(text), size, 0, bytes(32))[:-32]
    digest = hashlib.sha256(head)
    for piece in pieces:
        digest.update(piece)
    try:
        with open(path, "wb") as file:
            file.write(head + digest.digest())
            for piece in pieces:
                file.write(piece)
    except OSError as error:
        raise FormatError(f"{path}: cannot be written ({error.strerror})") from None


def read(path: str | os.PathLike[str], version: int) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Header, and arrays that cannot be written to.

    Raises FormatError when there is no such file, it is no such file, of another version, truncated, or damaged.
    """
    data = _bytes(path)
    head = data[: HEAD.size].tobytes()
    if len(head) < HEAD.size or not head.startswith(MAGIC):
        raise FormatError(f"{path}: not a .phantom file; `phantom compile MODEL.onnx -o NET.phantom` makes one")
    _, found, length, size, _, right = HEAD.unpack(head)
    if found != version:
        raise FormatError(f"{path}: is of version {found} of the format; this package reads version {version}: compile it again")
    if size != len(data):
        raise FormatError(f"{path}: has {len(data)} bytes; it must have {size}: it was truncated, or not written to its end")
    digest = hashlib.sha256(head[:-32])
    digest.update(data[HEAD.size :].data)
    if digest.digest() != right:
        raise FormatError(f"{path}: the checksum is wrong; the file was damaged or changed")
    try:
        header = json.loads(data[ALIGN : ALIGN + length].tobytes())
        arrays = _views(data, padded(ALIGN + length), header.pop("arrays"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FormatError(f"{path}: the header makes no sense ({error!r})") from None
    return header, arrays


def _bytes(path: str | os.PathLike[str]) -> np.ndarray:
    """The whole file, uint8 [n], read-only."""
    try:
        with open(path, "rb") as file:
            data: np.ndarray = np.empty(os.fstat(file.fileno()).st_size, np.uint8)
            if file.readinto(data.data) != len(data):
                raise FormatError(f"{path}: has become shorter while it was read")
    except FileNotFoundError:
        raise FormatError(f"{path}: there is no such file") from None
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from None
    data.setflags(write=False)
    return data


def _views(data: np.ndarray, at: int, listed: list[Any]) -> list[np.ndarray]:
    """The arrays that lie from byte `at` on. Raises ValueError, TypeError."""
    arrays = []
    for dtype, shape in listed:
        if dtype not in DTYPES or not all(isinstance(n, int) and n >= 0 for n in shape):
            raise ValueError(f"an array of type {dtype!r} and shape {shape}")
        nbytes = math.prod(shape) * np.dtype(dtype).itemsize
        if at + nbytes > len(data):
            raise ValueError(f"an array of shape {shape} goes beyond the end")
        arrays.append(data[at : at + nbytes].view(dtype).reshape(shape))
        at = padded(at + nbytes)
    if at != len(data):
        raise ValueError(f"the arrays end at byte {at} of {len(data)}")
    return arrays
