"""STATUS.error_code in words: what went wrong, and what would be right. The codes are those of hls/phantom_pkg.sv."""

from __future__ import annotations

from .executable import Executable

_SOURCE = "it must be the stream of {source}"
_WEIGHTS = "it must be the stream of the compiled layer, unchanged"
ERRORS = {
    1: f"activation stream: a packet's kind, chunk, segment or rows do not belong to this layer, or not here; {_SOURCE}",
    2: f"activation stream: it ended before its END packet, or before its last rows; {_SOURCE}",
    3: f"activation stream: END does not match the words before it, or is not the last word; {_SOURCE}",
    4: "row buffer: the rows of one strip do not fit; compile the layer for the density of its input (1.0 always fits)",
    5: f"weight stream: a packet's kind, core mask or thread does not exist; {_WEIGHTS}",
    6: f"weight stream: its last word is not END; {_WEIGHTS}",
    7: f"weight stream: END does not match the words before it; {_WEIGHTS}",
    8: "watchdog: nothing has moved for a long time; both streams must be those of this layer, and the memory must answer",
}


def explain(code: int, program: Executable) -> str:
    """The message for an error code that came up while `program` ran."""
    source = f"a {program.source.dtype} input of shape {program.source.logical}"
    return f"error {code}, {ERRORS.get(code, 'unknown to this driver').format(source=source)}"
