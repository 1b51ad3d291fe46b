"""The packed structs of phantom_pkg for tests, read out of the package itself, and layer registers as the blocks see them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[2] / "hls" / "phantom_pkg.sv"
FIELD = re.compile(r"(logic|\w+_t)\s*(?:signed\s*)?(?:\[(\d+):0\])?\s*(\w+(?:\s*,\s*\w+)*)\s*;")


@lru_cache(maxsize=1)
def _layouts() -> dict[str, list[tuple[str, int, str, int]]]:
    """By struct: (field, width of an element, struct of an element or '', elements), from the top bit down."""
    text = re.sub(r"//[^\n]*", "", PACKAGE.read_text())
    found: dict[str, list[tuple[str, int, str, int]]] = {}
    for body, name in re.findall(r"typedef struct packed \{(.*?)\}\s*(\w+);", text, re.S):
        fields = []
        for kind, high, names in FIELD.findall(body):
            size = int(high or 0) + 1
            for field in re.split(r"\s*,\s*", names):
                if kind == "logic":
                    fields.append((field, size, "", 1))
                else:
                    fields.append((field, sum(w * n for _, w, _, n in found[kind]), kind, size if high else 1))
        found[name] = fields
    return found


def width(struct: str) -> int:
    """Bits of a struct."""
    return sum(w * n for _, w, _, n in _layouts()[struct])


def pack(struct: str, values: Mapping[str, Any]) -> int:
    """The bits of a struct; every field must be given, negative values wrap. Raises KeyError or ValueError."""
    layout = _layouts()[struct]
    unknown = set(values) - {field for field, _, _, _ in layout}
    if unknown:
        raise KeyError(f"{struct} has no fields {sorted(unknown)}")
    bits = 0
    for field, size, _, count in layout:
        value = int(values[field])
        if not -(1 << size * count - 1) <= value < 1 << size * count:
            raise ValueError(f"{struct}.{field} = {value} has no room in {size * count} bits")
        bits = bits << size * count | value & (1 << size * count) - 1
    return bits


def unpack(struct: str, bits: int) -> dict[str, Any]:
    """The fields of a struct (unsigned); a struct in it becomes a dict, an array of them a list from index 0 up."""
    result: dict[str, Any] = {}
    for field, size, kind, count in reversed(_layouts()[struct]):
        parts = []
        for _ in range(count):
            part = bits & (1 << size) - 1
            parts.append(unpack(kind, part) if kind else part)
            bits >>= size
        result[field] = parts[0] if count == 1 else parts
    return result


def layer_structs(r: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """From the layer registers of a compiled program to the structs of the blocks, as phantom_top wires them.

    Returns:
        dicts of fields by the names input_cfg, lam_cfg, core_cfg, drain_cfg; `views`: a list of four.
    """
    source, out, tile, out_tile = r["INPUT"], r["OUTPUT"], r["TILE"], r["OUT_TILE"]
    loops = dict(r["LOOPS"])
    return {
        "input_cfg": source
        | r["PRODUCER"]
        | {f"block_{k}": v for k, v in r["BLOCK"].items()}
        | {"span": r["DIRECTORY"]["span"]}
        | {f"dir_{k}": v for k, v in r["DIRECTORY"].items() if k != "span"},
        "lam_cfg": loops
        | r["LAM_LOOPS"]
        | r["LAM_COLS"]
        | {"pass_chans": r["LAM_PASS"]["chans"], "own_chans": r["LAM_PASS"]["own"], "last_owner": r["LAM_PASS"]["last_owner"]}
        | {"edge_cols": sum(r["EDGES"][f"col{i + 1}"] << 8 * i for i in range(3))}
        | {"tile_rows": tile["rows"], "pitch": tile["pitch"]}
        | {"tile_step_y": r["TILE_STEPS"]["tile"], "strip_rows": r["TILE_STEPS"]["strip"]}
        | {"need_step": r["LAM_NEED"]["step"], "need_above": r["LAM_NEED"]["above"], "need_span": r["LAM_SPAN"]["span"]},
        "core_cfg": dict(r["CORE"]),
        "drain_cfg": loops
        | r["DRAIN"]
        | out
        | r["OUT_CHUNKS"]
        | {f"{k}{i}": v for i in range(2) for k, v in r[f"CLAMP{i}"].items()}
        | r["RESIDUAL"]
        | {"pool": pack("pool_cfg_t", {k: v for k, v in r["POOL"].items() if k != "seg_step"})}
        | {"seg_step": r["POOL"]["seg_step"]}
        | {"tile_rows": out_tile["rows"], "row_step": out_tile["row_step"], "strip_rows": out_tile["strip_rows"]}
        | {"pitch": tile["pitch"]},
        "views": [r[f"VIEW{i}"] | {f"col_{k}": v for k, v in r[f"VIEW_COLS{i}"].items()} for i in range(4)],
    }
