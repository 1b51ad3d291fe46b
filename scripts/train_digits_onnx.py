#!/usr/bin/env python3
"""Train, prune, export and quantise networks for handwritten digits, as ONNX. Run: scripts/train_digits_onnx.py [NAME ...]

    digits_plain       3x3 convolutions of stride 1 and 2, 1x1, fully connected
    digits_separable   depthwise and pointwise convolutions, ReLU6, mean over planes
    digits_residual    two blocks with a shortcut, one of them with a stride and a convolution in it, max pooling
    digits_float       a depthwise pair and a block with a shortcut, neither pruned nor quantised: what a user starts from

Data, split, augmentation and pruning are those of host/phantom/networks/train_digits.py; neither training nor pruning nor
calibration sees the held-out images. BatchNorm is folded on export. Writes NAME.onnx (int8, see phantom/static_quantise.py; all
but digits_float) to host/phantom/networks; input float32 [1, 1, 8, 8], pixels / 16. Needs the `train` and `onnx` extras.
"""

from __future__ import annotations

import io
import sys
from collections import OrderedDict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "host")]

import numpy as np
import onnx
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional

from phantom import float_model, qdq, static_quantise
from phantom.networks.train_digits import HELD_OUT, SEED, magnitude_mask, shifted

FOLDER = ROOT / "host" / "phantom" / "networks"
EPOCHS = {"dense": 40, "prune": 50, "settle": 50}
BATCH = 64
OPSET = 17
CALIBRATION = 256  # images of the training set

# Fraction of weights kept: convolutions of the image, depthwise, fully connected, all others.
KEEP = {"first": 0.5, "depthwise": 0.8, "linear": 0.2, "other": 0.15}


def named(**modules: nn.Module) -> nn.Sequential:
    """A chain of modules, with names that the exported model shows."""
    return nn.Sequential(OrderedDict(modules))


class Unit(nn.Sequential):
    """Convolution, BatchNorm, and an activation or none."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, act: nn.Module | None = None):
        conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        super().__init__(conv, nn.BatchNorm2d(outputs), act or nn.Identity())


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut, which has a convolution of its own where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.a = Unit(inputs, outputs, 3, stride, act=nn.ReLU())
        self.b = Unit(outputs, outputs, 3)
        self.shortcut = Unit(inputs, outputs, 1, stride) if stride > 1 or inputs != outputs else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, inputs, h, w] to [n, outputs, h / stride, w / stride]."""
        return functional.relu(self.b(self.a(x)) + self.shortcut(x))


def plain() -> nn.Module:
    """1 x 8 x 8 -> 32 x 8 x 8 -> 64 x 4 x 4 -> 64 -> 64 -> 10."""
    return named(
        conv1=Unit(1, 32, 3, act=nn.ReLU()),
        conv2=Unit(32, 64, 3, 2, act=nn.ReLU()),
        conv3=Unit(64, 64, 1, act=nn.ReLU()),
        conv4=Unit(64, 64, 3, act=nn.ReLU()),
        flat=nn.Flatten(),
        drop=nn.Dropout(0.3),
        fc=nn.Linear(1024, 10),
    )


def separable() -> nn.Module:
    """Four depthwise-separable pairs after one convolution; two of them halve the planes."""
    units: dict[str, nn.Module] = {"conv1": Unit(1, 32, 3, act=nn.ReLU6())}
    for i, (inputs, outputs, stride) in enumerate(((32, 64, 1), (64, 96, 2), (96, 96, 1), (96, 128, 2)), 1):
        units[f"dw{i}"] = Unit(inputs, inputs, 3, stride, inputs, nn.ReLU6())
        units[f"pw{i}"] = Unit(inputs, outputs, 1, act=nn.ReLU6())
    return named(**units, mean=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), drop=nn.Dropout(0.2), fc=nn.Linear(128, 10))


def residual() -> nn.Module:
    """A block without and one with a convolution in its shortcut, max pooling, fully connected."""
    return named(
        conv1=Unit(1, 32, 3, act=nn.ReLU()),
        block1=Block(32, 32, 1),
        block2=Block(32, 64, 2),
        pool=nn.MaxPool2d(2),
        flat=nn.Flatten(),
        drop=nn.Dropout(0.3),
        fc=nn.Linear(256, 10),
    )


def mixed() -> nn.Module:
    """A depthwise-separable pair, a block with a stride and a convolution in its shortcut, max pooling, fully connected."""
    return named(
        conv1=Unit(1, 16, 3, act=nn.ReLU()),
        dw1=Unit(16, 16, 3, groups=16, act=nn.ReLU()),
        pw1=Unit(16, 32, 1, act=nn.ReLU()),
        block1=Block(32, 32, 2),
        pool=nn.MaxPool2d(2),
        flat=nn.Flatten(),
        drop=nn.Dropout(0.2),
        fc=nn.Linear(128, 10),
    )


