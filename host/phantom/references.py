"""The networks that a compiled file's results can be compared with: it holds none itself, only their checksums."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from . import network_file
from .errors import FormatError, MismatchError
from .files import load_network, network_path
from .network import Network
from .plan import Accelerated, Plan


def with_networks(plan: Plan, file: str, model: str) -> Plan:
    """The plan of `file` with the networks of `model`, which it must have been made from.

    Raises MismatchError when it was not. FormatError: `model` cannot be read, or is no ONNX model where parts of one are wanted.
    """
    segments = list(plan.segments)
    if plan.alone is not None:
        segments[0] = replace(plan.alone, network=load_network(model))
    else:
        path = network_path(model)
        if path.suffix.lower() != ".onnx":
            raise FormatError(f"{model}: {file} has parts on the host, so it was made from an ONNX model; name that")
        from .onnx.fallback import import_part
        from .onnx.graph import read
        from .onnx.units import Units
        from .onnx.values import UnsupportedModel

        units = Units(read(path))
        values = units.values(None)
        for i, segment in enumerate(segments):
            if isinstance(segment, Accelerated):
                outputs = tuple(port.tensor for port in segment.ports)
                network = None
                if {segment.tensor, *outputs} <= values.keys():
                    with suppress(UnsupportedModel):  # as the model that the file was made from would not be
                        network = import_part(units, segment.tensor, outputs, values).network
                segments[i] = replace(segment, network=network)
    for segment in segments:
        if isinstance(segment, Accelerated) and _checksum(segment.network, segment.outline.name) != segment.outline.checksum:
            raise MismatchError(f"{file} was not made from {model}: compile that, or name the right one")
    return replace(plan, segments=tuple(segments))


def _checksum(network: Network | None, name: str) -> str:
    """Of the network by the name that it was compiled by: a model's is that of its file, which may have been renamed since."""
    return "" if network is None else network_file.checksum(replace(network, name=name))
