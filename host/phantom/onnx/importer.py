"""From a model file to a network: `import_model`."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import PhantomError
from ..layer import INPUT, Requantised
from ..network import AnyLayer, Network
from ..plan import Port
from ..scales import Quantisation
from . import float_operators, integer_operators
from .build import model_shape
from .emit import Emitter
from .fuse import fuse_clamps
from .graph import RECIPE, Graph, Node, packages, read
from .values import Constant, FloatInput, Host, IntegerInput, Quantised, QuantisedConstant, Real, UnsupportedModel, Value


@dataclass(frozen=True)
class Tensor:
    """An integer tensor `name` of the model: q = value of `layer` + zero-point.

    limits: where the layer has taken over a limit that the model applies after this tensor, its value is v = q - zero-point
    within these.
    """

    name: str
    layer: str
    quantisation: Quantisation
    limits: tuple[int, int] | None = None


@dataclass(frozen=True)
class Imported:
    """A network, and how it hangs together with its model.

    tensors: all of the model's integer tensors that a layer yields, in the model's order; the input first. kinds: what each layer
    is in the model. host: what is left to the host, in words. model: the ModelProto. input_name: of the model.
    ports: the outputs, or where something is left to the host, the tensors that it would read.
    """

    network: Network
    tensors: tuple[Tensor, ...]
    kinds: dict[str, str]
    host: tuple[str, ...]
    model: Any
    input_name: str
    ports: tuple[Port, ...]

    def model_input(self, image: np.ndarray) -> np.ndarray:
        """The network's integer input [C, H, W], of the model's type: its q."""
        quantisation = self.tensors[0].quantisation
        return (image.astype(np.int16) + quantisation.zero_point).astype(quantisation.dtype)


def import_model(path: str | os.PathLike[str]) -> Imported:
    """Read a quantised model. Raises FormatError, of which UnsupportedModel is one; the message names the node or tensor."""
    return import_graph(read(path))


def import_graph(graph: Graph) -> Imported:
    """The same for a graph that has been read."""
    return _Importer(graph).run()


class _Importer:
    """Walks the nodes, which ONNX keeps in an order in which they can be computed."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.emitter = Emitter()
        self.values: dict[str, Value] = {name: Constant(array) for name, array in graph.constants.items()}
        flat = len(graph.input_shape) == 1
        shape = (graph.input_shape[0], 1, 1) if flat else graph.input_shape
        start: Value
        if graph.input_type.kind == "f":
            start = FloatInput(graph.input_name, shape, flat)  # type: ignore[arg-type]
        else:
            start = IntegerInput(graph.input_name, shape, flat, graph.input_type)  # type: ignore[arg-type]
        self.values[graph.input_name] = start

    def run(self) -> Imported:
        for node in self._needed():
            args = [self._value(node, name) for name in node.inputs]
            try:
                self.values[node.outputs[0]] = self._apply(node, args)
            except PhantomError as error:
                error.blame(node.name)
                raise
        return self._result()

    def _needed(self) -> list[Node]:
        """The nodes that the outputs depend on: what nobody asks for may be of any kind."""
        wanted = set(self.graph.outputs)
        result = []
        for node in reversed(self.graph.nodes):
            if wanted.intersection(node.outputs):
                if any(name in wanted for name in node.outputs[1:] if name) and node.op != "TopK":
                    raise UnsupportedModel(f"{node.where}: only its first output is supported")
                wanted.update(name for name in node.inputs if name)
                result.append(node)
        return result[::-1]

    def _value(self, node: Node, name: str) -> Value | None:
        if not name:
            return None
        if name not in self.values:
            raise UnsupportedModel(f"{node.where}: nothing yields its input {name!r}")
        return self.values[name]

    def _apply(self, node: Node, args: list[Value | None]) -> Value:
        if node.op == "Constant":
            return _constant_node(node)
        if node.op == "Transpose" and isinstance(args[0], QuantisedConstant):
            return _transpose(node, args[0])
        special = ("QuantizeLinear", "DequantizeLinear")
        if args and node.op not in special and all(arg is None or isinstance(arg, Constant) for arg in args):
            return _fold(node, args)
        try:
            if node.op in integer_operators.HANDLERS:
                return integer_operators.HANDLERS[node.op](node, args, self.emitter)
            if node.op in float_operators.HANDLERS:
                if node.op not in float_operators.PENDING:
                    args = [self.emitter.integer_relu(arg) if isinstance(arg, Real) else arg for arg in args]
                value = float_operators.HANDLERS[node.op](node, args)
            else:
                raise UnsupportedModel(f"{node.where}: is not supported; {_supported()}")
        except IndexError:
            raise UnsupportedModel(f"{node.where}: has only {len(args)} inputs") from None
        return self._settle(node, args, value)

    def _settle(self, node: Node, args: list[Value | None], value: Value) -> Value:
        """An operator that was given integers (maximum pooling, reshaping) yields integers on the same scale."""
        source = args[0]
        if not isinstance(source, Quantised):
            return value
        if isinstance(value, Real):
            return self.emitter.quantise(value, source.quantisation, node.outputs[0])
        if isinstance(value, Quantised):
            return self.emitter.note(
                Quantised(node.outputs[0], value.layer, value.quantisation, value.low, value.high, value.shape, value.flat)
            )
        return value

    def _result(self) -> Imported:
        emitter = self.emitter
        ports, host = self._outputs()
        outputs = tuple(dict.fromkeys(port.layer for port in ports))
        scales = {port.layer: port.quantisation for port in ports if port.real and port.quantisation is not None}
        layers = _reachable(emitter.layers, outputs)
        layers, gone = fuse_clamps(layers, emitter.clamps, outputs)
        outputs = tuple(gone.get(name, name) for name in outputs)
        scales = {gone.get(name, name): q for name, q in scales.items()}
        ports = tuple(replace(port, layer=gone.get(port.layer, port.layer)) for port in ports)
        if emitter.input is None:
            raise UnsupportedModel(f"{self.graph.name}: its outputs do not depend on its input")
        real = self.graph.input_type.kind == "f"
        quantisation = emitter.input.quantisation
        network = Network(
            self.graph.name,
            emitter.input.shape,
            emitter.types[INPUT],
            layers,
            outputs,
            quantisation if real or quantisation.zero_point else None,
            scales,
        )
        kept = {layer.name: layer for layer in layers}
        tensors = []
        for tensor in emitter.tensors.values():
            name = gone.get(tensor.layer, tensor.layer)
            if name == INPUT or name in kept:
                layer = kept.get(name)
                limited = layer.limits if tensor.layer in gone.values() and isinstance(layer, Requantised) else None
                tensors.append(Tensor(tensor.name, name, tensor.quantisation, limited))
        tensors.sort(key=lambda t: t.layer != INPUT)
        kinds = {name: emitter.own[name] for name in kept}
        return Imported(network, tuple(tensors), kinds, host, self.graph.proto, self.graph.input_name, ports)

    def _outputs(self) -> tuple[tuple[Port, ...], tuple[str, ...]]:
        ports, host = [], []
        for name in self.graph.outputs:
            value = self.values.get(name)
            if isinstance(value, Host):
                source = value.source
                host.append(f"output {name!r}: {', then '.join(value.operators)} is left to the host")
            elif isinstance(value, Quantised):
                source = value
            elif isinstance(value, Real) and value.kind == "identity":
                value = self.emitter.integer_relu(value)
                source = value.inputs[0]
                if value.clamped:
                    host.append(f"output {name!r}: the limits {value.low:g}..{value.high:g} are left to the host")
            else:
                what = f"the result of node {value.name!r}" if isinstance(value, Real) else "not computed from quantised tensors"
                error = UnsupportedModel(f"output {name!r} is not quantised ({what}); {RECIPE}")
                error.blame(name)
                raise error
            if source.layer == INPUT:
                error = UnsupportedModel(f"output {name!r} is the input as it is; a layer must compute it")
                error.blame(name)
                raise error
            seen = value if isinstance(value, Real) else source
            tensor = source.name if isinstance(value, Host) else name
            shape = tuple(model_shape(seen)[1:])
            ports.append(Port(tensor, source.layer, shape, source.quantisation, not isinstance(value, Quantised)))
        return tuple(ports), tuple(host)


