"""Where the sources of the design are, and where goes what is built from them.

In a checkout they are beside this package, and `build/` is, too. A wheel has them inside (`sources`, which setup.py fills); what
is built then goes to the user's cache, into a folder that is named after the contents of the sources.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGED = Path(__file__).resolve().with_name("sources")


def cache(sources: Path) -> Path:
    """The folder for what is built from `sources`, other for any change in them."""
    digest = hashlib.sha256()
    for path in sorted(sources.rglob("*")):
        if path.suffix != ".pyc" and path.is_file():
            digest.update(path.relative_to(sources).as_posix().encode() + b"\0" + path.read_bytes())
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "phantom" / digest.hexdigest()[:12]


INSTALLED = PACKAGED.exists() and not (CHECKOUT / "hls" / "phantom.f").exists()
ROOT = PACKAGED if INSTALLED else CHECKOUT
HLS = ROOT / "hls"
OVERLAY = ROOT / "overlay"
BUILD = cache(PACKAGED) if INSTALLED else CHECKOUT / "build"
