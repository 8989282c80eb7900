"""What all pictures have in common: the figure, its colours, its axes."""

from __future__ import annotations

import io
import math
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by nearly everyone, without their yellow, too pale for a line; markers tell the
# curves apart on paper without colours.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
GREY = "0.78"  # of what stands behind, for comparison
WIDTH = 9.6  # inches of the widest figure: a notebook shows it without making it smaller
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]


def new_figure(width: float, height: float) -> Figure:
    """A figure of no window; notebooks ask it for its own picture."""
    from matplotlib.figure import Figure

    class Picture(Figure):
        def _repr_png_(self) -> bytes:
            stream = io.BytesIO()
            self.savefig(stream, format="png", dpi=100)
            return stream.getvalue()

    return Picture(figsize=(width, height), dpi=150, layout="constrained")


def small_multiples(names: list[str], most: int, height: float, quantities: int = 1) -> tuple[Figure, list[list[Axes]]]:
    """A figure with panels for each name, `quantities` one above the other, at most so many names in a row.

    All panels share the horizontal axis, and those of a quantity the vertical one: only the outer ones have numbers.
    The name is the title of the upper one.
    """
    columns = math.ceil(len(names) / math.ceil(len(names) / most))
    blocks = math.ceil(len(names) / columns)
    width = min(WIDTH, 0.8 + 2.4 * columns)
    figure = new_figure(width, 0.9 + height * quantities * blocks)
    grid = figure.add_gridspec(blocks * quantities, columns)
    panels: list[list[Axes]] = []
    for number, name in enumerate(names):
        block, column = divmod(number, columns)
        panels.append([])
        for q in range(quantities):
            first = panels[0]
            shared = {"sharex": first[0] if first else None, "sharey": first[q] if len(panels) > 1 else None}
            axes = figure.add_subplot(grid[block * quantities + q, column], **shared)
            lowest = q == quantities - 1 and number + columns >= len(names)
            axes.tick_params(labelsize=8, labelbottom=lowest, labelleft=column == 0)
            tidy(axes)
            panels[-1].append(axes)
        panels[-1][0].set_title(textwrap.fill(name, int(11.5 * width / columns)), fontsize=9)
    return figure, panels


def label_outer(panels: list[Axes], x: str, y: list[str]) -> None:
    """Names at those axes of one name's panels that have numbers."""
    for axes, label in zip(panels, y, strict=True):
        if axes.yaxis.get_tick_params()["labelleft"]:
            axes.set_ylabel(label, fontsize=9)
    if panels[-1].xaxis.get_tick_params()["labelbottom"]:
        panels[-1].set_xlabel(x, fontsize=9)


def log_scale(axes: Axes, low: float, high: float) -> None:
    """A logarithmic vertical axis, with plain numbers at 1, 2, 5, 10, ..., or at powers of ten where there are many."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.set_yscale("log")
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def require_matplotlib() -> None:
    """Raise the ImportError that says how to get matplotlib, where it is missing."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError("pictures need matplotlib: pip install matplotlib") from error


def tidy(axes: Axes) -> None:
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
