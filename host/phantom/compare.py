"""Compare a network with ONNX Runtime, tensor by tensor: `phantom compare`.

Two comparisons are made of each tensor. *Through*: the device ran the whole network, so a difference early on has effects later.
*Own*: the layer computes (on the reference) from ONNX Runtime's own inputs, so that only its own rounding shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import reference
from .errors import MismatchError
from .onnx import Imported, Tensor
from .onnx.runtime import Runtime
from .outline import outline_of
from .progress import progress
from .report import grid, shortened
from .run import Runner, as_images, with_joins

LONGEST_NAME = 28


@dataclass
class Count:
    """How many of `values` differ, by `most` at most, and where first: image and index in [C, H, W]."""

    values: int = 0
    differ: int = 0
    most: int = 0
    first: tuple[int, ...] | None = None
    example: tuple[int, int] | None = None  # expected, got

    def add(self, image: int, expected: np.ndarray, got: np.ndarray) -> None:
        """Count one tensor of one image; both [C, H, W]."""
        off = np.abs(expected.astype(np.int32) - got.astype(np.int32))
        self.values += off.size
        self.differ += int(np.count_nonzero(off))
        self.most = max(self.most, int(off.max(initial=0)))
        if self.first is None and off.any():
            at = tuple(int(i) for i in np.argwhere(off)[0])
            self.first, self.example = (image, *at), (int(expected[at]), int(got[at]))

    def document(self) -> dict[str, Any]:
        """For JSON."""
        entry: dict[str, Any] = {"differ": self.differ, "most": self.most}
        if self.first is not None and self.example is not None:
            image, channel, row, column = self.first
            entry["first"] = {"image": image, "channel": channel, "row": row, "column": column}
            entry["first"] |= {"onnxruntime": self.example[0], "phantom": self.example[1]}
        return entry


@dataclass
class Line:
    """The comparison of one tensor."""

    tensor: Tensor
    kind: str
    through: Count = field(default_factory=Count)
    own: Count = field(default_factory=Count)


@dataclass(frozen=True)
class Comparison:
    """The comparison of a model."""

    network: str
    device: str
    images: int
    lines: Sequence[Line]

    @property
    def rounding_only(self) -> bool:
        """Whether no layer differs by more than 1 from what ONNX Runtime computes from the same inputs."""
        return all(line.own.most <= 1 for line in self.lines)

    def table(self, everything: bool = True) -> str:
        """For people; or else only the tensors that differ, and the sum of all."""
        lines, sums = self.lines, self.kinds()
        if not everything:
            lines, sums = [line for line in lines if line.through.differ or line.own.differ], sums[-1:]
        rows = []
        for line in (*lines, *sums):
            through, own = line.through, line.own
            first = "" if through.first is None else str(through.first).replace(" ", "")
            cells = (f"{through.values:,}", f"{own.differ:,}", f"{own.most}", f"{through.differ:,}", f"{through.most}", first)
            rows.append((shortened(line.tensor.name, LONGEST_NAME), line.kind, *cells))
        head = ("tensor", "kind", "values", "own", "most", "through", "most", "first (image,c,y,x)")
        text = grid(head, rows, left={"tensor", "kind", "first (image,c,y,x)"})
        if lines:
            text.insert(len(lines) + 2, text[1])
        return "\n".join(text)

    def kinds(self) -> list[Line]:
        """Sums over the layers of each kind, and over all. A layer that yields several tensors counts once."""
        result: list[Line] = []
        once = list({line.tensor.layer: line for line in self.lines}.values())
        for kind in (*dict.fromkeys(line.kind for line in once), "all"):
            lines = [line for line in once if kind in (line.kind, "all")]
            result.append(
                Line(Tensor("total", "", lines[0].tensor.quantisation), kind, *(_sum(lines, n) for n in ("through", "own")))
            )
        return result

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "network": self.network,
            "device": self.device,
            "images": self.images,
            "tensors": [{"name": line.tensor.name, "layer": line.tensor.layer, **_entry(line)} for line in self.lines],
            "totals": [_entry(line) for line in self.kinds()],
        }


def _sum(lines: Iterable[Line], name: str) -> Count:
    counts = [getattr(line, name) for line in lines]
    return Count(sum(c.values for c in counts), sum(c.differ for c in counts), max(c.most for c in counts))


def _entry(line: Line) -> dict[str, Any]:
    entry = {"kind": line.kind, "values": line.through.values}
    return {**entry, "own": line.own.document(), "through": line.through.document()}


def compare(imported: Imported, images: np.ndarray, runner: Runner, device: str) -> Comparison:
    """Run all images [N, C, H, W] (real, or integers, as `as_images` takes them) on both.

    Raises MismatchError where ONNX Runtime yields what cannot be, DeviceError from a device.
    """
    runtime = Runtime(imported)
    network = imported.network
    outline = outline_of(network)
    integers = as_images(network, images)
    images = images.reshape(integers.shape) if images.dtype.kind == "f" else integers
    lines = [Line(tensor, imported.kinds.get(tensor.layer, "input")) for tensor in imported.tensors]
    for number, image in enumerate(progress(images, f"{network.name} on {device}")):
        expected = runtime(image)
        outputs, _ = runner(integers[number])
        got = {"input": integers[number], **with_joins(outline, integers[number], outputs)}
        forced = own_outputs(imported, integers[number], expected)
        for line in lines:
            mine = got.get(line.tensor.layer)
            if mine is None:  # pooled at once
                continue
            right = expected[line.tensor.name].reshape(mine.shape)
            line.through.add(number, right, mine)
            line.own.add(number, right, forced[line.tensor.layer])
    return Comparison(network.name, device, len(images), lines)


def own_outputs(imported: Imported, image: np.ndarray, expected: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What each layer computes when it is given ONNX Runtime's tensors (`expected`, by the model's names)."""
    network = imported.network
    tensors: dict[str, str] = {}
    for tensor in imported.tensors:
        tensors.setdefault(tensor.layer, tensor.name)
    given = [*[np.empty(0)] * len(network.layers), _fitting(expected[tensors["input"]], image)]
    result = {"input": image}
    for i, (layer, sources) in enumerate(zip(network.layers, network.sources(), strict=True)):
        output = reference.run_layer(layer, *(given[j] for j in sources))
        result[layer.name] = output
        # A layer that has no tensor in the model, such as one that rescales for a concatenation, hands on its own.
        given[i] = _fitting(expected[tensors[layer.name]], output) if layer.name in tensors else output
    return result


def _fitting(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """`values` in shape and type of `like`."""
    info = np.iinfo(like.dtype)
    if values.min() < info.min or values.max() > info.max:
        raise MismatchError(f"ONNX Runtime yields {values.min()}..{values.max()}; the model promises {info.min}..{info.max}")
    return values.reshape(like.shape).astype(like.dtype)
