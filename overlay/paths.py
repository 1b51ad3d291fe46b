"""The longest combinational paths of a mapped netlist.

The netlist becomes a graph of nets: an arc leads from each net that a cell's output depends on to the net at that output. In
topological order each net gets its latest arrival, once by estimated time and once by logic levels; what is left over when no
net is ready any more lies on or behind a combinational loop. A path starts at a register or an input port, and ends at a register
or an output port: the four kinds are kept apart.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import delays
import netlist
from delays import Border, Cell, Cost, Pin
from phantom.errors import PhantomError


class LoopError(PhantomError):
    """The netlist has a combinational loop; the message names the nets on it."""


class Arc(NamedTuple):
    """A way from one net to another: the first net's wire and the cell behind it."""

    source: int
    cost: Cost


class End(NamedTuple):
    """Where a path may end."""

    source: int
    cost: Cost
    name: str
    port: str  # of the block, "" for a register


class Start(NamedTuple):
    """Where a path may start."""

    net: int
    cost: Cost
    name: str
    port: str


@dataclass(frozen=True)
class Path:
    """The longest path to one end."""

    start: str
    end: str
    ns: float
    levels: int
    carry: int
    mux: int
    steps: tuple[str, ...]  # nets on the way that have a name in the sources, else the source lines of carry chains
    start_port: str
    end_port: str


Rank = Callable[[Cost], tuple[float, float]]


def slowest(cost: Cost) -> tuple[float, float]:
    """Rank by estimated time."""
    return cost.ns, cost.levels


def deepest(cost: Cost) -> tuple[float, float]:
    """Rank by logic levels."""
    return cost.levels, cost.ns