MODELS = {"digits_plain": plain, "digits_separable": separable, "digits_residual": residual, "digits_float": mixed}
FLOAT = ("digits_float",)


def keep_of(model: nn.Module) -> dict[str, float]:
    """Fraction of weights to keep, by module name."""
    result = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            kind = "first" if module.in_channels == 1 else "depthwise" if module.groups > 1 else "other"
            result[name] = KEEP[kind]
        elif isinstance(module, nn.Linear):
            result[name] = KEEP["linear"]
    return result


def train(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, keep: dict[str, float]) -> None:
    """Train densely, prune by magnitude step by step, settle what is left. keep: fraction of weights, by module name."""
    modules = dict(model.named_modules())
    masks: dict[str, torch.Tensor] = {}
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, sum(EPOCHS.values()))
    for epoch in range(sum(EPOCHS.values())):
        done = (epoch + 1 - EPOCHS["dense"]) / EPOCHS["prune"]
        if 0 < done <= 1:
            for name, fraction in keep.items():
                masks[name] = magnitude_mask(modules[name].weight, fraction + (1 - fraction) * (1 - done) ** 3)
        model.train()
        for batch in torch.randperm(len(images)).split(BATCH):
            loss = functional.cross_entropy(model(shifted(images[batch])), labels[batch], label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                for name, mask in masks.items():
                    modules[name].weight *= mask
        schedule.step()
    model.eval()


def export(model: nn.Module, path: Path) -> float_model.FloatModel:
    """As a float ONNX model, without the source lines that torch notes down in it."""
    buffer = io.BytesIO()
    example = torch.zeros(1, 1, 8, 8)
    names = {"input_names": ["image"], "output_names": ["scores"]}
    torch.onnx.export(model, (example,), buffer, opset_version=OPSET, dynamo=False, **names)
    proto = onnx.load_from_string(buffer.getvalue())
    for node in proto.graph.node:
        node.ClearField("doc_string")
        if node.op_type in ("Conv", "Gemm"):  # /block1/a/a.conv/Conv: the module's path, its last part twice, the kind
            node.name = ".".join(part for part in node.name.strip("/").split("/")[:-1] if "." not in part)
    onnx.save(proto, path)
    return float_model.load(path)


def accuracy(path: Path, images: np.ndarray, labels: np.ndarray) -> float:
    """Of the quantised model in `path` on float32 [n, 1, 8, 8]. Ties count as wrong."""
    proto = onnx.load(path)
    scores_of = qdq.activations(proto)["scores"]
    run = qdq.Runner(proto, [scores_of.name], 1)
    scores = np.concatenate([found[scores_of.name] for found in run(images)]).astype(int)
    best = scores.max(axis=1)
    return float(np.mean((scores[np.arange(len(labels)), labels] == best) & ((scores == best[:, None]).sum(axis=1) == 1)))


def make(name: str, folder: Path) -> None:
    """Train one network and write it."""
    torch.manual_seed(SEED)
    data = load_digits()
    images, labels = (data.images / 16).astype(np.float32)[:, None], data.target.astype(np.uint8)
    train_x, test_x, train_y, test_y = train_test_split(images, labels, test_size=HELD_OUT, stratify=labels, random_state=SEED)
    model = MODELS[name]()
    train(model, torch.from_numpy(train_x), torch.from_numpy(train_y).long(), {} if name in FLOAT else keep_of(model))
    with torch.no_grad():
        real = model(torch.from_numpy(test_x)).argmax(1).numpy()
    path = folder / f"{name}.onnx"
    if name in FLOAT:
        export(model, path)
        print(f"{name}: {path.stat().st_size} bytes; held out: float {np.mean(real == test_y):.2%} of {len(test_y)}", flush=True)
        return
    temporary = path.with_suffix(".float.onnx")
    try:
        static_quantise.quantise(export(model, temporary), train_x[:CALIBRATION], path)
    finally:
        temporary.unlink(missing_ok=True)
    found = qdq.weights(onnx.load(path))
    for layer, (values, meaning) in found.items():
        print(f"  {layer:28s} {'x'.join(map(str, values.shape)):>14s} {meaning.nonzero(values) / values.size:6.1%} kept")
    size = sum(values.size for values, _ in found.values())
    zeros = 1 - sum(meaning.nonzero(values) for values, meaning in found.values()) / size
    print(f"{name}: {zeros:.1%} of {size} weights are zero; {path.stat().st_size} bytes")
    int8 = accuracy(path, test_x, test_y)
    print(f"  held out: float {np.mean(real == test_y):.2%}, int8 {int8:.2%} of {len(test_y)}", flush=True)


def main() -> None:
    """Make the networks named on the command line, or all."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for name in sys.argv[1:] or MODELS:
        if name not in MODELS:
            sys.exit(f"train_digits_onnx: there is no {name!r}; there are {', '.join(MODELS)}")
        make(name, FOLDER)


if __name__ == "__main__":
    main()
