"""Random models, quantised by onnxruntime.quantization: every tensor of the imported network against ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx_models import FORMS, STYLES, Builder, quantise
from rounding import Tally, check_rounding

from phantom import network_file, reference
from phantom.network import Network
from phantom.onnx import Imported, import_model
from phantom.onnx.runtime import Runtime
from phantom.onnx.values import UnsupportedModel
from phantom.run import as_images

STEPS = ("conv", "depthwise", "pointwise", "maxpool", "avgpool", "add", "concat", "batchnorm", "bias")


@st.composite
def models(draw: st.DrawFn) -> tuple[Builder, str, str, bool]:
    """A model that is quantised in a form and style, per channel or not."""
    form, style = draw(st.sampled_from(list(FORMS))), draw(st.sampled_from(list(STYLES)))
    positive = STYLES[style][2]
    builder = Builder(
        np.random.default_rng(draw(st.integers(0, 2**32 - 1))),
        (draw(st.integers(1, 5)), draw(st.integers(7, 13)), draw(st.integers(7, 13))),
        positive,
    )
    kept: list[str] = []  # tensors to join again

    def activation() -> None:
        kind = draw(st.sampled_from(["relu", "clip"] if positive else ["relu", "clip", "clip from below 0", "none"]))
        if kind == "relu":
            builder.same("Relu")
        elif kind != "none":
            builder.clip(0.0 if kind == "clip" else -0.7, draw(st.sampled_from([1.0, 1.3, None])))

    def random_conv(filters: int, kernel: int, group: int = 1) -> None:
        size = builder.shapes[builder.at][1:]
        dilation = draw(st.integers(1, 4 if kernel > 1 else 1))
        if (kernel - 1) * dilation >= min(size):
            dilation = 1
        pads = [draw(st.integers(0, (kernel - 1) * dilation)) for _ in range(4)]
        stride = draw(st.sampled_from([1, 1, 1, 2, 3, 4]))
        kernels = (min(kernel, size[0] + pads[0] + pads[2]), min(draw(st.integers(1, kernel)), size[1] + pads[1] + pads[3]))
        builder.conv(filters, kernels, stride, pads, group, dilation, draw(st.booleans()))

    random_conv(4 * draw(st.integers(1, 3)), draw(st.integers(1, 5)))
    activation()
    kept.append(builder.at)
    for step in draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=5)):
        shape = builder.shapes[builder.at]
        fits = [name for name in kept if builder.shapes[name][1:] == shape[1:]]
        same = [name for name in fits if builder.shapes[name] == shape]
        if step == "conv":
            random_conv(4 * draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 4])))
        elif step == "depthwise":
            random_conv(shape[0] * draw(st.integers(1, 2)), draw(st.integers(1, 3)), shape[0])
        elif step == "pointwise":
            random_conv(draw(st.integers(1, 20)), 1)
        elif step in ("maxpool", "avgpool"):
            kernel = (min(draw(st.integers(1, 3)), shape[1]), min(draw(st.integers(1, 3)), shape[2]))
            pads = [draw(st.integers(0, k - 1)) for k in kernel * 2]
            op, more = ("MaxPool", {}) if step == "maxpool" else ("AveragePool", {"count_include_pad": 1})
            builder.pool(op, kernel, draw(st.integers(1, 3)), pads, **more)
        elif step == "add" and same:
            builder.node("Add", [builder.at, draw(st.sampled_from(same))], shape)
        elif step == "concat" and fits:
            builder.concat(*draw(st.lists(st.sampled_from(fits), min_size=1, max_size=2)))
        elif step == "batchnorm":
            values = builder.rng.uniform(0.5, 1.5, (4, shape[0])).astype(np.float32)
            builder.same("BatchNormalization", *(builder.constant(v) for v in (values[0] - 0.9, *values[1:])))
        elif step == "bias":
            offset = builder.rng.standard_normal((shape[0], 1, 1)).astype(np.float32)
            builder.same("Add", builder.constant(offset))
        if step not in ("maxpool", "avgpool", "concat"):
            activation()
        if builder.shapes[builder.at][0] % 4:  # so that channel groups fit
            random_conv(4, 1)
            activation()
        kept.append(builder.at)
    end = draw(st.sampled_from(["none", "global", "gemm", "matmul", "global, gemm"]))
    if "global" in end:
        builder.node("GlobalAveragePool", [builder.at], (builder.shapes[builder.at][0], 1, 1))
    if "gemm" in end or end == "matmul":
        builder.gemm(draw(st.integers(1, 64)), end == "matmul")
        activation()
    return builder, form, style, draw(st.booleans())


def importable(path: Path, form: str) -> Imported | None:
    """The imported model; None where the quantiser left real operators in a row, as QOperator form has it after an activation."""
    try:
        return import_model(path)
    except UnsupportedModel as error:
        assert form == "QOperator" and "is not quantised" in str(error), error
        return None


def test_every_tensor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tallies: dict[str, Tally] = {}
    seen = {"models": 0, "refused": 0}

    @settings(
        max_examples=140,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(models())
    def check(case: tuple[Builder, str, str, bool]) -> None:
        builder, form, style, per_channel = case
        path = quantise(builder.model(), builder.images(4), tmp_path / "q.onnx", form, style, per_channel)
        imported = importable(path, form)
        seen["models"] += 1
        if imported is None:
            seen["refused"] += 1
            return
        runtime = Runtime(imported)
        for real in builder.images(2):
            (image,) = as_images(imported.network, real)
            check_rounding(imported, image, runtime(real), tallies)

    check()
    assert seen["refused"] <= 0.2 * seen["models"], seen
    with capsys.disabled():
        print()
        for kind, tally in sorted(tallies.items()):
            print(f"{kind:20} {tally.values:8} values, {tally.differ:4} differ, {tally.ties:4} of them on a half")
    assert {"conv", "fc", "add", "concat", "maxpool", "average pool", "global average pool", "scale and offset"} <= set(tallies)
    for kind, tally in tallies.items():
        assert tally.values > 200, kind
        if kind not in ("average pool", "global average pool"):  # a mean of few integers often lies on a half
            assert tally.differ - tally.ties <= 0.001 * tally.values, (kind, tally)
        assert tally.ties == 0 or kind in ("average pool", "global average pool", "add", "concat", "rescale"), (kind, tally)


@pytest.mark.parametrize("form", FORMS)
def test_saved_and_loaded(form: str, tmp_path: Path) -> None:
    """A network from a model is a network like any other: saved, loaded, and given real images."""
    builder = Builder(np.random.default_rng(1), (3, 8, 8))
    builder.conv(8, (3, 3), 1, [1, 1, 1, 1], 1, 1, True)
    builder.same("Relu")
    left = builder.at
    builder.conv(8, (3, 3), 1, [1, 1, 1, 1], 8, 1, True)
    builder.node("Add", [builder.at, left], (8, 8, 8))
    builder.concat(left)
    builder.pool("MaxPool", (2, 2), 2, [0, 0, 0, 0])
    builder.gemm(10, False)
    imported = import_model(quantise(builder.model(), builder.images(4), tmp_path / "q.onnx", form, "int8"))
    network_file.save(imported.network, tmp_path / "n.npz")
    again: Network = network_file.load(tmp_path / "n.npz")
    assert again.input_quantisation == imported.network.input_quantisation
    assert again.output_quantisation == imported.network.output_quantisation and len(again.output_quantisation) == 1
    (image,) = as_images(again, builder.images(1))
    for one, other in zip(reference.run(imported.network, image), reference.run(again, image), strict=True):
        assert np.array_equal(one, other) and one.dtype == other.dtype
