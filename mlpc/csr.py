"""Sparse rows: a matrix of SciPy's, or one that looks like it, as the zero-skipping kernels take it."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from mlpc import _mlpc
from mlpc.arguments import Array, any_array, finite, real_array

__all__ = ["CSR", "Input", "InputLike", "canonical_rows", "finite_rows", "is_sparse", "real_rows", "stored"]

_PIECE = 1 << 16  # entries that are looked at in one go, about
_MOST_COLUMNS = 2**31 - 1


class CSR(_mlpc.CSR):
    """Rows without their zeros in canonical form: columns ascend within a row, none comes twice, no number is 0.

    Parameters
    ----------
    data : ndarray, (stored,)
        The numbers, row by row; not copied.
    indices : ndarray of int, (stored,)
        Their columns; not copied where they are int32.
    indptr : ndarray of int, (n + 1,)
        Where each row begins among them, and where the last one ends.
    columns : int

    Examples
    --------
    >>> rows = CSR(np.array([1.0, 2.0]), np.array([2, 0]), np.array([0, 1, 1, 2]), 3)
    >>> rows.shape, _mlpc.numbers(rows[[2, 0]], None, "float32")
    ((3, 3), array([[2., 0., 0.],
           [0., 0., 1.]], dtype=float32))
    """

    __slots__ = ()

    ndim = 2

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.data.dtype

    def __getitem__(self, rows: Any) -> CSR:
        """Some of the rows, by their numbers, a mask or a slice."""
        rows = np.arange(len(self))[rows]
        starts, counts = self.indptr[rows], np.diff(self.indptr)[rows]
        ends = np.concatenate([[0], counts.cumsum()])
        data, indices = np.empty(ends[-1], self.dtype), np.empty(ends[-1], np.int32)
        step = max(_PIECE * len(rows) // max(int(ends[-1]), 1), 1)
        for first in range(0, len(rows), step):  # the places of all entries would take more memory than these
            some = slice(first, first + step)
            to = slice(ends[first], ends[min(first + step, len(rows))])
            places = np.arange(to.start, to.stop) + np.repeat(starts[some] - ends[:-1][some], counts[some])
            data[to], indices[to] = self.data[places], self.indices[places]
        return CSR(data, indices, ends, self.shape[1])

    def with_data(self, data: Array) -> CSR:
        """The same with other numbers in the same places."""
        return CSR(data, self.indices, self.indptr, self.shape[1])


class _Sparse(Protocol):
    """What `is_sparse` finds in a matrix."""

    @property
    def format(self) -> str: ...
    def tocsr(self) -> Any: ...


InputLike: TypeAlias = ArrayLike | CSR | _Sparse
"""What rows can be given as: an array-like, or a sparse matrix."""

Input: TypeAlias = Array | CSR
"""Rows after they were looked at."""


def is_sparse(value: Any) -> bool:
    """Whether this is a sparse matrix, or array, as SciPy has them in several formats.

    Examples
    --------
    >>> is_sparse(np.eye(2))
    False
    """
    return isinstance(getattr(value, "format", None), str) and hasattr(value, "tocsr")


def stored(x: Input) -> Array:
    """All numbers of x that are not 0, and maybe some that are."""
    return x.data if isinstance(x, CSR) else x


def canonical_rows(data: Array, indices: Array, indptr: Array, shape: tuple[int, ...]) -> CSR | None:
    """`CSR` of arrays as SciPy has them, without a copy; None where they are not canonical, or have room to spare.

    Examples
    --------
    >>> canonical_rows(np.array([3.0, 4.0]), np.array([1, 0]), np.array([0, 2]), (1, 2)) is None
    True
    """
    if data.ndim != 1 or indptr.shape != (shape[0] + 1,) or indptr[0] != 0 or indptr[-1] != len(data):
        return None
    if int(np.count_nonzero(data)) != len(data):
        return None
    try:
        return CSR(data, indices, indptr, shape[1])
    except (TypeError, ValueError):  # `_check_places` names what is wrong, if anything is
        return None


def real_rows(name: str, value: Any) -> Input:
    """`real_array`, or `CSR` of what is sparse, where nothing is made dense.

    CSR is taken as it is, without a copy, where it is canonical, and otherwise brought to that form in a copy: entries
    of the same place are added in the order in which they stand, in the matrix's own dtype, and zeros are dropped.
    Other formats are converted by their own ``tocsr``.

    Raises
    ------
    TypeError, ValueError
        Where it holds no real numbers, or an index leads nowhere.

    Examples
    --------
    >>> real_rows("x", [[1, 2], [3, 4]]).shape
    (2, 2)
    >>> from scipy.sparse import csr_array
    >>> real_rows("x", csr_array([[0.0, 3.0], [0.0, 0.0]])).data
    array([3.])
    """
    if isinstance(value, CSR) or type(value) is np.ndarray or not is_sparse(value):
        return value if isinstance(value, CSR) else real_array(name, value)
    matrix = value if value.format == "csr" else value.tocsr()
    shape = tuple(matrix.shape)
    if len(shape) != 2:
        raise ValueError(f"{name}: expected shape (n, k), got {shape}")
    if shape[1] > _MOST_COLUMNS:
        raise ValueError(f"{name}: expected at most {_MOST_COLUMNS:,} columns of a sparse matrix, got {shape[1]:,}")
    data, indices, indptr = (any_array(f"{name}.{part}", getattr(matrix, part)) for part in _PARTS)
    if data.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected real numbers, got dtype {data.dtype}")
    rows = canonical_rows(data, indices, indptr, shape)
    if rows is None:
        _check_places(name, data, indices, indptr, shape)
        data, indices = data[: indptr[-1]], indices[: indptr[-1]]  # SciPy allows for more room than is used
        rows = canonical_rows(data, indices, indptr, shape)
    return CSR(*_canonical(data, indices, indptr), shape[1]) if rows is None else rows


_PARTS = ("data", "indices", "indptr")


def _check_places(name: str, data: Array, indices: Array, indptr: Array, shape: tuple[int, ...]) -> None:
    """Refuse what leads out of the matrix: SciPy looks at it seldom, and arrays can be changed after that."""
    for part, array in zip(_PARTS, (data, indices, indptr), strict=True):
        if array.ndim != 1 or (part != "data" and array.dtype.kind not in "iu"):
            raise ValueError(
                f"{name}.{part}: expected one dimension{'' if part == 'data' else ' of integers'}, got shape "
                f"{array.shape} of {array.dtype}"
            )
    if len(indptr) != shape[0] + 1 or indptr[0] != 0:
        begin = "" if not len(indptr) else f" from {indptr[0]} on"
        raise ValueError(f"{name}.indptr: expected {shape[0] + 1} numbers from 0 on, got {len(indptr)}{begin}")
    falls = np.flatnonzero(indptr[1:] < indptr[:-1])
    if len(falls):
        row = int(falls[0])
        raise ValueError(
            f"{name}.indptr: expected numbers that do not fall, got {indptr[row]} and then {indptr[row + 1]}"
        )
    if indptr[-1] > min(len(data), len(indices)):
        raise ValueError(
            f"{name}.indptr: expected at most as many entries as there are data and indices, {len(data)} and "
            f"{len(indices)}, got {indptr[-1]}"
        )
    used = indices[: indptr[-1]]
    if len(used) and not (used.min() >= 0 and used.max() < shape[1]):
        worst = used.max() if used.min() >= 0 else used.min()
        raise ValueError(f"{name}.indices: expected columns in 0..{shape[1] - 1}, got {worst}")


def _canonical(data: Array, indices: Array, indptr: Array) -> tuple[Array, Array, Array]:
    """Sorted within each row, entries of the same place added in the order in which they stand, without zeros."""
    rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    order = np.lexsort((indices, rows))  # which keeps the order of equal ones
    data, indices, rows = data[order], indices[order], rows[order]
    first = np.ones(len(data), bool)
    first[1:] = (indices[1:] != indices[:-1]) | (rows[1:] != rows[:-1])
    starts = np.flatnonzero(first)
    lengths = np.diff(np.append(starts, len(data)))
    sums = data[starts]
    for later in range(1, int(lengths.max(initial=1))):
        several = np.flatnonzero(lengths > later)
        sums[several] = _sum(sums[several], data[starts[several] + later])
    kept = sums != 0
    counts = np.bincount(rows[starts][kept], minlength=len(indptr) - 1)
    return sums[kept], indices[starts][kept], np.concatenate([[0], counts.cumsum()])


def _sum(a: Array, b: Array) -> Array:
    if a.dtype in (np.float32, np.float64):
        _mlpc.add(a, b)  # rounds to nearest whatever the mode of the thread is
        return a
    return a + b


def finite_rows(name: str, value: Any, dtype: np.dtype[Any]) -> Input:
    """`finite`, or `CSR` of finite numbers in that dtype.

    Raises
    ------
    ValueError
        Where a number is not; it says which.

    Examples
    --------
    >>> finite_rows("x", CSR(np.array([np.nan]), np.array([1]), np.array([0, 0, 1]), 3), np.dtype("float32"))
    Traceback (most recent call last):
        ...
    ValueError: x: expected finite numbers, got nan at row 1, column 1
    """
    rows = real_rows(name, value)
    if not isinstance(rows, CSR):
        return finite(name, rows, dtype)
    data = _mlpc.as_real(name, rows.data, dtype)
    if not _mlpc.all_finite(data):
        k = int(np.flatnonzero(~np.isfinite(data))[0])
        row = int(np.searchsorted(rows.indptr, k, "right")) - 1
        why = f", too large for {dtype}," if np.isfinite(rows.data[k]) else ""
        raise ValueError(
            f"{name}: expected finite numbers, got {rows.data[k]}{why} at row {row}, column {rows.indices[k]}"
        )
    return rows.with_data(data)
