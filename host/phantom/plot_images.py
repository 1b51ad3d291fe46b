"""Pictures of what a classifier was shown and what it made of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import ShapeError
from .picture import BAD, BLUE, GOOD, INK, Picture, plain

COLUMNS = 10
RIGHT, WRONG = "\u2713", "\u2717"  # a tick and a cross: colours alone do not reach everybody


def predictions(images: np.ndarray, scores: np.ndarray, labels: np.ndarray, most: int = 40) -> Picture:
    """At most `most` images, each with its prediction below: ticked, or crossed out with what would have been right.

    Where there are more images, those that were read wrongly come first.

    Args:
        images: [N, 1, H, W], dark where large. scores: [N, classes, ...], the largest is the prediction. labels: integer [N].

    Raises:
        ShapeError: these do not belong together.
    """
    scores = _checked(images, scores, labels)
    best = scores.argmax(axis=1)
    wrong = int(np.count_nonzero(best != labels))
    shown = min(most, len(images))
    order = np.arange(shown) if shown == len(images) else np.argsort(best == labels, kind="stable")[:shown]
    rows = -(-shown // COLUMNS)

    def draw(figure: Any) -> None:
        grid = figure.subplots(rows, COLUMNS, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for axes, image, guess, label in zip(grid.flat, images[order], best[order], labels[order]):
            axes.set_axis_on()
            right = guess == label
            _image(axes, image, GOOD if right else BAD)
            text = f"{guess} {RIGHT}" if right else f"{guess} {WRONG} is {label}"
            axes.set_xlabel(text, color=GOOD if right else BAD, fontsize=10, weight="bold", labelpad=3)
        more = "" if shown == len(images) else f"; {shown} are shown" + (", first what was read wrongly" if wrong else "")
        title = f"{len(images) - wrong} of {len(images)} right{more}"
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, weight="bold", color=INK)

    guesses = " ".join(f"{g}" if g == label else f"{g}({label})" for g, label in zip(best[order], labels[order]))
    return Picture(f"{len(images) - wrong} of {len(images)} right: {guesses}", 8.2, 0.5 + 1.03 * rows, draw)


def score_bars(images: np.ndarray, scores: np.ndarray, labels: np.ndarray, most: int = 4) -> Picture:
    """The first `most` images and their scores, counted from each image's lowest. See `predictions`.

    Prediction and label are coloured, and have their figures, as has the best of the others.
    """
    scores = _checked(images, scores, labels).astype(np.int64)
    shown = min(most, len(images))
    classes = scores.shape[1]
    highest = max(1, *(int(own.max() - own.min()) for own in scores[:shown]))

    def draw(figure: Any) -> None:
        figure.suptitle("scores of the digits, image by image", x=0.01, ha="left", fontsize=11, weight="bold", color=INK)
        grid = figure.subplots(2, shown, squeeze=False)
        for number, (top, bottom) in enumerate(grid.T):
            own, label = scores[number], int(labels[number])
            guess = int(own.argmax())
            colour = GOOD if guess == label else BAD
            _image(top, images[number], colour)
            text = f"{guess} {RIGHT}" if guess == label else f"read as {guess} {WRONG}, is {label}"
            top.set_title(text, color=colour, fontsize=10, weight="bold")
            plain(bottom)
            colours = ["#cfd8dc"] * classes
            colours[label] = BLUE
            colours[guess] = colour
            heights = own - own.min()
            bottom.bar(range(classes), heights, 0.75, color=colours)
            for place in {label, *np.argsort(-own, kind="stable")[:2].tolist()}:
                bottom.text(place, heights[place], f"{heights[place]}", ha="center", va="bottom", fontsize=8, color=INK)
            bottom.set_ylim(0, 1.12 * highest)
            bottom.set_xticks(range(classes), [str(c) for c in range(classes)], fontsize=8)
            bottom.tick_params(axis="y", labelsize=8, labelleft=number == 0)
            bottom.set_xlabel("digit", color=INK, fontsize=9)
        grid[1, 0].set_ylabel("score above\nthe lowest", color=INK, fontsize=9)

    words = ", ".join(f"read as {scores[i].argmax()}, is {labels[i]}" for i in range(shown))
    return Picture(words, 2.2 * shown, 4.1, draw)


def _checked(images: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The scores as [N, classes]."""
    if images.ndim != 4 or images.shape[1] != 1 or not len(images) == len(scores) == len(labels):
        raise ShapeError(
            f"images are {images.shape}, scores {scores.shape}, labels {labels.shape}; "
            f"they must be [N, 1, H, W], [N, classes, ...] and [N]"
        )
    return scores.reshape(len(scores), -1)


def _image(axes: Any, image: np.ndarray, frame: str) -> None:
    """Dark on light, framed."""
    axes.imshow(image[0], cmap="gray_r", interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(frame)
        spine.set_linewidth(2)
