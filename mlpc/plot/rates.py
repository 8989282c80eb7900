"""Learning rates: range tests, and searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

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

    from mlpc.lr_range import LRRange

TOGETHER = 4  # range tests that can be told apart in one panel
HIGHEST = 1.5  # times the best cost of the worst variant: a minimum must be seen, how bad a bad rate is need not be


def lr_range(results: LRRange | Mapping[str, LRRange]) -> Figure:
    """Loss against learning rate, of one range test or several, marked where the loss falls fastest.

    Up to four tests stand in one panel. Of more, each has a panel of its own, with the others in grey behind.

    Parameters
    ----------
    results : LRRange, or mapping of str to LRRange
        What ``lr_range_test`` returned, by the name that the picture shows.

    Returns
    -------
    matplotlib.figure.Figure
        Thin lines are the batches' losses, thick ones their running means.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If it is neither.
    ValueError
        If there is no test.

    Examples
    --------
    >>> import mlpc
    >>> (x, y), _ = mlpc.datasets.load_digits()
    >>> figure = lr_range(mlpc.lr_range_test(mlpc.MLP([64, 10]), x, y))
    >>> figure.axes[0].get_xscale()
    'log'
    """
    require_matplotlib()
    if not isinstance(results, Mapping) and not hasattr(results, "suggestion"):
        raise TypeError(f"results: expected an LRRange, or a mapping of names to some, got {type(results).__name__}")
    named = results if isinstance(results, Mapping) else {"": results}
    if not named:
        raise ValueError("results: expected at least one range test, got none")
    if len(named) <= TOGETHER:
        figure = new_figure(7.2, 4.4)
        axes = figure.subplots()
        for number, (name, result) in enumerate(named.items()):
            label = f"{name + ': ' if name else ''}steepest at lr = {result.suggestion:.2g}"
            _draw_range(axes, result, COLOURS[number], MARKERS[number], label)
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss")
        tidy(axes)
        figure.legend(loc="outside lower center", ncols=min(2, len(named)), frameon=False)
    else:
        titles = [f"{name}: lr {result.suggestion:.2g}" for name, result in named.items()]
        figure, panels = small_multiples(titles, 4, 1.7)
        for own, (name, result) in zip(panels, named.items(), strict=True):
            axes = own[0]
            for other, behind in named.items():
                if other != name:
                    axes.plot(behind.lr, behind.smoothed, color=GREY, linewidth=0.8)
            _draw_range(axes, result, COLOURS[0], MARKERS[0], "where the loss falls fastest: the rate in the title")
            label_outer(own, "learning rate", ["loss"])
        marks = [line for line in axes.lines if line.get_marker() == MARKERS[0]]
        figure.legend(handles=marks, loc="outside lower center", frameon=False, fontsize=9)
    # One batch's loss far above the means would press them flat.
    top = max(result.smoothed[: max(1, len(result.smoothed) // 2)].max() for result in named.values())
    axes.set_ylim(bottom=0, top=1.6 * top)
    axes.set_xscale("log")
    return figure


def _draw_range(axes: Axes, result: LRRange, colour: str, marker: str, label: str) -> None:
    axes.plot(result.lr, result.loss, color=colour, linewidth=0.7, alpha=0.35)
    axes.plot(result.lr, result.smoothed, color=colour, linewidth=1.8)
    height = np.interp(result.suggestion, result.lr, result.smoothed)
    axes.plot([result.suggestion], [height], color=colour, marker=marker, markersize=7, linestyle="", label=label)


def rate_search(records: Any) -> Figure:
    """Validation cost against learning rate, a panel for each variant: does the optimum lie inside the rates tried?

    Parameters
    ----------
    records : pandas.DataFrame, mapping of str to sequence, or sequence of mappings
        The table of ``mlpc.sweep``, or what is like it: a row for each run, with "variant", "lr" and "val_loss". Runs
        of the same variant and rate are seeds. A cost that is NaN, infinite or None is that of a run that diverged: its
        rate has no mean.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per variant, in the order of the rows, all on the same logarithmic axes. The line goes through the
        means over the seeds; pale dots are the seeds. A ring marks the least mean; the title says its rate, and where
        it is the first or the last one tried. A cross at the upper edge is a rate at which a run diverged. A line that
        leaves the panel upwards goes to costs that are far from good ones.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If a column is missing, or no run has a cost.

    Examples
    --------
    >>> import math
    >>> figure = rate_search(
    ...     [
    ...         {"variant": "100", "lr": 0.1, "val_loss": 0.4},
    ...         {"variant": "100", "lr": 0.3, "val_loss": 0.2},
    ...         {"variant": "100", "lr": 1.0, "val_loss": 0.3},
    ...         {"variant": "100", "lr": 3.0, "val_loss": math.nan},
    ...     ]
    ... )
    >>> figure.axes[0].get_title()
    '100: lr 0.3'
    """
    require_matplotlib()
    searches = _searches(records)
    figure, panels = small_multiples([search.title(name) for name, search in searches.items()], 4, 1.7)
    handles: dict[str, Any] = {}
    for own, search in zip(panels, searches.values(), strict=True):
        axes, means = own[0], search.means
        axes.set_xscale("log")
        dots: dict[str, Any] = {"color": COLOURS[0], "marker": "o", "markersize": 4}
        pale = dots | {"linestyle": "", "alpha": 0.35, "markeredgewidth": 0}
        ring: dict[str, Any] = {
            "markersize": 11,
            "markerfacecolor": "none",
            "markeredgecolor": COLOURS[1],
            "markeredgewidth": 1.8,
        }
        cross: dict[str, Any] = {
            "color": COLOURS[1],
            "linestyle": "",
            "marker": "x",
            "markersize": 6,
            "markeredgewidth": 1.6,
        }
        handles["one seed"] = axes.plot(search.run_rates, search.run_costs, **pale)[0]
        whole = np.isfinite(means)
        handles["mean of the seeds"] = axes.plot(search.rates, means, **dots)[0]  # a NaN is a gap
        if search.best is not None:
            best = [search.rates[search.best]], [means[search.best]]
            handles["best: the rate in the title"] = axes.plot(*best, **dots | ring, linestyle="")[0]
        if not whole.all():
            edge: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "clip_on": False}
            lost = search.rates[~whole]
            handles["diverged"] = axes.plot(lost, np.full(lost.size, 0.97), **cross, **edge)[0]
        label_outer(own, "learning rate", ["validation cost"])
    good = np.array([search.means[search.best] for search in searches.values() if search.best is not None])
    bad = max(np.nanmax(search.means) for search in searches.values() if search.best is not None)
    log_scale(axes, 0.7 * good.min(), 1.6 * min(bad, HIGHEST * good.max()))
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure


class _Search(NamedTuple):
    """The runs of a variant: each one's rate and cost, and the rates with the means of their costs, in rising order."""

    run_rates: NDArray[np.float64]
    run_costs: NDArray[np.float64]
    rates: NDArray[np.float64]
    means: NDArray[np.float64]
    best: int | None  # the place of the least mean, where there is one

    def title(self, name: str) -> str:
        if self.best is None:
            return f"{name}: diverged"
        return f"{name}: lr {self.rates[self.best]:g}" + (
            ", at the edge" if self.best in (0, len(self.rates) - 1) else ""
        )


def _searches(records: Any) -> dict[str, _Search]:
    """By variant, in the order in which they come first."""
    rows = isinstance(records, Sequence)
    try:
        names, lr, cost = (
            [row[column] for row in records] if rows else list(records[column])
            for column in ("variant", "lr", "val_loss")
        )
    except KeyError as error:
        raise ValueError(f"records: expected variant, lr and val_loss of each run, but {error} is missing") from None
    run_rates, costs = np.asarray(lr, np.float64), np.asarray(cost, np.float64)  # None becomes NaN
    costs = np.where(np.isfinite(costs), costs, np.nan)
    if np.isnan(costs).all():
        raise ValueError("records: expected a run at least with a val_loss, got none")
    searches = {}
    for name in dict.fromkeys(names):
        own = np.array([other == name for other in names])
        rates = np.unique(run_rates[own])
        means = np.array([costs[own & (run_rates == rate)].mean() for rate in rates])
        best = int(np.nanargmin(means)) if np.isfinite(means).any() else None
        searches[str(name)] = _Search(run_rates[own], costs[own], rates, means, best)
    return searches
