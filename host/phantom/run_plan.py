"""Run a plan of several segments, some of them on the host."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from .config import Config
from .hosted import HostRunner
from .plan import Accelerated, Plan
from .progress import progress
from .report import HostWork, Report
from .run import LayersRun, Runner, accuracy, as_images
from .scales import check_numbers


@dataclass(frozen=True)
class PlanOutcome:
    """The report, and the model's outputs by name, each [N, ...]."""

    report: Report
    results: dict[str, np.ndarray]


def run_plan(
    plan: Plan,
    config: Config,
    device: str,
    runners: Sequence[Runner],
    images: np.ndarray,
    check: bool = True,
    chosen: Collection[str] | None = None,
    labels: np.ndarray | None = None,
) -> PlanOutcome:
    """Run all images [N, ...] of the model's input.

    Args:
        runners: of the segments on the accelerator, in order.
        check: compare with the reference; every such segment must have its network.
        config, device, chosen, labels: as for `run_network`.

    Raises:
        ShapeError: an image does not fit. RangeError: it is NaN somewhere. MismatchError, DeviceError: as for `run_network`.
    """
    if images.dtype.kind == "f":
        images = images.astype(np.float32)
        check_numbers(images)
    networks = [segment.network if check and segment.network else segment.outline for segment in plan.accelerated]
    layers = [LayersRun(network, runner, check, chosen) for network, runner in zip(networks, runners, strict=True)]
    order = iter(layers)
    steps = [next(order) if isinstance(segment, Accelerated) else HostRunner(segment) for segment in plan.segments]
    results: dict[str, list[np.ndarray]] = {name: [] for name in plan.outputs}
    for number, image in enumerate(progress(images, f"{plan.name} on {device}")):
        tensors = {plan.input: image[None]}
        for segment, step in zip(plan.segments, steps, strict=True):
            if isinstance(step, HostRunner):
                tensors.update(step(tensors))
            else:
                assert isinstance(segment, Accelerated)
                (given,) = as_images(step.outline, tensors[segment.tensor])
                outputs = step(given, "" if len(images) == 1 else f" (image {number})")
                tensors.update({port.tensor: port.value(outputs[port.layer]) for port in segment.ports})
        for name, result in results.items():
            result.append(tensors[name][0])
    hosts = [step for step in steps if isinstance(step, HostRunner)]
    cycles = [each.cycles for each in layers]
    spent = sum(host.seconds for host in hosts)
    total = None if None in cycles else spent + sum(c for c in cycles if c is not None) / config.clock_mhz / 1e6
    arrays = {name: np.array(result) for name, result in results.items()}
    return PlanOutcome(
        Report(
            network=plan.name,
            config=config,
            device=device,
            images=len(images),
            layers=[measure for each in layers for measure in each.measures()],
            in_all=sum(each.in_all for each in layers),
            bit_exact=True if check else None,
            accuracy=None if labels is None else accuracy(arrays[plan.outputs[0]], labels),
            host=[HostWork(host.segment.nodes, host.seconds, total and host.seconds / total) for host in hosts],
        ),
        arrays,
    )
