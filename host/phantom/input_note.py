"""How an input was taken, in words: integers as they are, real values by the scale of the model."""

from __future__ import annotations

import numpy as np

from .network import Network
from .outline import Outline
from .plan import Plan

SUSPICIOUS = 0.5  # share of the nonzero values beyond the ends of the range


def input_note(network: Network | Outline, array: np.ndarray) -> list[str]:
    """A line on how `as_images` takes `array`, and a warning where most of it does not fit the range of the model's input."""
    scale = network.input_quantisation
    if scale is None:
        return [f"input: integers, taken as they are ({array.dtype})"]
    if array.dtype.kind != "f":
        # What the network's own type says is without zero-point (`as_images`).
        zero = 0 if array.dtype == network.input_dtype else scale.zero_point
        return [f"input: integers, taken as quantised already ({array.dtype}, scale {scale.scale:.6g}, zero-point {zero})"]
    lines = [f"input: real values, quantised with scale {scale.scale:.6g}"]
    low, high = scale.limits
    steps = np.rint(array.astype(np.float32) / np.float32(scale.scale))
    beyond = np.count_nonzero((steps < low) | (steps > high))
    share = beyond / max(int(np.count_nonzero(array)), 1)
    if share > SUSPICIOUS:
        ends = f"{low * scale.scale:.4g} to {high * scale.scale:.4g}"
        lines.append(f"warning: {share:.0%} of the nonzero values lie beyond its range, {ends}: prepare images as in training")
    return lines


def plan_note(plan: Plan, array: np.ndarray) -> list[str]:
    """The same for a plan; nothing where only the host reads the input, which takes it as it is."""
    return next((input_note(segment.outline, array) for segment in plan.accelerated if segment.tensor == plan.input), [])
