"""What layers the hardware does not take, whatever is around them; `lower` finds what does not go together."""

from __future__ import annotations

from .errors import ShapeError
from .network import AnyLayer, Conv, MaxPool, Network
from .views import MAX_WINDOWS

SHOWN = 4
MAX_POOL = 3  # rows and columns of a pooling window, and its step


def check_compilable(network: Network) -> None:
    """Raise ShapeError naming the layers that the hardware does not take, their kind, and what would be right."""
    found = {layer.name: reason for layer in network.layers if (reason := _reason(layer))}
    if found:
        reasons = [f"{name!r} ({reason})" for name, reason in found.items()]
        more = f"; and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
        error = ShapeError(f"network {network.name!r}: the hardware does not take {'; '.join(reasons[:SHOWN])}{more}")
        error.blame(*found)
        raise error


def _reason(layer: AnyLayer) -> str:
    if isinstance(layer, Conv):
        rows, cols = layer.weights.shape[2:]
        if rows * cols > MAX_WINDOWS:
            return f"convolution {rows} x {cols}, {rows * cols} windows; the table holds {MAX_WINDOWS}"
    if isinstance(layer, MaxPool):
        (rows, cols), step = layer.kernel, layer.stride
        if rows != cols or rows > MAX_POOL or step > MAX_POOL or max(layer.padding) > step:
            return (
                f"maximum pooling {rows} x {cols} / {step} with padding {layer.padding}; "
                f"windows must be square, windows and steps up to {MAX_POOL}, padding up to the step"
            )
    return ""
