"""From a network, which is a graph, to the stages that the hardware runs one after the other (see `stage`).

Every stage reads what the one before it wrote. So a tensor that is wanted later must be carried through the stages between, and
what can be computed now from the same input is computed now. A maximum pooling goes with the convolution before it when
nobody else wants that one's result, and so does an addition to what was there before, where nothing else is wanted afterwards.
Any other addition is a 1 x 1 convolution with two weights a filter; concatenation costs nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .compilable import check_compilable
from .errors import ShapeError
from .fold import folds
from .layer import INPUT, Shape, limits
from .network import Add, AnyLayer, Concat, Conv, FullyConnected, MaxPool, Network
from .stage import Residual, Stage, Tap, bundle
from .stage_filters import Filters, stage_of
from .stage_weights import MOST
from .thin import PHASES
from .views import MAX_WINDOWS, kernel_taps

ONE = 1 << 14  # multiplier that stands for 1 with sel 0
CLAMPS = 2

Channels = list[tuple[str, int]]  # of a tensor: the tensor that was computed or carried, and the channel in it


def lower(network: Network) -> list[Stage]:
    """The stages of a network. Raises ShapeError naming the layers that the hardware does not take, or cannot be scheduled."""
    check_compilable(network)
    return _Lowering(network).run()


class _Lowering:
    def __init__(self, network: Network) -> None:
        self.network = network
        shapes, dtypes = network.shapes(), network.dtypes()
        self.shape: dict[str, Shape] = {INPUT: network.input_shape}
        self.dtype: dict[str, np.dtype] = {INPUT: network.input_dtype}
        self.reads: dict[str, list[str]] = {}
        for layer, sources, shape, dtype in zip(network.layers, network.sources(), shapes, dtypes, strict=True):
            self.shape[layer.name], self.dtype[layer.name] = shape, dtype
            self.reads[layer.name] = [INPUT if i < 0 else network.layers[i].name for i in sources]
        self.todo: list[AnyLayer] = list(network.layers)
        self.source = bundle([(INPUT, network.input_shape[0], network.input_dtype)], network.input_shape[1:])
        self.alias: dict[str, Channels] = {INPUT: [(INPUT, c) for c in range(network.input_shape[0])]}

    def run(self) -> list[Stage]:
        stages = []
        self._join()
        while self.todo:
            stages.append(self._next())
            self._join()
        if not stages:
            last = self.network.layers[-1]
            raise _blaming(last, f"network {self.network.name!r} only joins its input (layer {last.name!r}): it computes nothing")
        return stages

    def _join(self) -> None:
        """Resolve concatenations whose inputs are all there: their channels are those of the inputs."""
        for layer in [layer for layer in self.todo if isinstance(layer, Concat)]:
            if all(name in self.alias for name in self.reads[layer.name]):
                self.alias[layer.name] = [channel for name in self.reads[layer.name] for channel in self.alias[name]]
                self.todo.remove(layer)

    def _here(self, name: str) -> bool:
        """Whether all channels of a tensor are in the source."""
        names = {part.name for part in self.source.parts}
        return name in self.alias and all(owner in names for owner, _ in self.alias[name])

    def _where(self, name: str) -> np.ndarray:
        """Channels of the source that hold a tensor."""
        return np.array([self.source.part(owner).start + c for owner, c in self.alias[name]], dtype=np.int64)

    def _ready(self) -> list[AnyLayer]:
        return [layer for layer in self.todo if all(self._here(name) for name in self.reads[layer.name])]

    def _next(self) -> Stage:
        ready = self._ready()
        if not ready:
            raise _blaming(self.todo[0], f"layer {self.todo[0].name!r} cannot be scheduled: {self._lost(self.todo[0])}")
        problems = []
        # First with poolings at once; where that loses a tensor, pooling is a stage of its own.
        for first, at_once in ((layer, at_once) for at_once in (True, False) for layer in ready):
            done, pool = self._together(first, ready, at_once)
            carried = self._wanted(done)
            problem = self._obstacle(done, carried, pool)
            if not problem:
                return self._stage_of(done, carried, pool)
            problems.append(problem)
        raise _blaming(ready[0], problems[0])

    def _together(self, first: AnyLayer, ready: list[AnyLayer], at_once: bool) -> tuple[list[AnyLayer], MaxPool | None]:
        """The layers of the stage that begins with `first`, and its pooling; `at_once`: with the convolution before it."""
        if isinstance(first, MaxPool):
            return [first], first
        pool = self._pool_behind(first) if at_once else None
        if pool is not None:
            return [first, pool], pool
        added = self._sum_behind(first) if at_once else None
        if added is not None:
            return [first, added], None
        done: list[AnyLayer] = [first]
        for layer in ready:
            # What reads the same input and looks alike is computed along with it.
            free = not at_once or (self._pool_behind(layer) is None and self._sum_behind(layer) is None)
            if layer is not first and free and self._alike(done, layer):
                done.append(layer)
        return done, None

    def _obstacle(self, done: list[AnyLayer], carried: list[str], pool: MaxPool | None) -> str:
        """Why these layers cannot be a stage now, or an empty string."""
        first, plane = done[0], self.shape[done[-1].name][1:]
        if carried and (isinstance(first, FullyConnected) or plane != self.source.plane or pool is not None):
            left = [layer for layer in self.todo if layer not in done]
            reader = next(one for one in left if any(self._touches(name, carried[0]) for name in self.reads[one.name]))
            return (
                f"layer {first.name!r} cannot be scheduled: layer {reader.name!r} reads {carried[0]!r} later, whose planes are "
                f"{self.source.plane[0]} x {self.source.plane[1]}; a tensor is carried only past layers that keep that size"
            )
        ranges = self._ranges(done, carried)
        if len(ranges) > CLAMPS:
            return f"layer {first.name!r}: {len(ranges)} ranges of outputs in one stage; the hardware has {CLAMPS}"
        return ""

    def _ranges(self, done: list[AnyLayer], carried: list[str]) -> set[tuple[int, int]]:
        """Ranges of outputs of a stage."""
        own = {layer.limits for layer in done if isinstance(layer, Conv | FullyConnected | Add)}
        return own | {limits(self.dtype[name], False) for name in carried}

    def _stage_of(self, done: list[AnyLayer], carried: list[str], pool: MaxPool | None) -> Stage:
        """The stage of these layers; then they are done, and its result is the next source."""
        for layer in done:
            self.todo.remove(layer)
        first, plane = done[0], self.shape[done[-1].name][1:]
        computed = [layer for layer in done if not isinstance(layer, MaxPool)]
        filters = [self._filters(layer, first) for layer in computed] or [self._carry(self.reads[first.name][0], first.name)]
        if pool is not None and computed:
            filters = [replace(filters[0], name=pool.name)]
        filters += [self._carry(name, name) for name in carried]
        before = self.source.plane if isinstance(first, MaxPool) else self.shape[first.name][1:]
        residual, last = None, done[-1]
        if isinstance(first, Conv) and isinstance(last, Add):
            residual = Residual(last.factors[self.reads[last.name].index(first.name)], first.out_dtype == np.int8)
        stage = stage_of(tuple(done), self.source, filters, first, before, plane, pool, residual)
        self.source = stage.result
        self.alias = {name: self.alias[name] for name in carried_names(self.alias, carried)}
        for part in stage.result.parts:
            self.alias[part.name] = [(part.name, c) for c in range(part.stop - part.start)]
        return stage

    def _pool_behind(self, layer: AnyLayer) -> MaxPool | None:
        """The pooling that alone reads a convolution's result, if that is no output of the network."""
        readers = [other for other in self.network.layers if layer.name in self.reads[other.name]]
        if isinstance(layer, Conv) and layer.stride > PHASES:
            # The drain thins out the results of such a stride, unless it is folded away.
            first = self.reads[layer.name] == [INPUT] and len(self.todo) == len(self.network.layers)
            if not (first and folds(self.network.input_shape[0], layer.stride)):
                return None
        if isinstance(layer, Conv) and len(readers) == 1 and layer.name not in self.network.outputs:
            return readers[0] if isinstance(readers[0], MaxPool) else None
        return None

    def _sum_behind(self, layer: AnyLayer) -> Add | None:
        """The addition that alone reads a convolution's result, and with it something that is there, when nothing else stays.

        Two filters of a thread are a pair then, so there is no place for others. Those of a depthwise layer, which are dealt out
        with their channels, could not be pairs.
        """
        readers = [other for other in self.network.layers if layer.name in self.reads[other.name]]
        if not isinstance(layer, Conv) or layer.stride != 1 or len(readers) != 1:
            return None
        depthwise, added = layer.channel_groups > 1 and layer.weights.shape[1] == 1, readers[0]
        if not isinstance(added, Add) or layer.name in self.network.outputs or self.reads[added.name].count(layer.name) != 1:
            return None
        (other,) = (name for name in self.reads[added.name] if name != layer.name)
        plane = self.shape[layer.name][1:]
        if depthwise or not self._here(other) or plane != self.source.plane or plane == (1, 1) or self._wanted([layer, added]):
            return None
        copies = -(-max(abs(factor) for factor in added.factors) // MOST)
        return added if len(_taps(layer)) * 2 + copies <= MAX_WINDOWS else None

    def _alike(self, done: list[AnyLayer], layer: AnyLayer) -> bool:
        """Whether a layer can share a stage: the same stride and planes, a common input, not too many taps and ranges."""
        first = done[0]
        if not isinstance(first, Conv) or not isinstance(layer, Conv) or first.stride != layer.stride:
            return False
        if self.shape[first.name][1:] != self.shape[layer.name][1:]:
            return False
        if not set(self.reads[first.name]) & set(self.reads[layer.name]):
            return False
        all_of_them = [*done, layer]
        if len(self._ranges(all_of_them, self._wanted(all_of_them))) > CLAMPS:
            return False
        return 2 * len({tap for one in all_of_them if isinstance(one, Conv) for tap in _taps(one)}) <= MAX_WINDOWS

    def _wanted(self, done: list[AnyLayer]) -> list[str]:
        """Tensors of the source that layers still to come read when these are done."""
        left = [name for layer in self.todo if layer not in done for name in self.reads[layer.name]]
        return [part.name for part in self.source.parts if any(self._touches(name, part.name) for name in left)]

    def _touches(self, name: str, part: str) -> bool:
        """Whether a tensor, or what a concatenation still to come makes of it, has channels of a part."""
        return any(owner == part for owner, _ in self.alias.get(name, []))

    def _lost(self, layer: AnyLayer) -> str:
        missing = [name for name in self.reads[layer.name] if not self._here(name)]
        return f"{missing[0]!r} is no longer there when it is wanted"

    # --- filters of one layer ---------------------------------------------------------------------------------------------

    def _filters(self, layer: AnyLayer, first: AnyLayer) -> Filters:
        if isinstance(layer, Add):
            return self._add(layer, first)
        assert isinstance(layer, Conv | FullyConnected)
        low, high = layer.limits
        common = (layer.bias, layer.multiplier, layer.sel, low, high)
        where = self._where(self.reads[layer.name][0])
        if isinstance(layer, FullyConnected):
            size = self.source.plane[0] * self.source.plane[1]
            element = (where[:, None] * size + np.arange(size)).reshape(-1)
            k, i = np.nonzero(layer.weights)
            return Filters(layer.name, layer.out_dtype, k, element[i], (), np.zeros_like(k), layer.weights[k, i], *common)
        k, c, ky, kx = np.nonzero(layer.weights)
        per_group, group = layer.weights.shape[1], k // (layer.filters // layer.channel_groups)
        tap = ky * layer.weights.shape[3] + kx
        return Filters(
            layer.name, layer.out_dtype, k, where[group * per_group + c], _taps(layer), tap, layer.weights[k, c, ky, kx], *common
        )

    def _add(self, layer: Add, first: AnyLayer) -> Filters:
        """An addition, but for the result of the stage's own `first` layer, which the drain adds."""
        channels = self.shape[layer.name][0]
        read = [(name, factor) for name, factor in zip(self.reads[layer.name], layer.factors, strict=True) if name != first.name]
        k = np.tile(np.arange(channels), len(read))
        at = np.concatenate([self._where(name) for name, _ in read])
        value = np.repeat(np.array([factor for _, factor in read], dtype=np.int64), channels)
        there = value != 0
        ones = np.ones(channels, dtype=np.int64)
        return Filters(
            layer.name, layer.out_dtype, k[there], at[there], ((0, 0),), np.zeros(int(there.sum()), dtype=np.int64), value[there],
            0 * ones, layer.multiplier * ones, layer.sel * ones, *layer.limits,
        )  # fmt: skip

    def _carry(self, tensor: str, name: str) -> Filters:
        """Filters that hand a tensor on as it is, under a name."""
        where = (
            self._where(tensor)
            if tensor in self.alias
            else np.arange(self.source.part(tensor).start, self.source.part(tensor).stop)
        )
        ones = np.ones(len(where), dtype=np.int64)
        dtype = self.dtype[tensor]
        return Filters(
            name, dtype, np.arange(len(where)), where, ((0, 0),), 0 * ones, ones, 0 * ones, ONE * ones, 0 * ones,
            *limits(dtype, False),
        )  # fmt: skip


def carried_names(alias: dict[str, Channels], carried: list[str]) -> list[str]:
    """Tensors that are still whole when only the parts `carried` stay."""
    return [name for name, channels in alias.items() if all(owner in carried for owner, _ in channels)]


def _blaming(layer: AnyLayer, message: str) -> ShapeError:
    error = ShapeError(message)
    error.blame(layer.name)
    return error


def _taps(layer: Conv) -> tuple[Tap, ...]:
    rows, cols = layer.weights.shape[2:]
    return kernel_taps((rows, cols), layer.padding[0], layer.padding[1], layer.dilation)
