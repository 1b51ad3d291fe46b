"""Balance: which filter on which thread.

All threads of a pass share the activations, so a pass lasts as long as its busiest thread, and how busy a thread will be is known
from its filters' nonzero weights alone. Threads with several filters get dense ones together with sparse ones.
"""

from __future__ import annotations

import numpy as np


def assign(load: np.ndarray, lanes: int, passes: int, slots: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place filters.

    Args:
        load: nonzero weights of each filter, int [K]. lanes: threads side by side. passes, slots: rounds of filters;
            lanes * passes * slots >= K.

    Returns:
        (pass, lane, slot), int64 [K] each.

    Filters go from dense to sparse, `lanes` at a time; the rounds of a pass are taken from both ends of that order, so that
    passes are alike; inside a pass each filter goes to the least busy lane with a free slot.
    """
    order = np.argsort(-load, kind="stable")
    rounds = passes * slots
    pass_, lane, slot = (np.zeros(len(load), dtype=np.int64) for _ in range(3))
    # Round r of the order belongs to the pass whose turn it is, back and forth: 0 1 2 2 1 0 0 1 2 ...
    turn = np.arange(rounds) % (2 * passes)
    owner = np.where(turn < passes, turn, 2 * passes - 1 - turn)
    busy = np.zeros((passes, lanes))
    used = np.zeros((passes, lanes), dtype=np.int64)
    for r in range(rounds):
        members = order[r * lanes : (r + 1) * lanes]
        p = int(owner[r])
        ranked = np.lexsort((np.arange(lanes), busy[p]))[: len(members)]
        pass_[members], lane[members], slot[members] = p, ranked, used[p][ranked]
        busy[p][ranked] += load[members]
        used[p][ranked] += 1
    return pass_, lane, slot
