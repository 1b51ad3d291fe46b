"""Which networks the hardware's compiler takes: so far chains of convolutions and fully connected layers."""

from __future__ import annotations

from .errors import ShapeError
from .network import AnyLayer, Conv, FullyConnected, Network

SHOWN = 4


def check_compilable(network: Network) -> None:
    """Raise ShapeError naming the layers that are not compiled yet."""
    reasons = [(layer.name, reason) for layer in network.layers if (reason := _reason(layer))]
    if reasons:
        named = ", ".join(f"{name!r} ({reason})" for name, reason in reasons[:SHOWN])
        more = f" and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
        raise ShapeError(f"network {network.name!r}: not yet compiled for the hardware: {named}{more}; use --device reference")
    if not network.is_chain():
        raise ShapeError(f"network {network.name!r} is no chain of layers; only chains are compiled yet; use --device reference")


def _reason(layer: AnyLayer) -> str:
    if isinstance(layer, FullyConnected):
        return ""
    if not isinstance(layer, Conv):
        return type(layer).__name__
    found = [
        f"stride {layer.stride}" if layer.stride > 2 else "",
        f"dilation {layer.dilation}" if layer.dilation > 1 else "",
        f"{layer.channel_groups} channel groups" if layer.channel_groups > 1 else "",
    ]
    return ", ".join(text for text in found if text)
