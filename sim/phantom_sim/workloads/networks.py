"""Networks of the zoo as masks: their layers' sizes, published densities, and a seed.

Nothing is trained or built: masks are drawn layer by layer (see `spread`), each from seed and place alone, so that a layer is the
same whether others are made or not. A layer's input has the density that the layer before it hands on; the image, and the mean of
planes, are dense.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from phantom.errors import ConfigError
from phantom_sim.zoo.architectures import ARCHITECTURES, VARIANTS, architecture
from phantom_sim.zoo.densities import Density, published
from phantom_sim.zoo.layers import INPUT, Architecture, Layer, Size, sizes

from .layer import LayerMasks
from .spread import TRAINED, Spread, activation_mask, check_density, weight_mask

SHORT = {"mobilenet": "mobilenet_v1"}
NAMES = (*ARCHITECTURES, *VARIANTS)


@dataclass(frozen=True)
class Recipe:
    """Of one layer: all that its masks are made from. Small, so that it can be sent to another process."""

    layer: Layer
    size: Size
    source: tuple[int, int, int]  # shape of its input
    weights: float
    input: float
    output: float
    assumed: bool
    seed: tuple[int, ...]
    spread: Spread = TRAINED

    @property
    def name(self) -> str:
        """Of the layer."""
        return self.layer.name

    def make(self) -> LayerMasks:
        """Draw the masks."""
        rng = np.random.default_rng(self.seed)
        layer, size = self.layer, self.size
        shape = (*size.weights[:1], *self.source) if layer.connected else size.weights
        weights = weight_mask(rng, shape, self.weights, self.spread.filters)
        activations = activation_mask(rng, self.source, self.input, self.spread)
        return LayerMasks(
            layer.name,
            weights,
            activations,
            layer.stride,
            (layer.pad, layer.pad, layer.pad, layer.pad),
            layer.groups,
            connected=layer.connected,
            out_size=math.prod(size.output),
            out_density=self.output,
            assumed=self.assumed,
        )


def recipes(
    network: str, seed: int = 1, spread: Spread = TRAINED, density: tuple[float, float] | None = None
) -> list[Recipe]:
    """All layers of a network of the zoo, in order.

    `density`: weights and activations, of all layers (the image included) instead of the published ones.

    Raises ConfigError for an unknown network, RangeError for an impossible density.
    """
    if network not in (*SHORT, *NAMES):
        raise ConfigError(f"there is no network {network!r}; there are {', '.join((*SHORT, *NAMES))}")
    net = architecture(SHORT.get(network, network))
    if density is None:
        densities, _ = published(net)
    else:
        for what, value in zip(("weights", "activations"), density, strict=True):
            check_density(what, value)
        densities = {layer.name: Density(*density, assumed=True) for layer in net.layers}
    return [_recipe(net, number, densities, seed, spread, density) for number in range(len(net.layers))]


def _recipe(
    net: Architecture,
    number: int,
    densities: dict[str, Density],
    seed: int,
    spread: Spread,
    given: tuple[float, float] | None,
) -> Recipe:
    layer, found = net.layers[number], sizes(net)
    before = next((other for other in net.layers if other.name == layer.source), None)
    # Nothing of a mean over a whole plane is zero, whatever the plane holds.
    dense = before is None or (before.pool is not None and not before.pool.kernel)
    share = (given[1] if given else 1.0) if dense else densities[layer.source].activations
    return Recipe(
        layer,
        found[layer.name],
        net.shape if layer.source == INPUT else found[layer.source].output,
        densities[layer.name].weights,
        share,
        densities[layer.name].activations,
        bool(before and densities[layer.source].assumed and not dense),
        (seed, number),
        spread,
    )
