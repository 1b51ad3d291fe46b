"""Strides, dilations and paddings of ONNX's attributes, as the layers have them."""

from __future__ import annotations

from dataclasses import dataclass

from .graph import Node
from .values import UnsupportedModel


@dataclass(frozen=True)
class Sliding:
    """How a kernel moves: stride and dilation of both axes, padding (top, left, bottom, right).

    extra: rows and columns that rounding up (ceil_mode) adds at the bottom and the right; `padding` has them included.
    """

    stride: int
    dilation: int
    padding: tuple[int, int, int, int]
    extra: tuple[int, int] = (0, 0)


def sliding(node: Node, kernel: tuple[int, int], size: tuple[int, int]) -> Sliding:
    """For a kernel over an input of `size` (rows, columns). Raises UnsupportedModel."""
    stride = _one(node, "strides")
    dilation = _one(node, "dilations")
    pads = [int(p) for p in node.attributes.get("pads", [0, 0, 0, 0])]
    if len(pads) != 4 or min(pads) < 0:
        raise UnsupportedModel(f"{node.where}: pads are {pads}; there must be four, all >= 0")
    span = [(k - 1) * dilation + 1 for k in kernel]
    auto = node.attributes.get("auto_pad", b"NOTSET")
    auto = auto.decode() if isinstance(auto, bytes) else str(auto)
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        total = [max(0, (-(-n // stride) - 1) * stride + s - n) for n, s in zip(size, span, strict=True)]
        small = [t // 2 for t in total]
        large = [t - s for t, s in zip(total, small, strict=True)]
        pads = [*small, *large] if auto == "SAME_UPPER" else [*large, *small]
    elif auto == "VALID":
        pads = [0, 0, 0, 0]
    elif auto != "NOTSET":
        raise UnsupportedModel(f"{node.where}: auto_pad {auto!r}; it must be NOTSET, VALID, SAME_UPPER or SAME_LOWER")
    extra = [0, 0]
    if node.attributes.get("ceil_mode", 0):
        for axis in (0, 1):
            room = size[axis] + pads[axis] + pads[axis + 2] - span[axis]
            extra[axis] = -room % stride if room >= 0 else 0
            steps = (room + extra[axis]) // stride
            if steps * stride >= size[axis] + pads[axis]:  # that window would begin in the padding: it does not count
                extra[axis] = 0
    padding = (pads[0], pads[1], pads[2] + extra[0], pads[3] + extra[1])
    return Sliding(stride, dilation, padding, (extra[0], extra[1]))


def _one(node: Node, name: str) -> int:
    values = [int(v) for v in node.attributes.get(name, [1, 1])]
    if len(values) != 2 or values[0] != values[1]:
        raise UnsupportedModel(f"{node.where}: {name} are {values}; rows and columns must have the same")
    return values[0]


def kernel_of(node: Node) -> tuple[int, int]:
    """Attribute kernel_shape. Raises UnsupportedModel unless it has two axes."""
    kernel = [int(k) for k in node.attributes.get("kernel_shape", [])]
    if len(kernel) != 2:
        raise UnsupportedModel(f"{node.where}: kernel_shape is {kernel}; it must have rows and columns")
    return kernel[0], kernel[1]
