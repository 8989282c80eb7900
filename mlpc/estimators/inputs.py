"""The rows that an estimator is given, whatever holds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mlpc.arguments import Array
from mlpc.csr import CSR, Input, real_rows

__all__ = ["ROWS_AT_A_TIME", "Inputs"]

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
