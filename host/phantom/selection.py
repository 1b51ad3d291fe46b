"""Which layers a command is about: names or patterns."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from .errors import ConfigError


def choose_layers(wanted: str | None, known: Sequence[str]) -> frozenset[str] | None:
    """Names out of `known` that are meant by names or patterns (* ? []) with commas between; None for None.

    A name that is known is meant as it is, even if it has the characters of a pattern. Raises ConfigError for what fits none.
    """
    if wanted is None:
        return None
    chosen: set[str] = set()
    for text in wanted.split(","):
        pattern = text.strip()
        found = [pattern] if pattern in known else [name for name in known if fnmatchcase(name, pattern)]
        if not found:
            raise ConfigError(f"--layers: there is no layer {pattern!r}; there are {', '.join(known)}")
        chosen.update(found)
    return frozenset(chosen)
