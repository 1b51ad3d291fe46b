"""A model cut at its quantised tensors: units that each compute one of them, or an output, from others.

Between two quantised tensors lies what becomes a layer: dequantisation, an operator or several, quantisation. A unit is the
smallest part of a model that can change sides between accelerator and host, because only integers cross a border.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..hosted import session
from .graph import Graph, packages
from .runtime import unsign_weights

PLUMBING = ("QuantizeLinear", "DequantizeLinear", "Constant")


@dataclass(frozen=True)
class Unit:
    """What computes `target` from `inputs`, which are targets of other units or the model's input. nodes: indices, in order."""

    target: str
    nodes: tuple[int, ...]
    inputs: tuple[str, ...]


class Units:
    """The units of a graph, in an order in which each comes after those that it reads."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._maker = {name: i for i, node in enumerate(graph.nodes) for name in node.outputs if name}
        self._moving = self._dependent()
        cuts = [name for name in self._maker if self._is_cut(name)]
        targets = [*cuts, *(name for name in graph.outputs if name not in cuts)]
        self._ends = {graph.input_name, *cuts}
        units = [self._unit(name) for name in targets if name in self._moving]
        needed = set(graph.outputs)
        kept = []
        for unit in reversed(units):
            if unit.target in needed:
                needed.update(unit.inputs)
                kept.append(unit)
        self.all: tuple[Unit, ...] = tuple(kept[::-1])

    def _dependent(self) -> set[str]:
        """Tensors that depend on the model's input."""
        moving = {self.graph.input_name}
        for node in self.graph.nodes:
            if moving.intersection(node.inputs):
                moving.update(name for name in node.outputs if name)
        return moving

    def _is_cut(self, name: str) -> bool:
        node = self.graph.nodes[self._maker[name]]
        quantised = node.op == "QuantizeLinear" or node.op.startswith("QLinear") or (node.op == "QGemm" and bool(node.input(8)))
        return quantised and name in self._moving

    def _unit(self, target: str) -> Unit:
        nodes, inputs = self._behind([target], self._ends - {target})
        return Unit(target, nodes, tuple(name for name in inputs if name in self._moving))

    def _behind(self, targets: Iterable[str], ends: Collection[str]) -> tuple[tuple[int, ...], list[str]]:
        """Nodes that compute tensors, as far as `ends`; and the tensors that no node computes, or that are such ends."""
        nodes: set[int] = set()
        found: dict[str, None] = {}
        todo = list(targets)
        while todo:
            name = todo.pop()
            if name in ends or name not in self._maker:
                found[name] = None
            elif self._maker[name] not in nodes:
                nodes.add(self._maker[name])
                todo += [source for source in self.graph.nodes[self._maker[name]].inputs if source]
        return tuple(sorted(nodes)), sorted(found)

    def with_node(self, name: str) -> list[Unit]:
        """Units in which a node of that name computes something."""
        return [unit for unit in self.all if any(self.graph.nodes[i].name == name for i in unit.nodes)]

    def work(self, units: Iterable[Unit]) -> tuple[tuple[str, str], ...]:
        """(name, operator) of what units compute; of all their nodes where nothing is computed but quantised."""
        nodes = [self.graph.nodes[i] for i in sorted({i for unit in units for i in unit.nodes if self.varies(i)})]
        return tuple((n.name, n.op) for n in nodes if n.op not in PLUMBING) or tuple((n.name, n.op) for n in nodes)

    def varies(self, index: int) -> bool:
        """Whether what a node computes depends on the model's input."""
        return any(name in self._moving for name in self.graph.nodes[index].outputs)

    def values(self, given: np.ndarray | None) -> dict[str, np.ndarray]:
        """Every target's value, and the input's, for an input (zeros where none is given), with a batch of 1."""
        image = np.zeros((1, *self.graph.input_shape)) if given is None else given.reshape(1, *self.graph.input_shape)
        image = image.astype(self.graph.input_type)
        names = [unit.target for unit in self.all]
        results = session(self.hosted([self.graph.input_name], names, {})).run(names, {self.graph.input_name: image})
        return {self.graph.input_name: image, **dict(zip(names, results))}

    def model(self, inputs: Collection[str], outputs: Collection[str], values: Mapping[str, np.ndarray]) -> Any:
        """The part of the model that computes `outputs` from `inputs`, whose types and shapes are those of `values`.

        The model's own input and outputs keep what the model says of them.
        """
        onnx = packages()
        whole = self.graph.proto.graph
        nodes, found = self._behind(outputs, set(inputs))
        declared = {value.name: value for value in (*whole.input, *whole.output)}

        def info(name: str) -> Any:
            if name in values:
                kind = onnx.helper.np_dtype_to_tensor_dtype(values[name].dtype)
                return onnx.helper.make_tensor_value_info(name, kind, values[name].shape)
            return declared.get(name) or onnx.ValueInfoProto(name=name)

        graph = onnx.helper.make_graph(
            [self.graph.nodes[i].proto for i in nodes],
            whole.name or "model",
            [info(name) for name in inputs],
            [info(name) for name in outputs],
            [tensor for tensor in whole.initializer if tensor.name in found],
        )
        model = onnx.helper.make_model(graph, opset_imports=self.graph.proto.opset_import)
        model.ir_version = self.graph.proto.ir_version
        return model

    def hosted(self, inputs: Collection[str], outputs: Collection[str], values: Mapping[str, np.ndarray]) -> bytes:
        """The same for ONNX Runtime, serialised."""
        model = self.model(inputs, outputs, values)
        unsign_weights(packages(), model)
        return bytes(model.SerializeToString())
