"""`phantom prune-quantize`: the file is what the table claims, and each wrong input gives one line that says what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from float_models_for_tests import NODES, constants, examples, model, write  # noqa: E402

from phantom import cli, optional, prune_quantize, qdq  # noqa: E402
from phantom.errors import PhantomError  # noqa: E402
from phantom.float_model import name_nodes  # noqa: E402


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str, Path]:
    """A float model, examples for it, and where the quantised one goes."""
    np.save(tmp_path / "x.npy", examples())
    return write(tmp_path, model()), str(tmp_path / "x.npy"), tmp_path / "q.onnx"


def command(model_path: object, examples_path: object, output: object, *more: str) -> list[str]:
    return ["prune-quantize", str(model_path), "--calibration", str(examples_path), "-o", str(output), *more]


def fails(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("phantom: error: ")
    return line


def outputs_of(proto: Any, data: np.ndarray, tensors: list[str]) -> list[list[np.ndarray]]:
    """What plain onnxruntime, without its optimisations, gives for tensors of a model."""
    copy = onnx.ModelProto.FromString(proto.SerializeToString())
    have = {o.name for o in copy.graph.output}
    copy.graph.output.extend(
        onnx.helper.make_tensor_value_info(t, onnx.TensorProto.FLOAT, None) for t in tensors if t not in have
    )
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(copy.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [session.run(tensors, {"x": row[None]}) for row in data]


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_the_file_is_what_is_claimed(files: tuple[str, str, Path], scope: str, capsys: pytest.CaptureFixture[str]) -> None:
    report = files[2].with_suffix(".json")
    more = ["--sparsity", "0.6", "--json", str(report), *(["--global"] if scope == "global" else [])]
    assert cli.main(command(*files, *more)) == 0
    text = capsys.readouterr().out
    document = json.loads(report.read_text())
    assert document["scope"] == scope and document["sparsity"] == 0.6
    layers = {entry["layer"]: entry for entry in document["layers"]}
    assert list(layers) == ["c1", "c2", "y"] and all(name in text for name in layers)

    stored = onnx.load(files[2])
    weights = qdq.weights(stored)
    given = {"c1": "w1", "c2": "w2", "y": "w3"}
    sizes = {layer: constants()[name].size for layer, name in given.items()}
    for layer, entry in layers.items():
        integers, meaning = weights[layer]
        original = constants()[given[layer]]
        assert entry["weights"] == sizes[layer] == entry["nonzero_given"]
        assert entry["nonzero"] == np.count_nonzero(integers) and entry["density"] == entry["nonzero"] / entry["weights"]
        if scope == "layer":
            assert entry["nonzero_pruned"] == sizes[layer] - round(0.6 * sizes[layer])
        # What is nonzero is the given weight, to half a step; the rest is smaller than what stayed.
        stay = integers != 0
        step = meaning.scale.reshape(-1, *[1] * (integers.ndim - 1))
        assert np.all(np.abs(meaning.real(integers) - original)[stay] <= np.broadcast_to(step, stay.shape)[stay] * 0.5001)
        if scope == "layer":
            assert np.abs(original[~stay]).max() <= np.abs(original[stay]).min()
    assert sum(e["nonzero_pruned"] for e in layers.values()) == pytest.approx(0.4 * sum(sizes.values()), abs=1.5)

    # The errors, computed anew: the pruned float model is the given one with the weights that stayed.
    pruned = constants()
    for layer, name in given.items():
        pruned[name] = np.where(weights[layer][0] != 0, pruned[name], 0)
    tensors = {"c1": "r1", "c2": "c2", "y": "y"}  # the first convolution took its ReLU in
    data = examples()
    of = {"sqnr_db": model(values=pruned), "sqnr_given_db": model()}
    quantised = outputs_of(stored, data, [f"{t}_DequantizeLinear_Output" if t != "y" else t for t in tensors.values()])
    for key, proto in of.items():
        exact = outputs_of(proto, data, list(tensors.values()))
        for i, layer in enumerate(tensors):
            a, b = (np.concatenate([row[i] for row in rows]).astype(np.float64) for rows in (exact, quantised))
            assert layers[layer][key] == pytest.approx(10 * np.log10((a**2).sum() / ((a - b) ** 2).sum()), abs=0.01)
            if key == "sqnr_db":
                span = max(a.max(), 0) - min(a.min(), 0)
                assert layers[layer]["max_error"] == pytest.approx(np.abs(a - b).max() / span, abs=1e-5)
    assert layers["c2"]["sqnr_db"] > 25 > layers["c2"]["sqnr_given_db"]


def test_sparsity_0_keeps_what_is_pruned(tmp_path: Path, files: tuple[str, str, Path]) -> None:
    values = constants()
    values["w2"][::2] = 0
    path = write(tmp_path, model(values=values), "pruned.onnx")
    results = {r.layer: r for r in prune_quantize.prune_quantise(path, files[1], 0.0, False, str(files[2]))}
    assert results["c2"].nonzero_given == results["c2"].nonzero_pruned == 36
    assert results["c2"].sqnr_db == results["c2"].sqnr_given_db
    assert not qdq.weights(onnx.load(files[2]))["c2"][0][::2].any()


def test_batches_of_a_fixed_size_and_one_example(tmp_path: Path) -> None:
    for shape, data in (((2, 3, 8, 8), examples(4)), (("n", 3, 8, 8), examples(3)), ((1, 3, 8, 8), examples(1)[0])):
        path = write(tmp_path, model(shape=shape))
        np.save(tmp_path / "x.npy", data)
        results = prune_quantize.prune_quantise(path, str(tmp_path / "x.npy"), 0.5, False, str(tmp_path / "q.onnx"))
        assert len(results) == 3 and all(r.sqnr_db is not None and r.sqnr_db > 20 for r in results)


def test_wrong_models(files: tuple[str, str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, x, q = files
    half = ["--sparsity", "0.5"]

    def message(proto: Any) -> str:
        return fails(command(write(tmp_path, proto, "wrong.onnx"), x, q, *half), capsys)

    assert "there is no such file" in fails(command("nothing.onnx", x, q, *half), capsys)
    assert "unknown kind of file; it must be .onnx" in fails(command(x, x, q, *half), capsys)
    (tmp_path / "x.onnx").write_bytes(Path(x).read_bytes())
    assert "not an ONNX file" in fails(command(tmp_path / "x.onnx", x, q, *half), capsys)
    (tmp_path / "x.onnx").write_text(Path(__file__).read_text())
    assert "not an ONNX file" in fails(command(tmp_path / "x.onnx", x, q, *half), capsys)
    (tmp_path / "empty.onnx").write_bytes(b"")
    assert "not an ONNX file" in fails(command(tmp_path / "empty.onnx", x, q, *half), capsys)
    whole = Path(files[0]).read_bytes()
    (tmp_path / "half.onnx").write_bytes(whole[: len(whole) // 2])
    assert "not an ONNX file, or damaged" in fails(command(tmp_path / "half.onnx", x, q, *half), capsys)
    assert "has no weights" in message(model([("Relu", ["x"], "y", {})], {}))
    assert "it must have exactly one" in message(_two_inputs())
    assert "input 'x' is double" in message(_double())
    assert "all but the first axis must be fixed" in message(model(shape=(1, 3, None, None)))
    assert not q.exists()

    assert cli.main(command(files[0], x, q, *half)) == 0
    capsys.readouterr()
    assert "is quantised already" in fails(command(q, x, tmp_path / "again.onnx", *half), capsys)


def _two_inputs() -> Any:
    return model([("Add", ["x", "z"], "s", {}), ("Conv", ["s", "w1", "b1"], "y", {})], inputs=("x", "z"))


def _double() -> Any:
    nodes = [("Cast", ["x"], "x0", {"to": onnx.TensorProto.FLOAT}), ("Conv", ["x0", "w1", "b1"], "y", {})]
    return model(nodes, kind=onnx.TensorProto.DOUBLE)


def test_wrong_examples(files: tuple[str, str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, _, q = files

    def message(array: np.ndarray, source: str = path) -> str:
        np.save(tmp_path / "wrong.npy", array)
        return fails(command(source, tmp_path / "wrong.npy", q, "--sparsity", "0.5"), capsys)

    assert "has shape [4, 3, 8, 9]; it must be [N, 3, 8, 8]" in message(np.zeros((4, 3, 8, 9), np.float32))
    assert "has shape [8, 8]" in message(np.zeros((8, 8), np.float32))
    assert "element type uint8; it must be float32" in message(np.zeros((4, 3, 8, 8), np.uint8))
    assert "no examples" in message(np.zeros((0, 3, 8, 8), np.float32))
    bad = examples()
    bad[2, 1, 0, 3] = np.nan
    assert "value nan at index (2, 1, 0, 3)" in message(bad)
    bad[2, 1, 0, 3] = np.inf
    assert "all must be finite" in message(bad)
    two = write(tmp_path, model(shape=(2, 3, 8, 8)), "two.onnx")
    assert "takes 2 at a time" in message(examples(3), two)
    for source, expected in (("nothing.npy", "no such file"), (path, "not a .npy file")):
        assert expected in fails(command(path, source, q, "--sparsity", "0.5"), capsys)
    np.savez(tmp_path / "several.npz", a=np.zeros(1))
    assert "several arrays" in fails(command(path, tmp_path / "several.npz", q, "--sparsity", "0.5"), capsys)
    assert not q.exists()


def test_wrong_options(files: tuple[str, str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, x, q = files
    for sparsity in ("1", "-0.2", "70", "nan"):
        assert "it must be 0 at least and below 1" in fails(command(path, x, q, f"--sparsity={sparsity}"), capsys)
    half = ["--sparsity", "0.5"]
    assert "no such directory" in fails(command(path, x, tmp_path / "no" / "q.onnx", *half), capsys)
    assert "no such directory" in fails(command(path, x, q, *half, "--json", str(tmp_path / "no" / "r.json")), capsys)
    assert "cannot be written" in fails(command(path, x, tmp_path, *half), capsys)
    assert "cannot be written" in fails(command(path, x, q, *half, "--json", str(tmp_path)), capsys)
    with pytest.raises(SystemExit):
        cli.main(command(path, x, q, "--sparsity", "much"))


def test_packages_that_are_missing() -> None:
    with pytest.raises(PhantomError, match=r"this needs no_such_package; install with: pip install no_such_package"):
        optional.require("numpy", "no_such_package")


def test_other_commands_do_without_onnx() -> None:
    program = (
        "import sys; from phantom import cli; cli.main(['info']);"
        "sys.exit(any(m.split('.')[0] in ('onnx', 'onnxruntime', 'google') for m in sys.modules))"
    )
    host = str(Path(cli.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": host}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nodes_without_names_get_some() -> None:
    proto = model()
    for node in proto.graph.node:
        node.name = ""
    proto.graph.node[1].name = "Conv_0"
    name_nodes(proto)
    names = [node.name for node in proto.graph.node]
    assert len(set(names)) == len(NODES) and all(names) and names[0] != "Conv_0"
