"""Train, prune and quantise the digits network. Run: python host/phantom/networks/train_digits.py, with host/ on PYTHONPATH.

Data: the 1,797 images of handwritten digits that scikit-learn ships (8 x 8 pixels, 0..16), split by class: 70 % to train
with, 30 % held out. Training, pruning and calibration do not see the held-out images; they only measure the result.

Writes digits.npz (the network) and digits_test.npz (the held-out images, uint8 [n, 1, 8, 8], and labels, uint8 [n])
beside this file. Needs torch and scikit-learn, which nothing else in the package does.
"""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional

from phantom.network import Conv, FullyConnected, Layer, Network
from phantom.network_file import save
from phantom.quantise import multipliers_of
from phantom.reference import run

SEED = 2024
HELD_OUT = 0.3
DENSE_EPOCHS = 60
PRUNE_EPOCHS = 60
SETTLE_EPOCHS = 60
BATCH = 64

# Stride and padding of the convolutions.
CONVS = {"conv1": (1, 1), "conv2": (2, 1), "conv3": (1, 0), "conv4": (1, 1)}

# Fraction of weights kept per layer: the first layer has few, and all of them count.
KEEP = {"conv1": 0.5, "conv2": 0.16, "conv3": 0.25, "conv4": 0.12, "fc": 0.15}


class Digits(nn.Module):
    """1 x 8 x 8 -> 32 x 8 x 8 -> 64 x 4 x 4 -> 64 x 4 x 4 -> 64 x 4 x 4 -> 10."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, *CONVS["conv1"])
        self.conv2 = nn.Conv2d(32, 64, 3, *CONVS["conv2"])
        self.conv3 = nn.Conv2d(64, 64, 1, *CONVS["conv3"])
        self.conv4 = nn.Conv2d(64, 64, 3, *CONVS["conv4"])
        self.fc = nn.Linear(64 * 4 * 4, 10)

    def stages(self) -> dict[str, nn.Conv2d | nn.Linear]:
        """Layers by name, in order."""
        return {name: getattr(self, name) for name in KEEP}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores [n, 10] of images [n, 1, 8, 8] scaled to 0..1."""
        for name in CONVS:
            x = functional.relu(getattr(self, name)(x))
            if name == "conv2":
                x = functional.dropout(x, 0.1, self.training)
        return self.fc(functional.dropout(x.flatten(1), 0.3, self.training))


