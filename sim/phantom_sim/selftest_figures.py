"""What the cycle model says of the networks of the self-test, and the file that the package brings of it.

`python -m phantom_sim.selftest_figures` (`make selftest-figures`) writes host/phantom/selftest/figures.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from phantom import reference
from phantom.config import Config, load_configs
from phantom.layer import INPUT
from phantom.program import Program, compile_network
from phantom.run import by_name
from phantom.selftest.figures import PATH, Figure, document
from phantom.selftest.loop import loop_job
from phantom.selftest.networks import Job, jobs
from phantom_sim.model import StageResult, Timing, simulate_stage, written_stream
from phantom_sim.model.stage import joined


def timings(config: Config) -> tuple[Timing, Timing, Timing]:
    """The simulated board's memory; one that gives a word a cycle after 10; one of half the bandwidth, 100 cycles away."""
    clock = config.clock_mhz
    usual = Timing(clock_mhz=clock)
    fast = Timing(clock_mhz=clock, port_mb_per_s=8 * clock, latency=10)
    return usual, fast, Timing(clock_mhz=clock, port_mb_per_s=usual.port_mb_per_s / 2, latency=100, outstanding=4)


def figures(config: Config) -> dict[str, Figure]:
    """Of every network, by title."""
    return {job.title: figure(job, config) for job in (loop_job(config), *jobs())}


def figure(job: Job, config: Config) -> Figure:
    """Of one network."""
    tensors = {INPUT: job.image, **by_name(job.network, reference.run(job.network, job.image))}
    programs = compile_network(job.network, config)
    usual, *others = (list(stages(programs, tensors, config, timing)) for timing in timings(config))
    cycles = [sum(stage.cycles for stage in found) for found in (usual, *others)]
    return Figure(cycles[0], min(cycles), max(cycles), sum(stage.counters.macs for stage in usual))


def stages(
    programs: list[Program], tensors: dict[str, np.ndarray], config: Config, timing: Timing
) -> Iterator[StageResult]:
    """Each stage with the stream that the one before it writes."""
    activations, stream = tensors[INPUT], None
    for program in programs:
        result = joined(program.stage.result, tensors)
        yield simulate_stage(program, activations, config, timing, result, stream)
        stream, activations = written_stream(program, result), result


def text() -> str:
    """The file: a line for each network."""
    entries = []
    for name, config in load_configs().items():
        entry = document(config, figures(config))
        rows = ",\n".join(f"   {json.dumps(title)}: {json.dumps(row)}" for title, row in entry["figures"].items())
        entries.append(f' {json.dumps(name)}: {{\n  "sizes": {json.dumps(entry["sizes"])},\n  "figures": {{\n{rows}\n  }}\n }}')
    return "{\n" + ",\n".join(entries) + "\n}\n"


def main(path: Path = PATH) -> None:
    """Write it."""
    path.write_text(text())
    print(f"cycles of the self-test: {path}")


if __name__ == "__main__":
    main()
