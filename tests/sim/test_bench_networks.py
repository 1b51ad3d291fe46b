"""What `phantom bench-networks` says about ONNX Runtime, and which networks it knows; running them takes hours."""

from __future__ import annotations

import pytest

from phantom.cli import main
from phantom_sim.bench_networks import onnxruntime_line


def test_the_comparison_is_a_sentence() -> None:
    same = {"outputs": 6218, "differ": 0, "max_abs": 0, "differ_through": 0, "max_abs_through": 0}
    assert onnxruntime_line(same) == "ONNX Runtime: all 6,218 values of all layers are equal"
    few = onnxruntime_line({**same, "differ": 2, "max_abs": 1, "differ_through": 30})
    assert "of 6,218 values 2 differ, by 1 at most, where each layer is given its inputs, 30 in the network as a whole" in few
    assert "of 6,218 values 0 differ where" in onnxruntime_line({**same, "differ_through": 3})


def test_an_unknown_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench-networks", "vgg17"]) == 2
    said = capsys.readouterr().err
    assert "no network 'vgg17'" in said and all(name in said for name in ("digits_plain", "vgg16", "mobilenet_v1", "mobilenet"))
