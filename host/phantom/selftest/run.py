"""The checks, one after the other; each says what it found at once, because the next one may hang."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import reference
from ..check import check_outputs
from ..config import Config
from ..counters import Counters
from ..driver import Accelerator
from ..errors import DeviceError, MismatchError, PhantomError
from ..network import Network
from ..program import compile_network
from ..run import DeviceRunner
from . import figures, findings
from .clock import check_clock
from .findings import Finding
from .loop import check_loop, loop_job
from .networks import Job, jobs
from .registers import check_identity, check_registers
from .where import Wrong, first_wrong

TIMEOUT = 600.0  # seconds that a layer may take; simulated time is slow, and on a board the watchdog comes first
# The model is exact but for what was there before the layer; a board's memory is only known to lie within a range.
EXACT, SLACK = 0.01, 8
BOARD_MARGIN, BOARD_SLACK = 0.02, 100


class WrongValues(MismatchError):
    """A layer's output differs from the reference. wrong: who computed it."""

    def __init__(self, message: str, wrong: Wrong | None) -> None:
        super().__init__(message)
        self.wrong = wrong


@dataclass(frozen=True)
class Ran:
    """A network that ran to its end. counters: of each stage."""

    title: str
    counters: Sequence[Counters]


class Selftest:
    """The checks of one device; `found` is what they have found so far.

    exact: the memory is the one that the cycle model knows (simulation).
    """

    def __init__(self, overlay: Any, config: Config, exact: bool, timeout: float = TIMEOUT) -> None:
        self.overlay, self.config, self.exact, self.timeout = overlay, config, exact, timeout
        self.found: list[Finding] = []
        self.source = ""  # of the figures that cycles were compared with
        self._ran: list[Ran] = []

    def run(self) -> bool:
        """All checks, as far as they make sense. True when none failed."""
        if not self._try(findings.IDENTITY, "identity", lambda: check_identity(self.overlay, self.config)):
            return False
        self._try(findings.REGISTERS, "registers", lambda: check_registers(self.overlay, self.config))
        try:
            accelerator = Accelerator(self.overlay, self.config, timeout=self.timeout)
        except DeviceError as error:  # after all that was read before: the registers have fallen silent
            self._found(Finding(findings.REGISTERS, "driver", False, str(error)))
            return False
        loop = loop_job(self.config)
        self._try(findings.CLOCK, "clock", lambda: self._clock(accelerator, loop))
        self._try(findings.LOOP, "DMA loop", lambda: self._loop(accelerator, loop))
        for job in jobs():
            self._try(findings.LAYERS, job.title, lambda job=job: self._layer(accelerator, job))  # type: ignore[misc]
        self._try(findings.CYCLES, "cycles", self._cycles)
        return all(finding.passed for finding in self.found)

    def _try(self, kind: str, title: str, body: Callable[[], str]) -> bool:
        wrong = None
        try:
            passed, text = True, body()
        except PhantomError as error:
            passed, text, wrong = False, str(error), getattr(error, "wrong", None)
        self._found(Finding(kind, title, passed, text, wrong))
        return passed

    def _found(self, finding: Finding) -> None:
        self.found.append(finding)
        print(f"  {'ok  ' if finding.passed else 'FAIL'}  {finding.title:20} {finding.text}", flush=True)

    def _clock(self, accelerator: Accelerator, job: Job) -> str:
        (program,) = compile_network(job.network, self.config)
        return check_clock(accelerator, self.config, program)

    def _loop(self, accelerator: Accelerator, job: Job) -> str:
        text, counters = check_loop(accelerator, self.config, job)
        self._ran.append(Ran(job.title, counters))
        cycles = sum(events.cycles for events in counters)
        moved = 8 * sum(events.act_words + events.out_words for events in counters)
        return f"{text}; {moved * self.config.clock_mhz / cycles:.0f} MB/s of activations"

    def _layer(self, accelerator: Accelerator, job: Job) -> str:
        programs = compile_network(job.network, self.config)
        right = reference.run(job.network, job.image)
        outputs, counters = DeviceRunner(accelerator, programs)(job.image)
        try:
            check_outputs(job.network, right, outputs)
        except MismatchError as error:
            wrong = first_wrong(job.network, programs, right, outputs)
            raise WrongValues(str(wrong or error), wrong) from None
        assert counters is not None
        self._ran.append(Ran(job.title, counters))
        _check_counters(counters, len(programs[0].source.compress(job.image)))
        return f"{_values(job.network, outputs):6,} values equal, {sum(c.cycles for c in counters):7,} cycles"

    def _cycles(self) -> str:
        """Compare cycles and multiplies of all networks that ran."""
        if not self._ran:
            raise DeviceError("no network ran to its end; there is nothing to compare")
        expected, self.source = figures.expected(self.config, self.exact)
        off = []
        for ran in self._ran:
            figure, stages = expected[ran.title], len(ran.counters)
            cycles, macs = (sum(getattr(c, name) for c in ran.counters) for name in ("cycles", "macs"))
            if self.exact:
                slack = EXACT * figure.cycles + SLACK * stages
                least, most = figure.cycles - slack, figure.cycles + slack
            else:
                least = figure.fastest * (1 - BOARD_MARGIN) - BOARD_SLACK * stages
                most = figure.slowest * (1 + BOARD_MARGIN) + BOARD_SLACK * stages
            if not least <= cycles <= most:
                off.append(f"{ran.title}: {cycles:,}, not {max(0, round(least)):,} to {round(most):,}")
            if macs != figure.macs:
                off.append(f"{ran.title}: {macs:,} multiplies, not {figure.macs:,}")
        if off:
            more = f", and {len(off) - 3} more" if len(off) > 3 else ""
            raise DeviceError(f"{'; '.join(off[:3])}{more} ({self.source})")
        if self.exact:
            bound = f"within {100 * EXACT:g} % and {SLACK} cycles a stage of {self.source.removeprefix('by ')}"
        else:
            bound = f"within what a memory between fast and slow explains, {self.source}"
        return f"{len(self._ran)} networks {bound}"


def _values(network: Network, outputs: dict[str, np.ndarray]) -> int:
    names = {layer.name for layer in network.layers}
    return sum(output.size for name, output in outputs.items() if name in names)


def _check_counters(counters: Sequence[Counters], sent: int) -> None:
    """Each stage must have read what the one before it wrote. Raises DeviceError."""
    for number, events in enumerate(counters):
        if events.act_words != sent:
            raise DeviceError(
                f"stage {number} counts {events.act_words} words of its input, which has {sent}; values are right, the counter "
                "is not"
            )
        sent = events.out_words


def selftest(overlay: Any, config: Config, exact: bool) -> tuple[bool, dict[str, Any]]:
    """Run all checks and print the report. Whether none failed, and the report as a document.

    Args:
        overlay: a loaded pynq.Overlay. config: what it should be. exact: whether cycles are to be exactly the cycle model's.

    Nothing that is wrong with the device raises: it is a finding.
    """
    test = Selftest(overlay, config, exact)
    passed = test.run()
    print(findings.page(test.found, config.cores))
    document = {"config": config.name, "passed": passed, "cycles_compared": test.source}
    document["meaning"] = findings.meaning(test.found, config.cores)
    document["checks"] = [finding.document() for finding in test.found]
    return passed, document
