"""Tables as they come, as frames of pandas' that have been looked at."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["check_names", "frame_of", "pandas"]


def pandas() -> Any:
    """The package; the ImportError says how to get it."""
    try:
        return importlib.import_module("pandas")
    except ImportError as error:
        raise ImportError("tables need pandas: pip install pandas") from error


def frame_of(name: str, table: Any) -> Any:
    """A table as a `pandas.DataFrame`, all of whose columns have names, each another one.

    Its index is the number of the row, from 0: where rows are left out, errors still say which one it was.

    Parameters
    ----------
    name : str
        What an error calls the table.
    table : pandas.DataFrame, or mapping of str to array-like or scalar
        Columns by name; one row where all of them are scalars.

    Raises
    ------
    TypeError, ValueError
        Where it is none.
    ImportError
        Where pandas is not installed.

    Examples
    --------
    >>> frame_of("table", {"age": 30, "colour": "red"}).shape
    (1, 2)
    >>> frame_of("table", {"age": [30, 40], "colour": ["red"]})
    Traceback (most recent call last):
        ...
    ValueError: table: expected columns of equal length, got lengths 2, 1
    """
    frames = pandas()
    if isinstance(table, Mapping):
        table = _of_columns(name, frames, table)
    if not isinstance(table, frames.DataFrame):
        raise TypeError(f"{name}: expected a pandas.DataFrame or columns by name, got {type(table).__name__}")
    others = [each for each in table.columns if not isinstance(each, str)]
    if others:
        raise TypeError(
            f"{name}: expected columns of which all names are text, got {others[0]!r} among them; "
            f"{name}.columns = {name}.columns.astype(str) makes text of all"
        )
    check_names(name, list(table.columns))
    return table.reset_index(drop=True)


def _of_columns(name: str, frames: Any, columns: Mapping[Any, Any]) -> Any:
    shapes = {key: _shape(each) for key, each in columns.items()}
    if columns and not any(shapes.values()):
        columns, shapes = {key: [each] for key, each in columns.items()}, dict.fromkeys(columns, (1,))
    wrong = next((key for key, shape in shapes.items() if shape is None or len(shape) != 1), None)
    if wrong is not None:
        got = "one of rows of different length" if shapes[wrong] is None else f"one of shape {shapes[wrong]}"
        raise ValueError(f"{name}: expected columns of shape (n,), got {got}, {wrong!r}")
    lengths = [shape[0] for shape in shapes.values() if shape]
    if len(set(lengths)) > 1:
        raise ValueError(f"{name}: expected columns of equal length, got lengths {', '.join(map(str, lengths))}")
    own = (frames.Series, frames.Index)  # whose rows would be matched by their names
    return frames.DataFrame({key: each.array if isinstance(each, own) else each for key, each in columns.items()})


def _shape(value: Any) -> tuple[int, ...] | None:
    """None of rows that differ in length."""
    try:
        return np.shape(value)
    except ValueError:
        return None


def check_names(name: str, names: Sequence[str]) -> None:
    """Whether there are columns, each with a name of its own.

    Raises
    ------
    ValueError
        Where there are none, one has no name, or two have the same.

    Examples
    --------
    >>> check_names("table", ["age", "age"])
    Traceback (most recent call last):
        ...
    ValueError: table: expected columns of different names, got 'age' 2 times
    """
    if not names:
        raise ValueError(f"{name}: expected columns, got none")
    most, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise ValueError(f"{name}: expected columns of different names, got {most!r} {times} times")
    if not all(each.strip() for each in names):
        place = next(place for place, each in enumerate(names) if not each.strip())
        raise ValueError(f"{name}: expected a name for each column, got none for column {place}")
