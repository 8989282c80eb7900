"""Splits of rows into those for training and those for validation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlpc import _mlpc
from mlpc.arguments import any_array, whole_number

__all__ = ["stratified_split"]


def stratified_split(y: ArrayLike, n_validation: int, *, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows for training and for validation, drawn at random, every class with its share in both.

    The shares are rounded by largest remainder, the smaller class first among equal ones. The draw is the same on every
    machine.

    Parameters
    ----------
    y : array-like, (n,)
        Labels.
    n_validation : int
        How many rows are for validation, 0 <= n_validation <= n.
    seed : int
        Of the draw.

    Returns
    -------
    train, validation : ndarray of int64
        Indices of rows, ascending, without a common one.

    Examples
    --------
    >>> y = np.array([0, 1] * 5)
    >>> train, validation = stratified_split(y, 4)
    >>> len(train), y[validation].tolist().count(0), y[validation].tolist().count(1)
    (6, 2, 2)
    """
    labels = any_array("y", y)
    if labels.ndim != 1:
        raise ValueError(f"y: expected labels of shape (n,), got shape {labels.shape}")
    for row, label in enumerate(labels.tolist() if labels.dtype.kind in "fO" else ()):
        if label is None or label != label:
            raise ValueError(f"y: expected a label in each row, got {label} at row {row}")
    n = len(labels)
    if isinstance(n_validation, (float, np.floating)) and 0 < n_validation < 1:
        raise TypeError(
            f"n_validation: expected a number of rows, got {n_validation}; "
            f"that share of y is {round(n * float(n_validation))}"
        )
    n_validation = whole_number("n_validation", n_validation, 0, n)
    order = _mlpc.shuffle(n, seed, 0)
    if n == 0:
        return order, order
    _, members, counts = np.unique(labels[order], return_inverse=True, return_counts=True)
    share, remainder = np.divmod(counts * n_validation, n)
    largest = np.lexsort((counts, -remainder))[: n_validation - share.sum()]
    share[largest] += 1
    # Within a class, the rows that come first in the shuffled order are for validation.
    by_class = np.argsort(members, kind="stable")
    rank = np.empty(n, np.int64)
    rank[by_class] = np.arange(n) - np.repeat(counts.cumsum() - counts, counts)
    chosen = rank < share[members]
    return np.sort(order[~chosen]), np.sort(order[chosen])
