"""What binds each layer, in a sentence. What the threads wait for, what each part would need alone and who waited for whom say
only parts of it; taken together they say which part of the machine it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from .config import Config
from .counters import CAUSES, Counters
from .estimate import StageCycles
from .executable import Executable
from .report import shortened
from .table import Table

BUSY = 0.75  # share of a layer's time from which on a part has been at work for practically all of it
OFTEN = 0.25  # share of the time from which on a wait explains others
MOSTLY = 0.5
PORTS = {"weights": "a weight port", "input": "the input port", "output": "the output port"}


def bound_by(
    programs: Sequence[Executable], figures: Sequence[StageCycles], counters: Sequence[Counters], config: Config
) -> Table:
    """A row for each stage: its share of the time, what binds it, and which figures show that."""
    total = sum(events.cycles for events in counters)
    rows = []
    for program, each, events in zip(programs, figures, counters, strict=True):
        part, shown = verdict(program, each, events, config)
        rows.append((shortened(each.name), f"{events.cycles / total:.0%}", part, shown))
    head = ("layer", "of the time", "held up most by", "what shows it")
    return Table(head, rows, left=("layer", *head[2:]))


def verdict(program: Executable, figures: StageCycles, events: Counters, config: Config) -> tuple[str, str]:
    """What binds a stage, and what shows it."""
    cycles = max(1, events.cycles)
    slots = cycles * config.multipliers
    lost = {cause: events.sampled.get(cause, 0) / slots for cause in CAUSES}
    need = {part: bound / cycles for part, bound in figures.bounds.items()}
    busy, main = events.macs / slots, max(lost, key=lambda cause: lost[cause])
    port = max(PORTS, key=lambda name: need[name])
    if busy >= BUSY:
        return "the multipliers", f"they are busy in {busy:.0%} of the cycles"
    if need[port] >= BUSY:
        return PORTS[port], f"its stream alone takes {need[port]:.0%} of the time"
    if need["LAM"] >= BUSY:
        return "the LAM", f"packing the nonzeros alone takes {need['LAM']:.0%} of the time"
    if main == "channel":
        return _unpacked(program, figures, events, lost["channel"], need["LAM"])
    if main == "weight":
        return _without_weights(events, lost["weight"], need["weights"], config)
    share = f"{lost[main]:.0%} of the threads' time"
    if main == "issue":
        return "the cores' front ends", f"{share}: runs are so short that starting them, one a cycle a core, takes the longest"
    if main == "fetch":
        return "reading the activation buffers", f"{share}: two threads share a port, and short runs waste half of a word"
    if main == "hazard":
        return "the adders' latency", f"{share}: rows are so short that a thread comes back to a sum before it is there"
    return "the drain", f"{share}: the sums of one pass are not read yet when the next one but one wants to begin"


def _unpacked(program: Executable, figures: StageCycles, events: Counters, share: float, packing: float) -> tuple[str, str]:
    starved, blocked = events.lam_starved / events.cycles, events.lam_blocked / events.cycles
    threads = f"threads wait for channels to be packed ({share:.0%} of their time)"
    if starved >= MOSTLY:
        return "the arrival of the input", f"{threads}, and the LAM waits for rows of the input ({starved:.0%} of the cycles)"
    idle = f"the LAM waits for rows in {starved:.0%} and for room in {blocked:.0%} of the cycles, and is at work in the others"
    channels = program.source.logical[0]
    each = events.cycles / channels
    if figures.kind == "fc":
        steps = f"but each of the input's {channels} channels takes 64 steps, however few its nonzeros: {each:.0f} cycles in all"
    else:
        steps = "the rest is for rows and their ends, which take a cycle each, with nonzeros or without"
    return "the LAM", f"{threads}; {idle}. Packing two nonzeros a cycle would take {packing:.0%}; {steps}"


def _without_weights(events: Counters, share: float, need: float, config: Config) -> tuple[str, str]:
    ports = config.weight_ports * events.cycles
    starved, blocked = events.wgt_starved / ports, events.wgt_blocked / ports
    drained = 1 - events.drain_wait / events.cycles
    threads = f"threads have no weight ({share:.0%} of their time)"
    if starved >= OFTEN:
        return "the memory", f"{threads}, and the weight ports wait for the memory ({starved:.0%} of the cycles)"
    if blocked >= OFTEN:
        others = f"although weights for others wait for room ({blocked:.0%} of the cycles)"
        return "the threads' unequal shares", f"{threads} {others}: some have fewer weights, and are done before the others"
    end = f"the ports need {need:.0%} of the time, and the drain is at work in {drained:.0%} of it"
    return "the layer's beginning and end", f"{threads}, but {end}: sums are read after the last weight, and nothing follows"
