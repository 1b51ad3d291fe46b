"""What the recorder wrote: commands with their options and other words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from vivado_values import OPTIONS


class VivadoError(Exception):
    """Vivado would refuse it."""


def commands(record: Path) -> Iterator[tuple[str, dict[str, str], list[str]]]:
    """(command, options, the other words) of each line. Raises VivadoError for an option that the command does not have."""
    for line in record.read_text().splitlines():
        command, *words = split_list(line)
        known, options, rest = OPTIONS.get(command, {}), {}, []
        position = 0
        while position < len(words):
            word = words[position]
            if re.match(r"-[a-z]", word):
                if word not in known:
                    raise VivadoError(f"{command} has no option {word}")
                options[word] = words[position + 1] if known[word] else ""
                position += known[word]
            else:
                rest.append(word)
            position += 1
        yield command, options, rest


def split_list(text: str) -> list[str]:
    """The words of a Tcl list of the simple kind that the recorder writes: braces, no escapes."""
    words, depth, word, quoted = [], 0, "", False
    for character in text:
        if character == "{":
            depth += 1
            if depth == 1:
                quoted = True
                continue
        elif character == "}":
            depth -= 1
            if depth == 0:
                continue
        if character.isspace() and depth == 0:
            if word or quoted:
                words.append(word)
            word, quoted = "", False
        else:
            word += character
    return [*words, word] if word or quoted else words
