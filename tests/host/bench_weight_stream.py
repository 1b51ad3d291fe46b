"""Speed of the weight encoder in million weights a second, on one core: python tests/host/bench_weight_stream.py."""

from __future__ import annotations

import time

import numpy as np

from phantom.weight_decode import decode_core
from phantom.weight_stream import Params, WeightLayout, Weights, core_mask, encode_weights

CASES = (  # name, passes, groups, threads, channels, window_bits, slot_bits, density
    ("conv5_1", 4, 4, 8, 512, 4, 2, 0.2),
    ("fc6", 8, 4, 8, 25088, 0, 4, 0.04),
)


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(1)
    print(f"{'case':>8} {'weights':>9} {'words':>9} {'encode M/s':>11} {'unsorted M/s':>13} {'decode M/s':>11}")
    for name, passes, groups, threads, channels, window_bits, slot_bits, density in CASES:
        blocks = np.arange(64, channels + 64, 64).clip(max=channels)
        ends = np.broadcast_to(blocks, (passes, groups, len(blocks)))
        shape = (passes, len(blocks), groups, threads, 64, 1 << window_bits, 1 << slot_bits)
        index = np.flatnonzero(rng.random(int(np.prod(shape)), dtype=np.float32) < density)
        p, b, g, t, c, y, s = (a.astype(np.int32) for a in np.unravel_index(index, shape))
        c += 64 * b
        keep = c < channels
        fields = [a[keep] for a in (p, g, t, c, y, s)] + [rng.integers(1, 128, int(keep.sum())).astype(np.int8)]
        one = np.zeros(8, dtype=np.int32)
        layout = WeightLayout(threads, window_bits, slot_bits, ends, np.array([core_mask(1 << g, 15) for g in range(groups)]))

        def timed(order: np.ndarray | slice) -> tuple[float, np.ndarray]:
            mixed = Weights(*(a[order] for a in fields))  # noqa: B023
            start = time.process_time()
            words = encode_weights(mixed, [Params(one, one, one)] * passes, layout)  # noqa: B023
            return time.process_time() - start, words

        timed(slice(None))
        seconds, words = timed(slice(None))
        mixed, _ = timed(rng.permutation(len(fields[0])))
        start = time.process_time()
        decoded = decode_core(words, 0, 0, threads, window_bits, slot_bits)
        back = len(decoded.w) / (time.process_time() - start)
        n = len(fields[0])
        print(f"{name:>8} {n:>9} {len(words):>9} {n / seconds / 1e6:>11.1f} {n / mixed / 1e6:>13.1f} {back / 1e6:>11.1f}")


if __name__ == "__main__":
    main()
