"""Pictures: their common look, and how a notebook shows them.

matplotlib is imported when something is drawn, never before: the package does without it, and a `Picture` then shows its words.
Nothing here touches pyplot, so no backend has to be chosen and none is changed for whoever uses this in a program of his own.
"""

from __future__ import annotations

import base64
import html
import io
import os
from collections.abc import Callable, Sequence
from typing import Any

from .errors import PhantomError

INK = "#2c3e50"
GRID = "#e5e8e8"
BLUE, DEEP_BLUE, GREY = "#2e86c1", "#1b4f72", "#7f8c8d"
GOOD, BAD = "#1e8449", "#c0392b"
PLATE = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
SCREEN = 96  # pixels an inch that a browser takes
SHARPNESS = 2  # pixels of the picture a pixel of the screen


class Picture:
    """A drawing for a notebook: as the last expression of a cell, it is shown.

    words: what it says, for those who cannot see it; all that there is where matplotlib is missing (`figure` is None then).
    """

    def __init__(self, words: str, width: float, height: float, draw: Callable[[Any], None]) -> None:
        """Call `draw` with an empty figure of `width` by `height` inches."""
        self.words = words
        self.figure: Any = None
        try:
            self.figure = new_figure(width, height)
        except PhantomError as error:
            self.words = f"{words}\n({error})"
            return
        draw(self.figure)

    def __repr__(self) -> str:
        return self.words

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, Any]]:
        """What Jupyter asks for: a PNG and the size in which to show it, and the same as HTML.

        The HTML is there for its `alt`: Jupyter and nbconvert prefer it, and drop that of a bare PNG. Nothing without matplotlib.
        """
        if self.figure is None:
            return {}, {}
        data = io.BytesIO()
        self.figure.savefig(data, format="png", dpi=SCREEN * SHARPNESS)
        png = base64.b64encode(data.getvalue()).decode()
        width, height = (round(SCREEN * inches) for inches in self.figure.get_size_inches())
        size = f'width="{width}" height="{height}"'
        page = f'<img src="data:image/png;base64,{png}" alt="{html.escape(self.words)}" {size}>'
        about = {"width": width, "height": height, "alt": self.words}
        return {"image/png": png, "text/html": page}, {"image/png": about}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it (PNG, SVG or PDF, by the suffix). Raises PhantomError without matplotlib, or when it cannot."""
        save(self.figure if self.figure is not None else new_figure(1, 1), path)


def new_figure(width: float, height: float) -> Any:
    """An empty figure, in inches, whose parts make room for each other. Raises PhantomError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise PhantomError("a plot needs matplotlib; install it with: pip install matplotlib") from None
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write a figure (PNG, SVG or PDF, by the suffix). Raises PhantomError when it cannot."""
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise PhantomError(f"{path}: the plot cannot be written ({error})") from None


def plain(axes: Any, rows: bool = True) -> None:
    """Axes without frame and ticks, with a light grid of rows, or else of columns."""
    axes.spines[["top", "right", "left" if rows else "bottom"]].set_visible(False)
    axes.spines["bottom" if rows else "left"].set_color(INK)
    axes.tick_params(length=0, which="both", colors=INK)
    (axes.yaxis if rows else axes.xaxis).grid(True, color=GRID)
    axes.set_axisbelow(True)


def headline(target: Any, text: str, detail: str = "") -> None:
    """A title at the left of axes; what follows in `detail` is smaller, below it."""
    target.set_title(text, loc="left", weight="bold", color=INK, fontsize=11, pad=22 if detail else 8)
    if detail:
        target.annotate(
            detail, (0, 1), (0, 7), xycoords="axes fraction", textcoords="offset points", color=GREY, fontsize=9, va="bottom"
        )


def column(axes: Any, places: Sequence[float], texts: Sequence[str], heading: str = "", bold: bool = False) -> None:
    """Texts to the right of horizontal bars, one below the other: there they lie on no line and hide nothing."""
    look = {"transform": axes.get_yaxis_transform(), "color": INK, "fontsize": 9, "weight": "bold" if bold else "normal"}
    for place, text in zip(places, texts):
        axes.text(1.015, place, text, va="center", **look)
    if heading:
        above = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom"}
        axes.annotate(heading, (1.015, 1), (0, 3), fontsize=8.5, color=GREY, **above)


def legend_beside(axes: Any, upside_down: bool = False) -> None:
    """The legend to the right of the axes; `upside_down` for stacked bars, whose last part is on top."""
    handles, labels = axes.get_legend_handles_labels()
    step = -1 if upside_down else 1
    place = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)}
    axes.legend(handles[::step], labels[::step], frameon=False, fontsize=8.5, labelcolor=INK, **place)


def legend_below(axes: Any, columns: int, inches: float, handles: Sequence[Any] | None = None) -> None:
    """The legend, of `handles` or of what has labels, so far below the axes that the axis' own labels have room."""
    from matplotlib.transforms import ScaledTranslation

    below = axes.transAxes + ScaledTranslation(0, -inches, axes.figure.dpi_scale_trans)
    place = {"loc": "upper left", "bbox_to_anchor": (0, 0), "bbox_transform": below, "borderaxespad": 0, "ncol": columns}
    given = {} if handles is None else {"handles": handles}
    axes.legend(frameon=False, fontsize=8.5, labelcolor=INK, columnspacing=1.6, **place, **given)


def legend_across(below: Any, axes: Any, columns: int, handles: Sequence[Any] | None = None) -> None:
    """The legend, of `handles` or of `axes`, in the empty axes `below`, from the left of the figure on; it widens nothing."""
    from matplotlib.transforms import blended_transform_factory

    across = blended_transform_factory(below.figure.transFigure, below.transAxes)
    place = {"loc": "upper left", "bbox_to_anchor": (0.02, 1.0), "bbox_transform": across, "ncol": columns}
    shown = axes.get_legend_handles_labels()[0] if handles is None else handles
    below.set_axis_off()
    below.legend(handles=shown, frameon=False, fontsize=8.5, labelcolor=INK, **place).set_in_layout(False)
