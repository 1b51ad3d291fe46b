"""Folding a stride away where the host writes the input: every phase of the image becomes a channel of its own.

A convolution with stride s over [C, H, W] is one with stride 1 over [C s s, H / s, W / s], whose channel (c, py, px) holds the
elements (s y + py, s x + px) of channel c. The hardware reads such a tensor without looking for phases, takes any stride, and
has fewer taps: 11 x 11 with stride 4 becomes 3 x 3. Padding goes into the tensor, as zeros.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .layout import Layout
from .segments import Segmentation
from .stage import Stage, bundle

MOST_CHANNELS = 64  # of the folded tensor: beyond that, many channels of few rows cost more than the phases


def folds(channels: int, stride: int) -> bool:
    """Whether folding a stride of the network's input helps."""
    return stride > 1 and channels * stride**2 <= MOST_CHANNELS


def fold_stride(stage: Stage) -> tuple[Stage, Layout] | None:
    """The stage without stride and the layout of its input in the stream; None where folding does not help."""
    step, taps = stage.stride, np.array(stage.taps)
    channels, height, width = stage.source.shape
    if stage.flat or not folds(channels, step):
        return None
    base = taps.min(axis=0)
    quotient, phase = np.divmod(taps - base, step)
    # New taps: the distinct quotients; the phases are channels.
    folded, place = np.unique(quotient, axis=0, return_inverse=True)
    rows, cols = (int(n) for n in np.array(stage.shape[1:]) + folded.max(axis=0))
    at = (stage.at * step + phase[stage.tap, 0]) * step + phase[stage.tap, 1]

    c, py, px = (axis.reshape(-1, 1, 1) for axis in np.unravel_index(np.arange(channels * step**2), (channels, step, step)))
    y = np.arange(rows).reshape(1, -1, 1) * step + py + base[0]
    x = np.arange(cols).reshape(1, 1, -1) * step + px + base[1]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    index = np.where(inside, (c * height + y) * width + x, -1)

    (part,) = stage.source.parts
    source = bundle([(part.name, channels * step**2, part.dtype)], (rows, cols))
    tap = np.asarray(place).reshape(-1)[stage.tap]
    new = replace(stage, source=source, stride=1, taps=tuple(map(tuple, folded.tolist())), at=at, tap=tap)
    strip = Segmentation(*index.shape).rows
    return new, Layout(stage.source.shape, index, strip, strip, part.dtype)
