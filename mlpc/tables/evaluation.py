"""What an evaluation on a table says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpc.arguments import Array
from mlpc.table import Table
from mlpc.tables.target import Label

__all__ = ["Evaluation", "confusion_of", "plain", "plain_numbers"]

MOST_SHOWN = 20  # classes of which a confusion table is printed


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How good the predictions for a table are.

    Attributes
    ----------
    rows : int
        How many rows were looked at.
    loss : float
        The mean loss, of values as the table has them.
    accuracy : float or None
        The share of right classes, in [0, 1]; None of a regression.
    r2 : float or None
        The coefficient of determination of a regression, NaN of a single row.
    labels : tuple or None
        The classes.
    confusion : ndarray of int64, (k, k), or None
        How many rows of each class (down) were predicted to be of each class (across).

    Examples
    --------
    >>> print(Evaluation(3, 0.5, accuracy=2 / 3, labels=("cat", "dog"), confusion=np.array([[1, 1], [0, 1]])))
    rows  loss  accuracy
    --------------------
    3      0.5    0.6667
    <BLANKLINE>
    is \\ predicted  cat  dog
    ------------------------
    cat               1    1
    dog               0    1
    """

    rows: int
    loss: float
    accuracy: float | None = None
    r2: float | None = None
    labels: tuple[Label, ...] | None = None
    confusion: NDArray[np.int64] | None = None

    def _tables(self) -> list[Table]:
        name, score = ("accuracy", self.accuracy) if self.r2 is None else ("R^2", self.r2)
        tables = [Table(["rows", "loss", name], [[self.rows, self.loss, score]])]
        if self.labels is not None and self.confusion is not None and len(self.labels) <= MOST_SHOWN:
            rows = [[str(label), *map(int, row)] for label, row in zip(self.labels, self.confusion, strict=True)]
            tables.append(Table(["is \\ predicted", *map(str, self.labels)], rows))
        return tables

    def __str__(self) -> str:
        return "\n\n".join(map(str, self._tables()))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The same for a notebook."""
        return "".join(table._repr_html_() for table in self._tables())

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON can hold it; None for NaN.

        Examples
        --------
        >>> Evaluation(1, 0.25, r2=float("nan")).to_dict()
        {'rows': 1, 'loss': 0.25, 'r2': None}
        """
        said: dict[str, Any] = {"rows": self.rows, "loss": plain(self.loss)}
        if self.labels is None or self.confusion is None:
            return said | {"r2": plain(self.r2)}
        return said | {
            "accuracy": plain(self.accuracy),
            "labels": list(self.labels),
            "confusion": self.confusion.tolist(),
        }


def plain(number: float | None) -> float | None:
    """A number as JSON can hold it: None for NaN and infinities.

    Examples
    --------
    >>> plain(0.5), plain(float("inf"))
    (0.5, None)
    """
    return None if number is None or not np.isfinite(number) else float(number)


def plain_numbers(numbers: Array) -> list[Any]:
    """The same of an array; what are no floats stay as they are.

    Examples
    --------
    >>> plain_numbers(np.array([[0.5, np.nan]])), plain_numbers(np.array(["a"]))
    ([[0.5, None]], ['a'])
    """
    objects = numbers.astype(object)
    if numbers.dtype.kind == "f":
        objects[~np.isfinite(numbers)] = None
    return list(objects.tolist())


def confusion_of(truth: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """How many rows of each class were predicted to be of each class.

    Examples
    --------
    >>> confusion_of(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
    array([[1, 1],
           [0, 1]])
    """
    return np.bincount(truth * classes + predicted, minlength=classes**2).reshape(classes, classes).astype(np.int64)
