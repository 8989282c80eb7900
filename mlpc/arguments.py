"""Arguments as callers give them, checked: an error names the argument, what was expected and what came."""

import math
import numbers
import operator
import reprlib
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpc import _mlpc

Array = NDArray[Any]


def any_array(name: str, value: Any) -> Array:
    """`value` as a NumPy array of whatever dtype, without a copy where it is one already; nothing is lost.

    A PyTorch CPU tensor shares its memory with the result; one that requires gradients is detached first.  What only
    looks like an array, or hides missing values that NumPy would not see, is refused.

    Parameters
    ----------
    name : str
        What an error calls the value.
    value : array-like
        Anything.

    Raises
    ------
    TypeError, ValueError
        Where `value` is no array, or something is masked or missing.

    Examples
    --------
    >>> any_array("y", ["cat", "dog"]).shape
    (2,)
    >>> any_array("x", np.ma.masked_equal([1.0, -999.0], -999.0))
    Traceback (most recent call last):
        ...
    ValueError: x: expected no masked elements, got 1 of 2; fill them, or leave their rows out
    """
    if type(value) is np.ndarray:
        return value
    for part in value if isinstance(value, (list, tuple)) else ():
        if isinstance(part, np.ndarray):
            _refuse_masked(name, part)
    if hasattr(value, "detach"):
        value = value.detach()
    elif hasattr(value, "toarray") and hasattr(value, "nnz"):
        raise TypeError(f"{name}: expected an array, got a sparse {type(value).__name__}; {name}.toarray() makes one")
    elif hasattr(value, "__next__"):
        raise TypeError(f"{name}: expected an array, got a {type(value).__name__}; np.array(list({name})) makes one")
    pandas: Any = sys.modules.get("pandas")  # where it is not imported, what comes is none of its own
    if pandas is not None and isinstance(
        value, (pandas.DataFrame, pandas.Series, pandas.Index, pandas.api.extensions.ExtensionArray)
    ):
        return _from_pandas(name, value)
    try:
        array = np.asanyarray(value)
    except ValueError as error:
        if isinstance(value, (list, tuple)):
            raise ValueError(f"{name}: expected rows of equal length, got {reprlib.repr(value)}") from None
        raise ValueError(f"{name}: expected an array: {error}") from error
    except (TypeError, RuntimeError) as error:  # PyTorch's, which say what to do
        raise TypeError(f"{name}: expected an array: {error}") from error
    _refuse_masked(name, array)
    return np.asarray(array)


def _refuse_masked(name: str, array: Array) -> None:
    """NumPy would take the numbers that lie under a mask."""
    mask = getattr(array, "mask", None)
    if isinstance(mask, (np.ndarray, np.bool_)) and mask.dtype == bool and mask.any():
        raise ValueError(
            f"{name}: expected no masked elements, got {int(mask.sum()):,} of {array.size:,}; "
            "fill them, or leave their rows out"
        )


def _from_pandas(name: str, value: Any) -> Array:
    """A table, or one column, of NumPy's types and of pandas' own, which may lack values."""
    table = value.ndim == 2
    # NaN in columns of NumPy's types is there to be seen.
    for place, dtype in enumerate(value.dtypes if table else [value.dtype]):
        if isinstance(dtype, np.dtype):
            continue
        if table and str(dtype) == "category":
            raise TypeError(
                f"{name}: expected real numbers, got categories in column {value.columns[place]!r}; "
                f"pandas.get_dummies({name}) makes columns of numbers of them"
            )
        missing = int((value.iloc[:, place] if table else value).isna().sum())
        if missing:
            where = f" in column {value.columns[place]!r}" if table else ""
            raise ValueError(
                f"{name}: expected no missing values, got {missing:,} of {len(value):,}{where}; "
                "fill them, or leave their rows out"
            )
    array = np.asarray(value)
    if array.dtype != object or not table:
        return array
    # pandas makes objects of columns whose types have none in common, like floats and booleans.
    arrays = [np.asarray(value.iloc[:, place]) for place in range(value.shape[1])]
    for place, part in enumerate(arrays):
        if part.dtype.kind not in "biuf":
            raise TypeError(
                f"{name}: expected real numbers, got dtype {value.dtypes.iloc[place]} in column "
                f"{value.columns[place]!r}"
            )
    return np.stack(arrays, axis=1, dtype=np.result_type(*arrays)) if arrays else array


