"""Lowered networks, interpreted: stages that hand bundles on compute every tensor of the network, and errors say what is lost."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from graphs_for_tests import random_graph
from hypothesis import given, settings
from hypothesis import strategies as st
from networks_for_tests import random_input
from small_layers import add, conv, depthwise

from phantom import reference
from phantom.errors import ShapeError
from phantom.lower import lower
from phantom.network import AnyLayer, Concat, FullyConnected, MaxPool, Network
from phantom.quantise import requantise
from phantom.stage import Stage

UINT8, INT8 = np.dtype(np.uint8), np.dtype(np.int8)


def interpret(stage: Stage, source: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a stage makes of the tensors of its bundle, value by value."""
    values = np.concatenate([source[part.name].astype(np.int64) for part in stage.source.parts])
    filters, rows, cols = stage.shape
    sums = np.zeros(stage.shape, np.int64) + stage.bias[:, None, None]
    height, width = values.shape[1:]
    for k, at, tap, weight in zip(stage.k, stage.at, stage.tap, stage.value, strict=True):
        if not stage.taps:
            sums[k, 0, 0] += weight * values.reshape(-1)[at]
            continue
        dy, dx = stage.taps[tap]
        for y in range(rows):
            x = np.arange(cols) * stage.stride + dx
            inside = (x >= 0) & (x < width)
            if 0 <= y * stage.stride + dy < height:
                sums[k, y, inside] += weight * values[at, y * stage.stride + dy, x[inside]]
    out = np.zeros(stage.shape, np.int64)
    half = stage.outputs
    for k in range(filters):
        if stage.residual is not None and k >= half:
            sums[k] += stage.residual.factor * out[k - half]
        scaled = requantise(sums[k], 0, int(stage.multiplier[k]), int(stage.sel[k]), -(2**40), 2**40)
        out[k] = np.clip(scaled, *stage.clamps[stage.clamp[k]])
    if stage.residual is not None:
        assert stage.residual.signed or out[:half].min() >= 0
        out = out[half:]
    if stage.pool is not None:
        out = pooled(out, stage.pool, stage.result.plane)
    assert out.shape == stage.result.shape
    return {part.name: out[part.start : part.stop].astype(part.dtype) for part in stage.result.parts}


def pooled(values: np.ndarray, pool: MaxPool, plane: tuple[int, int]) -> np.ndarray:
    out = np.zeros((len(values), *plane), np.int64)
    for y in range(plane[0]):
        for x in range(plane[1]):
            top, left = y * pool.stride - pool.padding[0], x * pool.stride - pool.padding[1]
            window = values[:, max(0, top) : top + pool.kernel[0], max(0, left) : left + pool.kernel[1]]
            out[:, y, x] = window.max(axis=(1, 2))
    return out


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_stages_compute_the_network(seed: int) -> None:
    network = random_graph(seed)
    image = random_input(np.random.default_rng(seed), network.input_shape, network.input_dtype.type)
    right = dict(zip((layer.name for layer in network.layers), reference.run(network, image), strict=True))
    right["input"] = image
    stages, tensors, seen = lower(network), {"input": image}, set()
    for stage in stages:
        assert set(tensors) == {part.name for part in stage.source.parts}, "a stage reads what the one before it wrote"
        tensors = interpret(stage, tensors)
        for name, got in tensors.items():
            assert np.array_equal(got, right[name]) and got.dtype == right[name].dtype, (stage.name, name)
        seen |= set(tensors)
    done = [layer.name for stage in stages for layer in stage.layers]
    joins = [layer.name for layer in network.layers if isinstance(layer, Concat)]
    assert sorted(done + joins) == sorted(layer.name for layer in network.layers), "every layer once"
    assert {name for name in network.outputs if name not in joins} <= seen


def names(network: Network) -> list[str]:
    return [stage.name for stage in lower(network)]


