"""The operations of both forms of a model, as values that wait to be quantised: `Real`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .geometry import Sliding, kernel_of, sliding
from .graph import RECIPE, Node
from .values import Constant, FloatInput, Host, Quantised, QuantisedConstant, Real, UnsupportedModel, Value


def operand(node: Node, value: Value | None, index: int) -> Quantised:
    """The quantised tensor that a node reads, in real or integer form. Raises UnsupportedModel."""
    name = node.input(index)
    if isinstance(value, Quantised):
        return value
    if isinstance(value, Real):
        if value.kind == "identity" and not value.clamped:
            return replace(value.inputs[0], shape=value.shape, flat=value.flat)
        raise UnsupportedModel(f"{node.where}: its input {name!r}, the result of node {value.name!r}, is not quantised; {RECIPE}")
    if isinstance(value, FloatInput):
        raise UnsupportedModel(f"{node.where}: it reads the model's input {name!r}, which is not quantised; {RECIPE}")
    if isinstance(value, Host):
        raise UnsupportedModel(
            f"{node.where}: it reads the result of {value.operators[-1]}, which is left to the host at the end"
        )
    raise UnsupportedModel(f"{node.where}: its input {name!r} is a constant; it must be computed from the model's input")


def planes(node: Node, x: Quantised | Real) -> tuple[int, int, int]:
    """Shape of an input that must have rows and columns. Raises UnsupportedModel."""
    if x.flat:
        raise UnsupportedModel(f"{node.where}: its input has shape [N, {int(np.prod(x.shape))}]; it must be [N, C, H, W]")
    return x.shape


def weights_of(node: Node, value: Value | None, index: int) -> QuantisedConstant:
    """The weights that a node reads. Raises UnsupportedModel."""
    if isinstance(value, QuantisedConstant):
        return value
    if isinstance(value, Constant):
        raise UnsupportedModel(f"{node.where}: its weights {node.input(index)!r} are not quantised; {RECIPE}")
    raise UnsupportedModel(
        f"{node.where}: its weights {node.input(index)!r} are computed from the model's input; they must be constant"
    )


def convolution(node: Node, x: Quantised, weights: QuantisedConstant) -> Real:
    """Convolve x with weights, without bias."""
    channels, rows, columns = planes(node, x)
    integers = weights.integers
    if integers.ndim != 4:
        raise UnsupportedModel(
            f"{node.where}: weights of shape {integers.shape}; only two-dimensional convolutions are supported"
        )
    kernel = (integers.shape[2], integers.shape[3])
    move = sliding(node, kernel, (rows, columns))
    groups = int(node.attributes.get("group", 1))
    if channels != integers.shape[1] * groups:
        raise UnsupportedModel(f"{node.where}: weights of shape {integers.shape}, {groups} groups, for {channels} channels")
    scale = np.float32(x.scale) * weights.scales(0, len(integers), node.where)
    options: dict[str, object] = {"channel_groups": groups, "dilation": move.dilation}
    return _sliding_conv(node, x, integers, scale, move, options, "conv")


def _sliding_conv(
    node: Node,
    x: Quantised,
    integers: np.ndarray,
    scale: np.ndarray,
    move: Sliding,
    options: dict[str, object],
    own: str,
) -> Real:
    _, rows, columns = x.shape
    kernel = (integers.shape[2], integers.shape[3])
    height, width = _size(node, kernel, move, (rows, columns))
    return Real(
        "conv",
        node.name,
        (x,),
        (len(integers), height, width),
        weights=integers,
        scale=scale.astype(np.float64),
        bias=np.zeros(len(integers)),
        options={**options, "stride": move.stride, "padding": move.padding},
        own=own,
    )


def _size(node: Node, kernel: tuple[int, int], move: Sliding, size: tuple[int, int]) -> tuple[int, int]:
    top, left, bottom, right = move.padding
    rows = (size[0] + top + bottom - (kernel[0] - 1) * move.dilation - 1) // move.stride + 1
    columns = (size[1] + left + right - (kernel[1] - 1) * move.dilation - 1) // move.stride + 1
    if rows < 1 or columns < 1:
        raise UnsupportedModel(f"{node.where}: its kernel {kernel} is larger than its input of {size[0]} x {size[1]}")
    return rows, columns


def matrix(node: Node, x: Quantised, weights: QuantisedConstant, transposed: bool) -> Real:
    """Multiply x [N, C] by weights [C, K], or [K, C] where they are `transposed`; without bias."""
    if not x.flat:
        raise UnsupportedModel(
            f"{node.where}: its input has shape [N, {', '.join(map(str, x.shape))}]; flatten it to [N, C] first"
        )
    integers = weights.integers
    if integers.ndim != 2:
        raise UnsupportedModel(f"{node.where}: weights of shape {integers.shape}; they must be a matrix")
    filters = integers.shape[0 if transposed else 1]
    scale = np.float32(x.scale) * weights.scales(0 if transposed else 1, filters, node.where)
    integers = integers if transposed else integers.T
    return Real(
        "fc",
        node.name,
        (x,),
        (filters, 1, 1),
        flat=True,
        weights=integers,
        scale=scale.astype(np.float64),
        bias=np.zeros(filters),
        own="fc",
    )


def average_pool(node: Node, x: Quantised, everything: bool) -> Real:
    """Mean over a kernel, or over `everything`: a depthwise convolution with weights 1."""
    channels, rows, columns = planes(node, x)
    kernel = (rows, columns) if everything else kernel_of(node)
    move = Sliding(1, 1, (0, 0, 0, 0)) if everything else sliding(node, kernel, (rows, columns))
    if any(move.extra):
        raise UnsupportedModel(f"{node.where}: ceil_mode makes the last windows smaller; an average needs windows of one size")
    if any(move.padding) and not node.attributes.get("count_include_pad", 0):
        raise UnsupportedModel(
            f"{node.where}: padding {move.padding} with count_include_pad = 0 divides by another number at the edge; "
            f"an average needs no padding, or count_include_pad = 1"
        )
    scale = np.full(channels, np.float32(x.scale) / (kernel[0] * kernel[1]))
    ones = np.ones((channels, 1, *kernel), np.int64)
    own = "global average pool" if everything else "average pool"
    options: dict[str, object] = {"channel_groups": channels, "dilation": move.dilation}
    return _sliding_conv(node, x, ones, scale, move, options, own)


def max_pool(node: Node, x: Quantised, low: float = -np.inf, high: float = np.inf) -> Real:
    """Maximum over a kernel; limits of the input are limits of the output."""
    if len(node.outputs) > 1 and node.outputs[1]:
        raise UnsupportedModel(f"{node.where}: its second output, the indices, is not supported")
    channels, rows, columns = planes(node, x)
    kernel = kernel_of(node)
    move = sliding(node, kernel, (rows, columns))
    if move.dilation != 1:
        raise UnsupportedModel(f"{node.where}: dilation {move.dilation}; it must be 1")
    height, width = _size(node, kernel, move, (rows, columns))
    options: dict[str, object] = {"kernel": kernel, "stride": move.stride, "padding": move.padding}
    return Real("maxpool", node.name, (x,), (channels, height, width), low=low, high=high, options=options)


def addition(node: Node, a: Quantised, b: Quantised) -> Real:
    """Sum of two tensors."""
    if a.shape != b.shape:
        raise UnsupportedModel(f"{node.where}: it adds shapes {a.shape} and {b.shape}; they must be equal")
    return Real("add", node.name, (a, b), a.shape, a.flat and b.flat, own="add")


def concatenation(node: Node, parts: list[Quantised]) -> Real:
    """Channels of all parts."""
    axis, flat = int(node.attributes.get("axis", 1)), parts[0].flat
    if axis not in ((1, -1) if flat else (1, -3)) or any(p.flat != flat or p.shape[1:] != parts[0].shape[1:] for p in parts):
        shapes = [p.shape for p in parts]
        raise UnsupportedModel(f"{node.where}: it joins {shapes} along axis {axis}; only channels (axis 1) can be joined")
    shape = (sum(p.shape[0] for p in parts), *parts[0].shape[1:])
    return Real("concat", node.name, tuple(parts), shape, flat)


def per_channel(node: Node, values: np.ndarray, x: Quantised | Real) -> np.ndarray:
    """A constant operand as one value for each channel of x, float64 [C]. Raises UnsupportedModel."""
    channels = x.shape[0]
    if x.flat and x.shape[1:] == (1, 1):
        wanted = values.shape[-1:] in ((channels,), (1,), ()) and int(np.prod(values.shape[:-1])) == 1
    else:
        wanted = values.size == 1 or (not x.flat and values.shape[-3:] == (channels, 1, 1) and values.size == channels)
    if not wanted:
        raise UnsupportedModel(
            f"{node.where}: a constant of shape {values.shape} on {x.shape}; it must have one value for each channel"
        )
    return np.broadcast_to(values.reshape(-1), (channels,)).astype(np.float64)


def with_bias(real: Real, bias: np.ndarray) -> Real:
    """`real`, of kind conv or fc, with a real bias [K] added."""
    assert real.scale is not None and real.bias is not None
    # Where the scale is 0 so are the weights, and the bias would be in no unit: it gets one of its own.
    scale = np.where(real.scale > 0, real.scale, np.maximum(np.abs(bias), 1e-30) / 2**20)
    return replace(real, scale=scale, bias=real.bias + bias / scale)


def affine(node: Node, real: Real, gain: np.ndarray, offset: np.ndarray) -> Real:
    """`real` times a gain plus an offset, both [C]. Raises UnsupportedModel where `real` is neither linear nor quantised."""
    if real.kind not in ("conv", "fc") or real.clamped:
        x = operand(node, real, 0)
        if x.flat and x.shape[1:] != (1, 1):
            raise UnsupportedModel(f"{node.where}: it scales channels of a flattened tensor; flatten after it")
        channels = x.shape[0]
        weights = _denominators(offset / np.where(gain == 0, 1, gain) / x.scale)
        scale = np.float32(x.scale) / weights
        weights = weights.reshape(-1, 1, 1, 1)
        real = _sliding_conv(
            node, x, weights, scale, Sliding(1, 1, (0, 0, 0, 0)), {"channel_groups": channels}, "scale and offset"
        )
        real = replace(real, flat=x.flat)
    assert real.scale is not None and real.bias is not None and real.weights is not None
    sign = np.sign(gain).astype(np.int16)
    real = replace(
        real,
        weights=real.weights * sign.reshape(-1, *[1] * (real.weights.ndim - 1)),
        scale=real.scale * np.abs(gain),
        bias=real.bias * sign,
    )
    return with_bias(real, offset)


def _denominators(values: np.ndarray) -> np.ndarray:
    """For each value [C] the weight, int64 up to 127, whose inverse it is a multiple of, most nearly.

    A channel that is only scaled and shifted has one weight w, and a bias in units of 1 / w: a good w makes its rounding small.
    """
    weights = np.arange(127, 0, -1)  # of equally good ones the largest
    products = values[:, None] * weights
    return weights[np.argmin(np.abs(products - np.rint(products)) / weights, axis=1)]


def clamp(real: Real, low: float, high: float) -> Real:
    """`real` within low..high."""
    return replace(real, low=float(np.clip(real.low, low, high)), high=float(np.clip(real.high, low, high)))


def reshape(node: Node, x: Quantised | Real, target: list[int]) -> Quantised | Real:
    """X in another shape of the model: [1, C * H * W], or [1, C, H, W] as it was. Raises UnsupportedModel."""
    size = int(np.prod(x.shape))
    if target == [1, size]:
        return replace(x, flat=True)
    if target == [1, *x.shape]:
        return replace(x, flat=False)
    raise UnsupportedModel(f"{node.where}: from {model_shape(x)} to {target}; it can only become [1, {size}] or {[1, *x.shape]}")


def model_shape(x: Quantised | Real) -> list[int]:
    """Shape in the model, batch included."""
    return [1, int(np.prod(x.shape))] if x.flat else [1, *x.shape]
