"""Cutting a model into segments for the accelerator and for the host: `--fallback host`.

What the hardware cannot do is found by trying. All units (`units`) but those with an unknown operator are meant for the
accelerator at first; what importer or compiler then blame goes to the host, until nothing is blamed. A segment on the accelerator
reads a single tensor, so a unit that joins tensors of several segments goes to the host, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..compiling import accelerated
from ..config import Config
from ..errors import PhantomError
from ..plan import Accelerated, Hosted, Plan
from ..run import as_images
from . import float_operators, integer_operators
from .graph import Graph, graph_of
from .importer import Imported, import_graph
from .units import PLUMBING, Unit, Units
from .values import UnsupportedModel

KNOWN = ({*float_operators.HANDLERS} - {*float_operators.HOST}) | {*integer_operators.HANDLERS, *PLUMBING}


@dataclass
class Region:
    """Units that one segment on the accelerator computes from `tensor`."""

    tensor: str
    units: list[Unit] = field(default_factory=list)

    @property
    def there(self) -> set[str]:
        """Tensors that its units can read."""
        return {self.tensor, *(unit.target for unit in self.units)}


def cut(graph: Graph, config: Config, image: np.ndarray | None = None) -> Plan:
    """The plan of a model, as much as possible on the accelerator.

    Args:
        image: a typical input of the model [C, H, W], by whose densities tiles are sized; see `compiling.accelerated`.

    Raises:
        UnsupportedModel: nothing is left for the accelerator. DeviceError: ONNX Runtime does not take the model.
    """
    return _Cut(graph, config, image).run()


def import_part(units: Units, tensor: str, outputs: tuple[str, ...], values: Mapping[str, np.ndarray]) -> Imported:
    """The network that computes tensors of a model from another one; see `import_model` for errors."""
    part = graph_of(units.model([tensor], outputs, values), units.graph.name)
    return import_graph(replace(part, name=units.graph.name))


class _Cut:
    def __init__(self, graph: Graph, config: Config, image: np.ndarray | None) -> None:
        self.graph, self.config, self.typical = graph, config, image is not None
        self.units = Units(graph)
        self.values = self.units.values(image)
        self.host = {unit.target for unit in self.units.all if any(graph.nodes[i].op not in KNOWN for i in self._moving(unit))}
        self.done: dict[tuple[str, tuple[str, ...]], Accelerated] = {}

    def _moving(self, unit: Unit) -> list[int]:
        """Nodes of a unit that are not computed from constants alone, shapes included."""
        return [i for i in unit.nodes if self.units.varies(i) and self.graph.nodes[i].op not in ("Shape",)]

    def run(self) -> Plan:
        while True:
            regions, hosted = self._arrange()
            if not regions:
                raise UnsupportedModel(f"{self.graph.name}: nothing is left for the accelerator; {self._all()}")
            wanted = self._wanted(regions, hosted)
            blamed = {target for region in regions for target in self._try(region, wanted)}
            if not blamed:
                return self._plan(regions, hosted)
            self.host |= blamed

    def _all(self) -> str:
        work = self.units.work(self.units.all)
        return f"its operators are {', '.join(sorted({op for _, op in work}))}"

    def _arrange(self) -> tuple[list[Region], list[Unit]]:
        """Regions, and the units that are left to the host."""
        regions: list[Region] = []
        hosted = []
        for unit in self.units.all:
            home = next((region for region in regions if region.there.issuperset(unit.inputs)), None)
            if unit.target in self.host or (home is None and len(unit.inputs) != 1):
                hosted.append(unit)
                continue
            if home is None:
                home = Region(unit.inputs[0])
                regions.append(home)
            home.units.append(unit)
        return regions, hosted

    def _wanted(self, regions: list[Region], hosted: list[Unit]) -> set[str]:
        """Tensors that leave the segment that computes them."""
        read = {name for unit in hosted for name in unit.inputs}
        return read | {region.tensor for region in regions} | set(self.graph.outputs)

    def _try(self, region: Region, wanted: set[str]) -> list[str]:
        """Compile a region; the targets of units that must go to the host for it, none when it is compiled."""
        key = region.tensor, tuple(unit.target for unit in region.units if unit.target in wanted)
        if key in self.done:
            return []
        culprits: tuple[str, ...] = ()
        imported = None
        try:
            imported = import_part(self.units, *key, self.values)
            network = imported.network
            image = as_images(network, self.values[region.tensor])[0] if self.typical else None
            self.done[key] = accelerated(network, self.config, image, region.tensor, imported.ports)
            return []
        except PhantomError as error:
            culprits = error.culprits
        names = set(culprits)
        if imported is not None:
            names.update(tensor.name for tensor in imported.tensors if tensor.layer in culprits)
        mine = [unit.target for unit in region.units]
        blamed = [unit.target for name in names for unit in self.units.with_node(name) if unit.target in mine]
        blamed += [target for target in mine if target in names]
        return blamed or mine[:1]

    def _plan(self, regions: list[Region], hosted: list[Unit]) -> Plan:
        """Segments in order: all that the host can compute, then all that the accelerator can, and again."""
        wanted = self._wanted(regions, hosted)
        there = {self.graph.input_name}
        segments: list[Accelerated | Hosted] = []
        while regions or hosted:
            now: list[Unit] = []
            known = set(there)
            for unit in hosted:
                if known.issuperset(unit.inputs):
                    now.append(unit)
                    known.add(unit.target)
            if now:
                segments.append(self._hosted(now, [unit for unit in hosted if unit not in now], regions))
                hosted = [unit for unit in hosted if unit not in now]
                there = known
            for region in [region for region in regions if region.tensor in there]:
                key = region.tensor, tuple(unit.target for unit in region.units if unit.target in wanted)
                segments.append(self.done[key])
                regions.remove(region)
                there |= region.there
        return Plan(self.graph.name, self.graph.input_name, self.graph.outputs, tuple(segments))

    def _hosted(self, now: list[Unit], later: list[Unit], regions: list[Region]) -> Hosted:
        targets = {unit.target for unit in now}
        inputs = tuple(dict.fromkeys(name for unit in now for name in unit.inputs if name not in targets))
        wanted = self._wanted(regions, later)
        outputs = tuple(unit.target for unit in now if unit.target in wanted)
        return Hosted(self.units.work(now), inputs, outputs, self.units.hosted(inputs, outputs, self.values))
