"""How values are spread, layer by layer."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from mlpc.plot.figure import COLOURS, new_figure, require_matplotlib, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 40


def histograms(networks: Mapping[str, Sequence[ArrayLike]], quantity: str = "activation") -> "Figure":
    """Histograms of what the layers of several networks hold: a row for each network, a column for each layer.

    Parameters
    ----------
    networks : mapping of str to sequence of array-like
        By the network's name, one array of any shape per layer, first layer first.
    quantity : str
        What the numbers are: the label of the horizontal axes, which the panels of a row share.

    Returns
    -------
    matplotlib.figure.Figure
        Heights are shares of a layer's values; what lies beyond 99.9 % of a row's values is not drawn. Each panel says
        its standard deviation, and the share of zeros where there are any.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there is no network, a network without a layer, or an empty layer.

    Examples
    --------
    >>> figure = histograms({"net": [np.array([0.0, 1.0]), np.array([0.0, 0.0, 2.0])]})
    >>> [axes.get_title() for axes in figure.axes]
    ['net, layer 1', 'net, layer 2']
    """
    require_matplotlib()
    rows = {name: [np.asarray(layer, np.float64).ravel() for layer in layers] for name, layers in networks.items()}
    if not rows or not all(layers and all(layer.size for layer in layers) for layers in rows.values()):
        raise ValueError("networks: expected one at least, each with layers, each with values")
    columns = max(map(len, rows.values()))
    figure = new_figure(0.8 + 2.5 * columns, 0.4 + 2.1 * len(rows))
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for number, (name, layers) in enumerate(rows.items()):
        values = np.concatenate(layers)
        low, high = np.quantile(values, 0.0005, method="lower"), np.quantile(values, 0.9995, method="higher")
        if low == high:
            low, high = low - 0.5, high + 0.5
        edges = np.linspace(low, high, BINS + 1)
        for depth, axes in enumerate(grid[number], 1):
            if depth > len(layers):
                axes.remove()
                continue
            values = layers[depth - 1]
            axes.hist(
                values, edges, weights=np.full(values.size, 1 / values.size), color=COLOURS[number % len(COLOURS)]
            )
            axes.set_xlim(low, high)
            axes.set_yscale("log")
            axes.set_ylim(top=10 * axes.get_ylim()[1])  # room for the note
            axes.set_title(f"{name}, layer {depth}", fontsize=9)
            zeros = np.mean(values == 0)
            note = f"std {values.std():.2g}" + (f"\n{100 * zeros:.0f} % zeros" if zeros else "")
            axes.text(0.97, 0.95, note, transform=axes.transAxes, ha="right", va="top", fontsize=8)
            axes.tick_params(labelsize=8)
            tidy(axes)
            if number == len(rows) - 1 or depth > len(list(rows.values())[number + 1]):
                axes.set_xlabel(quantity, fontsize=9)
            if depth == 1:
                axes.set_ylabel("share", fontsize=9)
    return figure
