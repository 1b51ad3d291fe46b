"""Build one network: float model, quantised model, an input image, and what densities came out, measured on the integers."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from phantom import qdq, static_quantise
from phantom.float_model import FloatModel
from phantom.report import grid

from .densities import Density, published
from .float_onnx import FloatOnnx
from .images import images
from .layers import INPUT, Architecture, Size, sizes
from .synthesis import synthesise

CALIBRATION_IMAGES = 8  # the input image is one of them


@dataclass(frozen=True)
class Measured:
    """A layer's densities, 0..1. `activations`: what it hands on, before a mean over planes, which leaves nothing at zero.

    `input`: of what it reads. Both for the input image; `calibrated` is `activations` for all images that set the biases.
    """

    layer: str
    kind: str
    macs: int
    weights: float
    weights_published: float
    activations: float
    activations_published: float
    assumed: bool
    calibrated: float
    input: float


@dataclass(frozen=True)
class Built:
    """Files of a network, and its layers."""

    name: str
    model: Path
    image: Path
    sources: dict[str, str]
    layers: list[Measured]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "network": self.name,
            "model": self.model.name,
            "input": self.image.name,
            "sources": self.sources,
            "layers": [asdict(layer) for layer in self.layers],
        }

    def table(self) -> str:
        """Densities in percent, measured / published; ~ marks published ones that are assumed."""
        columns = ("layer", "kind", "MACs", "weights", "input", "output", "calibrated")
        rows = []
        for m in self.layers:
            mark = "~" if m.assumed else ""
            wanted = f"{m.weights:.1%} / {m.weights_published:.0%}"
            output = f"{m.activations:.1%} / {mark}{m.activations_published:.0%}"
            rows.append((m.layer, m.kind, f"{m.macs / 1e6:.1f} M", wanted, f"{m.input:.1%}", output, f"{m.calibrated:.1%}"))
        return "\n".join(grid(columns, rows, left={"layer", "kind"}))


def build(
    architecture: Architecture, folder: Path, densities: dict[str, Density] | None = None, keep_float: bool = False
) -> Built:
    """Write NAME.onnx (quantised), NAME.npy (float32 [1, C, H, W]) and NAME.json to `folder`.

    `densities`: for every layer, instead of the published ones. `keep_float`: NAME.float.onnx and its .data stay, too.
    """
    sources = {"weights": "given", "activations": "given"}
    if densities is None:
        densities, sources = published(architecture)
    examples = images(CALIBRATION_IMAGES, architecture.shape)
    path = folder / f"{architecture.name}.onnx"
    with tempfile.TemporaryDirectory(prefix="phantom.") as temporary:
        place = folder if keep_float else Path(temporary)
        writer = FloatOnnx(architecture, place / f"{architecture.name}.float.onnx")
        synthesise(architecture, densities, examples, writer.add)
        graph = writer.save()
        model = FloatModel(architecture.name, graph, INPUT, 1, architecture.shape, [])
        static_quantise.quantise_file(writer.path, model, examples, path)
    layers, best = measure(architecture, densities, path, writer, examples)
    np.save(path.with_suffix(".npy"), examples[best : best + 1])
    built = Built(architecture.name, path, path.with_suffix(".npy"), sources, layers)
    path.with_suffix(".json").write_text(json.dumps(built.document(), indent=1) + "\n")
    return built


def measure(
    architecture: Architecture, densities: dict[str, Density], path: Path, names: FloatOnnx, examples: np.ndarray
) -> tuple[list[Measured], int]:
    """Densities of the quantised model in `path`, and the index of the example that `Measured` speaks of.

    That is the one for which the layers with an activation differ least from what was asked for: single images vary.
    """
    proto = onnx.load(path)
    integers, weights = qdq.activations(proto), qdq.weights(proto)
    wanted = [integers[tensor] for tensor in sorted({*names.outputs.values(), *names.activations.values()})]
    run = qdq.Runner(proto, [i.name for i in wanted], 1)
    shares = [{t.name: t.nonzero(values[t.name]) / values[t.name].size for t in wanted} for values in run(examples)]
    read = {layer.name: integers[names.outputs[layer.source]].name for layer in architecture.layers}
    handed_on = {layer.name: integers[names.activations[layer.name]].name for layer in architecture.layers}
    aimed = [(handed_on[layer.name], densities[layer.name].activations) for layer in architecture.layers if layer.activation]
    best = min(range(len(examples)), key=lambda i: sum(abs(shares[i][name] - density) for name, density in aimed))

    shapes = sizes(architecture)
    result = []
    for layer in architecture.layers:
        values, meaning = weights[layer.name]
        given, out = densities[layer.name], handed_on[layer.name]
        result.append(
            Measured(
                layer.name,
                _kind(layer.kernel, layer.stride, layer.groups, shapes[layer.name]),
                shapes[layer.name].macs,
                meaning.nonzero(values) / values.size,
                given.weights,
                shares[best][out],
                given.activations,
                given.assumed,
                float(np.mean([share[out] for share in shares])),
                shares[best][read[layer.name]],
            )
        )
    return result, best


def _kind(kernel: int, stride: int, groups: int, size: Size) -> str:
    if not kernel:
        return "fc"
    depthwise = groups > 1 and size.weights[1] == 1
    return f"{'dw' if depthwise else 'conv'} {kernel}x{kernel}{f'/{stride}' if stride > 1 else ''}"


def table_of_all(networks: Sequence[Built]) -> str:
    """How close each network comes to its densities: mean and largest difference over its layers, in percentage points.

    For activations over the layers that have one; what the others hand on cannot be chosen.
    """
    rows = []
    for built in networks:
        active = [m for m in built.layers if m.activations_published < 1]
        row = [built.name, str(len(built.layers))]
        for differences in (
            [abs(m.weights - m.weights_published) for m in built.layers],
            [abs(m.activations - m.activations_published) for m in active],
            [abs(m.calibrated - m.activations_published) for m in active],
        ):
            row += [f"{100 * np.mean(differences):.2f}", f"{100 * max(differences):.2f}"]
        rows.append(tuple(row))
    columns = ("network", "layers", "weights", "max", "input image", "max", "all images", "max")
    return "\n".join(grid(columns, rows, left={"network"}))
