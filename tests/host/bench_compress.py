"""Speed of compress and expand in MB/s of dense activations, on one core: python tests/host/bench_compress.py."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from phantom.compress import compress, expand

SHAPES = ((64, 56, 56), (256, 56, 56), (512, 14, 14), (64, 224, 224))
DENSITY = 0.3


def best(run: Callable[[], object], repeats: int = 15) -> float:
    """Shortest time of a run in seconds."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(1)
    print(f"{'shape':>14} {'strip':>6} {'compress MB/s':>14} {'expand MB/s':>12}   (density {DENSITY})")
    for shape in SHAPES:
        tensor = rng.integers(-128, 128, shape).astype(np.int8)
        tensor[rng.random(shape) >= DENSITY] = 0
        for strip in (None, 4):
            words = compress(tensor, strip)
            there = best(lambda: compress(tensor, strip))  # noqa: B023
            back = best(lambda: expand(words, *shape, np.int8))  # noqa: B023
            size = tensor.size / 1e6
            name = "x".join(map(str, shape))
            print(f"{name:>14} {strip or '-':>6} {size / there:>14.0f} {size / back:>12.0f}")


if __name__ == "__main__":
    main()
