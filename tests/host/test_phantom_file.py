"""Compiled files: what is loaded is what was compiled, in no more memory than that takes, and nothing else is loaded."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tracemalloc
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphs_for_tests import random_graph
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks_for_tests import random_conv, random_fc

import phantom
from phantom import container, network_file, phantom_file
from phantom.compiling import plan_of
from phantom.config import load_config
from phantom.errors import FormatError, ShapeError
from phantom.executable import Executable
from phantom.layout import Layout
from phantom.network import Network
from phantom.outline import Outline
from phantom.phantom_file import Compiled

TINY = load_config("tiny")
UINT8 = np.dtype(np.uint8)


def same(left: Any, right: Any) -> bool:
    """Equal in every value, arrays in type and shape, too; places of layouts may be of another integer type."""
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and left.shape == right.shape and np.array_equal(left, right)
    if isinstance(left, Layout):
        rest = all(getattr(left, f.name) == getattr(right, f.name) for f in fields(left) if f.name != "places")
        return rest and np.array_equal(left.places, right.places)
    if isinstance(left, Outline | phantom.outline.LayerOutline | phantom.effectual.Demand):
        return all(same(getattr(left, f.name), getattr(right, f.name)) for f in fields(left))
    if isinstance(left, tuple | list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def check_same(direct: Compiled, loaded: Compiled) -> None:
    assert loaded.config == direct.config
    for name in ("name", "input", "outputs"):
        assert getattr(loaded.plan, name) == getattr(direct.plan, name)
    for one, other in zip(direct.plan.accelerated, loaded.plan.accelerated, strict=True):
        assert (one.tensor, one.ports, one.densities) == (other.tensor, other.ports, other.densities)
        assert same(one.outline, other.outline)
        for stage, again in zip(one.stages, other.stages, strict=True):
            for field in fields(Executable):
                assert same(getattr(stage, field.name), getattr(again, field.name)), (stage.name, field.name)
            assert again.result_words == stage.result_words


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    """Two layers, the first one folded."""
    rng = np.random.default_rng(2)
    conv = random_conv(rng, 6, 3, (3, 3), stride=2, padding=(1, 1, 1, 1))
    network = Network("net", (3, 8, 8), UINT8, [conv, random_fc(rng, 4, 6 * 16)])
    return Compiled(TINY, plan_of(network, TINY))


@pytest.fixture
def path(compiled: Compiled, tmp_path: Path) -> Path:
    """A right file."""
    phantom_file.save(compiled, tmp_path / "net.phantom")
    return tmp_path / "net.phantom"


# --- what is loaded is what was compiled -----------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1))
def test_round_trip(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """All kinds of layers."""
    network = random_graph(seed)
    try:
        direct = Compiled(TINY, plan_of(network, TINY))
    except ShapeError as error:
        assert "does not fit configuration" in str(error)
        return
    path = tmp_path_factory.getbasetemp() / "random.phantom"
    phantom_file.save(direct, path)
    check_same(direct, phantom_file.load(path))


def test_what_is_loaded_cannot_be_changed(path: Path) -> None:
    stage = phantom_file.load(path).plan.accelerated[0].stages[0]
    for array in (stage.weights, stage.source.places):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_the_same_bytes(tmp_path: Path) -> None:
    """In processes that hash strings differently."""
    program = "import sys; from phantom import cli; sys.exit(cli.main(['compile', *sys.argv[1:], '--config', 'tiny']))"
    host = str(Path(phantom.__file__).parents[1])
    for seed in "12":
        arguments = [sys.executable, "-W", "ignore", "-c", program, "digits_residual", "-o", str(tmp_path / f"{seed}.phantom")]
        subprocess.run(arguments, env={**os.environ, "PYTHONPATH": host, "PYTHONHASHSEED": seed}, check=True, capture_output=True)
    assert (tmp_path / "1.phantom").read_bytes() == (tmp_path / "2.phantom").read_bytes()


def test_numpy_alone(path: Path) -> None:
    """A board has neither onnx nor what compiles."""
    program = (
        "import sys; from phantom import phantom_file; phantom_file.load(sys.argv[1]);"
        "print(*{m.split('.')[0] for m in sys.modules} & {'onnx', 'onnxruntime', 'scipy', 'pynq', 'phantom_sim', 'ml_dtypes'})"
    )
    host = str(Path(phantom.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], env={**os.environ, "PYTHONPATH": host}, capture_output=True, check=True
    )
    assert not done.stdout.strip()


@pytest.mark.parametrize(("inputs", "filters"), [(96, 4), (8192, 200)])
def test_memory(inputs: int, filters: int, tmp_path: Path) -> None:
    """The file is read into one buffer: no more than 1.2 times its size, and a constant for each stage besides."""
    rng = np.random.default_rng(3)
    layers = [random_conv(rng, inputs // 16, 3, (3, 3), stride=2, padding=(1, 1, 1, 1)), random_fc(rng, filters, inputs)]
    network = Network("net", (3, 8, 8), UINT8, layers)
    path = tmp_path / "net.phantom"
    config = load_config("pynq_z2")
    phantom_file.save(Compiled(config, plan_of(network, config)), path)
    size = path.stat().st_size
    phantom_file.load(path)  # what Python and numpy make once
    tracemalloc.start()
    kept = phantom_file.load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(kept.plan.accelerated[0].stages) == 2
    assert peak <= size + 2 * 25_000, (peak, size)
    assert peak <= 1.2 * size or size < 500_000, (peak, size)


# --- what is not loaded ----------------------------------------------------------------------------------------------------


def refused(path: Path, message: str) -> None:
    with pytest.raises(FormatError, match=rf"net\.phantom: {message}"):
        phantom_file.load(path)


def test_every_changed_byte(path: Path) -> None:
    """Head, header, tables, register values, orders, weights, and what is between them."""
    data = path.read_bytes()
    places = [*range(64), *range(64, len(data), 13), len(data) - 1]
    for at in places:
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        if at < 8:
            refused(path, "not a .phantom file")
        elif at < 12:
            refused(path, f"is of version .* this package reads version {phantom_file.VERSION}: compile it again")
        elif 16 <= at < 24:
            refused(path, f"has {len(data)} bytes; it must have")
        else:
            refused(path, "the checksum is wrong")


def test_truncated_or_longer(path: Path) -> None:
    data = path.read_bytes()
    for length in (*range(0, 64, 7), *range(64, len(data), 101), len(data) - 1):
        path.write_bytes(data[:length])
        refused(path, "not a .phantom file" if length < 64 else f"has {length} bytes; it must have {len(data)}")
    path.write_bytes(data + b"\0")
    refused(path, "has .* bytes; it must have")


def test_other_files(path: Path, compiled: Compiled, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="there is no such file"):
        phantom_file.load(tmp_path / "none.phantom")
    with pytest.raises(FormatError, match=r"cannot be read|not a \.phantom file"):
        phantom_file.load(tmp_path)
    header, arrays = container.read(path, phantom_file.VERSION)
    container.write(path, phantom_file.VERSION + 1, header, arrays)
    refused(path, f"is of version {phantom_file.VERSION + 1} of the format; this package reads version {phantom_file.VERSION}")
    network_file.save(random_graph(1), path)
    refused(path, "not a .phantom file; `phantom compile")
    with pytest.raises(FormatError, match="cannot be written"):
        phantom_file.save(compiled, tmp_path)


CASES: dict[str, tuple[tuple[Any, ...], Any, str]] = {
    "no configuration": (("config",), None, "makes no sense"),
    "a size that cannot be": (("config", "lf"), 3, "lf = 3; it must be a power of two"),
    "a size too many": (("config", "more"), 3, "makes no sense"),
    "no segments": (("segments",), [], "makes no sense|the outputs are"),
    "an output that is not there": (("outputs",), ["y"], r"the outputs are \['y'\]; the segments yield \['fc', 'input'\]"),
    "a tensor that is not there": (("segments", 0, "tensor"), "z", "reads 'z', which none before it yields"),
    "a port without a layer": (("segments", 0, "ports", 0, 1), "z", "no layer 'z'"),
    "a stage without a layer": (("segments", 0, "stages", "stages", 0, "layers"), ["z"], r"layers that are not there: \['z'\]"),
    "a layer that reads itself": (("segments", 0, "outline", "layers", 0, 2), ["conv"], "layer 'conv' reads"),
    "counts of another layer": (("segments", 0, "outline", "layers", 0, 6, 1), 1, r"counts of shape \(96,\) do not fit"),
    "padding that fills memory": (("segments", 0, "outline", "layers", 0, 6, 4), [1 << 40] * 4, "do not fit its input"),
    "a type": (("segments", 0, "outline", "layers", 0, 4), "int64", "activations of type 'int64'"),
    "a shape": (("segments", 0, "outline", "input_shape"), [3, 8], r"a tensor of shape \[3, 8\]"),
    "a scale": (("segments", 0, "outline", "input_quantisation"), [-1.0, 0, "int8"], "scale is -1.0"),
    "a plane": (("segments", 0, "stages", "stages", 0, "plane"), [4, 5], "the result has shape"),
    "no strips": (("segments", 0, "stages", "stages", 0, "strips"), 0, "for 0 strips"),
    "tables as weights": (("segments", 0, "stages", "stages", 0, "weights"), 5, "a weight stream of"),
    "streams of other lengths": (("segments", 0, "stages", "stages", 0, "weight_words"), [3, 4], r"streams of \[3, 4\] words"),
    "no weight streams": (("segments", 0, "stages", "stages", 0, "weight_words"), [], r"weight streams of \[\] words"),
    "weights as tables": (("segments", 0, "stages", "stages", 0, "tables"), 7, "makes no sense"),
    "strips of no rows": (("segments", 0, "stages", "stages", 1, "result", 3), 0, "strips of 1 / 0 rows"),
    "places beyond the tensor": (("segments", 0, "stages", "source", 0), [1, 2, 2], r"places -1\.\.\d+ of 4"),
    "a result that fills memory": (("segments", 0, "stages", "stages", 0, "result", 2), 1 << 40, "a transfer moves"),
    "an array that is not there": (("segments", 0, "stages", "values"), 99, "makes no sense"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be(case: str, path: Path) -> None:
    """A right checksum over a wrong header."""
    (*parents, last), value, message = CASES[case]
    header, arrays = container.read(path, phantom_file.VERSION)
    at: Any = header
    for key in parents:
        at = at[key]
    at[last] = value
    container.write(path, phantom_file.VERSION, header, arrays)
    refused(path, f".*({message})")


def leaves(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where a header has values that hold no others."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [place for key, inner in items for place in leaves(inner, (*at, key))]
    return found or [at]


STRANGE = st.sampled_from([None, True, -1, 0, 1, 3, 2**31, 2**70, -(2**70), 1.5, float("inf"), "", "conv", [], [1], {}, [[]]])


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(where=st.integers(0, 2**32 - 1), up=st.integers(0, 3), value=STRANGE)
def test_anything_else(where: int, up: int, value: Any, compiled: Compiled, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever stands anywhere in the header: it is refused, or nobody minds; memory stays what it is."""
    path = tmp_path_factory.getbasetemp() / "strange.phantom"
    phantom_file.save(compiled, path)
    header, arrays = container.read(path, phantom_file.VERSION)
    places = leaves(header)
    place = places[where % len(places)]
    place = place[: max(1, len(place) - up)]
    at: Any = header
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    container.write(path, phantom_file.VERSION, header, arrays)
    tracemalloc.start()
    try:
        phantom_file.load(path)
    except FormatError as error:
        assert "strange.phantom: " in str(error)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 2_000_000


