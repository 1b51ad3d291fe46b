"""What the columns of `phantom run`'s table and the causes in it mean: the end of `phantom info`."""

from __future__ import annotations

from .report import CAUSES

COLUMNS = {
    "dense": "multiplies that a dense machine does, zeros included",
    "effectual": "those with both operands nonzero",
    "util": "effectual multiplies a multiplier cycle",
    "GOP/s": "dense-equivalent speed: a dense multiply-add counts as two operations",
    "speedup": "over a dense machine with as many multipliers, each busy in every cycle",
    "lost to": "the two largest causes of a thread's other cycles, as shares of all:",
}
LAM = "no cause: the lookahead mask, which packs a channel's nonzero activations for the cores"


def legend() -> list[str]:
    """Lines for people."""
    causes = {**CAUSES, "channel": f"{CAUSES['channel']}, by the LAM"}
    width = max(map(len, (*COLUMNS, *causes)))
    lines = [f"  {name:{width}}  {text}" for name, text in COLUMNS.items()]
    lines += [f"    {name:{width - 2}}  {text}" for name, text in {**causes, "LAM": LAM}.items()]
    return ["columns of `phantom run`:", *lines]
