"""What a network answered, where its output is a vector of scores for each image; and labels to hold against it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from .errors import FormatError, ShapeError
from .files import read_array

MOST = 1000  # scores; more are no classes
SHOWN = 10  # images


def answer_line(results: Sequence[np.ndarray]) -> str | None:
    """The class of the first images, for the outputs [N, ...] of a network; None where these are no scores."""
    if len(results) != 1:
        return None
    images, *shape = results[0].shape
    if not are_scores(shape):
        return None
    first = results[0].reshape(images, -1)[:SHOWN].argmax(axis=1)
    more = ", ..." if images > SHOWN else ""
    return f"output: class {', '.join(map(str, first))}{more} (index of the largest value)"


def are_scores(shape: Sequence[int]) -> bool:
    """Whether an output of this shape, without the batch, is one vector, of more than one value and not too many."""
    return sum(size > 1 for size in shape) == 1 and max(shape) <= MOST


def read_labels(path: str, images: int, outputs: Collection[str], shape: Sequence[int] | None) -> np.ndarray:
    """Labels of all images, as their accuracy needs them.

    Args:
        images: how many there are. outputs: of the network. shape: of its output without the batch; None: not known yet.

    Raises FormatError for what is no such file; ShapeError where labels and images, or labels and scores, do not fit.
    """
    labels = read_array(path)
    if labels.dtype.kind not in "iu":
        raise ShapeError(f"{path}: labels are {labels.dtype}; they must be integers, one an image")
    if labels.shape != (images,):
        raise ShapeError(f"{path}: labels have shape {labels.shape}; there are {images} images, so it must be ({images},)")
    if len(outputs) != 1:
        raise FormatError(f"--labels: the network has {len(outputs)} outputs; it must have one, the scores of the classes")
    if shape is not None:
        if not are_scores(shape):
            raise ShapeError(f"--labels: the network's output has shape {tuple(shape)}; it must be one vector of scores an image")
        classes = max(shape)
        wrong = labels[(labels < 0) | (labels >= classes)]
        if len(wrong):
            raise ShapeError(f"{path}: a label is {wrong[0]}; the network has {classes} classes, 0 to {classes - 1}")
    return labels
