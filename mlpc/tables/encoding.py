"""The columns that a network takes: how a table becomes numbers, and what is done about values that are missing."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from mlpc.tables.column import Column, Unknown, kind_of, texts_of
from mlpc.tables.frames import pandas

__all__ = ["Encoding", "Missing", "check_missing", "choice", "columns_of"]

Missing: TypeAlias = Literal["refuse", "drop", "mean"]
"""What becomes of missing values: an error; the row is left out; or the means of the column's features."""

_GROUPED = re.compile(r"[+-]?([0-9]{1,3}([.,' \u00a0\u202f][0-9]{3})+|[0-9]+)([.,][0-9]+)?\s*%?")


def choice(name: str, value: Any, kind: Any) -> Any:
    """One of the words of a literal type.

    Examples
    --------
    >>> choice("missing", "guess", Missing)
    Traceback (most recent call last):
        ...
    ValueError: missing: expected 'refuse', 'drop' or 'mean', got 'guess'
    """
    words = get_args(kind)
    if value not in words or not isinstance(value, str):
        raise ValueError(
            f"{name}: expected {', '.join(map(repr, words[:-1]))} or {words[-1]!r}, got {reprlib.repr(value)}"
        )
    return value


def columns_of(frame: Any, names: Sequence[str], categories: Sequence[str], most: int) -> list[Column]:
    """What the columns of a table are; `categories` names those whose numbers are categories, too.

    Raises
    ------
    TypeError, ValueError
        Where a column holds what is neither number nor text, nothing at all, or more than `most` categories.
    """
    columns = []
    for name in names:
        series = frame[name]
        if series.isna().all():
            raise ValueError(f"column {name!r}: expected values, got none in {len(series):,} rows")
        if name in categories or kind_of(series) == "category":
            codes, texts = texts_of(name, series)
            if name not in categories and not isinstance(series.dtype, pandas().CategoricalDtype):
                check_texts(series, codes, texts)
            if len(texts) > most:
                raise ValueError(
                    f"column {name!r}: expected at most {most:,} categories, got {len(texts):,}; leave the column out "
                    f"(without), or allow more (most_categories)"
                )
            columns.append(Column(name, tuple(sorted(texts))))
        else:
            columns.append(Column(name))
    return columns


def check_texts(series: Any, codes: NDArray[np.int64], texts: Sequence[str]) -> None:
    """ValueError where most of the texts are numbers, of which one that is misspelt would make categories."""
    are = [_is_number(text) for text in texts]
    if 2 * sum(are) <= len(texts):
        return
    odd = next((place for place, number in enumerate(are) if not number), None)
    if odd is None:
        got = f"text of them, {texts[0]!r}"
    else:
        got = f"{texts[odd]!r} among them at row {series.index[codes == odd][0]}"
    raise ValueError(f"column {series.name!r}: expected numbers, got {got}; or name it as one of categories")


def _is_number(text: str) -> bool:
    """Whether a text is one, in whatever way of writing: 1.5, 1,5, 1,000.5, 1.000,5, 5 %."""
    try:
        float(text.replace(",", "."))
    except ValueError:
        return _GROUPED.fullmatch(text.strip()) is not None
    return True


def check_missing(absent: dict[str, NDArray[np.bool_]]) -> None:
    """ValueError where a column lacks a value: which, how many, and where the first one would be."""
    lacking = {name: mask for name, mask in absent.items() if mask.any()}
    if lacking:
        said = [
            f"{int(mask.sum()):,} in column {name!r}, the first at row {int(mask.argmax())}"
            for name, mask in list(lacking.items())[:3]
        ]
        more = f"; and in {len(lacking) - 3} more columns" if len(lacking) > 3 else ""
        raise ValueError(f"table: expected no missing values, got {'; '.join(said)}{more}")


@dataclass(frozen=True, eq=False)
class Encoding:
    """How rows of a table become rows of numbers.

    Parameters
    ----------
    columns : tuple of Column
        In the order of the features.
    missing : {"refuse", "drop", "mean"}
    means : ndarray of float64 or None
        What stands for missing values, one for each feature; None where nothing does.

    Examples
    --------
    >>> from mlpc.tables.frames import frame_of
    >>> encoding = Encoding((Column("age"), Column("colour", ("blue", "red"))))
    >>> encoding.encode(frame_of("table", {"colour": ["red", "blue"], "age": [30, 40]}))
    array([[30.,  0.,  1.],
           [40.,  1.,  0.]])
    """

    columns: tuple[Column, ...]
    missing: Missing = "refuse"
    means: NDArray[np.float64] | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features, in their order."""
        return tuple(feature for column in self.columns for feature in column.features)

    @property
    def numeric(self) -> NDArray[np.bool_]:
        """Which features are numbers, and no categories."""
        return np.array([column.categories is None for column in self.columns for _ in column.features], bool)

    def absent(self, frame: Any) -> dict[str, NDArray[np.bool_]]:
        """Which rows lack a value, by column."""
        self.check_columns(frame)
        return {column.name: frame[column.name].isna().to_numpy() for column in self.columns}

    def check_columns(self, frame: Any) -> None:
        """ValueError where a table lacks a column; their order does not matter, and others may be there."""
        missing = [column.name for column in self.columns if column.name not in frame.columns]
        if missing:
            raise ValueError(
                f"table: expected the columns that the training had; missing: {reprlib.repr(missing)}, there are "
                f"{reprlib.repr(list(frame.columns))}"
            )

    def encode(self, frame: Any, unknown: Unknown = "refuse") -> NDArray[np.float64]:
        """The features of each row.

        Raises
        ------
        TypeError, ValueError
            Where a column or a value is missing, or a value is none that the column can have.
        """
        self.check_columns(frame)
        if self.means is None:
            check_missing(self.absent(frame))
        x = self.features_of(frame, unknown)
        return x if self.means is None else np.where(np.isnan(x), self.means, x)

    def features_of(self, frame: Any, unknown: Unknown = "refuse") -> NDArray[np.float64]:
        """The features of each row, NaN where a value is missing."""
        return np.concatenate([column.encode(frame[column.name], unknown) for column in self.columns], axis=1)
