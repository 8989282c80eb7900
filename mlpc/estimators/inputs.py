"""The rows that an estimator is given, whatever holds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import csr_array, csr_matrix

from mlpc import _mlpc
from mlpc.arguments import Array
from mlpc.csr import CSR, Input, real_rows

__all__ = ["ROWS_AT_A_TIME", "Inputs", "plain_rows"]

ROWS_AT_A_TIME = 8192  # where the order of rows does not matter: what a forward keeps of them is a few MB


class Inputs:
    """Rows of an array, or of a sparse matrix, which is never made dense.

    Parameters
    ----------
    x : ndarray, CSR, or SciPy's sparse matrix or array, (n, n_in)
        Checked.
    dtype : dtype
        Of the rows that are handed out.

    Attributes
    ----------
    held : ndarray or CSR
        All rows.

    Examples
    --------
    >>> rows = Inputs(np.eye(3), np.dtype("float32"))
    >>> rows[:1], len(rows.part(np.array([2, 0])))
    (array([[1., 0., 0.]], dtype=float32), 2)
    """

    def __init__(self, x: Any, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        rows = real_rows("X", x)
        if isinstance(rows, CSR):
            self.held: Input = rows if rows.dtype == dtype else rows.with_data(rows.data.astype(dtype))
        else:
            self.held = np.ascontiguousarray(rows, dtype)

    def __len__(self) -> int:
        return len(self.held)

    def __getitem__(self, rows: slice | Array) -> Input:
        """Those rows, in the dtype."""
        return self.held[rows]

    def part(self, rows: Array) -> Inputs:
        """Those rows, held as these are."""
        return Inputs(self.held[rows], self._dtype)

    def pieces(self, size: int = ROWS_AT_A_TIME) -> Iterator[Input]:
        """All rows, so many at a time."""
        return (self[start : start + size] for start in range(0, len(self), size))


def plain_rows(X: Any, columns: int, dtype: np.dtype[Any]) -> Input | None:
    """X as a network takes it, where scikit-learn has nothing to say of it; None where it must have a look.

    Its look takes a hundred times as long as a row takes a network.

    Examples
    --------
    >>> plain_rows([[1, 2]], 2, np.dtype("float32")), plain_rows([[1, np.nan]], 2, np.dtype("float32"))
    (array([[1., 2.]], dtype=float32), None)
    """
    kind = type(X)
    if kind is csr_matrix or kind is csr_array:
        return _plain_sparse(X, columns, dtype)
    if kind is list:
        X = _array_of(X)
    elif kind is not np.ndarray:
        return None
    if X.ndim != 2 or X.shape[1] != columns or not len(X):
        return None
    if X.dtype != dtype:
        if X.dtype.kind not in "fiub":
            return None
        with np.errstate(over="ignore"):  # which is looked for next
            X = X.astype(dtype)
    return X if _mlpc.all_finite(X) else None


def _plain_sparse(X: Any, columns: int, dtype: np.dtype[Any]) -> CSR | None:
    shape = X.shape
    if X.dtype != dtype or len(shape) != 2 or shape[1] != columns or not shape[0]:
        return None
    rows = real_rows("X", X)
    return rows if isinstance(rows, CSR) and _mlpc.all_finite(rows.data) else None


def _array_of(rows: list[Any]) -> Array:
    try:
        return np.array(rows)
    except (TypeError, ValueError):
        return np.array(None)  # others say what is wrong
