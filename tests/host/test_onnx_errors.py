"""Models that cannot be imported: each is refused with a message that names what is wrong, and where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx_models import Builder, quantise
from small_models import Small

from phantom import cli
from phantom.errors import FormatError
from phantom.onnx import import_model
from phantom.onnx.values import UnsupportedModel


def build(make: Callable[[Small], str], **start: Any) -> Callable[[Path], Path]:
    """A model whose output is what `make` adds."""

    def write(path: Path) -> Path:
        small = Small(**start)
        return small.save(path, make(small))

    return write


def two_inputs(path: Path) -> Path:
    small = Small()
    return small.save(path, small.pair(small.conv(small.at)), inputs=2)


def float_model(path: Path) -> Path:
    builder = Builder(np.random.default_rng(0), (3, 6, 6))
    builder.conv(4, (3, 3), 1, [1] * 4, 1, 1, True)
    onnx.save(builder.model(), path)
    return path


CASES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a float model": (float_model, r"is a float model; quantise it first: phantom prune-quantize .*m\.onnx --calibration X"),
    "an old opset": (build(lambda m: m.pair(m.conv(m.at)), opset=12), "opset 12; it must be 13 at least"),
    "two inputs": (two_inputs, r"has 2 inputs \(\['x', 'x1'\]\); it must have one"),
    "open rows": (
        build(lambda m: m.pair(m.conv(m.at)), shape=("N", 4, "H", 6)),
        r"'x' has shape \['N', 4, 'H', 6\]; only the batch",
    ),
    "a batch of 2": (build(lambda m: m.pair(m.conv(m.at)), shape=(2, 4, 6, 6)), "has a batch of 2; it must be 1 or open"),
    "three axes": (build(lambda m: m.pair(m.at, 0.2), shape=(1, 4, 6)), r"must be \[N, C, H, W\] or \[N, C\]"),
    "an operator": (
        build(lambda m: m.pair(m.op("Sin", m.at))),
        r"node 'n2' \(Sin\): is not supported; supported are Add, AveragePool, .* GlobalAveragePool,",
    ),
    "an operator of another domain": (build(lambda m: m.op("Conv", m.at, domain="my.own")), "operator Conv of domain 'my.own'"),
    "a dynamic quantisation": (build(lambda m: m.op("DynamicQuantizeLinear", m.at, outputs=3)), "quantised statically"),
    "a zero-point": (
        build(lambda m: m.pair(m.conv(m.at), zero=100, dtype=np.uint8)),
        r"tensor 't\d+' is uint8 with zero-point 100: .* -100..155, .* quantise symmetrically \(activation type QInt8 with Act",
    ),
    "a zero-point of the input": (build(lambda m: m.pair(m.conv(m.at)), zero=3), r"'t0' is int8 with zero-point 3: .* -131..124"),
    "16 bits": (
        build(lambda m: m.pair(m.conv(m.at), dtype=np.int16)),
        r"tensor 't\d+' is quantised to int16; it must be uint8 or int8",
    ),
    "real weights": (
        build(lambda m: m.op("Conv", m.at, m.constant(np.ones((4, 4, 1, 1), np.float32)))),
        "weights 'k2' are not qu",
    ),
    "asymmetric weights": (
        build(lambda m: m.pair(m.op("Conv", m.at, m.weights(4, 4, 3, 3, zero=250, dtype=np.uint8)))),
        "weights without zero-point are -2\\d\\d..-151; they must fit int8",
    ),
    "computed weights": (
        build(lambda m: m.op("MatMul", m.op("Flatten", m.at), m.at)),
        "weights 't1' are computed from the model's input",
    ),
    "an output without quantisation": (
        build(lambda m: m.conv(m.at)),
        r"output 't\d+' is not quantised \(the result of node 'n3'\)",
    ),
    "operators in a row": (
        build(lambda m: m.pair(m.conv(m.conv(m.at)))),
        r"node 'n5' \(Conv\): its input 't3', the result of node",
    ),
    "the real input": (build(lambda m: m.pair(m.conv("x"))), "reads the model's input 'x', which is not quantised"),
    "the input as output": (build(lambda m: m.at), "is the input as it is"),
    "two strides": (build(lambda m: m.pair(m.conv(m.at, strides=[1, 2]))), r"strides are \[1, 2\]; rows and columns must"),
    "a stride of 5": (build(lambda m: m.pair(m.conv(m.at, strides=[5, 5]))), "stride is 5; it must be 1 to 4"),
    "a large kernel": (
        build(lambda m: m.pair(m.conv(m.at, dilations=[3, 3]))),
        r"kernel \(3, 3\) is larger than its input of 6 x 6",
    ),
    "indices of a pool": (
        build(lambda m: (m.op("MaxPool", m.at, outputs=2, kernel_shape=[2, 2]), m.pair("t2_1"))[1]),
        r"node 'n2' \(MaxPool\): only its first output is supported",
    ),
    "an average at the edge": (
        build(lambda m: m.pair(m.op("AveragePool", m.at, kernel_shape=[2, 2], pads=[1, 0, 0, 0]))),
        "count_include_pad = 0 divides by another number at the edge",
    ),
    "an average of the rest": (
        build(lambda m: m.pair(m.op("AveragePool", m.at, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1))),
        "ceil_mode makes the last windows smaller",
    ),
    "rows joined": (build(lambda m: m.pair(m.op("Concat", m.at, m.at, axis=2))), "along axis 2; only channels"),
    "a transposition": (build(lambda m: m.pair(m.op("Transpose", m.at, perm=[0, 2, 3, 1]))), r"\(Transpose\): is not supported"),
    "another shape": (
        build(lambda m: m.pair(m.op("Reshape", m.at, m.constant(np.array([1, 8, 3, 6]))))),
        r"from \[1, 4, 6, 6\] to \[1, 8, 3, 6\]; it can only become \[1, 144\]",
    ),
    "no flattening": (build(lambda m: m.pair(m.op("MatMul", m.at, m.weights(6, 3)))), r"shape \[N, 4, 6, 6\]; flatten it to"),
    "shapes that differ": (
        build(lambda m: m.pair(m.op("Add", m.at, m.pair(m.conv(m.at))))),
        r"adds shapes \(4, 6, 6\) and \(4, 4, 4\); they must be equal",
    ),
    "a constant of another shape": (
        build(lambda m: m.pair(m.op("Add", m.at, m.constant(np.ones((6, 6), np.float32))))),
        r"a constant of shape \(6, 6\) on \(4, 6, 6\); it must have one value for each channel",
    ),
    "softmax in the middle": (
        build(lambda m: m.pair(m.conv(m.pair(m.op("Softmax", m.at, axis=1))))),
        r"reads the result of Softmax 'n2', which is left to the host",
    ),
    "a wrong scale": (
        build(lambda m: m.pair(m.conv(m.at), scale=0.0)),
        r"tensor 't\d+': scale is 0.0; it must be positive|scale is 0.0",
    ),
    "another scale than was quantised with": (
        build(lambda m: m.op("DequantizeLinear", "t0", m.constant(np.float32(0.5)), m.constant(np.int8(0)))),
        r"reads 't0' as Quantisation\(scale=0.5.* it was quantised as Quantisation\(scale=0.1",
    ),
    "something missing": (build(lambda m: m.pair(m.conv("nothing"))), "nothing yields its input 'nothing'"),
}


# Where no single node is to blame, which the processor could compute instead.
WHOLE = (
    "a float model", "an old opset", "two inputs", "open rows", "a batch of 2", "three axes", "an operator of another domain",
    "indices of a pool", "something missing",
)  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_refused(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write, message = CASES[case]
    path = write(tmp_path / "m.onnx")
    with pytest.raises(UnsupportedModel, match=message):
        import_model(path)
    np.save(tmp_path / "x.npy", np.zeros((4, 6, 6), np.float32))
    for command in ("run", "compare"):
        assert cli.main([command, str(path), "--input", str(tmp_path / "x.npy"), "--device", "reference"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("phantom: error: ")
        assert line.endswith("; --fallback host leaves it to the processor") == (command == "run" and case not in WHOLE)


def test_files_that_are_no_models(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"none\.onnx: there is no such file"):
        import_model(tmp_path / "none.onnx")
    builder = Builder(np.random.default_rng(0), (3, 6, 6))
    builder.conv(4, (3, 3), 1, [1] * 4, 1, 1, True)
    path = quantise(builder.model(), builder.images(2), tmp_path / "q.onnx", "QDQ", "int8")
    data = path.read_bytes()
    import_model(path)
    for length in range(0, len(data), 101):
        path.write_bytes(data[:length])
        with pytest.raises(FormatError, match=r"q\.onnx|random|node|input"):
            import_model(path)


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    assert cli.main(["run", str(tmp_path / "m.onnx"), "--input", "x.npy", "--device", "reference"]) == 2
    assert "this needs onnx; install with" in capsys.readouterr().err
