"""What a run measured: per layer and in total, as a table for people and as a document for programs.

All counts are sums over the images of the run; all ratios are ratios of those sums. A dense machine is one with the same number
of multipliers, each busy in every cycle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .config import Config

CAUSES = {  # what a thread does in a cycle without a useful multiply; the words of legends and advice, too
    "hazard": "waits for its own partial sum",
    "fetch": "waits for an activation word",
    "weight": "has no weight",
    "channel": "waits for a channel to be packed",
    "issue": "waits for the front end",
    "bank": "waits for the drain",
    "edge": "multiplies beyond a tile's border",
}
SHOWN = 2  # causes in the table
LONGEST_NAME = 14


@dataclass(frozen=True)
class Measure:
    """Events of a layer, or of all together.

    cycles is None on a device that has none. macs: multiplies that the hardware did. sampled: thread cycles by cause.
    """

    name: str
    kind: str
    cycles: int | None
    macs_dense: int
    macs_effectual: int
    macs: int = 0
    sampled: Mapping[str, int] = field(default_factory=dict)

    def utilisation(self, multipliers: int) -> float | None:
        """Effectual multiplies a multiplier cycle."""
        return None if not self.cycles else self.macs_effectual / (multipliers * self.cycles)

    def speedup(self, multipliers: int) -> float | None:
        """Cycles of a dense machine over those that were needed; None where nothing is multiplied."""
        return None if not self.cycles or not self.macs_dense else -(-self.macs_dense // multipliers) / self.cycles

    def gops(self, clock_mhz: float) -> float | None:
        """Dense-equivalent speed in 1e9 operations/s; a multiply-add is two."""
        return None if not self.cycles else 2 * self.macs_dense * clock_mhz / self.cycles / 1e3

    def stalls(self, multipliers: int) -> dict[str, float]:
        """Fractions of the thread cycles that were lost, by cause; with the utilisation they make about 1 (they are sampled)."""
        if not self.cycles:
            return {}
        lost = {**self.sampled, "edge": self.macs - self.macs_effectual}
        return {cause: lost.get(cause, 0) / (multipliers * self.cycles) for cause in CAUSES}


def add(name: str, parts: Sequence[Measure], kind: str = "") -> Measure:
    """The sum of measures: cycles are None when those of any part are."""
    cycles = [part.cycles for part in parts]
    causes = {cause for part in parts for cause in part.sampled}
    return Measure(
        name=name,
        kind=kind,
        cycles=None if None in cycles else sum(c for c in cycles if c is not None),
        macs_dense=sum(part.macs_dense for part in parts),
        macs_effectual=sum(part.macs_effectual for part in parts),
        macs=sum(part.macs for part in parts),
        sampled={cause: sum(part.sampled.get(cause, 0) for part in parts) for cause in sorted(causes)},
    )


@dataclass(frozen=True)
class HostWork:
    """What the host computed: (name, operator) of each, and the seconds that it took for all images.

    share: of the time of accelerator and host together; None on a device without cycles.
    """

    nodes: Sequence[tuple[str, str]]
    seconds: float
    share: float | None


@dataclass(frozen=True)
class Report:
    """A run of a network. bit_exact: None when nothing was compared. accuracy: None without labels. host: what it had to do.

    in_all: how many layers there are, of which `layers` may be a choice; None: these are all.
    """

    network: str
    config: Config
    device: str
    images: int
    layers: Sequence[Measure]
    bit_exact: bool | None = None
    accuracy: float | None = None
    host: Sequence[HostWork] = ()
    in_all: int | None = None

    @property
    def chosen(self) -> bool:
        """Whether some layers are left out."""
        return self.in_all is not None and len(self.layers) < self.in_all

    @property
    def total(self) -> Measure:
        """All layers together."""
        return add("total", self.layers)

    @property
    def speedup_layer_mean(self) -> float | None:
        """Arithmetic mean of the layers' speedups; small ones count like large ones, those without multiplies not."""
        speedups = [layer.speedup(self.config.multipliers) for layer in self.layers if layer.macs_dense]
        known = [s for s in speedups if s is not None]
        return sum(known) / len(known) if known and len(known) == len(speedups) else None

    def document(self) -> dict[str, Any]:
        """As plain values for JSON; on a device without cycles what follows from them is null."""
        return _document(self)

    def table(self) -> str:
        """A table of at most 100 columns (longer names are cut), the totals below."""
        return _table(self)


def _document(report: Report) -> dict[str, Any]:
    config = report.config
    result: dict[str, Any] = {
        "network": report.network,
        "config": config.name,
        "device": report.device,
        "images": report.images,
        "multipliers": config.multipliers,
        "clock_mhz": config.clock_mhz,
        "bit_exact": report.bit_exact,
    }
    if report.accuracy is not None:
        result["accuracy"] = report.accuracy
    if report.chosen:
        result["layers_in_all"] = report.in_all
    result["layers"] = [_entry(layer, config) for layer in report.layers]
    if report.host:
        result["host"] = [
            {"nodes": [list(node) for node in work.nodes], "seconds": work.seconds, "share": work.share}
            for work in report.host
        ]
    result["totals"] = {**_entry(report.total, config), "speedup_layer_mean": report.speedup_layer_mean}
    return result


