"""Networks that are graphs: what may read what, shapes and types, and the layers without weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from networks_for_tests import random_conv, random_input

from phantom import network_file, reference
from phantom.compilable import check_compilable
from phantom.config import load_config
from phantom.effectual import dense_macs, effectual_macs
from phantom.errors import FormatError, PhantomError, RangeError, ShapeError
from phantom.network import Add, Concat, Conv, MaxPool, Network
from phantom.outline import kind_of
from phantom.run import ReferenceRunner, as_images, by_name, run_network
from phantom.scales import Quantisation

RNG = np.random.default_rng(0)


def named(layer: Conv, name: str, *inputs: str, **more: object) -> Conv:
    """A copy under another name."""
    return Conv(**{**vars(layer), "name": name, "inputs": inputs, **more})  # type: ignore[arg-type]


def conv(name: str, *inputs: str, channels: int = 4, **rest: object) -> Conv:
    """A convolution 3x3 that keeps rows and columns."""
    return named(random_conv(RNG, 4, channels, (3, 3), padding=(1, 1, 1, 1), **rest), name, *inputs)


def diamond(**change: object) -> Network:
    """Two branches, added, joined with one of them, pooled."""
    layers = [
        conv("a", channels=3),
        conv("b", "a"),
        named(conv("c", "a", channel_groups=4, dilation=2), "c", "a", padding=(2, 3, 2, 1)),
        Add("sum", (3, -2), 1 << 20, 3, inputs=("b", "c")),
        Concat("both", inputs=("sum", "a")),
        MaxPool("pool", (3, 2), 2, (1, 1, 0, 0)),
    ]
    fields: dict[str, object] = {"name": "d", "input_shape": (3, 7, 8), "input_dtype": np.uint8, "layers": layers}
    return Network(**(fields | change))  # type: ignore[arg-type]


def test_shapes_types_and_sources() -> None:
    network = diamond()
    assert network.sources() == [(-1,), (0,), (0,), (1, 2), (3, 0), (4,)]
    assert network.shapes()[-3:] == [(4, 7, 8), (8, 7, 8), (8, 3, 4)]
    assert network.input_shapes()[3] == ((4, 7, 8), (4, 7, 8))
    assert network.dtypes() == [np.uint8] * 6 and network.input_dtypes()[4] == (np.uint8, np.uint8)
    assert network.outputs == ("pool",) and not network.is_chain()
    assert Network("n", (3, 7, 8), np.uint8, [conv("a", channels=3), conv("b")]).is_chain()
    assert not Network("n", (3, 7, 8), np.uint8, [conv("a", channels=3), conv("b")], ("b", "a")).is_chain()


def test_a_pool_has_the_type_of_its_input() -> None:
    layers = [conv("a", "input", channels=3, out_dtype=np.int8, relu=False), MaxPool("p", (2, 2), 2)]
    network = Network("n", (3, 6, 6), np.uint8, layers)
    assert network.dtypes() == [np.int8, np.int8]
    assert reference.run(network, random_input(RNG, (3, 6, 6), np.uint8))[1].dtype == np.int8


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([conv("a", "b", channels=3), conv("b", "a")], "'a' reads 'b', which does not come before it"),
        ([conv("a", "a", channels=3)], "'a' reads 'a'"),
        ([conv("a", channels=3), conv("b", "input", channels=3)], "nothing reads layer 'a'"),
        ([conv("a", channels=3), Add("s", (1, 1), 1, 0)], "'s' names no inputs; it needs 2"),
        ([conv("a", channels=3), Add("s", (1, 1), 1, 0, inputs=("a", "input"))], r"'s' adds inputs of shapes \(4, 7, 8\) and"),
        ([MaxPool("p", (2, 2), 2), Concat("c", inputs=("p", "input"))], "'c' joins inputs of shapes"),
        (
            [conv("a", channels=3, out_dtype=np.int8), Concat("c", inputs=("a", "input"))],
            r"'c' joins inputs of types \['int8', 'uint8'\]",
        ),
        ([MaxPool("p", (9, 2))], "kernel 9 x 2 is larger"),
    ],
)
def test_graphs_that_do_not_fit(layers: list[object], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        diamond(layers=layers)


def test_outputs() -> None:
    assert diamond(outputs=("sum", "pool")).outputs == ("sum", "pool")
    with pytest.raises(ShapeError, match="no layer 'x' to be an output"):
        diamond(outputs=("x",))
    with pytest.raises(ShapeError, match="not distinct"):
        diamond(outputs=("pool", "pool"))
    with pytest.raises(ShapeError, match="no layer 'x'"):
        diamond(output_quantisation={"x": Quantisation(1.0)})


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: conv("input", channels=3), ShapeError, "cannot be called 'input'"),
        (lambda: named(conv("a"), "a", "x", "y"), ShapeError, "'a' reads 2 inputs; it must be 1"),
        (lambda: MaxPool("p", (2, 2), inputs="abc"), ShapeError, "tuple of names"),  # type: ignore[arg-type]
        (lambda: named(conv("a"), "a", low=5, high=4), RangeError, "limits 5..4"),
        (lambda: named(conv("a"), "a", low=-1), RangeError, r"limits -1..255; .* within 0..255 \(uint8\)"),
        (lambda: named(conv("a"), "a", dilation=5), RangeError, "dilation is 5; it must be 1 to 4"),
        (lambda: MaxPool("p", (2, 2, 2)), ShapeError, "kernel is"),  # type: ignore[arg-type]
        (lambda: MaxPool("p", (2, 3), padding=(2, 0, 0, 0)), RangeError, "less than the kernel 2 x 3"),
        (lambda: MaxPool("p", (2, 2), 0), RangeError, "stride is 0"),
        (lambda: Add("s", (2033, 1), 1, 0), RangeError, r"factors are \(2033, 1\); they must be two within \+-2032"),
        (lambda: Add("s", (1, 1), 1 << 24, 0), RangeError, "multiplier is 16777216"),
        (lambda: Add("s", (1, 1), 1, 8), RangeError, "sel is 8"),
    ],
)
def test_wrong_layers(make: object, error: type[PhantomError], message: str) -> None:
    with pytest.raises(error, match=message):
        make()  # type: ignore[operator]


def test_limits_in_short_form() -> None:
    one = ([0], [1], [0])
    assert Conv("c", np.ones((1, 1, 1, 1), int), *one).limits == (0, 255)
    assert Conv("c", np.ones((1, 1, 1, 1), int), *one, relu=False, out_dtype=np.int8).limits == (-128, 127)
    assert Conv("c", np.ones((1, 1, 1, 1), int), *one, high=6).limits == (0, 6)
    assert Conv("c", np.ones((1, 1, 1, 1), int), *one, low=-3, out_dtype=np.int8).limits == (-3, 127)


def test_saved_and_loaded(tmp_path: Path) -> None:
    scales = {"pool": Quantisation(0.25, -3, np.dtype(np.int8))}
    network = diamond(outputs=("pool", "sum"), input_quantisation=Quantisation(0.1, 7), output_quantisation=scales)
    path = tmp_path / "n.npz"
    network_file.save(network, path)
    again = network_file.load(path)
    for name in ("name", "input_shape", "input_dtype", "outputs", "input_quantisation", "output_quantisation"):
        assert getattr(again, name) == getattr(network, name), name
    image = random_input(RNG, (3, 7, 8), np.uint8)
    for one, other in zip(network.layers, again.layers, strict=True):
        assert type(one) is type(other)
        for name, value in vars(one).items():
            got = getattr(other, name)
            assert np.array_equal(value, got) and type(value) is type(got), name
    for left, right in zip(reference.run(network, image), reference.run(again, image), strict=True):
        assert np.array_equal(left, right)
    assert (Path(network_file.__file__).parent / "networks" / "digits.npz").exists()


def test_an_unknown_kind_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network_file.save(diamond(), tmp_path / "n.npz")
    monkeypatch.delitem(network_file._KINDS, "MaxPool")
    with pytest.raises(FormatError, match="layer 5 is of kind 'MaxPool'"):
        network_file.load(tmp_path / "n.npz")


def test_multiplies_and_kinds() -> None:
    network = diamond()
    images = random_input(RNG, (2, 3, 7, 8), np.uint8)
    report = run_network(network, None, "reference", ReferenceRunner(network), images, check=False).report  # type: ignore[arg-type]
    by_name = {layer.name: layer for layer in report.layers}
    assert by_name["sum"].macs_dense == 2 * 2 * 4 * 56 and by_name["pool"].macs_dense == by_name["both"].macs_dense == 0
    assert [kind_of(layer) for layer in network.layers] == [
        "conv 3x3", "conv 3x3", "conv 3x3 g4 d2", "add", "concat", "maxpool 3x2/2",
    ]  # fmt: skip
    a, b = np.array([[[0, 1, 2]]], np.uint8), np.array([[[0, 0, 3]]], np.uint8)
    assert effectual_macs(Add("s", (1, 2), 1, 0), a, b) == 3 and effectual_macs(Add("s", (1, 0), 1, 0), a, b) == 2
    assert dense_macs(MaxPool("p", (2, 2)), (3, 4, 5)) == 0


def test_dilated_multiplies() -> None:
    """Against a count of all pairs."""
    layer = random_conv(RNG, 3, 2, (2, 3), stride=3, padding=(1, 2, 0, 1), dilation=2)
    image = random_input(RNG, (2, 9, 10), np.uint8)
    ones = Conv("o", (layer.weights != 0).astype(np.int8), [0] * 3, [1] * 3, [0] * 3, 3, (1, 2, 0, 1), dilation=2)
    assert effectual_macs(layer, image) == reference.accumulate(ones, (image != 0).astype(np.uint8)).sum()


def test_what_the_hardware_does_not_take() -> None:
    check_compilable(diamond(layers=diamond().layers[:-1], outputs=("both",)))
    with pytest.raises(ShapeError, match=r"'pool' \(maximum pooling 3 x 2 / 2 with padding \(1, 1, 0, 0\); windows must be"):
        check_compilable(diamond())
    for change in ({"kernel": (4, 4)}, {"kernel": (3, 3), "stride": 4}, {"kernel": (3, 3), "padding": (0, 0, 2, 0)}):
        with pytest.raises(ShapeError, match=r"'p' .*windows and steps up to 3, padding up to the step"):
            check_compilable(Network("n", (3, 7, 8), np.uint8, [MaxPool("p", **change)]))  # type: ignore[arg-type]
    check_compilable(Network("n", (3, 7, 8), np.uint8, [MaxPool("p", (3, 3), 3, (2, 2, 2, 2))]))
    layers = [MaxPool("a", (4, 4)), named(random_conv(RNG, 4, 3, (17, 16)), "b", padding=(8, 8, 8, 8))]
    with pytest.raises(ShapeError, match=r"'a' \(maximum .*; 'b' \(convolution 17 x 16, 272 windows; the table holds 256"):
        check_compilable(Network("n", (3, 7, 8), np.uint8, layers))
    many = [MaxPool(f"c{i}", (4, 4), padding=(2, 2, 2, 2)) for i in range(6)]
    with pytest.raises(ShapeError, match=r"'c0' .*'c3' .*; and 2 more$"):
        check_compilable(Network("n", (3, 7, 8), np.uint8, many))


def test_a_concatenation_is_put_together_on_the_host() -> None:
    """No run computes one: what reads it is measured all the same, and it can be an output."""
    network = diamond(
        layers=[conv("a", channels=3), conv("b", "a"), Concat("both", inputs=("b", "a")), conv("c", "both", channels=8)],
        outputs=("both", "c"),
    )
    image = random_input(RNG, (3, 7, 8), np.uint8)
    right = by_name(network, reference.run(network, image))

    class Device:
        stages = (("a",), ("b",), ("c",))

        def __call__(self, image: np.ndarray) -> tuple[dict[str, np.ndarray], None]:
            return {name: right[name] for name in "abc"}, None

    outcome = run_network(network, load_config("tiny"), "rtl", Device(), image[None])
    assert np.array_equal(outcome.results[0][0], right["both"])
    assert outcome.report.layers[2].macs_effectual == effectual_macs(network.layers[3], right["both"]) > 0


def test_real_and_integer_images() -> None:
    network = diamond(
        input_quantisation=Quantisation(0.5, 128, np.dtype(np.uint8)), input_dtype=np.int8, layers=[conv("a", channels=3)]
    )
    real = np.array([-100.0, -1.25, 0.25, 0.75, 3.0, 1e9], np.float32)
    image = np.resize(real, (3, 7, 8))
    got = as_images(network, image)
    assert got.dtype == np.int8 and got.shape == (1, 3, 7, 8)
    assert got.reshape(-1)[:6].tolist() == [-128, -2, 0, 2, 6, 127]
    shifted = (got[0].astype(int) + 128).astype(np.uint8)
    assert np.array_equal(as_images(network, shifted), got) and np.array_equal(as_images(network, got), got)
    image[1, 2, 3] = np.nan
    with pytest.raises(RangeError, match=r"index \(0, 1, 2, 3\) is NaN"):
        as_images(network, image)
    with pytest.raises(ShapeError, match=r"takes int8, uint8 \(zero-point 128\) or float32 of shape"):
        as_images(network, image[:2])
    with pytest.raises(ShapeError, match="takes uint8 of shape"):
        as_images(diamond(), real.reshape(1, 2, 3))
