"""Square pictures: digits, and what first layers look for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlpc.arguments import finite, real_array, whole_number
from mlpc.plot.figure import new_figure, require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mlpc.layers import Linear
    from mlpc.net import MLP

INCHES = 1.15  # the side of a picture


def digit_gallery(x: ArrayLike, y: ArrayLike, proba: ArrayLike, *, columns: int = 8) -> Figure:
    """Pictures, each with its true class and what a network says of it.

    Parameters
    ----------
    x : array-like, (n, pixels)
        The rows of square pictures.
    y : array-like of int, (n,)
        True labels.
    proba : array-like, (n, classes)
        Probabilities, as from ``predict_proba``.
    columns : int
        Pictures beside each other.

    Returns
    -------
    matplotlib.figure.Figure
        Above each picture its true class, and the most probable one with its probability, in colour where it is wrong.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there is no picture, the pictures are not square, or the lengths differ.

    Examples
    --------
    >>> figure = digit_gallery(np.eye(4).reshape(1, 16), [1], [[0.2, 0.1, 0.7]])
    >>> figure.axes[0].get_title()
    'true 1: 2 at 70 %'
    """
    require_matplotlib()
    pictures, y, proba = _square("x", x), real_array("y", y), finite("proba", proba, np.dtype(np.float64))
    if y.dtype.kind not in "biu":
        raise TypeError(f"y: expected integer labels, got dtype {y.dtype}")
    if y.shape != (len(pictures),):
        raise ValueError(f"y: expected a label for each of {len(pictures)} pictures, got {y.shape}")
    if proba.ndim != 2 or len(proba) != len(pictures):
        raise ValueError(f"proba: expected (n, classes) with n = {len(pictures)} as in x, got {proba.shape}")
    figure, panels = _panels(len(pictures), columns, 0.3)
    for axes, picture, label, p in zip(panels, pictures, y, proba, strict=True):
        axes.imshow(picture, cmap="gray_r", interpolation="nearest")
        said = int(p.argmax())
        colour = "black" if said == label else "#D55E00"
        axes.set_title(f"true {label}: {said} at {100 * p[said]:.0f} %", fontsize=8, color=colour)
    return figure


def first_layer(net: MLP | Linear | ArrayLike, *, count: int = 32, columns: int = 8, label: str = "weight") -> Figure:
    """The weights of units of the first layer, each as a picture of what it looks for.

    Parameters
    ----------
    net : MLP, layer, or array-like, (units, pixels)
        A network, a layer with a `weight`, or the weights themselves. Pictures are square.
    count : int
        Units to show, the first ones.
    columns : int
        Pictures beside each other.
    label : str
        What the numbers are, beside the scale of colours.

    Returns
    -------
    matplotlib.figure.Figure
        White is 0, blue is positive: ink there excites the unit; red is negative. One scale for all pictures: 99 % of
        the weights lie between its ends.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there is no unit, or the pictures are not square.

    Examples
    --------
    >>> import mlpc
    >>> net = mlpc.MLP([64, 5, 10])
    >>> len(first_layer(net).axes), len(first_layer(net.layers[0], count=3).axes)
    (6, 4)
    """
    require_matplotlib()
    weights: Any = net
    if hasattr(net, "weight"):
        weights = net.weight
    elif hasattr(net, "state_dict"):
        weights = next(iter(net.state_dict().values()))
    pictures = _square("net", weights)[: whole_number("count", count, 1)]
    scale = float(np.quantile(np.abs(pictures), 0.99)) or 1.0
    figure, panels = _panels(len(pictures), columns, 0.0)
    for axes, picture in zip(panels, pictures, strict=True):
        image = axes.imshow(picture, cmap="RdBu", vmin=-scale, vmax=scale, interpolation="nearest")
    figure.colorbar(image, ax=panels, shrink=0.7, aspect=30, label=label, extend="both")
    return figure


def _square(name: str, rows: ArrayLike) -> NDArray[Any]:
    """(n, pixels) as (n, side, side)."""
    rows = finite(name, rows, np.dtype(np.float64))
    side = math.isqrt(rows.shape[1]) if rows.ndim == 2 else 0
    if not rows.size or rows.ndim != 2 or side**2 != rows.shape[1]:
        raise ValueError(f"{name}: expected rows of square pictures, (n, pixels), got {rows.shape}")
    return rows.reshape(len(rows), side, side)


def _panels(count: int, columns: int, title: float) -> tuple[Figure, list[Axes]]:
    """A figure with `count` axes for pictures in rows of `columns`, `title` inches above each for a title."""
    columns = min(whole_number("columns", columns, 1), count)
    rows = math.ceil(count / columns)
    figure = new_figure(INCHES * max(columns, 2) + 0.6, (INCHES + title) * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_color("0.8")
    for axes in grid[count:]:
        axes.remove()
    return figure, list(grid[:count])