def shifted(images: torch.Tensor) -> torch.Tensor:
    """Augmentation: each image turned by up to 10 degrees, scaled by up to 10 % and moved by up to 0.6 pixels."""
    n = len(images)
    theta = torch.zeros(n, 2, 3)
    angle = (torch.rand(n) - 0.5) * 0.35
    size = 1 + (torch.rand(n) - 0.5) * 0.2
    theta[:, 0, 0] = theta[:, 1, 1] = torch.cos(angle) * size
    theta[:, 0, 1] = torch.sin(angle) * size
    theta[:, 1, 0] = -theta[:, 0, 1]
    theta[:, :, 2] = (torch.rand(n, 2) - 0.5) * 0.3  # in units of half an image, 4 pixels
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def train(model: Digits, images: torch.Tensor, labels: torch.Tensor) -> None:
    """Train densely, prune by magnitude step by step, settle what is left."""
    epochs = DENSE_EPOCHS + PRUNE_EPOCHS + SETTLE_EPOCHS
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    masks: dict[str, torch.Tensor] = {}
    for epoch in range(epochs):
        if DENSE_EPOCHS <= epoch < DENSE_EPOCHS + PRUNE_EPOCHS:
            done = (epoch + 1 - DENSE_EPOCHS) / PRUNE_EPOCHS
            masks = {
                name: magnitude_mask(stage.weight, KEEP[name] + (1 - KEEP[name]) * (1 - done) ** 3)
                for name, stage in model.stages().items()
            }
        model.train()
        for batch in torch.randperm(len(images)).split(BATCH):
            loss = functional.cross_entropy(model(shifted(images[batch])), labels[batch], label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                for name, mask in masks.items():
                    model.stages()[name].weight *= mask
        schedule.step()
        if epoch % 20 == 19:
            print(f"epoch {epoch + 1:3d}: loss {loss.item():.3f}")
    model.eval()


def magnitude_mask(weight: torch.Tensor, keep: float) -> torch.Tensor:
    """1 for the fraction `keep` of weights of largest magnitude, else 0."""
    count = max(1, round(keep * weight.numel()))
    limit = weight.detach().abs().flatten().topk(count).values[-1]
    return (weight.detach().abs() >= limit).float()


def quantise(model: Digits, images: np.ndarray) -> Network:
    """Integer network from the trained one, with scales that `images` (uint8 [n, 1, 8, 8], for training) calibrate.

    A real value is integer * scale; the input's scale is 1 / 16. Weights have a scale per filter, activations one per layer.
    """
    layers: list[Layer] = []
    x = torch.from_numpy(images).float() / 16
    scale_in = 1 / 16
    for name, stage in copy.deepcopy(model).stages().items():
        last = name == "fc"
        with torch.no_grad():
            x = stage(x.flatten(1) if last else x)
            x = x if last else functional.relu(x)
        # Outputs of the last layer may go either way and must not clamp: a quarter of the range is left for unseen images.
        top = 1.25 * float(x.abs().max()) / 127 if last else float(x.max()) / 255
        weight, bias = (p.detach().double().numpy() for p in (stage.weight, stage.get_parameter("bias")))
        largest = np.abs(weight.reshape(len(weight), -1)).max(axis=1)
        if last:  # one scale for all outputs, so that they are ranked on equal terms
            largest[:] = largest.max()
        scale_w = np.where(largest > 0, largest, 1.0) / 127
        integer = np.rint(weight / scale_w.reshape(-1, *[1] * (weight.ndim - 1))).astype(np.int8)
        bias = np.rint(bias / (scale_w * scale_in)).astype(np.int64)
        multiplier, sel = multipliers_of(scale_w * scale_in / top)
        if last:
            layers.append(FullyConnected(name, integer, bias, multiplier, sel, relu=False, out_dtype=np.dtype(np.int8)))
        else:
            step, pad = CONVS[name]
            layers.append(Conv(name, integer, bias, multiplier, sel, stride=step, padding=(pad, pad, pad, pad)))
        scale_in = top
    return Network("digits", (1, 8, 8), np.dtype(np.uint8), layers)


def report(network: Network, images: np.ndarray, labels: np.ndarray) -> float:
    """Print densities and return the accuracy of the integer network. Ties count as wrong."""
    outputs = [run(network, image) for image in images]
    act = [float(np.mean(images != 0))]
    act += [float(np.mean([np.count_nonzero(o[i]) / o[i].size for o in outputs])) for i in range(len(network.layers))]
    print(f"{'layer':>8} {'weights':>16} {'kept':>6} {'density in':>11} {'density out':>12}")
    layers = [layer for layer in network.layers if isinstance(layer, Conv | FullyConnected)]
    for i, layer in enumerate(layers):
        kept = np.count_nonzero(layer.weights) / layer.weights.size
        print(f"{layer.name:>8} {'x'.join(map(str, layer.weights.shape)):>16} {kept:6.1%} {act[i]:11.1%} {act[i + 1]:12.1%}")
    total = sum(layer.weights.size for layer in layers)
    kept = sum(int(np.count_nonzero(layer.weights)) for layer in layers)
    print(f"pruned: {1 - kept / total:.1%} of {total} weights")
    scores = np.array([o[-1].reshape(-1) for o in outputs]).astype(int)
    clamped = int(np.count_nonzero((scores <= -128) | (scores >= 127)))
    print(f"clamped outputs of the last layer: {clamped}")
    best = scores.max(axis=1)
    right = (scores[np.arange(len(labels)), labels] == best) & ((scores == best[:, None]).sum(axis=1) == 1)
    return float(np.mean(right))


def main() -> None:
    """Make both files."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    data = load_digits()
    images = data.images.astype(np.uint8)[:, None]
    labels = data.target.astype(np.uint8)
    train_x, test_x, train_y, test_y = train_test_split(images, labels, test_size=HELD_OUT, stratify=labels, random_state=SEED)
    model = Digits()
    train(model, torch.from_numpy(train_x).float() / 16, torch.from_numpy(train_y).long())
    network = quantise(model, train_x)
    with torch.no_grad():
        real = model(torch.from_numpy(test_x).float() / 16).argmax(1).numpy()
    print(f"held out, float32: {np.mean(real == test_y):.2%} of {len(test_y)}")
    print(f"held out, integer: {report(network, test_x, test_y):.2%} of {len(test_y)}")
    here = Path(__file__).resolve().parent
    save(network, here / "digits.npz")
    np.savez_compressed(here / "digits_test.npz", images=test_x, labels=test_y)


if __name__ == "__main__":
    main()
