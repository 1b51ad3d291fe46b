"""The order in which filters come out, chosen for the stage that reads them.

The hardware walks channels in the order of the stream. A channel that many weights want keeps the multipliers busy, one that is
only carried along keeps the LAM busy: side by side they share the time, one kind after the other they add up, for the
activation ring holds a few channels only. Which filters a thread has is a matter of balance (`balance`); which of them comes
first, and which thread is which lane, is free.
"""

from __future__ import annotations

import numpy as np

from .segments import LANES


def interleave(
    pass_: np.ndarray, lane: np.ndarray, slot: np.ndarray, demand: np.ndarray, shape: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Order filters so that the demand for them is as even as it can be along the stream.

    Args:
        pass_, lane, slot: of each filter, int [K], from `balance.assign`. demand: nonzero weights of the stage behind that read
            it, int [K]. shape: (passes, groups, slots).

    Returns:
        (lane, slot), int64 [K] each: filters that shared a thread still do. In the order of the stream (pass, group, slot,
        thread of the core) each place is given the filter that keeps the sum so far closest to the mean's.
    """
    passes, groups, slots = shape
    threads = groups * LANES
    filter_at = np.full((passes, threads, slots), -1, dtype=np.int64)
    filter_at[pass_, lane, slot] = np.arange(len(demand))
    new_lane, new_slot = np.zeros(len(demand), dtype=np.int64), np.zeros(len(demand), dtype=np.int64)
    for rest in filter_at:
        want = np.where(rest >= 0, demand[rest], 0).astype(np.float64)  # of places without a filter: nothing
        mean, total = want.sum() / want.size, 0.0
        free = np.ones(threads, dtype=bool)
        for group in range(groups):
            mine = np.zeros(LANES, dtype=np.int64)  # the threads that become this core's
            for s in range(slots):
                for t in range(LANES):
                    total += mean
                    candidates = np.flatnonzero(free) if s == 0 else mine[t : t + 1]
                    best = int(np.argmin(np.abs(want[candidates] - total)))
                    thread, which = int(candidates[best // slots]), best % slots
                    if s == 0:
                        mine[t], free[thread] = thread, False
                    total -= want[thread, which]
                    chosen = rest[thread, which]
                    want[thread, which] = np.inf
                    if chosen >= 0:
                        new_lane[chosen], new_slot[chosen] = group * LANES + t, s
    return new_lane, new_slot
