"""What the self-test has found, and what it means: a line for each check, and then what is wrong, as far as that can be said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .where import Core, Wrong

IDENTITY, REGISTERS, CLOCK, LOOP, LAYERS, CYCLES = "identity", "registers", "clock", "loop", "layer", "cycles"
DETAILS = "docs/bring-up.md has each message"
MEANING = {
    IDENTITY: "Not the design that this package was made for, or no reliable access to it: nothing else was tried.",
    REGISTERS: "The processor cannot rely on the registers: signal trouble on the register port, or a clock that is too fast.",
    CLOCK: "The clock is not what the configuration says: times, and whatever is timed by it, cannot be trusted.",
    LOOP: "Data is damaged or lost on its way from memory to memory: memory ports (width, clock, reset), DMA, row buffer.",
    CYCLES: "time is not as the cycle model says: memory bandwidth or latency, or the counters.",
}


@dataclass(frozen=True)
class Finding:
    """Of one check. kind: one of the six above. text: what was found, or what went wrong. wrong: who computed wrong values."""

    kind: str
    title: str
    passed: bool
    text: str
    wrong: Wrong | None = None

    def document(self) -> dict[str, Any]:
        """For a JSON file."""
        result: dict[str, Any] = {"check": self.kind, "title": self.title, "passed": self.passed, "text": self.text}
        if self.wrong is not None:
            result["cores"] = [{"row": r, "col": c, "values": n} for (r, c), n in sorted(self.wrong.cores.items())]
        return result


def meaning(findings: Sequence[Finding], cores: int) -> list[str]:
    """What is wrong, in sentences, in the order of the path of the data; empty when nothing is. `cores`: of the mesh."""
    failed = [finding for finding in findings if not finding.passed]
    kinds = {finding.kind for finding in failed}
    result = [MEANING[kind] for kind in (IDENTITY, REGISTERS, CLOCK, LOOP) if kind in kinds]
    layers = [finding for finding in failed if finding.kind == LAYERS]
    if layers:
        result += _layers(layers, sum(finding.kind == LAYERS for finding in findings), cores)
        if LOOP in kinds:
            result.append("The loop fails without arithmetic, so mend that first: layers that fail may have no other reason.")
    if CYCLES in kinds:
        right = not kinds & {LOOP, LAYERS}
        result.append(f"Results are right, but {MEANING[CYCLES]}" if right else MEANING[CYCLES].capitalize())
    return result


def _layers(failed: Sequence[Finding], tried: int, cores: int) -> list[str]:
    """What the layers that failed have in common."""
    share = f"{len(failed)} of {tried} kinds of layer"
    blamed = [finding.wrong for finding in failed if finding.wrong is not None]
    if not blamed:
        return [f"{share} did not run to their end: see the first of the messages."]
    by_core: Counter[Core] = Counter()
    threads: Counter[tuple[Core, int]] = Counter()
    for wrong in blamed:
        by_core.update(wrong.cores)
        threads.update(wrong.threads)
    if len(threads) == 1:
        (((row, col), thread),) = threads
        what = f"All wrong values are of one thread, {thread} of core ({row}, {col})"
    elif len(by_core) == 1:
        ((row, col),) = by_core
        what = f"All wrong values are of one core, ({row}, {col})"
    elif cores > 2 and len(by_core) <= cores // 2:
        what = f"The wrong values are of {len(by_core)} cores only, {', '.join(map(str, sorted(by_core)))}"
    else:
        kinds = ", ".join(finding.title for finding in failed[:3])
        if 2 * len(failed) <= tried:
            return [f"{share} are wrong ({kinds}), whichever core computed them: what these need and others do not is at fault."]
        return [f"{share} are wrong, whichever core computed them: too fast a clock, or a bitstream of another time."]
    return [f"{what}: a path that is too slow there (lower the clock, see timing.rpt), or a defect of the device."]


def page(findings: Sequence[Finding], cores: int) -> str:
    """The end of the report: what is wrong, or that nothing is."""
    failed = sum(not finding.passed for finding in findings)
    if not failed:
        return "passed"
    lines = [f"failed: {failed} of {len(findings)} checks", "", "What is wrong:"]
    return "\n".join([*lines, *(f"  - {sentence}" for sentence in meaning(findings, cores)), f"  {DETAILS}"])
