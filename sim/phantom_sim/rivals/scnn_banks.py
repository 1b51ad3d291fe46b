"""Conflicts in SCNN's accumulator banks, counted exactly and yet without looking at each product.

A product's bank is (u + v) mod 32, where u depends on the activation's place alone and v on the weight's. So the largest number
of products that meet in one bank, for a group of up to four activations and one of up to four weights, does not change when all
u are shifted alike: it depends on the *class* of each group, its differences. There are about 1,900 classes, and one table of
all pairs of them.
"""

from __future__ import annotations

import functools

import numpy as np

BANKS = 32
LANES = 4  # of a group
NONE = 64  # stands for no element in a sorted group


@functools.lru_cache(maxsize=1)
def classes() -> tuple[np.ndarray, np.ndarray]:
    """(class of a group by its code, int16; a member of each class int64 [classes, 4], NONE where there is no element).

    The code of a sorted group is made of its differences from its first element (see `classify`).
    """
    steps = np.arange(BANKS + 1)  # BANKS: no element
    d1, d2, d3 = (axis.reshape(-1) for axis in np.meshgrid(steps, steps, steps, indexing="ij"))
    member = np.stack([np.zeros_like(d1), d1, d2, d3], axis=1)
    member = np.where(member == BANKS, NONE, member)
    # The least code of all rotations that bring one of the elements to 0 names the class.
    best = np.full(len(member), np.iinfo(np.int64).max)
    for base in range(LANES):
        there = member[:, base] != NONE
        shifted = np.where(member == NONE, NONE, (member - member[:, base : base + 1]) % BANKS)
        code = _code(np.sort(shifted, axis=1))
        best = np.where(there, np.minimum(best, code), best)
    names, number = np.unique(best, return_inverse=True)
    members = member[names]
    members = np.concatenate([members, np.full((1, LANES), NONE)])  # the last class: a group of nothing
    return np.append(number.reshape(-1), len(names)).astype(np.int16), members


def _code(group: np.ndarray) -> np.ndarray:
    """Of sorted groups [n, 4] that begin with an element."""
    steps = np.where(group == NONE, BANKS, group - group[:, :1])
    return (steps[:, 1] * (BANKS + 1) + steps[:, 2]) * (BANKS + 1) + steps[:, 3]


def classify(groups: np.ndarray) -> np.ndarray:
    """Class, int16 [n], of groups int64 [n, 4] of banks in any order, NONE where there is no element."""
    ordered = np.sort(groups, axis=1)
    table, _ = classes()
    code = np.where(ordered[:, 0] == NONE, len(table) - 1, _code(ordered))
    return table[code]


@functools.lru_cache(maxsize=1)
def loads() -> np.ndarray:
    """Cycles of a pair of groups by their classes, float32 [classes, classes]: the fullest bank's products, 1 at least."""
    _, members = classes()
    count = len(members)
    result = np.ones((count, count), np.float32)
    row = np.arange(count)[:, None, None] * BANKS
    for number, group in enumerate(members):
        own = group[group != NONE]
        if not len(own):
            continue
        bank = (members[:, :, None] + own) % BANKS + row
        there = np.broadcast_to(members[:, :, None] != NONE, bank.shape)
        full = np.bincount(bank[there], minlength=count * BANKS).reshape(count, BANKS).max(axis=1)
        result[number] = np.maximum(1, full)
    return result