def _reachable(layers: list[AnyLayer], outputs: tuple[str, ...]) -> list[AnyLayer]:
    """Layers that the outputs depend on."""
    wanted = set(outputs)
    result = []
    for layer in reversed(layers):
        if layer.name in wanted:
            wanted.update(layer.inputs)
            result.append(layer)
    return result[::-1]


def _constant_node(node: Node) -> Constant:
    onnx = packages()
    for name, value in node.attributes.items():
        if name == "value":
            return Constant(onnx.numpy_helper.to_array(value))
        if name in ("value_float", "value_floats"):
            return Constant(np.array(value, np.float32))
        if name in ("value_int", "value_ints"):
            return Constant(np.array(value, np.int64))
    raise UnsupportedModel(f"{node.where}: a constant of kind {list(node.attributes)}; it must be a tensor or numbers")


def _transpose(node: Node, value: QuantisedConstant) -> QuantisedConstant:
    order = [int(i) for i in node.attributes.get("perm", range(value.integers.ndim)[::-1])]
    return QuantisedConstant(value.integers.transpose(order), value.scale, order.index(value.axis))


def _fold(node: Node, args: list[Value | None]) -> Constant:
    """A node of constants only, computed."""
    onnx = packages()
    from onnx.reference import ReferenceEvaluator

    feeds = {name: arg.array for name, arg in zip(node.inputs, args, strict=True) if isinstance(arg, Constant)}
    try:
        inputs = [
            onnx.helper.make_tensor_value_info(n, onnx.helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
            for n, a in feeds.items()
        ]
        outputs = [onnx.ValueInfoProto(name=node.outputs[0])]
        model = onnx.helper.make_model(
            onnx.helper.make_graph([node.proto], "fold", inputs, outputs), opset_imports=[onnx.helper.make_opsetid("", 17)]
        )
        results: Any = ReferenceEvaluator(model).run(None, feeds)
        return Constant(np.asarray(results[0]))
    except PhantomError:
        raise
    except Exception as error:  # whatever the evaluator meets, it is the model's
        raise UnsupportedModel(f"{node.where}: cannot be computed from its constants ({error})") from None


def _supported() -> str:
    real = sorted(float_operators.HANDLERS.keys() - set(float_operators.HOST))
    return (
        f"supported are {', '.join(real)}, in the form QLinear..., QGemm, and at the end {', '.join(float_operators.HOST[:4])}; "
        f"weights must be constant and activations quantised statically"
    )
