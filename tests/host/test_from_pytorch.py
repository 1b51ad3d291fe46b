"""docs/from-pytorch.md: its code runs, and gives the pruned int8 model that it promises."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from phantom import cli, qdq  # noqa: E402

DOCUMENT = Path(__file__).parents[2] / "docs" / "from-pytorch.md"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch is not ours to mend
def test_the_way_from_pytorch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    blocks = re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)
    assert [kind for kind, _ in blocks] == ["python", "python", "python", "sh"]
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    scope: dict[str, object] = {}
    for kind, code in blocks[:-1]:
        exec(compile(code, f"{DOCUMENT.name} ({kind})", "exec"), scope)
    program, *arguments = shlex.split(blocks[-1][1])
    assert program == "phantom" and cli.main(arguments) == 0
    layers = json.loads(Path("net.json").read_text())["layers"]
    assert [layer["nonzero_given"] == layer["weights"] for layer in layers] == [True, False, False], "the first one is spared"
    assert all(layer["density"] == pytest.approx(0.2, abs=0.005) for layer in layers[1:])
    assert all(layer["sqnr_db"] > 25 for layer in layers)
    proto = onnx.load("net.int8.onnx")
    assert "BatchNormalization" not in {node.op_type for node in proto.graph.node}
    assert {int(i.zero_point) for i in qdq.activations(proto).values()} == {-128, 0}
