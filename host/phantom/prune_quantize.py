"""`phantom prune-quantize`: from a float ONNX model to a pruned int8 one, and what that did to each layer.

Pruning takes the smallest magnitudes, layer by layer or over all layers; it does not train, so beyond about half of the weights a
network should be fine-tuned while it is pruned (docs/from-pytorch.md) and come here with --sparsity 0.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .calibration import load_examples
from .files import check_writable, write_document
from .optional import require
from .prune import kept, prune
from .report import grid
from .shipped import FLOAT, MODEL, network_path

COMPARED = 32  # examples that errors are measured on, at most


@dataclass(frozen=True)
class LayerResult:
    """Weights: how many, and how many nonzero as given, after pruning, and as integers. Errors of the quantised layer's output.

    `sqnr_db` and `max_error` (relative to the range) are against the pruned float model, what quantisation alone does;
    `sqnr_given_db` against the model as given. None: no noise at all, or not measured because the output is not quantised.
    """

    layer: str
    kind: str
    shape: list[int]
    weights: int
    nonzero_given: int
    nonzero_pruned: int
    nonzero: int
    sqnr_db: float | None
    max_error: float | None
    sqnr_given_db: float | None

    @property
    def density(self) -> float:
        """Share of nonzero integers."""
        return self.nonzero / self.weights


def prune_quantise(path: str, calibration: str, sparsity: float, across_layers: bool, output: str) -> list[LayerResult]:
    """Write the pruned, quantised model to `output`. Raises PhantomError subclasses; see the modules used."""
    kept(1, sparsity)  # an impossible one should be reported before the long work
    require("onnx", "onnxruntime")
    import onnx

    from . import float_model, qdq, static_quantise
    from .output_error import output_errors

    model = float_model.load(path)
    examples = load_examples(calibration, model.shape, model.batch)
    given = model.arrays()
    floats = [model.proto]
    pruned = given
    if sparsity > 0:
        original = onnx.ModelProto()
        original.CopyFrom(model.proto)
        floats.append(original)
        pruned = prune(given, sparsity, across_layers)
        model.replace(pruned)
    static_quantise.quantise(model, examples, output)
    quantised = onnx.load(output)
    integers = qdq.weights(quantised)
    some = examples[: COMPARED - COMPARED % max(model.batch, 1) or model.batch]
    errors = output_errors(quantised, floats, some, model.batch)
    results = []
    for found in model.weights:
        values, meaning = integers[found.layer]
        error, error_given = errors[0].get(found.layer), errors[-1].get(found.layer)
        results.append(
            LayerResult(
                found.layer,
                found.kind,
                list(values.shape),
                values.size,
                int(np.count_nonzero(given[found.tensor])),
                int(np.count_nonzero(pruned[found.tensor])),
                meaning.nonzero(values),
                error.sqnr if error else None,
                error.relative if error else None,
                error_given.sqnr if error_given else None,
            )
        )
    return results


def table(results: list[LayerResult]) -> str:
    """Densities and errors, a line a layer and one for all weights."""

    def share(count: int, of: int) -> str:
        return f"{count / of:.1%}"

    def decibel(value: float | None) -> str:
        return "-" if value is None else f"{value:.1f}"

    columns = ("layer", "kind", "weights", "given", "pruned", "int8", "SQNR dB", "max error", "to given dB")
    rows = []
    for r in results:
        densities = [share(n, r.weights) for n in (r.nonzero_given, r.nonzero_pruned, r.nonzero)]
        largest = "-" if r.max_error is None else f"{r.max_error:.2%}"
        shape = "x".join(map(str, r.shape))
        rows.append((r.layer, r.kind, shape, *densities, decibel(r.sqnr_db), largest, decibel(r.sqnr_given_db)))
    total = sum(r.weights for r in results)
    sums = [sum(getattr(r, n) for r in results) for n in ("nonzero_given", "nonzero_pruned", "nonzero")]
    rows.append(("total", "", f"{total:,}", *(share(n, total) for n in sums), "", "", ""))
    return "\n".join(grid(columns, rows, left={"layer", "kind"}))


def add_parser(commands: Any) -> None:
    """The `prune-quantize` command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "prune-quantize",
        help="prune a float ONNX model and quantise it to int8",
        description="Prune the weights of smallest magnitude, quantise to int8, and show each layer's density and output error.",
    )
    parser.add_argument("model", metavar="MODEL.onnx", help=f"a float model with one input, or one that comes along: {FLOAT[0]}")
    parser.add_argument("--calibration", required=True, metavar="X.npy", help="float32 [N, ...]: typical inputs")
    parser.add_argument("--sparsity", type=float, required=True, metavar="S", help="fraction of zeros, 0 to below 1; 0: keep all")
    parser.add_argument("--global", dest="across", action="store_true", help="one threshold for all layers together")
    parser.add_argument("-o", "--output", required=True, metavar="Q.onnx", help="the quantised model")
    parser.add_argument("--json", metavar="FILE", help="write the table there as JSON")
    parser.set_defaults(action=command)


def command(options: argparse.Namespace) -> int:
    """Run `phantom prune-quantize`."""
    check_writable(options.output, options.json)
    path = str(network_path(options.model, (MODEL,), FLOAT))
    results = prune_quantise(path, options.calibration, options.sparsity, options.across, options.output)
    print(table(results))
    if options.json:
        document = {
            "model": options.model,
            "output": options.output,
            "sparsity": options.sparsity,
            "scope": "global" if options.across else "layer",
            "layers": [{**asdict(r), "density": r.density} for r in results],
        }
        write_document(options.json, document)
    return 0
