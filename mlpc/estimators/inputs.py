"""The rows that an estimator is given, whatever holds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mlpc.arguments import Array

__all__ = ["ROWS_AT_A_TIME", "Inputs"]

ROWS_AT_A_TIME = 8192  # where the order of rows does not matter: what a forward keeps of them is a few MB


class Inputs:
    """Rows of an array, or of a sparse matrix, of which no more is made dense than is asked for at a time.

    Parameters
    ----------
    x : ndarray or SciPy's sparse matrix or array, (n, n_in)
        Checked.
    dtype : dtype
        Of the rows that are handed out.

    Attributes
    ----------
    sparse : bool
    held : ndarray or SciPy's sparse matrix or array
        All rows.
    """

    def __init__(self, x: Any, dtype: np.dtype[Any]) -> None:
        self.sparse = not isinstance(x, np.ndarray)
        self._dtype = dtype
        self.held: Any = x.tocsr() if self.sparse else np.ascontiguousarray(x, dtype)

    def __len__(self) -> int:
        return int(self.held.shape[0])

    def __getitem__(self, rows: slice | Array) -> Array:
        """Those rows, dense, C-contiguous and in the dtype."""
        return self.held[rows].toarray().astype(self._dtype, order="C", copy=False) if self.sparse else self.held[rows]

    def part(self, rows: Array) -> Inputs:
        """Those rows, held as these are."""
        return Inputs(self.held[rows], self._dtype)

    def pieces(self, size: int = ROWS_AT_A_TIME) -> Iterator[Array]:
        """All rows, so many at a time."""
        return (self[start : start + size] for start in range(0, len(self), size))