def test_a_residual_block_with_a_shortcut() -> None:
    """Layers that read the same and look alike share a stage; a tensor is carried as long as it is wanted, and no longer."""
    layers = [
        conv("a", 3, 4), conv("b", 4, 4, inputs=("a",)), add("s", "a", "b"), conv("c", 4, 6, stride=2),
        conv("d", 4, 6, 1, stride=2, inputs=("s",)), conv("e", 6, 6, inputs=("c",)), add("t", "e", "d"),
    ]  # fmt: skip
    stages = lower(Network("n", (3, 8, 8), UINT8, layers))
    assert [stage.name for stage in stages] == ["a", "b+s", "c+d", "e+t"]
    assert [[part.name for part in stage.result.parts] for stage in stages] == [["a"], ["s"], ["c", "d"], ["t"]]
    # The output of a convolution between keeps the addition from going with it, and then a tensor is carried to it.
    stages = lower(Network("n", (3, 8, 8), UINT8, layers, ("b", "t")))
    assert [stage.name for stage in stages] == ["a", "b", "s", "c+d", "e+t"]
    assert [[part.name for part in stage.result.parts] for stage in stages[:3]] == [["a"], ["b", "a"], ["s"]]
    last = stages[1].k >= 4
    assert stages[1].value[last].tolist() == [1] * 4 and stages[1].taps[stages[1].tap[last][0]] == (0, 0)


def test_an_addition_in_the_drain() -> None:
    """The first half of the filters is the convolution, kept; the second half has what it is added to, with that one's factor."""
    a, b = conv("a", 3, 4), conv("b", 4, 4, inputs=("a",), out_dtype=INT8, relu=False)
    for names, factors in ((("b", "a"), (-3, 2032)), (("a", "b"), (2032, -3))):
        (stage,) = lower(Network("n", (3, 8, 8), UINT8, [a, b, add("s", *names, factors=factors)]))[1:]
        assert stage.residual is not None and (stage.residual.factor, stage.residual.signed) == (-3, True)
        assert (stage.filters, stage.outputs, stage.result.shape) == (8, 4, (4, 8, 8))
        second = stage.k >= 4
        assert np.array_equal(stage.at[second], np.arange(4)) and set(stage.value[second]) == {2032}
        assert np.count_nonzero(~second) == np.count_nonzero(b.weights)


@pytest.mark.parametrize(
    "layers",
    [
        [conv("b", 4, 4, inputs=("a",)), add("s", "b", "b")],  # nothing else is added
        [conv("b", 4, 4, inputs=("a",)), add("s", "b", "a"), conv("c", 4, 2, inputs=("a",))],  # a is wanted afterwards
        [conv("b", 4, 4, inputs=("a",)), add("s", "b", "a"), conv("c", 4, 2, inputs=("b",))],  # and b
        [depthwise("b", 4, inputs=("a",)), add("s", "b", "a")],
        [conv("b", 4, 4, inputs=("a",)), conv("c", 4, 4, inputs=("a",)), add("s", "b", "c")],  # c is not there when b is made
    ],
)
def test_additions_that_do_not_go_with_a_convolution(layers: list[AnyLayer]) -> None:
    read = {name for layer in layers for name in layer.inputs}
    outputs = [layer.name for layer in layers if layer.name not in read]
    for stage in lower(Network("n", (3, 8, 8), UINT8, [conv("a", 3, 4), *layers], outputs)):
        assert stage.residual is None


def test_planes_of_one_value_do_not_add_in_the_drain() -> None:
    full = FullyConnected("f", np.ones((4, 3 * 64), np.int8), [0] * 4, [1] * 4, [0] * 4)
    layers = [full, conv("b", 4, 4, 1, inputs=("f",)), add("s", "b", "f")]
    assert all(stage.residual is None for stage in lower(Network("n", (3, 8, 8), UINT8, layers)))


def test_pooling_goes_with_the_convolution_that_nobody_else_reads() -> None:
    pool = MaxPool("p", (2, 2), 2, inputs=("a",))
    assert names(Network("n", (3, 8, 8), UINT8, [conv("a", 3, 4), pool])) == ["a+p"]
    assert names(Network("n", (3, 8, 8), UINT8, [conv("a", 3, 4), pool], ("a", "p"))) == ["a", "p"]


def test_what_reads_the_larger_planes_comes_before_they_shrink() -> None:
    layers = [conv("a", 3, 4), MaxPool("p", (2, 2), 2), conv("b", 3, 4, inputs=("input",), dilation=2)]
    layers[2] = dataclasses.replace(layers[2], padding=(2,) * 4)
    assert names(Network("n", (3, 8, 8), UINT8, layers, ("p", "b"))) == ["b", "a+p"]
    # And where what is pooled comes with what is not, pooling waits.
    layers = [conv("a", 3, 4, stride=2), MaxPool("p", (2, 2), 2), conv("b", 3, 4, 1, stride=2, inputs=("input",))]
    assert names(Network("n", (3, 8, 8), UINT8, layers, ("p", "b"))) == ["a+b", "p"]


