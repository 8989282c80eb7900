"""Learning-rate range tests."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mlpc.plot.figure import COLOURS, MARKERS, new_figure, require_matplotlib, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mlpc.lr_range import LRRange


def lr_range(results: "LRRange | Mapping[str, LRRange]") -> "Figure":
    """Loss against learning rate, of one range test or several, a dot where the loss falls fastest.

    Parameters
    ----------
    results : LRRange, or mapping of str to LRRange
        What ``lr_range_test`` returned, by the name that the legend shows.

    Returns
    -------
    matplotlib.figure.Figure
        Thin lines are the batches' losses, thick ones their running means.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import mlpc
    >>> (x, y), _ = mlpc.datasets.load_digits()
    >>> figure = lr_range(mlpc.lr_range_test(mlpc.MLP([64, 10]), x, y))
    >>> figure.axes[0].get_xscale()
    'log'
    """
    require_matplotlib()
    named = results if isinstance(results, Mapping) else {"": results}
    figure = new_figure(7.2, 4.4)
    axes = figure.subplots()
    for number, (name, result) in enumerate(named.items()):
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        label = f"{name + ': ' if name else ''}steepest at lr = {result.suggestion:.2g}"
        axes.plot(result.lr, result.loss, color=colour, linewidth=0.7, alpha=0.35)
        axes.plot(result.lr, result.smoothed, color=colour, linewidth=1.8)
        height = np.interp(result.suggestion, result.lr, result.smoothed)
        axes.plot([result.suggestion], [height], color=colour, marker=marker, markersize=8, linestyle="", label=label)
    # One batch's loss far above the means would press them flat.
    top = max(result.smoothed[: max(1, len(result.smoothed) // 2)].max() for result in named.values())
    axes.set_ylim(bottom=0, top=1.6 * top)
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    tidy(axes)
    figure.legend(loc="outside lower center", ncols=min(2, len(named)), frameon=False)
    return figure
