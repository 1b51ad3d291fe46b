"""Balance: which filter on which thread.

All threads of a pass share the activations, so a pass lasts as long as its busiest thread, and how busy a thread will be is known
from its filters' nonzero weights alone. Threads with several filters get dense ones together with sparse ones. Along the
channels, too, no thread should get far ahead of the others, because the activation ring lets none be further ahead than it
is long: so filters are paired whose nonzeros come at different channels.
"""

from __future__ import annotations

import numpy as np

from .segments import LANES as THREADS  # of a core: a chunk of channels comes from one


def assign_own(channel: np.ndarray, pass_chans: int, groups: int, passes: int, slots: int) -> tuple[np.ndarray, ...]:
    """Place filters that read one channel each, where every pass and every group of cores has channels of its own.

    Args:
        channel: of each filter, -1 for filters without weights, int [K]. pass_chans: channels of a pass, dealt out to the
            groups in turn. slots: filters of a thread in a pass.

    Returns:
        (pass, lane, slot), int64 [K] each: neighbouring channels of a group go to different threads.
    """
    reads = np.flatnonzero(channel >= 0)
    in_pass = channel[reads] % pass_chans
    core = channel[reads] // pass_chans * groups + in_pass % groups  # pass and group
    order = np.lexsort((reads, in_pass // groups, core))
    reads, core = reads[order], core[order]
    rank = np.arange(len(core)) - np.searchsorted(core, core)
    room = slots * THREADS  # of a core
    place = np.full(len(channel), -1, dtype=np.int64)
    place[reads] = core * room + rank
    free = np.setdiff1d(np.arange(passes * groups * room), place[reads])
    silent = np.flatnonzero(channel < 0)
    place[silent] = free[: len(silent)]
    core, rank = place // room, place % room
    return core // groups, core % groups * THREADS + rank % THREADS, rank // THREADS


def busiest(load: np.ndarray, lanes: int, passes: int, slots: int) -> float:
    """Nonzero weights of the busiest thread of each pass, summed up over the passes; arguments as for `assign`."""
    order = -np.sort(-load)
    state = np.zeros((passes, lanes))
    for r, p in enumerate(_owners(passes, passes * slots)):
        members = order[r * lanes : (r + 1) * lanes]
        state[p].sort()  # the densest of them goes to who has least
        state[p, : len(members)] += members
    return float(state.max(axis=1).sum())


def _owners(passes: int, rounds: int) -> list[int]:
    """The pass of each round of filters, back and forth: 0 1 2 2 1 0 0 1 2 ..."""
    turn = np.arange(rounds) % (2 * passes)
    return [int(p) for p in np.where(turn < passes, turn, 2 * passes - 1 - turn)]


def assign(
    load: np.ndarray, lanes: int, passes: int, slots: int, profile: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place filters.

    Args:
        load: nonzero weights of each filter, int [K]. lanes: threads side by side. passes, slots: rounds of filters;
            lanes * passes * slots >= K.
        profile: nonzero weights of each filter by block of channels, int [K, B]; None: only the sums count.

    Returns:
        (pass, lane, slot), int64 [K] each.

    Filters go from dense to sparse, `lanes` at a time; the rounds of a pass are taken from both ends of that order, so that
    passes are alike. Inside a pass the lanes, the most uneven first, each take the filter of the round that best cancels their
    deviation from the mean, summed up along the channels.
    """
    order = np.argsort(-load, kind="stable")
    pass_, lane, slot = (np.zeros(len(load), dtype=np.int64) for _ in range(3))
    course = np.cumsum(load[:, None] if profile is None else profile, axis=1).astype(np.float64)
    course -= course.mean(axis=0)
    state = np.zeros((passes, lanes, course.shape[1]))
    used = np.zeros((passes, lanes), dtype=np.int64)
    for r, p in enumerate(_owners(passes, passes * slots)):
        members = order[r * lanes : (r + 1) * lanes]
        mine = course[members]
        # |state + mine|^2, less what does not depend on the filter.
        cost = (mine**2).sum(axis=1) + 2 * state[p] @ mine.T
        takers = np.argsort(state[p][:, -1], kind="stable")[: len(members)]
        for taker in takers[np.argsort(-(state[p][takers] ** 2).sum(axis=1), kind="stable")]:
            m = int(np.argmin(cost[taker]))
            cost[:, m] = np.inf
            f = members[m]
            pass_[f], lane[f], slot[f] = p, taker, used[p, taker]
            state[p, taker] += mine[m]
            used[p, taker] += 1
    return pass_, lane, slot
