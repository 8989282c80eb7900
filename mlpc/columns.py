"""Columns by name: what a network was trained with, and what it is given, must have the same ones."""

from __future__ import annotations

import reprlib
from typing import Any, TypeAlias

import numpy as np

from mlpc.arguments import is_several

__all__ = ["Columns", "Names", "check_columns", "checked_names"]

Names: TypeAlias = tuple[str, ...]


def _names_of(name: str, x: Any) -> Names | None:
    """The names of a table's columns, of pandas or another library; None of an array, and of a table without names."""
    if isinstance(x, np.ndarray):
        return None
    columns: Any = getattr(x, "columns", None)
    names = list(columns) if is_several(columns) else []
    others = [each for each in names if not isinstance(each, str)]
    if len(others) == len(names):
        return None
    if others:
        raise TypeError(
            f"{name}: expected columns of which all names are text, or none, got {others[0]!r} among them; "
            f"{name}.columns = {name}.columns.astype(str) makes text of all"
        )
    return tuple(str(each) for each in names)


def check_columns(name: str, x: Any, expected: Names | None) -> None:
    """Whether a table has the columns that are expected, in their order; whatever has no names, need not.

    Parameters
    ----------
    name : str
        What an error calls the table.
    x : object
        Anything.
    expected : tuple of str or None
        None where nothing is.

    Raises
    ------
    ValueError
        Where the columns are others, or come in another order.
    TypeError
        Where only some names are text.

    Examples
    --------
    >>> import pandas
    >>> check_columns("x", pandas.DataFrame({"age": [1.0], "size": [2.0]}), ("age", "weight"))
    Traceback (most recent call last):
        ...
    ValueError: x: expected the columns that fit had; missing: ['weight'], unknown: ['size']
    """
    Columns(expected).check(name, x)


class Columns:
    """The names that the columns of a training have: those of the first table that has any.

    Parameters
    ----------
    names : tuple of str or None
        Those that are known already.
    """

    def __init__(self, names: Names | None) -> None:
        self.names = names

    def check(self, name: str, x: Any) -> None:
        """As `check_columns`; where no names were known, these are."""
        names, expected = _names_of(name, x), self.names
        if names is None or names == expected:
            return
        if expected is None:
            self.names = names
            return
        missing, unknown = [each for each in expected if each not in names], [n for n in names if n not in expected]
        if missing or unknown:
            raise ValueError(
                f"{name}: expected the columns that fit had; missing: {reprlib.repr(missing)}, "
                f"unknown: {reprlib.repr(unknown)}"
            )
        raise ValueError(
            f"{name}: expected the columns in the order that fit had, {reprlib.repr(list(expected))}, got "
            f"{reprlib.repr(list(names))}; {name}[list(net.feature_names)] has it"
        )


def checked_names(names: Any, count: int) -> Names | None:
    """So many names of columns, or None.

    Raises
    ------
    TypeError, ValueError
        Where `names` is neither.

    Examples
    --------
    >>> checked_names(["age", "weight"], 2)
    ('age', 'weight')
    """
    if names is None:
        return None
    if not is_several(names) or not all(isinstance(each, str) for each in names):
        raise TypeError(f"feature_names: expected None or a list of texts, got {reprlib.repr(names)}")
    if len(names) != count:
        raise ValueError(f"feature_names: expected {count}, as many as there are inputs, got {len(names)}")
    return tuple(str(each) for each in names)
