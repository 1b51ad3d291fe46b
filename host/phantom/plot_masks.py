"""Pictures of the masks of one convolution: which activations and weights are not zero, and what is left where they meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import ShapeError
from .network import Conv
from .picture import BAD, BLUE, DEEP_BLUE, INK, Picture, headline, legend_across, plain

ZERO, WEIGHT = "#eceff1", "#ca6f1e"
ONLY_ACTIVATION, ONLY_WEIGHT = "#bcd9ee", "#f2cfa9"  # paler: what meets a zero
COLUMNS = 8  # channels beside each other, where a filter is drawn
WIDE, HIGHEST = 9.8, 5.6  # inches that a notebook has room for


def input_masks(image: np.ndarray, activations: np.ndarray, channels: Sequence[int], corners: Sequence[int]) -> Picture:
    """An image, and beside it the masks of some channels of what a layer has made of it; with the frame of a window in each.

    Args:
        image: [H, W], dark where large. activations: [C, H, W], of that size. channels: which of the C are drawn.
        corners: first and last row, first and last column of the frame; it may reach beyond the border.

    Raises:
        ShapeError: they do not belong together.
    """
    if image.shape != activations.shape[1:] or not all(0 <= channel < len(activations) for channel in channels):
        raise ShapeError(
            f"the image is {image.shape}, the activations are {activations.shape}, the channels {list(channels)}; "
            f"these must be [H, W], [C, H, W] and below C"
        )
    shares = [np.count_nonzero(activations[channel]) / image.size for channel in channels]
    columns = -(-(1 + len(channels)) // 2)

    def draw(figure: Any) -> None:
        grid = figure.subplots(2, columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        first, *others = grid.flat
        _shades(first, image)
        _caption(first, "the image")
        for axes, channel, share in zip(others, channels, shares):
            _cells(axes, activations[channel] != 0, (ZERO, BLUE))
            _caption(axes, f"channel {channel}", f"{share:.0%} not zero")
        for axes in (first, *others[: len(channels)]):
            _frame(axes, corners)

    words = ", ".join(f"{channel} {share:.0%}" for channel, share in zip(channels, shares))
    inches = 0.2 + 2 * (0.3 + (WIDE / columns - 0.1) * image.shape[0] / image.shape[1])
    return Picture(f"the image, and where channels of the input are not zero: {words}", WIDE, min(HIGHEST, inches), draw)


def window(layer: Conv, activations: np.ndarray, filter_: int, place: tuple[int, int]) -> tuple[np.ndarray, Sequence[int]]:
    """What a filter sees of the activations [C, H, W] for the output at `place` (y, x), and where it lies.

    Returns:
        [C / groups, ky, kx], zeros where it reaches beyond the border; first and last row, first and last column in the input.

    Raises:
        ShapeError: there is no such filter or place.
    """
    shape = activations.shape
    filters, rows, cols = layer.out_shape((shape[0], shape[1], shape[2]))
    if not (0 <= filter_ < filters and 0 <= place[0] < rows and 0 <= place[1] < cols):
        has = f"layer {layer.name!r} has {filters} filters and an output of {rows} x {cols}"
        raise ShapeError(f"filter {filter_} at {place}: {has}")
    top, left, bottom, right = layer.padding
    padded = np.pad(activations, ((0, 0), (top, bottom), (left, right)))
    _, per_group, high, wide = layer.weights.shape
    first = filter_ * layer.channel_groups // filters * per_group
    y, x = (layer.stride * at for at in place)
    last_y, last_x = (at + layer.dilation * (size - 1) for at, size in ((y, high), (x, wide)))
    seen = padded[first : first + per_group, y : last_y + 1 : layer.dilation, x : last_x + 1 : layer.dilation]
    return seen, (y - top, last_y - top, x - left, last_x - left)


def meeting(layer: Conv, activations: np.ndarray, filter_: int, place: tuple[int, int]) -> Picture:
    """Masks of a window and of a filter, channel by channel, and both laid over each other. Raises ShapeError, as `window`."""
    seen, weights = window(layer, activations, filter_, place)[0] != 0, layer.weights[filter_] != 0
    both = seen & weights
    counts = [int(np.count_nonzero(mask)) for mask in (seen, weights, both)]
    size = both.size
    tall, broad = _side_by_side(both).shape
    inches = (WIDE / 3 - 0.3) * tall / broad

    def draw(figure: Any) -> None:
        from matplotlib.patches import Patch

        grid = figure.add_gridspec(2, 3, height_ratios=[inches, 0.22], wspace=0.09)
        drawn = (
            (seen + 0, (ZERO, BLUE), "activations", f"window at {place}: {counts[0]} of {size} not zero"),
            (weights + 0, (ZERO, WEIGHT), "weights", f"filter {filter_}: {counts[1]} of {size} not zero"),
            (
                seen + 2 * weights,
                (ZERO, ONLY_ACTIVATION, ONLY_WEIGHT, DEEP_BLUE),
                "multiplications",
                f"both not zero: {counts[2]} of {size}, {counts[2] / size:.0%}",
            ),
        )
        for number, (classes, colours, title, detail) in enumerate(drawn):
            axes = figure.add_subplot(grid[0, number])
            axes.set_axis_off()
            _cells(axes, _side_by_side(classes), ("white", *colours))
            headline(axes, title, detail)
        names = ("zero", "nonzero activation", "nonzero weight", "meets a zero weight", "meets a zero activation", "multiplied")
        shades = (ZERO, BLUE, WEIGHT, ONLY_ACTIVATION, ONLY_WEIGHT, DEEP_BLUE)
        patches = [Patch(facecolor=colour, label=name) for name, colour in zip(names, shades)]
        below = figure.add_subplot(grid[1, :])
        legend_across(below, below, 6, patches)

    words = f"filter {filter_} at {place}: {counts[0]} activations and {counts[1]} weights of {size} are not zero"
    return Picture(f"{words}; {counts[2]} meet", WIDE, min(HIGHEST, 1.0 + inches), draw)


def left_over(pairs: np.ndarray, dense: int) -> Picture:
    """What is left of a dense machine's multiplications: by position of the output, of all filters together; and by filter.

    pairs: [K, H, W], pairs with both operands nonzero of each filter and position. dense: pairs of each, zeros included.
    """
    filters, rows, cols = pairs.shape
    places, each = pairs.sum(axis=0) / (dense * filters), pairs.sum(axis=(1, 2)) / (dense * rows * cols)
    mean = float(places.mean())

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2, gridspec_kw={"width_ratios": [1, 1.1]})
        left.set_axis_off()
        left.set_anchor("S")
        mesh = _shades(left, places, "Blues")
        bar = figure.colorbar(mesh, ax=left, location="bottom", fraction=0.06, pad=0.03, aspect=40)
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=0, labelsize=8.5, colors=INK)
        bar.ax.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        headline(left, "what is left, by place", f"{places.min():.1%} to {places.max():.1%} of all multiplications of a place")
        plain(right)
        right.bar(range(filters), each, 0.8, color=WEIGHT)
        right.axhline(mean, color=INK, linewidth=1.2, linestyle="--")
        right.set_xlim(-0.8, filters - 0.2)
        right.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        idle = int(np.count_nonzero(each == 0))
        headline(right, f"and by filter, 0 to {filters - 1}", f"dashed: mean, {mean:.1%}; nothing at all for {idle} of {filters}")

    words = f"{mean:.1%} of all multiplications are left; by place {places.min():.1%} to {places.max():.1%}"
    return Picture(f"{words}, by filter {each.min():.1%} to {each.max():.1%}", WIDE, min(HIGHEST, 1.1 + 4.2 * rows / cols), draw)


def _side_by_side(classes: np.ndarray) -> np.ndarray:
    """Classes [C, ky, kx] as one array of at most COLUMNS channels in a row, each a class higher; 0 is the gap between them."""
    channels, high, wide = classes.shape
    rows = -(-channels // COLUMNS)
    canvas = np.zeros((rows * COLUMNS, high + 1, wide + 1), int)
    canvas[:channels, :high, :wide] = classes + 1
    tiled = canvas.reshape(rows, COLUMNS, high + 1, wide + 1).transpose(0, 2, 1, 3)
    return tiled.reshape(rows * (high + 1), COLUMNS * (wide + 1))[:-1, :-1]


def _cells(axes: Any, classes: np.ndarray, colours: Sequence[str]) -> None:
    """A square for each of the classes [H, W], in the colour of its class."""
    from matplotlib.colors import ListedColormap

    look = {"cmap": ListedColormap(list(colours)), "vmin": -0.5, "vmax": len(colours) - 0.5}
    axes.pcolormesh(classes, edgecolors="white", linewidth=0.4, **look)
    axes.set_aspect("equal")
    axes.invert_yaxis()


def _shades(axes: Any, values: np.ndarray, cmap: str = "gray_r") -> Any:
    """A square for each of the values [H, W], from the smallest, light, to the largest, dark."""
    mesh = axes.pcolormesh(values, cmap=cmap)
    axes.set_aspect("equal")
    axes.invert_yaxis()
    return mesh


def _caption(axes: Any, text: str, detail: str = "") -> None:
    axes.set_title(text, loc="left", fontsize=9.5, weight="bold", color=INK, pad=4)
    axes.set_title(detail, loc="right", fontsize=9, color=INK, pad=4)


def _frame(axes: Any, corners: Sequence[int]) -> None:
    from matplotlib.patches import Rectangle

    top, bottom, left, right = corners
    box = Rectangle((left, top), right - left + 1, bottom - top + 1, fill=False, edgecolor=BAD, linewidth=1.8, clip_on=False)
    axes.add_patch(box)
