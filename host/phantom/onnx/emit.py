"""From operations that wait to be quantised to layers of a network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import PhantomError, RangeError
from ..factors import add_factors, clamped_multiplier_of
from ..layer import INPUT
from ..network import Add, AnyLayer, Concat, Conv, FullyConnected, MaxPool
from ..scales import Quantisation, type_of
from .values import FloatInput, IntegerInput, Quantised, Real, UnsupportedModel

BIAS_LIMIT = 2**30  # for a filter without weights


class Emitter:
    """Collects layers. `types`: element type of each layer's output. `clamps`: layers that change nothing but the limits."""

    def __init__(self) -> None:
        self.layers: list[AnyLayer] = []
        self.types: dict[str, np.dtype] = {}
        self.tensors: dict[str, Quantised] = {}  # by the model's name
        self.own: dict[str, str] = {}  # the model's kind of each layer
        self.clamps: set[str] = set()
        self.input: Quantised | None = None

    def name(self, wanted: str) -> str:
        """A name for a layer that no other has."""
        name, number = wanted, 2
        while name == INPUT or name in self.types:
            name, number = f"{wanted}_{number}", number + 1
        return name

    def note(self, tensor: Quantised) -> Quantised:
        """Remember which layer yields a tensor of the model."""
        self.tensors[tensor.name] = tensor
        return tensor

    def take_input(self, value: FloatInput | IntegerInput, quantisation: Quantisation, name: str) -> Quantised:
        """The network's input as the integer tensor `name`. Raises UnsupportedModel for another zero-point than fits."""
        low, high = quantisation.limits
        dtype = _type(low, high, name, quantisation)
        tensor = Quantised(name, INPUT, quantisation, low, high, value.shape, value.flat)
        if self.input is not None and self.input.quantisation != quantisation:
            raise UnsupportedModel(
                f"input {value.name!r} is quantised twice: as {self.input.quantisation} and {quantisation}; it must be once"
            )
        self.input = self.input or tensor
        self.types[INPUT] = dtype
        return self.note(tensor)

    def quantise(self, real: Real, quantisation: Quantisation, name: str) -> Quantised:
        """The layers that compute `real`, quantised: the model's tensor `name`."""
        try:
            return self.note(self._quantise(real, quantisation, name))
        except UnsupportedModel:
            raise
        except PhantomError as error:
            raise UnsupportedModel(f"node {real.name!r}, tensor {name!r}: {error}") from None

    def integer_relu(self, real: Real) -> Real:
        """`real` with a ReLU on a quantised tensor done: zero is an integer, so it is exact without being quantised again."""
        if real.kind != "identity" or (real.low, real.high) != (0.0, np.inf):
            return real
        (source,) = real.inputs
        low, high = source.quantisation.limits
        done = self._rescale(source, source.quantisation, max(low, 0), max(high, 0), None, real.name)
        return replace(real, inputs=(done,), low=-np.inf, high=np.inf)

    def _quantise(self, real: Real, quantisation: Quantisation, name: str) -> Quantised:
        least, most = quantisation.limits
        # Rounding is monotonous: to clamp before it is to clamp after it, to rounded limits.
        low, high = (int(v) for v in quantisation.quantise(np.array([real.low, real.high], np.float32)))
        assert least <= low <= high <= most
        scale = quantisation.scale
        if real.kind in ("identity", "maxpool", "concat"):
            return self._select(real, quantisation, low, high, name)
        dtype = _type(low, high, name, quantisation)
        rest: dict[str, Any] = {"low": low, "high": high, "out_dtype": dtype, "inputs": tuple(i.layer for i in real.inputs)}
        layer: AnyLayer
        label = self.name(real.name)
        if real.kind == "add":
            ratios = [float(np.float32(i.scale) / np.float32(scale)) for i in real.inputs]
            factors, unit = add_factors(ratios[0], ratios[1])
            layer = Add(label, factors, *clamped_multiplier_of(unit), **rest)
        else:
            rest |= {**_parameters(real, scale), **real.options}
            layer = Conv(label, **rest) if real.kind == "conv" else FullyConnected(label, **rest)
        self._add(layer, dtype, real.own or real.kind)
        return Quantised(name, layer.name, quantisation, low, high, real.shape, real.flat)

    def _add(self, layer: AnyLayer, dtype: np.dtype, own: str) -> None:
        self.layers.append(layer)
        self.types[layer.name] = dtype
        self.own[layer.name] = own

    def _select(self, real: Real, quantisation: Quantisation, low: int, high: int, name: str) -> Quantised:
        """What only selects values keeps their scale; where that must change, a rescaling layer follows, or precedes."""
        if real.kind == "concat":
            dtype = _type(low, high, name, quantisation)
            parts = [self._rescale(i, quantisation, low, high, dtype, f"{real.name}_rescale") for i in real.inputs]
            layer: AnyLayer = Concat(self.name(real.name), inputs=tuple(part.layer for part in parts))
            self._add(layer, dtype, "concat")
            low, high = min(p.low for p in parts), max(p.high for p in parts)
            return Quantised(name, layer.name, quantisation, low, high, real.shape, real.flat)
        (source,) = real.inputs
        label = real.name if real.kind == "identity" else f"{real.name}_rescale"
        if source.scale == quantisation.scale:  # limits before the pooling, where they may become those of the layer before
            source = self._rescale(source, quantisation, low, high, None, label, real.own)
        if real.kind == "maxpool":
            options: dict[str, Any] = dict(real.options)
            layer = MaxPool(self.name(real.name), **options, inputs=(source.layer,))
            self._add(layer, self.types[source.layer], "maxpool")
            source = replace(source, layer=layer.name)
        source = replace(source, name=name, shape=real.shape, flat=real.flat)
        source = self._rescale(source, quantisation, low, high, None, label, real.own)
        return replace(source, quantisation=quantisation)

    def _rescale(
        self,
        source: Quantised,
        quantisation: Quantisation,
        low: int,
        high: int,
        dtype: np.dtype | None,
        label: str,
        own: str = "",
    ) -> Quantised:
        """`source` on another scale, within other limits: itself where nothing changes, else a depthwise 1x1 convolution."""
        same = source.scale == quantisation.scale
        if same and low <= source.low and source.high <= high and dtype in (None, self.types[source.layer]):
            return source
        if same:
            low, high = max(low, source.low), min(high, source.high)
            high = max(low, high)
        dtype = dtype or _type(low, high, source.name, quantisation)
        channels = source.shape[0]
        multiplier, sel = clamped_multiplier_of(float(np.float32(source.scale) / np.float32(quantisation.scale)))
        layer = Conv(
            self.name(label),
            np.ones((channels, 1, 1, 1), np.int8),
            np.zeros(channels, np.int32),
            np.full(channels, multiplier),
            np.full(channels, sel),
            channel_groups=channels,
            inputs=(source.layer,),
            low=low,
            high=high,
            out_dtype=dtype,
        )
        self._add(layer, dtype, own or "rescale")
        if same:
            self.clamps.add(layer.name)
        return replace(source, layer=layer.name, low=low, high=high)


