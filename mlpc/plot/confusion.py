"""Which classes are taken for which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from mlpc.arguments import real_array
from mlpc.plot.figure import new_figure, require_matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def confusion_matrix(y: ArrayLike, predicted: ArrayLike) -> Figure:
    """How many samples of each class were taken for each class.

    Parameters
    ----------
    y, predicted : array-like of int, (n,)
        True and predicted labels, at least 0.

    Returns
    -------
    matplotlib.figure.Figure
        Rows are true classes, columns predicted ones. The diagonal, where the right ones are counted, has no colour:
        colours compare the mistakes. To the right of each row, the share of its samples that are right.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If the labels are not two lists of the same length, of integers of at least 0.

    Examples
    --------
    >>> figure = confusion_matrix([0, 1, 2, 2], [0, 1, 2, 1])
    >>> [text.get_text() for text in figure.axes[0].texts][-3:]
    ['100.0 %', '100.0 %', '50.0 %']
    """
    require_matplotlib()
    y, predicted = real_array("y", y), real_array("predicted", predicted)
    for name, labels in (("y", y), ("predicted", predicted)):
        if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer) or not labels.size or labels.min() < 0:
            raise ValueError(f"{name}: expected integers of at least 0, (n,), got {labels.dtype} {labels.shape}")
    if len(y) != len(predicted):
        raise ValueError(f"predicted: expected {len(y)} labels as in y, got {len(predicted)}")
    k = int(max(y.max(), predicted.max())) + 1
    counts = np.bincount(y * k + predicted, minlength=k * k).reshape(k, k)
    wrong = counts.astype(float)
    np.fill_diagonal(wrong, 0)

    figure = new_figure(1.6 + 0.52 * k, 1.2 + 0.46 * k)
    axes = figure.subplots()
    axes.imshow(wrong, cmap="Blues", vmin=0, vmax=max(1.0, 1.2 * wrong.max()), aspect="auto")
    for row, column in np.ndindex(k, k):
        count, right = counts[row, column], row == column
        if count:
            dark = wrong[row, column] > 0.7 * wrong.max()
            colour, weight = "white" if dark and not right else "black", "bold" if right else "normal"
            axes.text(column, row, f"{count}", ha="center", va="center", fontsize=9, color=colour, weight=weight)
    for row, (count, total) in enumerate(zip(counts.diagonal(), counts.sum(axis=1), strict=True)):
        if total:
            axes.text(k - 0.35, row, f"{100 * count / total:.1f} %", va="center", fontsize=9, color="0.3")
    axes.set_xticks(range(k))
    axes.set_yticks(range(k))
    axes.tick_params(length=0)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(f"{len(y) - counts.trace():,} of {len(y):,} are wrong", loc="left", fontsize=11)
    axes.spines[:].set_visible(False)
    return figure