def test_headers_that_are_none(path: Path, compiled: Compiled) -> None:
    header, arrays = container.read(path, phantom_file.VERSION)
    container.write(path, phantom_file.VERSION, {**header, "name": "x" * 1000}, arrays)
    data = bytearray(path.read_bytes())

    def sealed(change: bytes) -> None:
        length = int.from_bytes(data[12:16], "little")
        text = change + b" " * (length - len(change))
        path.write_bytes(reseal(bytes(data[:64]) + text + bytes(data[64 + length :])))

    for text in (b"[" * 3000, b"[]", b"1", b"{}", b"\xff", b'{"arrays": [["|O", [1]]]}', b'{"arrays": [["<u8", [-1]]]}'):
        sealed(text)
        refused(path, "the header makes no sense")
    sealed(json.dumps({"arrays": [["<u8", [1 << 61, 8]]]}).encode())
    refused(path, ".*goes beyond the end")
    sealed(json.dumps({"arrays": []}).encode())
    refused(path, ".*the arrays end at byte")


def reseal(data: bytes) -> bytes:
    """The same bytes with the checksum that is right for them."""
    return data[:32] + hashlib.sha256(data[:32] + data[64:]).digest() + data[64:]


def test_larger_than_dense_fits(tmp_path: Path) -> None:
    """Tiles are sized for less where dense activations do not fit, and that is kept with the file."""
    rng = np.random.default_rng(5)
    layers = [random_conv(rng, 256, 3, (3, 3), padding=(1, 1, 1, 1))]
    layers.append(replace(random_conv(rng, 8, 256, (3, 3), padding=(1, 1, 1, 1)), name="second"))
    network = Network("wide", (3, 14, 14), UINT8, layers)
    plan = plan_of(network, TINY)
    first, second = plan.accelerated[0].densities
    assert first == 1.0 and second < 1.0
    phantom_file.save(Compiled(TINY, plan), tmp_path / "n.phantom")
    assert phantom_file.load(tmp_path / "n.phantom").plan.accelerated[0].densities == (first, second)
