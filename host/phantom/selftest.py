"""Self-test of a device: its identity, whether its registers hold what is written, and a layer of each kind, exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from . import reference
from .check import check_outputs
from .config import Config
from .driver import PARAMETERS, Accelerator
from .errors import DeviceError, PhantomError
from .network import Conv, FullyConnected, Layer, Network
from .program import compile_network
from .quantise import multipliers_of
from .run import DeviceRunner

SEED = 1
PATTERNS = (0x00000000, 0xFFFFFFF8, 0x55555550, 0xAAAAAAA8, 0x12345678)  # multiples of 8: addresses of words


def checks(accelerator: Accelerator, config: Config) -> Iterator[tuple[str, Callable[[], str]]]:
    """Title and body of each check; a body returns what it found, or raises PhantomError."""
    yield "build parameters", lambda: _parameters(accelerator, config)
    yield "register read-back", lambda: _registers(accelerator)
    for name, network in networks(np.random.default_rng(SEED)):
        yield name, lambda network=network: _network(accelerator, config, network)  # type: ignore[misc]


def selftest(accelerator: Accelerator, config: Config) -> bool:
    """Run all checks and print a line for each. True when none failed."""
    failed = 0
    for title, body in checks(accelerator, config):
        try:
            print(f"  ok    {title:22} {body()}", flush=True)
        except PhantomError as error:
            failed += 1
            print(f"  FAIL  {title:22} {error}", flush=True)
    print("passed" if not failed else f"failed: {failed} of the checks above")
    return not failed


def _parameters(accelerator: Accelerator, config: Config) -> str:
    """The driver has compared them when it was made; here they are shown, and compared again with this configuration."""
    for name in PARAMETERS:
        if accelerator.parameters[name] != getattr(config, name):
            raise DeviceError(
                f"{name} = {accelerator.parameters[name]}; configuration {config.name!r} has {getattr(config, name)}"
            )
    return f"those of {config.name}: {config.rows} x {config.cols} cores x {config.threads} threads"


def _registers(accelerator: Accelerator) -> str:
    """Patterns in the address registers of the DMA engines, which no transfer is using now."""
    overlay = accelerator.overlay
    count = 0
    for engine, names in (("dma_act", ("MM2S_SA", "S2MM_DA")), ("dma_wgt", ("MM2S_SA",))):
        block, registers = getattr(overlay, engine), overlay.ip_dict[engine]["registers"]
        addresses = {name: int(registers[name]["address_offset"]) for name in names}
        for pattern in PATTERNS:
            written = {name: pattern ^ i << 4 for i, name in enumerate(names)}
            for name, value in written.items():  # all before any is read: one register must not answer for another
                block.write(addresses[name], value)
            for name, value in written.items():
                got = int(block.read(addresses[name]))
                if got != value:
                    raise DeviceError(f"{engine} {name}: wrote 0x{value:08X}, read 0x{got:08X}")
                count += 1
    return f"{count} values"


def _network(accelerator: Accelerator, config: Config, network: Network) -> str:
    rng = np.random.default_rng(SEED)
    image = rng.integers(1, 256, network.input_shape).astype(np.uint8)
    image[rng.random(image.shape) < 0.5] = 0
    expected = reference.run(network, image)
    outputs, counters = DeviceRunner(accelerator, compile_network(network, config))(image)
    check_outputs(network, expected, outputs)
    cycles = sum(events.cycles for events in counters or [])
    return f"{sum(output.size for output in outputs.values()):5,} values equal, {cycles:6,} cycles"


def networks(rng: np.random.Generator) -> Iterator[tuple[str, Network]]:
    """A small random network for each kind of layer, and two chained layers."""

    def conv(channels: int, filters: int, kernel: int, stride: int = 1) -> Conv:
        pad = kernel // 2
        weights = random_weights(rng, (filters, channels, kernel, kernel))
        name = f"conv{kernel}x{kernel}"
        return Conv(name, weights, *random_parameters(rng, weights), stride=stride, padding=(pad, pad, pad, pad))

    def full(inputs: int, filters: int) -> FullyConnected:
        weights = random_weights(rng, (filters, inputs))
        return FullyConnected("fc", weights, *random_parameters(rng, weights), relu=False, out_dtype=np.dtype(np.int8))

    def network(title: str, shape: tuple[int, int, int], *layers: Layer) -> tuple[str, Network]:
        return title, Network(title, shape, np.dtype(np.uint8), layers)

    for kernel in (1, 3, 5, 7):
        yield network(f"conv {kernel}x{kernel}", (5, 11, 13), conv(5, 12, kernel))
    yield network("conv 3x3, stride 2", (6, 12, 14), conv(6, 10, 3, stride=2))
    yield network("fully connected", (8, 4, 4), full(128, 10))
    yield network("conv, then fc", (3, 6, 6), conv(3, 16, 3, stride=2), full(16 * 9, 10))


def random_weights(rng: np.random.Generator, shape: tuple[int, ...], density: float = 0.4) -> np.ndarray:
    """int8 weights over the whole range, about `density` of them not zero."""
    weights = rng.integers(-128, 128, shape).astype(np.int8)
    weights[rng.random(shape) >= density] = 0
    return weights


def random_parameters(rng: np.random.Generator, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """bias, multiplier, sel for weights [K, ...] that spread the outputs of an input of density 0.5 over their range."""
    filters = len(weights)
    per_filter = max(1.0, np.count_nonzero(weights) / filters)
    multiplier, sel = multipliers_of(rng.uniform(0.5, 1.5, filters) / (70 * per_filter**0.5))
    return rng.integers(-5000, 5001, filters).astype(np.int32), multiplier, sel
