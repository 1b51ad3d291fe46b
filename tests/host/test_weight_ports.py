"""Weight streams by port: every core gets what it would get from a single stream, in the same order, from its own port."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_weight_stream import random_case

from phantom.errors import ShapeError
from phantom.executable import WEIGHT_ALIGNMENT
from phantom.stream import check_end
from phantom.weight_decode import CoreWeights, decode_core, decode_params, packet_table
from phantom.weight_ports import joined, port_streams
from phantom.weight_stream import core_mask, encode_weights

COLUMNS = 4


def same(a: CoreWeights, b: CoreWeights) -> bool:
    return all(np.array_equal(getattr(a, field.name), getattr(b, field.name)) for field in fields(CoreWeights))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), ports=st.sampled_from([1, 2, 3]))
def test_a_core_hears_its_own_port_and_misses_nothing(seed: int, ports: int) -> None:
    weights, params, layout = random_case(seed)
    rng = np.random.default_rng(seed)
    masks = [core_mask(1 << group, int(rng.integers(1, 1 << COLUMNS))) for group in range(layout.block_ends.shape[1])]
    layout = replace(layout, core_masks=np.array(masks))
    whole = encode_weights(weights, params, layout)
    streams = port_streams(weights, params, layout, ports)
    assert len(streams) == ports
    bits = layout.window_bits, layout.slot_bits
    for port, stream in enumerate(streams):
        check_end(stream, len(stream) - 1)
        table = packet_table(stream)
        own = sum(1 << c for c in range(port, COLUMNS, ports))
        assert not np.any(table.columns & ~own), "a column of another port"
        assert port == 0 or not decode_params(stream), "only the first stream has parameters"
        for row, mask in enumerate(masks):
            for column in range(port, COLUMNS, ports):
                if mask >> 16 >> column & 1:
                    found = decode_core(stream, row, column, layout.threads, *bits)
                    assert same(found, decode_core(whole, row, column, layout.threads, *bits))
    biases = [np.concatenate([[], *(part.bias for part in decode_params(words))]) for words in (whole, streams[0])]
    assert np.array_equal(*biases)


def test_streams_in_one_array_begin_with_bursts() -> None:
    streams = [np.arange(1, n + 1, dtype=np.uint64) for n in (5, 16, 1)]
    words = joined(streams)
    assert len(words) == 2 * WEIGHT_ALIGNMENT + 1
    for start, stream in zip((0, WEIGHT_ALIGNMENT, 2 * WEIGHT_ALIGNMENT), streams, strict=True):
        assert np.array_equal(words[start : start + len(stream)], stream)
    assert not words[5:WEIGHT_ALIGNMENT].any()


def test_masks_by_pass_are_refused() -> None:
    weights, params, layout = random_case(1)
    by_pass = np.broadcast_to(layout.core_masks, (layout.block_ends.shape[0], layout.block_ends.shape[1]))
    with pytest.raises(ShapeError, match=r"it must be \[groups\]"):
        port_streams(weights, params, replace(layout, core_masks=by_pass), 2)
