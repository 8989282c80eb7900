"""The x and y of a training, checked once for all of its epochs."""

from __future__ import annotations

import mmap
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from mlpc import _mlpc
from mlpc.arguments import Array, real_array
from mlpc.csr import CSR, Input, InputLike, finite_rows, real_rows, stored
from mlpc.loss import Loss
from mlpc.warnings import UnscaledBytesWarning, warn

__all__ = ["checked_samples", "lies_in_a_file", "spread", "warn_of_bytes"]

T = TypeVar("T", Array, CSR, Input)


def checked_samples(
    net: _mlpc.Net,
    x: InputLike,
    y: ArrayLike,
    criterion: Loss,
    spec: _mlpc.Loss,
    sample_weight: ArrayLike | None = None,
    scale: float | None = None,
) -> tuple[Input, Any]:
    """x, checked and, but for bytes with a scale, converted to the network's dtype; and what it is to learn of it.

    Raises
    ------
    TypeError, ValueError
        Where there are no rows, as many in x as in y, or a number is none that network and loss can mean.

    Examples
    --------
    >>> import mlpc
    >>> net = mlpc.MLP([2, 1], loss="mse")
    >>> checked_samples(net, [[1, 2]], [1, 2], net.criterion, net.criterion.spec())
    Traceback (most recent call last):
        ...
    ValueError: y: expected 1 rows, as many as x has, got 2
    """
    x, y = real_rows("x", x), real_array("y", y)
    if not y.ndim:
        raise ValueError(f"y: expected {len(x) if x.ndim else 'n'} rows, as many as x has, got one number")
    if scale is not None and x.dtype != np.uint8:
        raise TypeError(f"x: expected uint8, since there is a scale, got {x.dtype}")
    if x.ndim != 2 or x.shape[1] != net.sizes[0] or not len(x):
        raise ValueError(f"x: expected shape (n, {net.sizes[0]}) with at least one row, got {x.shape}")
    if len(y) != len(x):
        raise ValueError(f"y: expected {len(x)} rows, as many as x has, got {len(y)}")
    if sample_weight is not None:
        sample_weight = real_array("sample_weight", sample_weight)
    objective = criterion.objective(net, y, spec, sample_weight)
    if scale is None:
        x = finite_rows("x", x, net.dtype)
    elif not isinstance(x, CSR):
        x = np.ascontiguousarray(x)
    return x, objective


def warn_of_bytes(x: Input) -> None:
    """Warn of bytes that count as the numbers 0 to 255: the first time in each line that calls the package."""
    if x.dtype == np.uint8 and stored(x).max(initial=0) > 1:
        warn(
            "x: expected uint8 with a scale, or numbers near 0 and 1, got uint8 that counts as the numbers 0 to "
            "255; scale=1/255, or x / 255, makes images of it, and scale=1 says that the numbers are meant",
            UnscaledBytesWarning,
        )


def lies_in_a_file(x: Input) -> bool:
    """Whether these are the numbers of a memory-mapped file, which may be larger than the memory: lists of those that
    are not 0 would be a copy of it.

    Examples
    --------
    >>> lies_in_a_file(np.zeros((2, 3)))
    False
    """
    owner: Any = x
    while isinstance(owner, (np.ndarray, memoryview)):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    return isinstance(owner, mmap.mmap)


def spread(rows: T, most: int) -> T:
    """A copy of up to so many rows, evenly spread over all.

    Examples
    --------
    >>> spread(np.arange(10), 3)
    array([0, 3, 6])
    """
    count = min(most, len(rows))
    return rows[np.arange(count) * len(rows) // max(count, 1)]