def real_array(name: str, value: Any) -> Array:
    """`any_array` of real numbers.

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
    array = value if type(value) is np.ndarray else any_array(name, value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected real numbers, got {_other_than_numbers(name, array)}")
    return array


def _other_than_numbers(name: str, array: Array) -> str:
    """What an array holds instead, and what can be done."""
    if array.dtype.kind == "O":
        for place, element in np.ndenumerate(array):
            if not isinstance(element, (numbers.Real, np.bool_)):
                where = f" at {list(place)}" if place else ""
                return f"dtype object with {reprlib.repr(element)}{where}" + _numbered(name, isinstance(element, str))
        return f"dtype object; {name}.astype(float) makes numbers of it"
    if array.dtype.names is not None:
        return f"fields {', '.join(array.dtype.names)}; numpy.lib.recfunctions.structured_to_unstructured joins them"
    return f"dtype {array.dtype}" + _numbered(name, array.dtype.kind in "SUT")


def _numbered(name: str, text: bool) -> str:
    return f"; classes, y = np.unique({name}, return_inverse=True) numbers the classes" if text and name == "y" else ""


def converted(name: str, value: Any, dtype: np.dtype[Any]) -> Array:
    """`real_array` in float32 or float64 and C-contiguous, without a copy where it is so already.

    NumPy would round as the thread's floating-point mode says; this rounds to nearest, and keeps subnormal numbers.

    Examples
    --------
    >>> converted("x", [[1, 2], [3, 4]], np.dtype("float32"))
    array([[1., 2.],
           [3., 4.]], dtype=float32)
    """
    return _mlpc.as_real(name, real_array(name, value), dtype)


def finite(name: str, value: Any, dtype: np.dtype[Any]) -> Array:
    """`converted`, and every element is a finite number in `dtype`.

    Raises
    ------
    ValueError
        Where one is not; it says which.

    Examples
    --------
    >>> finite("x", [[1, 2], [3, np.nan]], np.dtype("float32"))
    Traceback (most recent call last):
        ...
    ValueError: x: expected finite numbers, got nan at row 1, column 1
    """
    given = real_array(name, value)
    array = converted(name, given, dtype)
    if _mlpc.all_finite(array):
        return array
    flat = next(
        start + int(np.flatnonzero(bad)[0])
        for start in range(0, array.size, _CHUNK)
        if (bad := ~np.isfinite(array.reshape(-1)[start : start + _CHUNK])).any()
    )
    place = tuple(map(int, np.unravel_index(flat, array.shape)))
    where = f" at row {place[0]}, column {place[1]}" if len(place) == 2 else f" at {list(place)}" if place else ""
    why = f", too large for {dtype}," if np.isfinite(given[place]) else ""
    raise ValueError(f"{name}: expected finite numbers, got {given[place]}{why}{where}")


_CHUNK = 1 << 20  # elements that are looked at in one go, for one that is not finite


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


def flushed(array: Array) -> Array:
    """The same with 0 for what is below the smallest normal number.

    Examples
    --------
    >>> flushed(np.array([1e-310, -1.0]))
    array([ 0., -1.])
    """
    return np.where(np.abs(array) < np.finfo(array.dtype).tiny, array.dtype.type(0), array)


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
    # Floats first: to ask the abstract class takes longer than all the rest.
    if not isinstance(value, float) and (isinstance(value, bool) or not isinstance(value, numbers.Real)):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{name}: expected a finite number, got one beyond the range of a float") from None
    if not (math.isfinite(number) and number >= least):
        bound = "" if least == -math.inf else f" >= {least:g}"
        raise ValueError(f"{name}: expected a finite number{bound}, got {value!r}")
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


LARGEST_SEED = 2**64 - 1


def seed_number(seed: Any) -> int:
    """A seed: an integer of 64 bits."""
    return whole_number("seed", seed, 0, LARGEST_SEED)


def draws_after(draws: tuple[int, int], forwards: int) -> tuple[int, int]:
    """By what a network draws, a seed and how many forwards there were, so many forwards later.

    Raises
    ------
    ValueError
        Where that is more than can be counted.

    Examples
    --------
    >>> draws_after((7, 10), 5)
    (7, 15)
    """
    seed, drawn = draws
    if drawn > LARGEST_SEED - forwards:
        raise ValueError(
            f"masks_drawn: expected a number that {forwards} forwards more leave below 2**64, got {drawn}; a new seed "
            "begins at 0"
        )
    return seed, drawn + forwards


def is_several(value: Any) -> bool:
    """Whether this is a sequence, and no text.

    Examples
    --------
    >>> is_several(range(3)), is_several(3), is_several("abc")
    (True, False, False)
    """
    return isinstance(value, (list, tuple)) or (np.iterable(value) and not isinstance(value, (str, bytes, Mapping)))


def whole_numbers(
    name: str, values: Any, least: int = 0, most: int | None = None, *, like: str = "[784, 100, 10]"
) -> list[int]:
    """A list of `whole_number`; an error shows one that is `like` it.

    Raises
    ------
    TypeError, ValueError
        Where `values` is no list, or one of them is no integer, or one outside.

    Examples
    --------
    >>> whole_numbers("sizes", (4, 3), 1)
    [4, 3]
    """
    if not is_several(values):
        raise TypeError(f"{name}: expected a list of integers like {like}, got {values!r}")
    return [whole_number(f"{name}[{place}]", value, least, most) for place, value in enumerate(values)]


def pair(name: str, value: Any) -> tuple[Any, Any]:
    """Samples: x and y.

    Raises
    ------
    TypeError
        Where `value` is no pair.

    Examples
    --------
    >>> pair("data", [1, 2])
    (1, 2)
    """
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"{name}: expected a pair (x, y), got {type(value).__name__}")
    return value[0], value[1]
