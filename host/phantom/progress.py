"""A progress bar on stderr: on a terminal only, and only for work that takes more than a moment."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

DELAY = 1.5  # seconds before it shows
INTERVAL = 0.2
WIDTH = 30

T = TypeVar("T")


def progress(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Hand on the items and show how many of `total` are done; the line is gone at the end.

    Without `total` the items should have a length; there is no bar where neither is known.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    if not sys.stderr.isatty() or not total:
        yield from items
        return
    start, last = time.monotonic(), 0.0
    try:
        for done, item in enumerate(items):
            now = time.monotonic()
            if now - start > DELAY and now - last > INTERVAL:
                last = now
                left = f", {(now - start) / done * (total - done):.0f} s left" if done else ""
                full = WIDTH * done // total
                print(
                    f"\r\033[K{what} [{'#' * full}{' ' * (WIDTH - full)}] {done}/{total}{left}",
                    end="",
                    file=sys.stderr,
                    flush=True,
                )
            yield item
    finally:
        if last:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
