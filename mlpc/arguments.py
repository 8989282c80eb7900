"""Arguments as callers give them, checked: an error names the argument, what was expected and what came."""

import math
import numbers
import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpc import _mlpc

Array = NDArray[Any]


def real_array(name: str, value: Any) -> Array:
    """`value` as a NumPy array of real numbers, without a copy where it is one already.

    A PyTorch CPU tensor shares its memory with the result; one that requires gradients is detached first.

    Parameters
    ----------
    name : str
        What an error calls the value.
    value : array-like
        Integers, booleans or floating-point numbers, in any shape.

    Raises
    ------
    TypeError
        Where `value` holds anything else.

    Examples
    --------
    >>> real_array("x", [[1, 2], [3, 4]]).shape
    (2, 2)
    """
    if hasattr(value, "detach"):
        value = value.detach()
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected real numbers, got dtype {array.dtype}")
    return array


def converted(name: str, value: Any, dtype: np.dtype[Any]) -> Array:
    """`real_array` in float32 or float64 and C-contiguous, without a copy where it is so already.

    NumPy would round as the thread's floating-point mode says; this rounds to nearest, and keeps subnormal numbers.

    Examples
    --------
    >>> converted("x", [[1, 2], [3, 4]], np.dtype("float32"))
    array([[1., 2.],
           [3., 4.]], dtype=float32)
    """
    return _mlpc.as_real(name, real_array(name, value), dtype.name)


def shaped(name: str, value: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """`converted`, of exactly one shape: nothing is broadcast.

    Raises
    ------
    ValueError
        Where the shape is another.

    Examples
    --------
    >>> shaped("bias", [0.5, -0.5], (2,), np.dtype("float64"))
    array([ 0.5, -0.5])
    """
    array = real_array(name, value)
    if array.shape != shape:
        raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
    return converted(name, array, dtype)


def real_number(name: str, value: Any, least: float = 0.0) -> float:
    """A finite number, at least `least`, as a float; an array of no dimension, as a file gives it back, is a number.

    Raises
    ------
    TypeError, ValueError
        Where `value` is no number, or one outside.

    Examples
    --------
    >>> real_number("lr", 1)
    1.0
    """
    if isinstance(value, np.ndarray) and not value.ndim:
        value = value[()]
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{name}: expected a finite number, got one beyond the range of a float") from None
    if not (math.isfinite(number) and number >= least):
        raise ValueError(f"{name}: expected a finite number >= {least:g}, got {value!r}")
    return number


def whole_number(name: str, value: Any, least: int = 0, most: int | None = None) -> int:
    """An integer, at least `least` and at most `most`.

    Raises
    ------
    TypeError, ValueError
        Where `value` is no integer, or one outside.

    Examples
    --------
    >>> whole_number("epochs", 10)
    10
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: expected an integer, got {value!r}") from None
    if number < least or (most is not None and number > most):
        bounds = f">= {least}" if most is None else f"in {least}..{most}"
        raise ValueError(f"{name}: expected an integer {bounds}, got {number}")
    return number


def seed_number(seed: Any) -> int:
    """A seed: an integer of 64 bits."""
    return whole_number("seed", seed, 0, 2**64 - 1)
