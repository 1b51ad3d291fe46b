"""Run a network on a device, image after image: every layer compared with the reference, everything counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from . import reference
from .check import check_outputs
from .config import Config
from .driver import Accelerator, Counters, expand_result
from .errors import ShapeError
from .executable import Executable
from .layer import INPUT
from .measuring import Measuring
from .network import Network
from .outline import Outline, outline_of
from .progress import progress
from .report import Measure, Report


class Runner(Protocol):
    """What runs one image [C, H, W].

    It yields the outputs by layer, of all layers whose output exists (not of a convolution that is pooled or added at once), and
    the counters of each run where there are any; `stages` says which layers each run computes.
    """

    @property
    def stages(self) -> Sequence[tuple[str, ...]]:
        """Names of the layers of each run."""
        ...

    def __call__(self, image: np.ndarray) -> tuple[dict[str, np.ndarray], list[Counters] | None]:
        """Raises DeviceError or ShapeError."""
        ...


class DeviceRunner:
    """Runs compiled stages on an accelerator. Weights are uploaded once; buffers are made once and used for all images."""

    def __init__(self, accelerator: Accelerator, programs: Sequence[Executable]) -> None:
        self.accelerator = accelerator
        self.programs = list(programs)
        self.stages: Sequence[tuple[str, ...]] = [program.layers for program in self.programs]
        self._weights = []
        for program in self.programs:
            buffer = accelerator.upload(program.weights)
            buffer.flush()
            self._weights.append(buffer)
        self._results = [accelerator.allocate(program.result_words) for program in self.programs]
        self._source: Any = None

    def _upload(self, words: np.ndarray) -> Any:
        if self._source is None or len(self._source) < len(words):
            self._source = self.accelerator.allocate(len(words))
        self._source[: len(words)] = words
        self._source.flush()
        return self._source

    def order(self) -> Iterable[int]:
        """The numbers of the stages, in order."""
        return range(len(self.programs))

    def result(self, number: int) -> Any:
        """The buffer that a stage writes to."""
        return self._results[number]

    def run_stage(self, number: int, source: Any, words: int) -> tuple[Any, int, Counters]:
        """Run a stage on the first `words` of a buffer. Returns the buffer that it wrote to, its words, the counters."""
        program, result = self.programs[number], self.result(number)
        count, events = self.accelerator.run_layer(program, source, words, self._weights[number], result)
        result.invalidate()
        return result, count, events

    def __call__(self, image: np.ndarray) -> tuple[dict[str, np.ndarray], list[Counters] | None]:
        """Raises ShapeError for another input than the layers were compiled for, and DeviceError."""
        first = self.programs[0].source
        if image.shape != first.logical or image.dtype != first.dtype:
            raise ShapeError(
                f"the input is {image.dtype} of shape {image.shape}; it must be {first.dtype} of shape {first.logical}"
            )
        words = first.compress(image)
        source, count = self._upload(words), len(words)
        outputs: dict[str, np.ndarray] = {}
        counters = []
        for number in self.order():
            program = self.programs[number]
            source, count, events = self.run_stage(number, source, count)
            # What was carried over is there already.
            outputs = program.bundle.split(expand_result(program.result, source, count)) | outputs
            counters.append(events)
        return outputs, counters


class ReferenceRunner:
    """Computes the layers on the host."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.stages: Sequence[tuple[str, ...]] = [(layer.name,) for layer in network.layers]

    def __call__(self, image: np.ndarray) -> tuple[dict[str, np.ndarray], list[Counters] | None]:
        """Raises ShapeError."""
        return by_name(self.network, reference.run(self.network, image)), None


