"""What holds layers up, in words, and what whoever made the network can do about it."""

from __future__ import annotations

from collections.abc import Sequence

from .estimate import StageCycles
from .report import CAUSES, Measure, Report, shortened
from .table import Table

WORTH_SAYING = 0.10  # share of a layer's thread cycles
MOST = 2  # causes a layer
MUCH = 0.6  # share of a layer's time from which on a port counts as what it waits for
WITHOUT_WEIGHTS = ("add", "maxpool", "avgpool")  # kinds of which there is nothing to prune, and no kernel to enlarge

# What it means for a thread, and what helps. The names of the causes are those of `report.CAUSES`.
MEANING = {
    "weight": "Its queue is empty: weights come more slowly than they are used up, or it had fewer than others and is done.",
    "channel": "It has a weight, but the channel's nonzeros are not packed yet: the LAM packs two a cycle, for all of a tile.",
    "fetch": "Two threads share a port that brings two activations at a time; short runs leave half of a word unused.",
    "issue": "It has work, but the front end of its core starts one run a cycle for eight threads; short runs keep it busy.",
    "hazard": "A sum comes back after three cycles; where the next run begins at the same one, the thread waits.",
    "bank": "Its next pass cannot begin, because the drain still reads the sums of the one before the last.",
    "edge": "Its products lie beyond the border of a tile, where nobody reads them.",
}
HELP = {
    "weight": "Filters with equally many weights, so that none is done before the others. Larger planes: every weight then "
    "serves more positions. In layers of a few thousand cycles it is mostly beginning and end.",
    "channel": "More filters or larger kernels on the same channels, so that an activation is used more often than it costs to "
    "pack. Fewer nonzero activations.",
    "fetch": "Wider planes and denser rows make longer runs. Where there is a choice, prune weights, not activations.",
    "issue": "Wider planes and denser rows make longer runs; those of planes of 4 x 4 have a few activations only.",
    "hazard": "Longer rows; it is seldom more than a few percent.",
    "bank": "More multiplies for each output: more channels, or larger kernels. Pooling in the same stage reads no more sums.",
    "edge": "Planes that divide into tiles without remainder, and kernels no larger than needed.",
}
FULLY_CONNECTED = (
    "fully connected",
    "It uses an activation only once a filter. The LAM takes some 70 cycles a channel of its input all the same, whether that "
    "has one position or 64, and starting a run takes the front end longer than the one multiply in it.",
    "Fewer channels in front of it. More filters cost little.",
)
PLAIN = (
    "additions and poolings",
    "They have a multiply for an activation, or none, so that packing it and starting a run take longer than that.",
    "Nothing in the layers themselves: fewer of them, on smaller planes or fewer channels.",
)


def advice(report: Report, figures: Sequence[StageCycles] = ()) -> Table:
    """A row for each cause that takes more than a tenth of a layer's thread cycles, with the layers; of each, two at most.

    figures: the stages' estimates, by whose bounds it says whether the weight ports are what is waited for. Fully connected
    layers, and those without weights, have rows of their own, since other things help there.
    """
    found: dict[str, list[tuple[Measure, float]]] = {}
    special: dict[tuple[str, str, str], list[str]] = {}
    fine = []
    for measure in report.layers:
        stalls = sorted(measure.stalls(report.config.multipliers).items(), key=lambda item: -item[1])[:MOST]
        worth = [(cause, share) for cause, share in stalls if share >= WORTH_SAYING]
        row = FULLY_CONNECTED if measure.kind == "fc" else PLAIN if measure.kind.startswith(WITHOUT_WEIGHTS) else None
        if not worth:
            fine.append(shortened(measure.name))
        elif row is not None:
            said = ", ".join(f"{cause} {share:.0%}" for cause, share in worth)
            special.setdefault(row, []).append(f"{shortened(measure.name)} ({said})")
        else:
            for cause, share in worth:
                found.setdefault(cause, []).append((measure, share))
    rows = []
    for cause, layers in sorted(found.items(), key=lambda item: -sum(share for _, share in item[1])):
        said = ", ".join(f"{shortened(measure.name)} {share:.0%}" for measure, share in layers)
        more = _ports([measure for measure, _ in layers], figures, report.images) if cause == "weight" else ""
        rows.append((f"{cause}: {CAUSES[cause]}", said, MEANING[cause], HELP[cause] + more))
    rows += [(title, ", ".join(layers), means, helps) for (title, means, helps), layers in special.items()]
    if fine:
        rows.append(("nothing much", ", ".join(fine), "No cause takes a tenth of their time.", ""))
    head = ("lost to", "in layers", "what that means for a thread", "what helps")
    return Table(head, rows, left=head)


def _ports(layers: Sequence[Measure], figures: Sequence[StageCycles], images: int) -> str:
    """What the weight ports have to do with it."""
    bounds = {each.name: each.bounds["weights"] for each in figures}
    needed = {m.name: images * bounds[m.name] / m.cycles for m in layers if m.cycles and m.name in bounds}
    if not needed:
        return ""
    much = [f"{shortened(name)} ({share:.0%})" for name, share in needed.items() if share >= MUCH]
    if much:
        return f" Pruning: the weight ports need most of the time of {', '.join(much)}."
    return f" The weight ports are not what is waited for: they need {max(needed.values()):.0%} of the time at most."
