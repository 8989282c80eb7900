"""Learning curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpc.plot.figure import (
    COLOURS,
    GREY,
    MARKERS,
    label_outer,
    log_scale,
    new_figure,
    require_matplotlib,
    small_multiples,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# What is drawn of one training, or of several that differ in their seed only.
Record: TypeAlias = Mapping[str, Sequence[float]]
Records: TypeAlias = Record | Sequence[Record]

MARKS = 8  # on a curve, about
TOGETHER = 4  # trainings whose curves can be told apart in one panel
TRAINING: dict[str, Any] = {"linestyle": "--", "linewidth": 1.2, "markerfacecolor": "white"}
VALIDATION: dict[str, Any] = {"linestyle": "-", "linewidth": 1.8}


def learning_curves(histories: Record | Mapping[str, Records]) -> Figure:
    """Loss and accuracy over the epochs of trainings, all on the same axes.

    Dashed lines are for the training data, solid ones for the validation data. Up to four trainings stand in one pair
    of panels, each with its colour and marker. Of more, each has panels of its own, with the validation curves of the
    others, or without any the training curves, in grey behind. The loss has a logarithmic axis where all its values are
    positive. The axis of the accuracy begins where its curves' ends can be told apart, above the first epochs of most
    trainings; its panels are left out where there is none.

    Parameters
    ----------
    histories : History, or mapping of str to History or to a sequence of them
        What ``fit`` returned, or any mapping like it; several by the name that the picture shows. Of several under one
        name, trainings with other seeds, the mean is a line in a band from the least to the greatest.

    Returns
    -------
    matplotlib.figure.Figure
        Its axes are loss, accuracy, loss, accuracy, ..., in the order of the histories. Bound to no window; where it
        is a cell's last value, a notebook shows it, ``savefig`` writes it.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If it is no mapping.
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
    >>> five = learning_curves({f"seed {seed}": history for seed in range(5)})
    >>> [axes.get_title() for axes in five.axes[::2]]
    ['seed 0', 'seed 1', 'seed 2', 'seed 3', 'seed 4']
    """
    require_matplotlib()
    if not isinstance(histories, Mapping):
        raise TypeError(f"histories: expected a History, or a mapping of names to some, got {type(histories).__name__}")
    named: Mapping[str, Any] = {"": histories} if _is_record(histories) else histories
    several = {name: [h] if isinstance(h, Mapping) else list(h) for name, h in named.items()}
    quantities = [q for q in ("loss", "accuracy") if any(_curve(h, q).size for hs in several.values() for h in hs)]
    if not quantities:
        raise ValueError("histories: expected at least one with an epoch in it, got none")
    return _together(several, quantities) if len(several) <= TOGETHER else _apart(several, quantities)


def _is_record(histories: Mapping[str, Any]) -> bool:
    """Whether these are the columns of one history: sequences of numbers, not of mappings."""
    values = [value for value in histories.values() if not isinstance(value, Mapping) and len(value)]
    return any(not isinstance(value[0], Mapping) for value in values)


def _together(several: Mapping[str, list[Record]], quantities: list[str]) -> Figure:
    """One panel for each quantity."""
    figure = new_figure(1.2 + 4.2 * len(quantities), 4.6)
    panels = figure.subplots(1, len(quantities), sharex=True, squeeze=False)[0]
    for axes, quantity in zip(panels, quantities, strict=True):
        for number, records in enumerate(several.values()):
            style: dict[str, Any] = {"color": COLOURS[number], "marker": MARKERS[number], "markersize": 5}
            _draw(axes, records, quantity, **TRAINING, **style)
            _draw(axes, records, f"val_{quantity}", **VALIDATION, **style)
        tidy(axes)
        axes.set_xlabel("epoch")
        axes.set_ylabel(quantity)
        _scale(axes, quantity, several)
    _add_legend(figure, list(several))
    return figure


def _apart(several: Mapping[str, list[Record]], quantities: list[str]) -> Figure:
    """For each training a panel for each quantity."""
    from matplotlib.lines import Line2D

    figure, panels = small_multiples(list(several), 5, 1.45, len(quantities))
    curves = [_curve(record, "loss") for records in several.values() for record in records]
    # A line of one point is nothing.
    dots: dict[str, Any] = {"marker": "o", "markersize": 4} if max(map(len, curves)) == 1 else {}
    training, validation = ({"color": COLOURS[0]} | style | dots for style in (TRAINING, VALIDATION))
    behind: dict[str, Any] = {"color": GREY, "linewidth": 0.8} | dots
    validated = any(_curve(record, "val_loss").size for records in several.values() for record in records)
    for own, (name, records) in zip(panels, several.items(), strict=True):
        for axes, quantity in zip(own, quantities, strict=True):
            for other, others in several.items():
                if other != name:
                    _draw(axes, others, f"val_{quantity}" if validated else quantity, band=False, **behind)
            _draw(axes, records, quantity, **training)
            _draw(axes, records, f"val_{quantity}", **validation)
        label_outer(own, "epoch", quantities)
    for axes, quantity in zip(panels[0], quantities, strict=True):
        _scale(axes, quantity, several)
    labels = {"training": training}
    labels |= {"validation": validation, "validation of the others": behind} if validated else {"of the others": behind}
    handles = [Line2D([], [], label=label, **style) for label, style in labels.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def _curve(history: Record, name: str) -> NDArray[np.float64]:
    """One column, or nothing where the history has no number in it."""
    values = np.asarray(history.get(name, []), dtype=np.float64)  # None becomes NaN
    return values if np.isfinite(values).any() else values[:0]


def _draw(axes: Axes, records: Sequence[Record], name: str, *, band: bool = True, **style: Any) -> None:
    """The mean of a column, as far as all records go, and the band that holds it."""
    curves = [_curve(record, name) for record in records]
    epochs = min(map(len, curves), default=0)
    values = np.array([curve[:epochs] for curve in curves])
    x = np.arange(1, epochs + 1)
    if band and len(curves) > 1:
        axes.fill_between(x, values.min(axis=0), values.max(axis=0), color=style["color"], alpha=0.2, linewidth=0)
    axes.plot(x, values.mean(axis=0), markevery=max(1, epochs // MARKS), **style)


def _scale(axes: Axes, quantity: str, several: Mapping[str, Sequence[Record]]) -> None:
    """Scales, limits and ticks of a panel, and of those that share its axes."""
    from matplotlib.ticker import MaxNLocator

    curves = [_curve(record, key) for rs in several.values() for record in rs for key in (quantity, f"val_{quantity}")]
    if max(map(len, curves)) == 1:
        axes.set_xlim(0.5, 1.5)
        axes.set_xticks([1])
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    finite = [curve[np.isfinite(curve)] for curve in curves if curve.size]
    if quantity == "accuracy":
        # From their start, the curves would press their ends, which are compared, against the upper edge.
        low, high = axes.get_ylim()
        axes.set_ylim(bottom=max(low, 1 - 5 * (1 - min(curve[-1] for curve in finite))), top=min(high, 1.005))
    elif all((curve > 0).all() for curve in finite):
        log_scale(axes, 0.85 * min(map(np.min, finite)), 1.15 * max(map(np.max, finite)))


def _add_legend(figure: Figure, names: list[str]) -> None:
    """Below the panels: what dashed and solid mean in a column of its own, then the trainings in at most two."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color="0.3", marker="o", markersize=5, label="training", **TRAINING),
        Line2D([], [], color="0.3", marker="o", markersize=5, label="validation", **VALIDATION),
    ]
    handles += [
        Line2D([], [], color=colour, marker=marker, markersize=5, label=name)
        for colour, marker, name in zip(COLOURS, MARKERS, names, strict=False)
        if name
    ]
    columns = max(2, math.ceil(len(handles) / 2))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False)
