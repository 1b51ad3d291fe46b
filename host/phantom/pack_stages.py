"""Compiled stages as plain values and arrays, and back (see `phantom_file`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .errors import FormatError
from .executable import Executable
from .layout import Layout
from .pack_outline import activation_type, shape_of
from .stage import Bundle, Part

MAX_RESULT = 1 << 23  # words of 64 bits that one transfer can move


def pack_stages(stages: Sequence[Executable], put: Callable[[np.ndarray], int]) -> dict[str, Any]:
    """`put` stores an array and gives its number. Every stage reads what the one before it wrote."""
    names = [(register, list(fields)) for register, fields in stages[0].registers.items()]
    values = np.array([[stage.registers[r][f] for r, fields in names for f in fields] for stage in stages], dtype=np.int64)
    return {
        "registers": names,
        "values": put(values),
        "source": _pack_layout(stages[0].source, put),
        "stages": [
            {
                "name": stage.name,
                "layers": stage.layers,
                "plane": stage.bundle.plane,
                "parts": [[part.name, part.start, part.stop, part.dtype.name] for part in stage.bundle.parts],
                "result": _pack_layout(stage.result, put),
                "strips": stage.strips,
                "tables": put(np.array(stage.tables, dtype=np.int64).reshape(-1, 3)),
                "weights": put(stage.weights),
                "weight_words": stage.weight_words,
            }
            for stage in stages
        ],
    }


def _pack_layout(layout: Layout, put: Callable[[np.ndarray], int]) -> list[Any]:
    places = put(layout.places.astype(np.int32))
    return [layout.logical, places, layout.strip_rows, layout.tile_rows, layout.dtype.name, layout.span, layout.block]


def unpack_stages(entry: dict[str, Any], get: Callable[[int], np.ndarray]) -> tuple[Executable, ...]:
    """The way back. Raises FormatError, or KeyError, TypeError, ValueError where values are missing or of another kind."""
    values = get(entry["values"])
    names = [(str(register), [str(field) for field in fields]) for register, fields in entry["registers"]]
    count = sum(len(fields) for _, fields in names)
    if not entry["stages"] or values.shape != (len(entry["stages"]), count):
        raise FormatError(f"register values of shape {values.shape}; there are {len(entry['stages'])} stages of {count}")
    source = _unpack_layout(entry["source"], get)
    stages = []
    for stage, row in zip(entry["stages"], values.tolist()):
        stages.append(_unpack_stage(stage, source, names, row, get))
        source = stages[-1].result
    return tuple(stages)


def _unpack_stage(
    entry: dict[str, Any],
    source: Layout,
    names: list[tuple[str, list[str]]],
    values: list[int],
    get: Callable[[int], np.ndarray],
) -> Executable:
    each = iter(values)
    rows, cols = (int(n) for n in entry["plane"])
    parts = tuple(Part(str(n), int(a), int(b), activation_type(dtype)) for n, a, b, dtype in entry["parts"])
    tables, weights = get(entry["tables"]), get(entry["weights"])
    result = _unpack_layout(entry["result"], get)
    stage = Executable(
        name=str(entry["name"]),
        layers=tuple(map(str, entry["layers"])),
        bundle=Bundle(parts, (rows, cols)),
        source=source,
        result=result,
        registers={register: {field: next(each) for field in fields} for register, fields in names},
        tables=tuple((select, index, value) for select, index, value in tables.tolist()),
        weights=weights,
        weight_words=tuple(int(words) for words in entry["weight_words"]),
        strips=int(entry["strips"]),
    )
    where = f"stage {stage.name!r}"
    edges = [0, *(part.stop for part in parts)]
    if [part.start for part in parts] != edges[:-1] or edges != sorted(set(edges)) or result.logical != (edges[-1], rows, cols):
        raise FormatError(f"{where}: its tensors are {entry['parts']} of {rows} x {cols}; the result has shape {result.logical}")
    if weights.dtype != np.uint64 or weights.ndim != 1 or not len(weights) or stage.strips < 1:
        raise FormatError(f"{where}: a weight stream of {weights.dtype}, shape {weights.shape}, for {stage.strips} strips")
    start, words = stage.weight_streams[-1] if stage.weight_words else (0, 0)
    if min(stage.weight_words, default=0) < 1 or start + words != len(weights):
        raise FormatError(f"{where}: weight streams of {list(stage.weight_words)} words; there are {len(weights)} in all")
    if stage.result_words > MAX_RESULT:
        raise FormatError(f"{where}: a result of up to {stage.result_words} words; a transfer moves {MAX_RESULT}")
    return stage


def _unpack_layout(entry: list[Any], get: Callable[[int], np.ndarray]) -> Layout:
    logical, number, strip_rows, tile_rows, dtype, span, block = entry
    places = get(number)
    cut = int(strip_rows), int(tile_rows), activation_type(dtype), int(span), int(block)
    layout = Layout(shape_of(logical), places, *cut)
    size = layout.logical[0] if places.ndim == 1 else int(np.prod(layout.logical))
    if places.dtype != np.int32 or places.ndim not in (1, 3) or not places.size:
        raise FormatError(f"an order of type {places.dtype} and shape {places.shape}")
    if places.min() < -1 or places.max() >= size or tile_rows < 1 or strip_rows % tile_rows or block < 0:
        raise FormatError(f"places {places.min()}..{places.max()} of {size}, strips of {strip_rows} / {tile_rows} rows")
    layout.geometry.starts(layout.strip_rows)  # RangeError where a stream cannot be like that
    return layout
