"""Where PYNQ finds ``phantom.bit``: `pynq.Overlay("phantom.bit")` looks in this folder of the installed package.

The bitstream and its ``.hwh`` are built (`make bitstream`), not part of the sources. ``ARGS=--install`` puts them here, from
where they go into the wheel. ``ARGS="--install --link URL"`` puts ``phantom.bit.link`` and ``phantom.hwh.link`` here in their
stead: where to fetch the files from, and their MD5 sums, in the format of PYNQ. PYNQ itself does not follow links when it loads
an overlay; `fetch` does, which the package calls when it opens a board.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

from ..errors import DeviceError

PAIR = ("phantom.bit", "phantom.hwh")
PATIENCE = 30.0  # seconds in which a server must say something


def fetch() -> None:
    """Bring the files that have a link here up to date with it: those that are missing or have another sum are fetched.

    Nothing is done, and no network needed, where all are as their links say, or where there are no links.

    Raises DeviceError: a link cannot be read, the server not be reached, a file not be written, or its sum is wrong.
    """
    folder = Path(__path__[0])  # what PYNQ asks for, too
    for name in PAIR:
        if (folder / f"{name}.link").exists():
            _fetch(folder / name)


def _fetch(file: Path) -> None:
    link = file.with_name(f"{file.name}.link")
    try:
        document = json.loads(link.read_text())
        url, digest = str(document["url"]), str(document["md5sum"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DeviceError(
            f'{link} cannot be read ({type(error).__name__}: {error}); it must be {{"url": .., "md5sum": ..}}'
        ) from None
    if file.is_file() and _sum(file.read_bytes()) == digest:
        return
    content = _content(url, link)
    if _sum(content) != digest:
        raise DeviceError(f"{url} has the MD5 sum {_sum(content)}; {link} wants {digest}: the server has another build's file")
    part = file.with_name(f"{file.name}.part{os.getpid()}")
    try:
        part.write_bytes(content)
        os.replace(part, file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise DeviceError(f"{file} cannot be written ({error.strerror or error}); run as root, as PYNQ wants anyway") from None


def _content(url: str, link: Path) -> bytes:
    from http.client import HTTPException
    from urllib.request import urlopen  # slow to import, and PYNQ imports this folder with every overlay

    print(f"phantom: fetching {url}", file=sys.stderr)
    try:
        with urlopen(url, timeout=PATIENCE) as answer:
            return bytes(answer.read())
    except (OSError, ValueError, HTTPException) as error:
        raise DeviceError(
            f"{url} cannot be fetched ({error}), as {link} wants; without a network, "
            f"put {' and '.join(PAIR)} into the folder that you start from"
        ) from None


def _sum(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
