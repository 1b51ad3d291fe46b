"""The weight stream against a walker that follows docs/stream-format.md entry by entry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantom.errors import FormatError, RangeError, ShapeError
from phantom.weight_decode import decode_core, decode_params, packet_table
from phantom.weight_stream import Params, WeightLayout, Weights, core_mask, encode_weights

FIELDS = ("pass_", "group", "thread", "channel", "window", "slot", "w")


class Walker:
    """One thread of one core, as the document describes it."""

    def __init__(self, window_bits: int, slot_bits: int) -> None:
        self.slot_bits, self.bits = slot_bits, window_bits + slot_bits
        self.ones = (1 << self.bits) - 1
        self.lin = -1
        self.passes = 0
        self.found: list[tuple[int, int, int, int]] = []  # pass, channel since the start, rest of lin, w

    def feed(self, entry: int) -> None:
        w = (entry & 0xFF) - (256 if entry & 0x80 else 0)
        delta = entry >> 8
        if w:
            assert 1 <= delta <= 127
            self.lin += delta
            self.found.append((self.passes, self.lin >> self.bits, self.lin & self.ones, w))
        elif delta == 127:
            self.passes += 1
        elif delta == 126:
            self.lin += 126
        else:
            self.lin = ((self.lin >> self.bits) + delta) << self.bits | self.ones


def random_case(seed: int) -> tuple[Weights, list[Params], WeightLayout]:
    rng = np.random.default_rng(seed)
    passes, groups, blocks = rng.integers(1, 4, 3)
    threads = int(rng.integers(1, 9))
    window_bits, slot_bits = int(rng.integers(0, 6)), int(rng.integers(0, 6))
    widths = rng.choice([0, 1, 3, 60, 300], (passes, groups, blocks), p=[0.2, 0.2, 0.3, 0.2, 0.1])
    ends = np.cumsum(widths, axis=2)
    density = rng.choice([0.0, 0.001, 0.02, 0.5])
    rows = []
    for p in range(passes):
        for g in range(groups):
            size = (threads, int(ends[p, g, -1]), 1 << window_bits, 1 << slot_bits)
            index = np.flatnonzero(rng.random(int(np.prod(size))) < density)[:3000]
            index = np.unique(np.append(index, index[-1:] // 2))
            t, c, y, s = np.unravel_index(index, size) if np.prod(size) else ([], [], [], [])
            w = rng.integers(1, 256, len(t)).astype(np.uint8).view(np.int8)
            rows.append(np.stack([np.full(len(t), p), np.full(len(t), g), t, c, y, s, w]).astype(np.int64))
    table = np.concatenate(rows, axis=1)
    table = table[:, rng.permutation(table.shape[1])]
    params = []
    for _ in range(passes):
        n = int(rng.integers(0, 6))
        params.append(
            Params(
                rng.integers(-(2**31), 2**31, n).astype(np.int32),
                rng.integers(0, 2**24, n).astype(np.uint32),
                rng.integers(0, 8, n).astype(np.uint8),
                rng.integers(0, 2, n).astype(np.uint8),
            )
        )
    masks = np.array([core_mask(1 << g, 0b101) for g in range(groups)])
    layout = WeightLayout(threads, window_bits, slot_bits, ends, masks, int(rng.choice([1, 5, 64])))
    return Weights(*table), params, layout


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), repeat=st.integers(1, 2))
def test_round_trip(seed: int, repeat: int) -> None:
    weights, params, layout = random_case(seed)
    words = encode_weights(weights, params, layout, repeat)
    table = packet_table(words)
    ends = np.asarray(layout.block_ends)
    passes, groups, _ = ends.shape
    want = np.stack([getattr(weights, f) for f in FIELDS])

    assert not len(decode_core(words, 0, 1, layout.threads, layout.window_bits, layout.slot_bits).w), "column 1 is masked out"
    for core in range(2 * groups):
        group, column = core // 2, core % 2 * 2
        walkers = [Walker(layout.window_bits, layout.slot_bits) for _ in range(layout.threads)]
        for at, kind, rows, columns, nwords in zip(table.at, table.kind, table.rows, table.columns, table.nwords, strict=True):
            assert nwords <= max(layout.packet_words, 5)
            if kind == 2 and rows >> group & columns >> column & 1:
                for word in words[at + 1 : at + 1 + nwords].tolist():
                    for i in range(4):
                        walkers[word >> 60].feed(word >> 15 * i & 0x7FFF)
        lengths = np.tile(ends[:, group, -1], repeat)
        starts = np.cumsum(lengths) - lengths
        got = []
        for t, walker in enumerate(walkers):
            assert walker.passes == passes * repeat
            assert walker.lin == (int(lengths.sum()) << walker.bits) - 1, "the thread is at the end of the last channel"
            for p, c, low, w in walker.found:
                got.append((p % passes, group, t, c - starts[p], low >> layout.slot_bits, low & (1 << layout.slot_bits) - 1, w))
        mine = want[:, want[1] == group]
        expected = sorted(map(tuple, np.tile(mine, repeat).T.tolist()))
        assert sorted(got) == expected

        decoded = decode_core(words, group, column, layout.threads, layout.window_bits, layout.slot_bits)
        fast = np.stack([decoded.pass_ % passes, np.full(len(decoded.w), group), *(getattr(decoded, f) for f in FIELDS[2:])])
        assert sorted(map(tuple, fast.T.tolist())) == expected
        assert np.array_equal(decoded.channels, np.broadcast_to(lengths[:, None], decoded.channels.shape))

    got_params = decode_params(words)
    want_params = [p for p in params if len(p.bias)] * repeat
    for name in ("bias", "multiplier", "sel", "clamp"):
        assert np.array_equal(
            np.concatenate([getattr(p, name) for p in got_params] or [[]]),
            np.concatenate([getattr(p, name) for p in want_params] or [[]]),
        )


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_blocks_come_in_order(seed: int) -> None:
    """When the first word of a block arrives, every thread of the group is at the end of the block before."""
    weights, params, layout = random_case(seed)
    words = encode_weights(weights, params, layout)
    table = packet_table(words)
    ends = np.asarray(layout.block_ends)
    passes, groups, _ = ends.shape
    bits = layout.window_bits + layout.slot_bits
    for group in range(groups):
        offset = np.concatenate(([0], np.cumsum(ends[:, group, -1])))
        bounds = np.unique(np.concatenate([offset[p] + ends[p, group] for p in range(passes)]))
        walkers = [Walker(layout.window_bits, layout.slot_bits) for _ in range(layout.threads)]
        for at, mine, nwords in zip(table.at, table.reaches(group, 0), table.nwords, strict=True):
            if mine:
                for word in words[at + 1 : at + 1 + nwords].tolist():
                    walker = walkers[word >> 60]
                    for i in range(4):
                        walker.feed(word >> 15 * i & 0x7FFF)
                    channel = walker.lin >> bits
                    block = np.searchsorted(bounds, channel, side="right")
                    begin = bounds[block - 1] if block else 0
                    assert all((v.lin + 1) >> bits >= begin for v in walkers), f"thread {word >> 60} runs ahead into {channel}"


def test_words_of_threads_take_turns() -> None:
    n = 40
    thread = np.repeat([0, 1, 3], [n, 2 * n, 3 * n])
    channel = np.concatenate([np.arange(k) for k in (n, 2 * n, 3 * n)])
    zero = np.zeros_like(thread)
    layout = WeightLayout(4, 0, 0, np.array([[[3 * n]]]), np.array([core_mask(1, 1)]), 64)
    words = encode_weights(Weights(zero, zero, thread, channel, zero, zero, zero + 1), [EMPTY], layout)
    table = packet_table(words)
    owners = np.concatenate(
        [words[a + 1 : a + 1 + k] >> np.uint64(60) for a, k in zip(table.at, table.nwords, strict=True)]
    ).tolist()
    seen = [0] * 4
    lengths = [owners.count(t) for t in range(4)]
    for t in owners:
        assert all(seen[v] + (v < t) > seen[t] or seen[v] == lengths[v] or v >= t for v in range(4))
        assert all(seen[v] >= min(seen[t], lengths[v]) for v in range(4))
        seen[t] += 1


EMPTY = Params(*[np.zeros(0, np.int64)] * 4)


def a_param(**change: float) -> Params:
    """Parameters of a pass with one filter."""
    values = {"bias": 0, "multiplier": 1, "sel": 0, "clamp": 0} | change
    return Params(**{name: np.array([value]) for name, value in values.items()})


def one(**change: object) -> np.ndarray:
    """Encode a single weight, some arguments changed."""
    fields = dict.fromkeys(FIELDS, 0) | {"w": 5}
    layout = {
        "threads": 8,
        "window_bits": 4,
        "slot_bits": 3,
        "block_ends": np.array([[[10]]]),
        "core_masks": np.array([core_mask(1, 3)]),
    }
    params = change.pop("params", [EMPTY])
    for key, value in change.items():
        (fields if key in fields else layout)[key] = value
    weights = Weights(**{k: np.atleast_1d(np.asarray(v)) for k, v in fields.items()})
    return encode_weights(weights, params, WeightLayout(**layout))  # type: ignore[arg-type]


def test_known_words() -> None:
    words = one(channel=9, window=2, slot=1)
    assert len(words) == 1 + 8 + 1
    assert int(words[0]) == 3 << 48 | 1 << 32 | 8 << 12 | 2
    # Thread 0: skip 9 channels (to the end of channel 8), delta 18, skip 0 (end of the block), end of pass.
    assert int(words[1]) == 9 << 8 | (18 << 8 | 5) << 15 | 0 << 30 | (127 << 8) << 45
    assert int(words[2]) == 1 << 60 | 10 << 8 | (127 << 8) << 15


def test_empty_blocks_cost_nothing() -> None:
    for ends in ([[[10, 10]]], [[[0, 10]]], [[[0, 10, 10, 10]]]):
        assert np.array_equal(one(block_ends=np.array(ends)), one())


@pytest.mark.parametrize(
    "change",
    [
        {"w": 0},
        {"w": 128},
        {"channel": 10},
        {"window": 16},
        {"slot": 8},
        {"thread": 8},
        {"group": 1},
        {"pass_": 1},
        {"pass_": -1},
        {"threads": 17},
        {"core_masks": np.array([0])},
        {"core_masks": np.array([1 << 32])},
        {"core_masks": np.array([1])},
        {"core_masks": np.array([1 << 16])},
        {"block_ends": np.array([[[10, 9]]])},
        {"params": [a_param(bias=2**31)]},
        {"params": [a_param(multiplier=2**24)]},
        {"params": [a_param(sel=8)]},
        {"params": [a_param(clamp=2)]},
        {"params": [a_param(clamp=-1)]},
        {"params": [a_param(bias=0.5)]},
        dict.fromkeys(FIELDS, np.array([1, 1])) | {"pass_": [0, 0], "group": [0, 0]},
    ],
)
def test_out_of_range(change: dict[str, object]) -> None:
    with pytest.raises(RangeError):
        one(**change)


@pytest.mark.parametrize(
    "change",
    [
        {"params": []},
        {"params": [Params(np.zeros(2, int), np.zeros(1, int), np.zeros(2, int), np.zeros(2, int))]},
        {"block_ends": np.array([[10]])},
        {"core_masks": np.array([core_mask(1, 1)] * 2)},
        {"slot": np.array([1, 2])},
    ],
)
def test_shapes(change: dict[str, object]) -> None:
    with pytest.raises(ShapeError):
        one(**change)


def test_every_flipped_bit_is_found() -> None:
    words = one(params=[a_param(bias=-3, multiplier=77, sel=2, clamp=1)])
    for at in range(len(words)):
        for bit in range(64):
            bad = words.copy()
            bad[at] ^= np.uint64(1 << bit)
            with pytest.raises(FormatError):
                packet_table(bad)
    for length in range(len(words)):
        with pytest.raises(FormatError):
            packet_table(words[:length])
    with pytest.raises(FormatError):
        packet_table(np.append(words, words[-1:]))
