"""Strides of 3 and 4: computed at stride 1 or 2, and the results between those that are wanted are left out by the drain.

The LAM knows one and two phases of the input. A convolution with stride 3 is one with stride 1 of which every third row and
column is read, one with stride 4 is one with stride 2 of which every second is: a pooling with windows of one. Nine or four times
the multiplies, but any layer runs. Layers that read the input of a network are folded instead (`fold`).
"""

from __future__ import annotations

from dataclasses import replace

from .network import MaxPool
from .stage import Stage

PHASES = 2  # of the LAM


def thinned(stage: Stage) -> Stage:
    """The same stage with a stride that the LAM can walk."""
    if stage.stride <= PHASES:
        return stage
    return thinned_to(stage, PHASES if stage.stride % PHASES == 0 else 1)


def thinned_to(stage: Stage, stride: int) -> Stage:
    """The same stage computed at a smaller stride, a divisor of its own."""
    assert stage.pool is None, "a pooling behind such a stride is a stage of its own"
    step = stage.stride // stride
    filters, rows, cols = stage.shape
    pool = MaxPool(stage.name, (1, 1), step)
    return replace(stage, stride=stride, shape=(filters, (rows - 1) * step + 1, (cols - 1) * step + 1), pool=pool)