def _entry(measure: Measure, config: Config) -> dict[str, Any]:
    return {
        "name": measure.name,
        "kind": measure.kind,
        "cycles": measure.cycles,
        "macs_dense": measure.macs_dense,
        "macs_effectual": measure.macs_effectual,
        "utilisation": measure.utilisation(config.multipliers),
        "gops_dense_equivalent": measure.gops(config.clock_mhz),
        "speedup_over_dense": measure.speedup(config.multipliers),
        "stalls": measure.stalls(config.multipliers),
    }


def _table(report: Report) -> str:
    rows = [_row(measure, report.config) for measure in (*report.layers, report.total)]
    head: tuple[str, ...] = ("layer", "kind", "cycles", "dense", "effectual", "util", "GOP/s", "speedup", "lost to")
    if report.total.cycles is None:
        head, rows = head[:2] + head[3:5], [row[:2] + row[3:5] for row in rows]
    lines = grid(head, rows, left={"layer", "kind", "lost to"})
    lines.insert(-1, lines[1])
    if report.total.cycles is not None:
        lines += ["", _summary(report)]
    return "\n".join([*lines, *(_on_host(report, work) for work in report.host)])


def _on_host(report: Report, work: HostWork) -> str:
    nodes = ", ".join(f"{name} ({op})" for name, op in work.nodes)
    of = "" if work.share is None else f", {work.share:.1%} of the time of host and accelerator together"
    return f"on the host: {nodes}: {work.seconds / report.images * 1e3:.2f} ms an image{of}"


def _row(measure: Measure, config: Config) -> tuple[str, ...]:
    utilisation, speedup = measure.utilisation(config.multipliers), measure.speedup(config.multipliers)
    gops = measure.gops(config.clock_mhz)
    stalls = sorted(measure.stalls(config.multipliers).items(), key=lambda item: -item[1])[:SHOWN]
    return (
        shortened(measure.name),
        measure.kind,
        "" if measure.cycles is None else f"{measure.cycles:,}",
        amount(measure.macs_dense),
        amount(measure.macs_effectual),
        "-" if utilisation is None else f"{utilisation:.1%}",
        "-" if gops is None else f"{gops:.2f}",
        "-" if speedup is None else f"{speedup:.2f}x",
        ", ".join(f"{cause} {share:.0%}" for cause, share in stalls if share >= 0.005),
    )


def _summary(report: Report) -> str:
    total, multipliers, clock = report.total, report.config.multipliers, report.config.clock_mhz
    assert total.cycles is not None
    each = duration(total.cycles / clock / report.images)
    where = f" in {these(report)}" if report.chosen else ""
    lines = [f"{total.cycles:,} cycles for {plural(report.images, 'image')}{where}: {each} each at {clock:g} MHz"]
    over_all, mean = total.speedup(multipliers), report.speedup_layer_mean
    if over_all is not None and mean is not None:  # else nothing multiplies
        speedups = f"{over_all:.2f}x by total cycles, {mean:.2f}x as the mean of layers"
        lines.append(f"speedup over {multipliers} dense multipliers: {speedups}")
    return "\n".join(lines)


def these(report: Report) -> str:
    """The layers of the table, in words: all 5 layers; these 4 of 5 layers, where the others were left out."""
    return f"these {len(report.layers)} of {report.in_all} layers" if report.chosen else f"all {len(report.layers)} layers"


def duration(microseconds: float) -> str:
    """With a unit that suits it: 78.9 us, 25.0 ms."""
    return f"{microseconds:,.1f} us" if microseconds < 1000 else f"{microseconds / 1e3:,.1f} ms"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]], left: set[str]) -> list[str]:
    """Lines of a table: heading, rule, rows; columns named in `left` are aligned to the left."""
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]
    aligned = [
        [c.ljust(w) if name in left else c.rjust(w) for name, c, w in zip(head, row, widths, strict=True)]
        for row in (head, *rows)
    ]
    lines = ["  ".join(row).rstrip() for row in aligned]
    lines.insert(1, "-" * max(map(len, lines)))
    return lines


def shortened(name: str, most: int = LONGEST_NAME) -> str:
    """The name, or its beginning and its end where a table has no room for more: names of layers often differ in either."""
    tail = (most - 1) // 2
    return name if len(name) <= most else f"{name[: most - 1 - tail]}~{name[-tail:]}"


def amount(count: int) -> str:
    """A count with three digits and a unit: 12.3 M."""
    value = float(count)
    for unit in ("", " k", " M", " G"):
        if value < 999.5:
            return f"{value:.0f}{unit}" if not unit or value >= 99.95 else f"{value:.3g}{unit}"
        value /= 1000
    return f"{value:,.3g} T"


def plural(count: int, noun: str) -> str:
    """1 image, 2 images."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
