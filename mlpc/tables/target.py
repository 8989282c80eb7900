"""The column that is to be predicted: classes, or numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpc.arguments import Array
from mlpc.tables.column import kind_of, numbers_of, texts_of
from mlpc.tables.frames import pandas

__all__ = ["Label", "Target", "Task", "target_of"]

Task: TypeAlias = Literal["classification", "regression"]
Label: TypeAlias = str | int | float | bool

FEW = 20
"""So many different integers are classes; more of them are numbers."""


@dataclass(frozen=True)
class Target:
    """A column by name, with the labels of its classes, ascending, or None where its values are numbers.

    Examples
    --------
    >>> target = Target("kind", ("cat", "dog"))
    >>> target.decode(np.array([1, 0])), target.task
    (array(['dog', 'cat'], dtype='<U3'), 'classification')
    """

    name: str
    labels: tuple[Label, ...] | None = None

    @property
    def task(self) -> Task:
        return "regression" if self.labels is None else "classification"

    @property
    def of_text(self) -> bool:
        """Whether the labels are text."""
        return self.labels is not None and isinstance(self.labels[0], str)

    def encode(self, frame: Any) -> Array:
        """The column's values as a loss takes them: numbers of classes, int64, or numbers.

        Raises
        ------
        TypeError, ValueError
            Where the column is missing, or a value is missing or none of the classes.
        """
        if self.name not in frame.columns:
            raise ValueError(f"table: expected the column {self.name!r}, which was trained for, got none of that name")
        series = frame[self.name]
        check_whole(self.name, series)
        if self.labels is None:
            return numbers_of(self.name, series)
        codes, texts = (texts_of if self.of_text else _numbered)(self.name, series)
        places = {label: place for place, label in enumerate(self.labels)}
        stray = [place for place, each in enumerate(texts) if each not in places]
        if stray:
            row = int(np.isin(codes, stray).argmax())
            known = ", ".join(map(repr, self.labels[:8])) + (", ..." if len(self.labels) > 8 else "")
            raise ValueError(
                f"column {self.name!r}: expected one of the classes {known}, got {texts[codes[row]]!r} at row "
                f"{series.index[row]}"
            )
        return np.array([places[each] for each in texts], np.int64)[codes]

    def decode(self, classes: Array) -> NDArray[Any]:
        """Labels, of numbers of classes."""
        return np.array(self.labels)[classes]


def check_whole(name: str, series: Any) -> None:
    """ValueError where a value is missing."""
    absent = series.isna().to_numpy()
    if absent.any():
        raise ValueError(
            f"column {name!r}: expected no missing values in the target, got {int(absent.sum()):,}, the first at row "
            f"{int(absent.argmax())}; missing='drop' leaves these rows out"
        )


def target_of(series: Any, task: Task | None, most: int) -> Target:
    """What a column is as a target.

    Text and truth values are classes, and so are integers of which no more than 20 are different; all else are numbers.
    `task` says otherwise.

    Raises
    ------
    TypeError, ValueError
        Where there are no two different values, more than `most` classes, or text is to be numbers.

    Examples
    --------
    >>> target_of(pandas().Series([2, 1, 2], name="kind"), None, 100)
    Target(name='kind', labels=(1, 2))
    """
    name, kind = series.name, kind_of(series)
    check_whole(name, series)
    if task is None:
        task = "classification" if kind == "category" or _few(series) else "regression"
    if task == "regression":
        if kind == "category":
            raise TypeError(f"column {name!r}: expected numbers for a regression, got text, {series.iloc[0]!r}")
        values = numbers_of(name, series)
        if (values == values[0]).all():
            raise ValueError(f"column {name!r}: expected numbers that differ, got {values[0]:g} in every row")
        return Target(name)
    labels: list[Any] = sorted((texts_of if kind == "category" else _numbered)(name, series)[1])
    if len(labels) < 2:
        raise ValueError(f"column {name!r}: expected at least two classes, got only {labels[0]!r}")
    if len(labels) > most:
        raise ValueError(
            f"column {name!r}: expected at most {most:,} classes, got {len(labels):,}; allow more (most_categories), "
            "or train a regression, where they are numbers (task)"
        )
    return Target(name, tuple(labels))


def _few(series: Any) -> bool:
    types = pandas().api.types
    whole = types.is_integer_dtype(series.dtype) or types.is_bool_dtype(series.dtype)
    if types.is_object_dtype(series.dtype):
        whole = all(isinstance(each, (int, np.integer, bool, np.bool_)) for each in series.tolist())
    return whole and series.nunique() <= FEW


def _numbered(name: str, series: Any) -> tuple[NDArray[np.int64], list[Any]]:
    """Numbers of different values, ascending, and these, as Python has them: truth values, integers or floats."""
    numbers_of(name, series)  # refuses what is none, or infinite
    codes, different = pandas().factorize(series, sort=True)
    values = np.asarray(different, object)
    return np.asarray(codes, np.int64), [each.item() if isinstance(each, np.generic) else each for each in values]
