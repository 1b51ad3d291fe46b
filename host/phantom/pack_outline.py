"""An outline as plain values and arrays, and back (see `phantom_file`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .effectual import COUNT, Demand
from .errors import FormatError
from .layer import ACT_DTYPES, INPUT, Shape
from .outline import LayerOutline, Outline
from .scales import Quantisation


def pack_scale(quantisation: Quantisation | None) -> list[Any] | None:
    """A quantisation as [scale, zero-point, type]."""
    return None if quantisation is None else [quantisation.scale, quantisation.zero_point, quantisation.dtype.name]


def unpack_scale(entry: list[Any] | None) -> Quantisation | None:
    """The way back. Raises RangeError or ShapeError where it makes no sense."""
    if entry is None:
        return None
    scale, zero_point, dtype = entry
    return Quantisation(float(scale), int(zero_point), np.dtype(dtype))


def pack_outline(outline: Outline, put: Callable[[np.ndarray], int]) -> dict[str, Any]:
    """`put` stores an array and gives its number."""
    return {
        "name": outline.name,
        "input_shape": outline.input_shape,
        "input_dtype": outline.input_dtype.name,
        "input_quantisation": pack_scale(outline.input_quantisation),
        "outputs": list(outline.outputs),
        "output_quantisation": {name: pack_scale(q) for name, q in outline.output_quantisation.items()},
        "checksum": outline.checksum,
        "layers": [_pack_layer(layer, put) for layer in outline.layers],
    }


def _pack_layer(layer: LayerOutline, put: Callable[[np.ndarray], int]) -> list[Any]:
    demand = layer.demand
    counted = [demand.dense, put(demand.filters), demand.stride, demand.dilation, demand.padding]
    return [layer.name, layer.kind, layer.inputs, layer.shape, layer.dtype.name, layer.joins, counted]


def unpack_outline(entry: dict[str, Any], get: Callable[[int], np.ndarray]) -> Outline:
    """The way back. Raises FormatError, or KeyError, TypeError, ValueError where values are missing or of another kind."""
    dtype = activation_type(entry["input_dtype"])
    shapes = {INPUT: shape_of(entry["input_shape"])}
    layers = []
    for values in entry["layers"]:
        layer = _unpack_layer(values, get, shapes)
        shapes[layer.name] = layer.shape
        layers.append(layer)
    outputs = tuple(map(str, entry["outputs"]))
    scales = {str(name): unpack_scale(scale) for name, scale in entry["output_quantisation"].items()}
    missing = [name for name in (*outputs, *scales) if name not in shapes or name == INPUT]
    if missing or not outputs:
        raise FormatError(f"an output is {missing[:1]}; there are {list(shapes)[1:]}")
    return Outline(
        str(entry["name"]),
        shapes[INPUT],
        dtype,
        tuple(layers),
        outputs,
        unpack_scale(entry["input_quantisation"]),
        {name: scale for name, scale in scales.items() if scale is not None},
        str(entry["checksum"]),
    )


def _unpack_layer(values: list[Any], get: Callable[[int], np.ndarray], shapes: dict[str, Shape]) -> LayerOutline:
    name, kind, inputs, shape, dtype, joins, (dense, number, stride, dilation, padding) = values
    inputs = tuple(map(str, inputs))
    if name in shapes or not inputs or not all(source in shapes for source in inputs):
        raise FormatError(f"layer {name!r} reads {inputs}; before it come {list(shapes)}")
    filters = get(number)
    demand = Demand(int(dense), filters, int(stride), int(dilation), tuple(int(p) for p in padding))  # type: ignore[arg-type]
    channels, height, width = shapes[inputs[0]]
    top, left, bottom, right = demand.padding
    fits = filters.dtype == COUNT and demand.stride > 0 and demand.dilation > 0 and min(demand.padding) >= 0
    fits = fits and max(demand.padding) <= height + width + sum(filters.shape) * demand.dilation
    if filters.ndim == 3:
        rows, cols = ((n - 1) * demand.dilation + 1 for n in filters.shape[1:])
        fits = fits and len(filters) == channels and rows <= height + top + bottom and cols <= width + left + right
    elif len(filters) and not (len(filters) == len(inputs) == 2):
        fits = fits and filters.shape == (channels * height * width,)
    if not fits:
        raise FormatError(f"layer {name!r}: counts of shape {filters.shape} do not fit its input {(channels, height, width)}")
    return LayerOutline(str(name), str(kind), inputs, shape_of(shape), activation_type(dtype), bool(joins), demand)


def activation_type(name: str) -> np.dtype:
    """The type of that name. Raises FormatError unless it is one of activations."""
    for dtype in ACT_DTYPES:
        if dtype.name == name:
            return dtype
    raise FormatError(f"activations of type {name!r}; they are uint8 or int8")


def shape_of(values: list[int]) -> Shape:
    """[C, H, W]. Raises FormatError unless there are three positive integers."""
    if len(values) != 3 or not all(isinstance(n, int) and n > 0 for n in values):
        raise FormatError(f"a tensor of shape {values}; it must be [C, H, W]")
    channels, height, width = values
    return channels, height, width
