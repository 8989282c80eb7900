"""How values are spread, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlpc.arguments import finite, is_several
from mlpc.layers import Activation
from mlpc.net import MLP
from mlpc.plot.figure import COLOURS, WIDTH, log_scale, new_figure, require_matplotlib, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS = 30
APART = 30.0  # times: layers whose sizes differ by more cannot be seen on one linear axis

Values = NDArray[np.float64]


def histograms(
    networks: MLP | Sequence[ArrayLike] | Mapping[str, MLP | Sequence[ArrayLike]], quantity: str = "activation"
) -> Figure:
    """Histograms of what the layers of several networks hold: a row for each network, a column for each layer.

    All panels share both axes, so that layers and networks can be compared. Values of both signs whose sizes differ
    by orders of magnitude from layer to layer, as gradients do, are drawn by their magnitude on a logarithmic axis.

    Parameters
    ----------
    networks : MLP, sequence of array-like, or mapping of str to MLP or to sequence of array-like
        One array of any shape per layer, first layer first; of a network, what its activations gave in the latest
        forward, or its outputs where it has no hidden layer. Several by the name that the picture shows.
    quantity : str
        What the numbers are: the label of the horizontal axes.

    Returns
    -------
    matplotlib.figure.Figure
        Heights are densities: the area of each histogram is 1, on a logarithmic axis by powers of ten. Bins are a
        thirtieth of the panel's own range. Zeros have no density, and what lies beyond 99.9 % of the other values is
        left out, too: each panel says its standard deviation, and the share of zeros where there are any.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If what stands for a network is neither a network nor arrays.
    ValueError
        If there is no network, a network without a layer, or an empty layer.
    RuntimeError
        If a network has had no forward.

    Examples
    --------
    >>> figure = histograms({"net": [np.array([0.0, 1.0]), np.array([0.0, 0.0, 2.0])]})
    >>> [axes.get_title() for axes in figure.axes]
    ['net, layer 1', 'net, layer 2']
    >>> import mlpc
    >>> net = mlpc.MLP([4, 8, 6, 3], "tanh")
    >>> z = net.forward(np.eye(4))
    >>> [axes.get_title() for axes in histograms(net).axes]
    ['layer 1', 'layer 2']
    """
    require_matplotlib()
    several = networks if isinstance(networks, Mapping) else {"": networks}
    rows = {
        name: [
            finite(f"networks[{name!r}][{n}]", layer, np.dtype(np.float64)).ravel()
            for n, layer in enumerate(_layers(of))
        ]
        for name, of in several.items()
    }
    if not rows or not all(layers and all(layer.size for layer in layers) for layers in rows.values()):
        raise ValueError("networks: expected one at least, each with layers, each with values")
    magnitudes = _apart([layer for layers in rows.values() for layer in layers])
    columns = max(map(len, rows.values()))
    figure = new_figure(min(WIDTH, 0.8 + 2.5 * columns), 0.5 + 1.9 * len(rows))
    grid = figure.subplots(len(rows), columns, squeeze=False, sharex=True, sharey=True)
    densities: list[Values] = []
    for number, (name, layers) in enumerate(rows.items()):
        for depth, axes in enumerate(grid[number], 1):
            if depth > len(layers):
                axes.remove()
                continue
            densities += _draw(axes, layers[depth - 1], magnitudes, COLOURS[number % len(COLOURS)])
            axes.set_title(f"{name}, layer {depth}" if name else f"layer {depth}", fontsize=9)
            axes.tick_params(labelsize=8)
            tidy(axes)
            axes.tick_params(labelbottom=number == len(rows) - 1 or depth > len(list(rows.values())[number + 1]))
        grid[number, 0].set_ylabel("density", fontsize=9)
    figure.supxlabel(f"|{quantity}|" if magnitudes else quantity, fontsize=9)
    if magnitudes:
        grid[0, 0].set_xscale("log")
    _scale_densities(grid[0, 0], densities)
    return figure


def _layers(network: MLP | Sequence[ArrayLike]) -> Sequence[ArrayLike]:
    """One array per layer: those given, or what a network's latest forward left."""
    if isinstance(network, MLP):
        activations = [part for part in network.layers if isinstance(part, Activation)]
        return [part.output for part in activations or network.layers]
    if not is_several(network):
        raise TypeError(f"networks: expected an mlpc.MLP, or a list of arrays, got {type(network)}")
    return network


def _apart(layers: list[Values]) -> bool:
    sizes = [float(np.sqrt(np.mean(layer**2))) for layer in layers if layer.any()]
    signs = {sign for layer in layers for sign in np.sign((layer.min(), layer.max()))}
    return {-1.0, 1.0} <= signs and max(sizes) > APART * min(sizes)


def _draw(axes: Axes, values: Values, magnitudes: bool, colour: str) -> list[Values]:
    """Draws a panel; returns its densities, where there are any."""
    zeros = np.mean(values == 0)
    note = f"std {values.std():.2g}" + (f"\n{100 * zeros:.0f} % zeros" if zeros else "")
    axes.text(0.97, 0.95, note, transform=axes.transAxes, ha="right", va="top", fontsize=8)
    values = values[values != 0]
    if not values.size:
        return []
    if magnitudes:
        values = np.log10(np.abs(values))
    low, high = np.quantile(values, 0.0005, method="lower"), np.quantile(values, 0.9995, method="higher")
    if low == high:
        low, high = low - 0.5, high + 0.5
    density, edges = np.histogram(values, BINS, (low, high), density=True)
    axes.stairs(density, 10**edges if magnitudes else edges, fill=True, color=colour)
    return [density]


def _scale_densities(axes: Axes, densities: list[Values]) -> None:
    """Limits of the shared axis, with room for the notes."""
    peaks = [density.max() for density in densities]
    if not peaks:
        return
    if max(peaks) < APART * min(peaks):
        axes.set_ylim(0, 1.35 * max(peaks))
    else:
        log_scale(axes, min(density[density > 0].min() for density in densities), 20 * max(peaks))