class Netlist:
    """A module of a netlist that Yosys wrote as JSON, ready for the search.

    Args:
        module: one entry of ``modules``.
        borders: of the blocks that appear in it as black boxes, by the name of their module.

    Raises UnknownCellError for a cell that the delay model does not know.
    """

    def __init__(self, module: Mapping[str, Any], borders: Mapping[str, Border] | None = None) -> None:
        self.names = netlist.net_names(module["netnames"])
        self.arcs: dict[int, list[Arc]] = defaultdict(list)  # by the net that they lead to
        self.starts: list[Start] = []
        self.ends: list[End] = []
        cells = [netlist.cell_of(name, text) for name, text in module["cells"].items() if text["type"] != "$scopeinfo"]
        drivers = {bit: (cell, pin) for cell in cells for pin, bit in netlist.nets(cell.outputs)}
        self.made = {bit: place for bit, (cell, _) in drivers.items() if (place := netlist.source_line(cell))}
        self.feeds = {
            bit: f"reg:{netlist.pin_name(cell, pin)}"
            for cell in cells
            if not cell.name.startswith("$")
            for pin, bit in netlist.nets(cell.inputs)
        }
        loads: dict[int, float] = defaultdict(float)
        for cell in cells:
            for pin, bit in netlist.nets(cell.inputs):
                loads[bit] += delays.load(cell, pin)
        data = Counter(cell.inputs["D"][0] for cell in cells if cell.kind.startswith("FD"))  # registers whose input a net is

        for cell in cells:
            found = delays.delays(cell, borders or {})
            inputs, outputs = dict(netlist.nets(cell.inputs)), dict(netlist.nets(cell.outputs))
            before = {}
            for pin, bit in inputs.items():
                driver, source = drivers.get(bit, (None, pin))
                before[pin] = delays.net(driver, source, cell, pin, alone=data[bit] == 1, loads=loads[bit])
            for source, target, cost in found.arcs:
                if source in inputs and target in outputs:
                    self.arcs[outputs[target]].append(Arc(inputs[source], before[source].plus(cost)))
            for pin, cost in found.starts:
                self.starts.append(Start(outputs[pin], cost, self.label(cell, pin), ""))
            for pin, cost in found.ends:
                self.ends.append(End(inputs[pin], before[pin].plus(cost), self.label(cell, pin), ""))
        for port, text in module["ports"].items():
            for i, bit in enumerate(text["bits"]):
                if not isinstance(bit, int):
                    continue
                name = f"{port}[{i}]" if len(text["bits"]) > 1 else port
                if text["direction"] == "input":
                    self.starts.append(Start(bit, Cost(delays.FF_CLOCK), name, port))
                else:
                    self.ends.append(End(bit, Cost(0.0), name, port))
        self.order = self.topological_order()

    def label(self, cell: Cell, pin: Pin) -> str:
        """Name of a register or memory in the sources, with the pin unless it is a register's data.

        A register that synthesis has made, such as that of a memory's address, is called by the pin that it feeds (reg:...).
        """
        if not cell.name.startswith("$"):
            return netlist.pin_name(cell, pin)
        outputs = [bit for _, bit in netlist.nets(cell.outputs)]
        names = [self.names[bit] for bit in outputs if bit in self.names] or [self.feeds[b] for b in outputs if b in self.feeds]
        name = names[0] if names else netlist.source_line(cell) or cell.name
        if cell.kind.startswith("FD") and pin.port in ("D", "Q"):
            return name
        return name + netlist.pin_name(cell, pin).removeprefix(cell.name)

    def topological_order(self) -> list[int]:
        """The nets that cells drive combinationally, each behind all that it depends on. Raises LoopError."""
        waits = {target: sum(arc.source in self.arcs for arc in arcs) for target, arcs in self.arcs.items()}
        followers: dict[int, list[int]] = defaultdict(list)
        for target, arcs in self.arcs.items():
            for arc in arcs:
                followers[arc.source].append(target)
        order = [target for target, number in waits.items() if number == 0]
        for net in order:  # grows
            for target in followers[net]:
                waits[target] -= 1
                if waits[target] == 0:
                    order.append(target)
        if len(order) < len(waits):
            raise LoopError(f"combinational loop: {' -> '.join(self.loop({n for n, number in waits.items() if number}))}")
        return order

    def loop(self, left: set[int]) -> list[str]:
        """Names of the nets on a loop among those that wait for each other."""
        trail: list[int] = [min(left)]
        while trail[-1] not in trail[:-1]:
            trail.append(next(arc.source for arc in self.arcs[trail[-1]] if arc.source in left))
        around = trail[trail.index(trail[-1]) :][::-1]  # the trail went backwards
        return [self.names.get(net, f"net {net}") for net in around]

    def paths(self, from_port: bool, to_port: bool, rank: Rank) -> list[Path]:
        """The longest path to each end of a kind, longest first. Ends that nothing of the kind reaches are left out."""
        arrival: dict[int, Cost] = {}
        before: dict[int, int] = {}  # the net before, on the longest path
        first: dict[int, Start] = {}
        for start in self.starts:
            if bool(start.port) == from_port and (start.net not in arrival or rank(start.cost) > rank(arrival[start.net])):
                arrival[start.net], first[start.net] = start.cost, start
        for net in self.order:
            for arc in self.arcs[net]:
                if arc.source in arrival:
                    cost = arrival[arc.source].plus(arc.cost)
                    if net not in arrival or rank(cost) > rank(arrival[net]):
                        arrival[net], before[net] = cost, arc.source
        reached = [
            (arrival[end.source].plus(end.cost), end)
            for end in self.ends
            if bool(end.port) == to_port and end.source in arrival
        ]
        reached.sort(key=lambda item: rank(item[0]), reverse=True)
        return [self.path(cost, end, before, first) for cost, end in reached]

    def path(self, cost: Cost, end: End, before: Mapping[int, int], first: Mapping[int, Start]) -> Path:
        """A path from its end back to its start."""
        net, trail = end.source, []
        while net in before:
            trail.append(net)
            net = before[net]
        known = filter(None, (self.names.get(n) or self.made.get(n) for n in reversed(trail)))
        steps = [step for step, _ in itertools.groupby(known)]
        start = first[net]
        return Path(start.name, end.name, round(cost.ns, 2), *cost[1:], tuple(steps), start.port, end.port)

    def border(self) -> Border:
        """Worst path from a register to each output port and from each input port to a register, by time and by levels."""
        out: dict[str, Cost] = {}
        into: dict[str, Cost] = {}
        for rank in (slowest, deepest):
            for path in self.paths(False, True, rank):
                out[path.end_port] = worst_of(out.get(path.end_port), path, 0.0)
            for path in self.paths(True, False, rank):
                into[path.start_port] = worst_of(into.get(path.start_port), path, delays.FF_CLOCK)
        return Border(out, into)


def worst_of(known: Cost | None, path: Path, less: float) -> Cost:
    """Time and levels of a path, or of what is known where that is worse."""
    cost = Cost(path.ns - less, path.levels, path.carry, path.mux)
    if known is None:
        return cost
    return Cost(max(known.ns, cost.ns), max(known.levels, cost.levels), max(known.carry, cost.carry), max(known.mux, cost.mux))