def _type(low: int, high: int, name: str, quantisation: Quantisation) -> np.dtype:
    dtype = type_of(low, high, quantisation.dtype)  # the model's own, so that what it joins is of one type
    if dtype is None:
        raise UnsupportedModel(
            f"tensor {name!r} is {quantisation.dtype} with zero-point {quantisation.zero_point}: without it, its values are "
            f"{low}..{high}, which fit neither uint8 nor int8; quantise symmetrically (activation type QInt8 with "
            f"ActivationSymmetric), or to uint8 after ReLU"
        )
    return dtype


def _parameters(real: Real, out_scale: float) -> dict[str, np.ndarray]:
    """weights, bias, multiplier, sel of a layer with weights."""
    assert real.weights is not None and real.scale is not None and real.bias is not None
    weights, bias, unit = real.weights, np.rint(real.bias), real.scale.astype(np.float64).copy()
    if weights.size and (weights.min() < -128 or weights.max() > 127):
        raise RangeError(
            f"its weights without zero-point are {weights.min()}..{weights.max()}; they must fit int8: quantise symmetrically"
        )
    # A filter without weights has any scale; the one that it was given may make its bias too large to be added safely.
    for k in np.flatnonzero((weights.reshape(len(weights), -1) == 0).all(axis=1)):
        while abs(bias[k]) >= BIAS_LIMIT:
            bias[k], unit[k] = np.rint(bias[k] / 2), unit[k] * 2
    ratio = (unit.astype(np.float32) / np.float32(out_scale)).astype(np.float64)
    pairs = [clamped_multiplier_of(float(r)) for r in ratio]
    multiplier, sel = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    return {"weights": weights, "bias": bias.astype(np.int64), "multiplier": multiplier, "sel": sel}
