"""Learning curves."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpc.plot.figure import COLOURS, MARKERS, new_figure, require_matplotlib, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# What is drawn of one training, or of several that differ in their seed only.
Record: TypeAlias = Mapping[str, Sequence[float]]
Records: TypeAlias = Record | Sequence[Record]

MARKS = 8  # on a curve, about


def learning_curves(histories: Mapping[str, Records]) -> "Figure":
    """Loss and accuracy over the epochs of several trainings, on the same axes.

    One colour and marker per training; dashed lines for the training data, solid ones for the validation data. The loss
    has a logarithmic axis where all its values are positive. The axis of the accuracy begins where its curves' ends can
    be told apart, above the first epochs of most trainings; its panel is left out where there is none.

    Parameters
    ----------
    histories : mapping of str to History, or to a sequence of them
        What ``fit`` returned, or any mapping like it, by the name that the legend shows. Of several, trainings with
        other seeds, the mean is a line in a band from the least to the greatest.

    Returns
    -------
    matplotlib.figure.Figure
        Bound to no window; where it is a cell's last value, a notebook shows it, ``savefig`` writes it.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there is no history, or none with an epoch in it.

    Examples
    --------
    >>> import mlpc
    >>> (x, y), _ = mlpc.datasets.load_digits()
    >>> net = mlpc.MLP([64, 16, 10], "relu", seed=0)
    >>> history = net.fit(x[200:], y[200:], epochs=3, validation_data=(x[:200], y[:200]), progress=False)
    >>> figure = learning_curves({"64-16-10": history})
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['loss', 'accuracy']
    """
    require_matplotlib()
    several = [[h] if isinstance(h, Mapping) else list(h) for h in histories.values()]
    quantities = [name for name in ("loss", "accuracy") if any(_curve(h, name).size for hs in several for h in hs)]
    if not quantities:
        raise ValueError("histories: expected at least one with an epoch in it, got none")
    figure = new_figure(1.2 + 4.4 * len(quantities), 4.8)
    panels = figure.subplots(1, len(quantities), sharex=True, squeeze=False)[0]
    for axes, quantity in zip(panels, quantities, strict=True):
        for number, records in enumerate(several):
            style = {"color": COLOURS[number % len(COLOURS)], "marker": _marker(number)}
            training = [_curve(record, quantity) for record in records]
            validation = [_curve(record, f"val_{quantity}") for record in records]
            _draw(axes, training, linestyle="--", linewidth=1.2, markerfacecolor="white", **style)
            _draw(axes, validation, linestyle="-", linewidth=1.8, **style)
        _label(axes, quantity)
    _add_legend(figure, list(histories))
    return figure


def _curve(history: Record, name: str) -> NDArray[np.float64]:
    """One column, or nothing where the history has no number in it."""
    values = np.asarray(history.get(name, []), dtype=np.float64)  # None becomes NaN
    return values if np.isfinite(values).any() else values[:0]


def _draw(axes: "Axes", curves: Sequence[NDArray[np.float64]], **style: Any) -> None:
    """The mean of the curves, as far as all of them go, and the band that holds them."""
    epochs = min(map(len, curves), default=0)
    values = np.array([curve[:epochs] for curve in curves])
    x = np.arange(1, epochs + 1)
    if len(curves) > 1:
        axes.fill_between(x, values.min(axis=0), values.max(axis=0), color=style["color"], alpha=0.2, linewidth=0)
    axes.plot(x, values.mean(axis=0), markersize=5, markevery=max(1, epochs // MARKS), **style)


def _marker(number: int) -> str:
    """Shifted by one each time the colours begin again, so that no two of 49 trainings look the same."""
    return MARKERS[(number + number // len(COLOURS)) % len(MARKERS)]


def _label(axes: "Axes", quantity: str) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

    axes.set_xlabel("epoch")
    axes.set_ylabel(quantity)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    tidy(axes)
    if quantity == "accuracy":
        # From their start, the curves would press their ends, which are compared, against the upper edge.
        ends = [curve[-1] for curve in _curves(axes) if curve.size]
        low, high = axes.get_ylim()
        axes.set_ylim(bottom=max(low, 1 - 5 * (1 - min(ends))), top=min(high, 1.005))
    elif not any((curve <= 0).any() for curve in _curves(axes)):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())


def _curves(axes: "Axes") -> "list[NDArray[np.float64]]":
    return [np.asarray(line.get_ydata(), np.float64) for line in axes.lines]


def _add_legend(figure: "Figure", names: list[str]) -> None:
    """Below the panels: what dashed and solid mean in a column of its own, then the trainings in at most three."""
    from matplotlib.lines import Line2D

    meanings = [
        Line2D([], [], color="0.3", linestyle="--", linewidth=1.2, label="training"),
        Line2D([], [], color="0.3", linestyle="-", linewidth=1.8, label="validation"),
    ]
    rows = max(len(meanings), math.ceil(len(names) / 3))
    blanks = [Line2D([], [], linestyle="none", label=" ")] * (rows - len(meanings))
    trainings = [
        Line2D([], [], color=COLOURS[i % len(COLOURS)], marker=_marker(i), markersize=5, label=name)
        for i, name in enumerate(names)
    ]
    columns = 1 + math.ceil(len(names) / rows)
    figure.legend(handles=meanings + blanks + trainings, loc="outside lower center", ncols=columns, frameon=False)