def by_name(network: Network, outputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs of all layers, in order, by their names."""
    return {layer.name: output for layer, output in zip(network.layers, outputs, strict=True)}


def with_joins(outline: Outline, image: np.ndarray, outputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs by layer, those of concatenations added: no run computes them, they are channels of what others wrote."""
    result = dict(outputs)
    for layer in outline.layers:
        if layer.joins and layer.name not in result:
            parts = [image if name == INPUT else result.get(name) for name in layer.inputs]
            there = [part for part in parts if part is not None]
            if len(there) == len(parts):
                result[layer.name] = np.concatenate(there)
    return result


@dataclass(frozen=True)
class Outcome:
    """The report, and the network's outputs for all images, each [N, K, H, W], in the network's order.

    cycles: of each image, int64 [N]; None on a device that counts none.
    """

    report: Report
    results: tuple[np.ndarray, ...]
    cycles: np.ndarray | None = None

    @property
    def outputs(self) -> np.ndarray:
        """The first output, which most networks have alone."""
        return self.results[0]


def as_images(network: Network | Outline, array: np.ndarray) -> np.ndarray:
    """`array` [C, H, W] or [N, C, H, W] as [N, C, H, W] of the network's input.

    Where the network knows what its integers stand for, the array may be real, or of the model's integer type, with
    its zero-point. Where the network's input is [C, 1, 1], the array may be [N, C]. Raises ShapeError, and RangeError for NaN.
    """
    scale = network.input_quantisation
    images = array[None] if array.ndim == 3 else array
    if array.ndim == 2 and network.input_shape[1:] == (1, 1):
        images = array[:, :, None, None]
    real = scale is not None and images.dtype.kind == "f"
    model = scale is not None and images.dtype == scale.dtype
    typed = images.dtype == network.input_dtype or real or model
    if images.ndim != 4 or not len(images) or images.shape[1:] != network.input_shape or not typed:
        kinds = str(network.input_dtype)
        if scale is not None:
            other = "" if scale.dtype == network.input_dtype else f", {scale.dtype} (zero-point {scale.zero_point})"
            kinds += f"{other} or float32"
        raise ShapeError(
            f"the input is {array.dtype} of shape {array.shape}; network {network.name!r} takes {kinds} of shape "
            f"{network.input_shape}, or [N, C, H, W] of them"
        )
    if images.dtype == network.input_dtype:
        return images
    assert scale is not None
    values = scale.quantise(images) if real else images.astype(np.int64) - scale.zero_point
    return values.astype(network.input_dtype)


class LayersRun:
    """The layers of one network on a runner, image after image: compared (`check`; an outline cannot be) and measured.

    chosen: names of the layers that are compared and measured; None: all. cycles: of all layers so far, None on a device that has
    none.
    """

    def __init__(
        self, network: Network | Outline, runner: Runner, check: bool, chosen: Collection[str] | None = None
    ) -> None:
        self.outline = outline_of(network) if isinstance(network, Network) else network
        self.against = network if check and isinstance(network, Network) else None
        self._runner, self._chosen = runner, chosen
        self._measuring = Measuring(self.outline, runner.stages, chosen)
        self.cycles: int | None = 0

    def __call__(self, image: np.ndarray, where: str = "") -> dict[str, np.ndarray]:
        """Outputs by layer; `where` is for messages. Raises MismatchError, DeviceError."""
        found, counters = self._runner(image)
        self.cycles = None if self.cycles is None or counters is None else self.cycles + sum(c.cycles for c in counters)
        outputs = with_joins(self.outline, image, found)
        if self.against is not None:
            check_outputs(self.against, reference.run(self.against, image), outputs, where, self._chosen)
        self._measuring.image(image, outputs, counters)
        return outputs

    def measures(self) -> list[Measure]:
        """Sums over the images, by stage."""
        return self._measuring.measures()

    @property
    def in_all(self) -> int:
        """Stages, those that are not measured included."""
        return self._measuring.stages


def run_network(
    network: Network | Outline,
    config: Config,
    device: str,
    runner: Runner,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    check: bool = True,
    chosen: Collection[str] | None = None,
) -> Outcome:
    """Run all images [N, C, H, W].

    Args:
        network, config, device: what runs where; the last two are for the report.
        labels: integer [N], for the accuracy.
        check: compare the output of every layer with the reference, which an outline does not have.
        chosen: names of the layers that are compared and reported; None: all.

    Raises:
        MismatchError: naming image, layer and position of the first value that differs. DeviceError: from the device.
    """
    each = LayersRun(network, runner, check, chosen)
    outline = each.outline
    results: list[list[np.ndarray]] = [[] for _ in outline.outputs]
    so_far = [each.cycles]
    for number, image in enumerate(progress(images, f"{outline.name} on {device}")):
        outputs = each(image, "" if len(images) == 1 else f" (image {number})")
        so_far.append(each.cycles)
        for result, name in zip(results, outline.outputs, strict=True):
            result.append(outputs[name])
    arrays = tuple(np.array(result) for result in results)
    report = Report(
        network=outline.name,
        config=config,
        device=device,
        images=len(images),
        layers=each.measures(),
        in_all=each.in_all,
        bit_exact=True if each.against is not None else None,
        accuracy=None if labels is None else accuracy(arrays[0], labels),
    )
    return Outcome(report, arrays, None if None in so_far else np.diff(np.array(so_far, np.int64)))


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Fraction of images [N, ...] whose label has the highest score, alone: a tie is no answer. Raises ShapeError."""
    scores = scores.reshape(len(scores), -1).astype(np.float64)
    if labels.shape != (len(scores),) or labels.dtype.kind not in "iu" or labels.max() >= scores.shape[1]:
        raise ShapeError(
            f"labels are {labels.dtype} of shape {labels.shape}; they must be {len(scores)} integers below {scores.shape[1]}"
        )
    own = scores[np.arange(len(scores)), labels]
    rivals = scores.copy()
    rivals[np.arange(len(scores)), labels] = -np.inf
    return float(np.mean(own > rivals.max(axis=1)))
