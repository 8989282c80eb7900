"""What the visible tests of the course's notebooks are made of: a failure says what was expected, what came, and why.

>>> with checking("two and two", "an addition"):
...     compare("2 + 2", 2 + 2, 4, "an addition")
passed: two and two
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["checking", "compare", "expect", "message", "same_dtype"]

_SHOWN = 24  # elements of an array that are shown whole
_PLACES = 3  # places that are named where there are more


@contextlib.contextmanager
def checking(title: str, reason: str) -> Iterator[None]:
    """Print that a test passed; make an AssertionError, with the usual reason, of whatever goes wrong inside.

    Parameters
    ----------
    title : str
        What is tested.
    reason : str
        The usual reason for a failure that has no words of its own, like that of shapes that do not fit. Of a name
        without a value the message says so, too.

    Raises
    ------
    AssertionError
        For any error inside; those of `compare` and `expect` go through as they are.
    NotImplementedError
        Of a blank that is not filled in: its own sentence is what the reader wants.

    Examples
    --------
    >>> with checking("mean", "divide by the number of samples"):
    ...     1 / 0
    Traceback (most recent call last):
    AssertionError: mean
      expected:     a result
      got:          ZeroDivisionError: division by zero
      usual reason: divide by the number of samples
    """
    try:
        yield
    except (AssertionError, NotImplementedError):
        raise
    except Exception as error:
        if isinstance(error, NameError):
            reason += "; a name without a value is one that the blank does not assign"
        raise AssertionError(message(title, "a result", f"{type(error).__name__}: {error}", reason)) from error
    print("passed:", title)


def message(title: str, expected: object, came: object, reason: str) -> str:
    """The text of a failure.

    Examples
    --------
    >>> print(message("z", "shape (2,)", "shape (3,)", "one element per unit"))
    z
      expected:     shape (2,)
      got:          shape (3,)
      usual reason: one element per unit
    """
    lines = [("expected:", expected), ("got:", came), ("usual reason:", reason)]
    return "\n".join([title, *(f"  {label:<13} {_indented(text)}" for label, text in lines)])


def expect(title: str, holds: object, expected: object, came: object, reason: str) -> None:
    """Raise an AssertionError unless something holds that is no matter of numbers.

    Parameters
    ----------
    title : str
        What is tested.
    holds : bool
        Whether it is as expected.
    expected, came : object
        What the message says of both.
    reason : str
        The usual reason.

    Examples
    --------
    >>> expect("layers", 1 > 2, "two at least", 1, "the hidden layer is missing")
    Traceback (most recent call last):
    AssertionError: layers
      expected:     two at least
      got:          1
      usual reason: the hidden layer is missing
    """
    if not holds:
        raise AssertionError(message(title, expected, came, reason))


def same_dtype(title: str, came: Any, given: Any) -> None:
    """Raise an AssertionError unless a result has the kind of numbers of what was given.

    Examples
    --------
    >>> same_dtype("a", np.float32(0.5) * np.ones(2, "float32"), np.ones(2, "float32"))
    """
    got = getattr(came, "dtype", type(came).__name__)
    reason = "a float64 array inside makes everything float64; numbers like 0.5 do not"
    expect(title, got == given.dtype, f"{given.dtype}, as what came in", got, reason)


def compare(
    title: str, came: Any, expected: ArrayLike, reason: str, tolerance: float = 1e-6, n: int | None = None
) -> None:
    """Raise an AssertionError unless a result has the shape and, up to a tolerance, the values of another.

    Parameters
    ----------
    title : str
        What is compared.
    came : object
        The result; None where a return or an assignment is missing.
    expected : array-like
        What it should be.
    reason : str
        The usual reason for a difference.
    tolerance : float
        Of each element: absolute, and relative to the expected one.
    n : int, optional
        The number of samples, which a constant factor between both usually is.

    Raises
    ------
    AssertionError
        Says where the elements differ and, where one factor or one difference explains all of them, which.

    Examples
    --------
    >>> compare("dw", [7.0, 14.0], [1.0, 2.0], "the 1/n_b", n=7)
    Traceback (most recent call last):
    AssertionError: dw
      expected:     [1. 2.]
      got:          [ 7. 14.]
                    it is 7 times too large, and there are 7 samples: a 1/n is missing
      usual reason: the 1/n_b
    """
    target = np.asarray(expected)
    if came is None:
        raise AssertionError(message(title, _what(target), "None", "there is no return, or no assignment"))
    try:
        array = np.asarray(came)
        numeric = target.dtype.kind not in "biufc" or array.dtype.kind in "biufc"
    except ValueError:  # lists of different lengths
        numeric = False
    if not numeric:
        raise AssertionError(message(title, _what(target), f"{type(came).__name__}: {came!r}", reason))
    if array.shape != target.shape:
        raise AssertionError(message(title, _what(target), f"shape {array.shape}", reason))
    if target.dtype.kind not in "biufc":
        differs = array != target
    else:
        differs = ~np.isclose(array, target, rtol=tolerance, atol=tolerance)
    if differs.any():
        shown = np.size(target) <= _SHOWN
        values = [_text(array), _text(target)] if shown else [_places(array, differs), _places(target, differs)]
        remarks = [text for text in (_where(differs), _factor(array, target, tolerance, n)) if text]
        raise AssertionError(message(title, values[1], "\n".join([values[0], *remarks]), reason))


def _indented(text: object) -> str:
    return str(text).replace("\n", "\n" + " " * 16)


def _what(target: np.ndarray[Any, Any]) -> str:
    return f"shape {target.shape}" if target.ndim else f"one number, {_text(target)}"


def _text(array: np.ndarray[Any, Any]) -> str:
    return np.array2string(array, precision=6)


def _places(array: np.ndarray[Any, Any], differs: np.ndarray[Any, Any]) -> str:
    """The first of the elements that differ, each behind its indices."""
    named = [tuple(map(int, place)) for place in np.argwhere(differs)[:_PLACES]]
    return ", ".join(f"{_text(array[place])} at {list(place)}" for place in named)


def _where(differs: np.ndarray[Any, Any]) -> str:
    """Where arrays differ that agree elsewhere; an array of more elements than are shown, in any case."""
    count = int(differs.sum())
    if count == differs.size <= _SHOWN:
        return ""
    named = ", ".join(str(list(map(int, place))) for place in np.argwhere(differs)[:_PLACES])
    more = ", ..." if count > _PLACES else ""
    return f"{count:,} of {differs.size:,} elements differ: at {named}{more}"


def _factor(came: Any, expected: Any, tolerance: float, n: int | None) -> str:
    """What one factor, or one summand, explains every difference; nothing where there is none."""
    if expected.dtype.kind not in "iufc" or not (np.isfinite(came).all() and np.isfinite(expected).all()):
        return ""
    tolerance = max(tolerance, 1e-9)
    if not expected.any():
        return ""
    if not came.any():
        return "all zeros"
    place = np.unravel_index(np.abs(expected).argmax(), expected.shape)
    factor = float(came[place] / expected[place])
    if not np.allclose(came, factor * expected, 10 * tolerance, tolerance):
        shift = float(came[place] - expected[place])
        if expected.size > 1 and np.allclose(came, expected + shift, 10 * tolerance, tolerance):
            return f"every element is {abs(shift):.6g} too {'large' if shift > 0 else 'small'}"
        return ""
    if expected.size == 1 and n is None and factor > 0:
        return ""  # one number is always some multiple of another
    sign = "the sign is wrong" if factor < 0 else ""
    ratio = abs(factor)
    if np.isclose(ratio, 1, rtol=10 * tolerance):
        return sign
    size, way = (ratio, "large") if ratio > 1 else (1 / ratio, "small")
    text = f"it is {size:.6g} times too {way}"
    if n is not None and n > 1 and np.isclose(size, n, rtol=1e-4):
        why = "a 1/n is missing" if way == "large" else "a 1/n too much"
        text += f", and there are {n} samples: {why}"
    return f"{text}, and {sign}" if sign else text