def test_concatenation_is_no_stage() -> None:
    layers = [conv("a", 3, 2), conv("b", 3, 5, 1, inputs=("input",)), Concat("j", inputs=("b", "a", "b")), conv("c", 12, 3)]
    stages = lower(Network("n", (3, 8, 8), UINT8, layers))
    assert [stage.name for stage in stages] == ["a+b", "c"]
    # Channels that it holds twice have one weight, the sum.
    weights = layers[3].weights.astype(int).reshape(3, 12, 9)  # type: ignore[union-attr]
    want = np.concatenate([weights[:, 5:7], weights[:, :5] + weights[:, 7:]], axis=1)
    got = np.zeros_like(want)
    np.add.at(got, (stages[1].k, stages[1].at, stages[1].tap), stages[1].value)
    assert np.array_equal(got, want) and len(stages[1].value) == np.count_nonzero(want)


def test_a_tensor_wanted_after_its_planes_changed_size() -> None:
    pool = MaxPool("p", (2, 2), 2, inputs=("a",))
    late = [conv("a", 3, 4), pool, conv("b", 4, 4, inputs=("p",)), conv("c", 3, 4, stride=2, inputs=("input",))]
    late.append(add("s", "b", "c"))
    message = r"'p' cannot be scheduled: layer 'c' reads 'input' later, whose planes are 8 x 8; a tensor is carried only past"
    with pytest.raises(ShapeError, match=message):
        lower(Network("n", (3, 8, 8), UINT8, late))
    fulls = [FullyConnected(name, np.ones((2, 3 * 64), np.int8), [0] * 2, [1] * 2, [0] * 2, inputs=("input",)) for name in "fg"]
    with pytest.raises(ShapeError, match="layer 'f' cannot be scheduled: layer 'g' reads 'input' later"):
        lower(Network("n", (3, 8, 8), UINT8, fulls, ("f", "g")))


def test_more_than_two_ranges() -> None:
    layers = [conv("a", 3, 4, high=6), conv("b", 4, 4, high=9), add("s", "a", "b"), add("t", "s", "b", high=7)]
    assert names(Network("n", (3, 8, 8), UINT8, layers)) == ["a", "b", "s", "t"]
    layers = [conv("a", 3, 4, out_dtype=np.int8), conv("b", 3, 4, high=9, inputs=("input",)), conv("c", 4, 3, high=6)]
    layers += [add("s", "c", "input"), add("t", "a", "b")]
    with pytest.raises(ShapeError, match=r"3 ranges of outputs in one stage; the hardware has 2"):
        lower(Network("n", (3, 8, 8), UINT8, layers, ("s", "t")))


def test_what_the_hardware_does_not_take_comes_first() -> None:
    with pytest.raises(ShapeError, match=r"the hardware does not take 'p' .maximum pooling 4 x 4 / 1"):
        lower(Network("n", (3, 8, 8), UINT8, [conv("a", 3, 4), MaxPool("p", (4, 4))]))


def test_a_pooling_behind_a_large_stride() -> None:
    """The drain thins out the results of such a stride; only where the host folds it away a pooling goes with it."""
    a, b, p = conv("a", 3, 16), conv("b", 16, 4, stride=3), MaxPool("p", (2, 2), inputs=("b",))
    assert names(Network("n", (3, 16, 16), UINT8, [a, b, p])) == ["a", "b", "p"]
    assert names(Network("n", (3, 16, 16), UINT8, [conv("b", 3, 4, stride=4), p])) == ["b+p"]
    assert names(Network("n", (16, 16, 16), UINT8, [b, p])) == ["b", "p"]


def test_a_network_that_computes_nothing() -> None:
    with pytest.raises(ShapeError, match=r"only joins its input .layer 'j'.: it computes nothing") as found:
        lower(Network("n", (3, 4, 4), UINT8, [Concat("j", inputs=("input", "input"))]))
    assert found.value.culprits == ("j",)
