"""What holds a layer up, in words, and what whoever made the network can do about it."""

from __future__ import annotations

from .report import Report, shortened
from .table import Table

WORTH_SAYING = 0.10  # share of a layer's thread cycles
MOST = 2  # causes a layer

# What it means for a thread, and what helps.
MEANING = {
    "weight": "Its queue is empty: weights come more slowly than they are used up, or it had fewer than others and is done.",
    "channel": "It has a weight, but the channel's nonzeros are not packed yet: the LAM packs two a cycle, for all of a tile.",
    "fetch": "Two threads share a port that brings two activations at a time; short runs leave half of a word unused.",
    "issue": "It has work, but the front end of its core starts one run a cycle for eight threads; short runs keep it busy.",
    "hazard": "A sum comes back after three cycles; where the next run begins at the same one, the thread waits.",
    "bank": "Its next pass cannot begin, because the sums of the one before the last are still being read.",
    "edge": "Products beyond the border of a tile, which nobody reads.",
}
HELP = {
    "weight": "Larger planes: every weight then serves more positions. Filters with equally many weights. Pruning, where the "
    "weight ports are the bound. In layers of a few thousand cycles it is mostly beginning and end.",
    "channel": "More filters or larger kernels on the same channels, so that an activation is used more often than it costs to "
    "pack. Fewer nonzero activations. A fully connected layer uses each only once a filter: keep it small.",
    "fetch": "Wider planes and denser rows make longer runs. Where there is a choice, prune weights, not activations.",
    "issue": "Wider planes and denser rows make longer runs; those of planes of 4 x 4 have a few activations only.",
    "hazard": "Longer rows; it is seldom more than a few percent.",
    "bank": "More multiplies for each output: more channels, or larger kernels. Pooling in the same stage reads no more sums.",
    "edge": "Planes that divide into tiles without remainder, and kernels no larger than needed.",
}


def advice(report: Report) -> Table:
    """A row for each cause that takes more than a tenth of a layer's thread cycles, at most two a layer; the largest first."""
    rows = []
    for measure in report.layers:
        stalls = sorted(measure.stalls(report.config.multipliers).items(), key=lambda item: -item[1])[:MOST]
        worth = [(cause, share) for cause, share in stalls if share >= WORTH_SAYING]
        for number, (cause, share) in enumerate(worth):
            name = "" if number else shortened(measure.name)
            rows.append((name, f"{cause} {share:.0%}", MEANING[cause], HELP[cause]))
        if not worth:
            rows.append((shortened(measure.name), "nothing much", "No cause takes a tenth of its time.", ""))
    head = ("layer", "lost to", "what that means for a thread", "what helps")
    return Table(head, rows, left=head)
