"""A column of a table: what its values are, and the features that a network gets of it."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpc.tables.frames import pandas

__all__ = ["Column", "Kind", "Unknown", "kind_of", "numbers_of", "texts_of"]

Kind: TypeAlias = Literal["number", "category"]
Unknown: TypeAlias = Literal["refuse", "ignore"]
"""What becomes of categories that the training had not: an error, or a row that is of no category."""


@dataclass(frozen=True)
class Column:
    """A column of numbers, which is one feature, or of categories, each of which is a feature of 0 and 1.

    Parameters
    ----------
    name : str
    categories : tuple of str or None
        None of numbers.

    Examples
    --------
    >>> Column("colour", ("blue", "red")).features
    ('colour=blue', 'colour=red')
    """

    name: str
    categories: tuple[str, ...] | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features."""
        if self.categories is None:
            return (self.name,)
        return tuple(f"{self.name}={each}" for each in self.categories)

    def encode(self, series: Any, unknown: Unknown = "refuse") -> NDArray[np.float64]:
        """The features of some values, (n, number of features); NaN where a value is missing.

        Raises
        ------
        TypeError, ValueError
            Where a value is no number, infinite, or no known category.
        """
        if self.categories is None:
            return numbers_of(self.name, series)[:, None]
        codes, texts = texts_of(self.name, series)
        places = {each: place for place, each in enumerate(self.categories)}
        of_codes = np.array([places.get(text, -1) for text in texts] + [-1], np.int64)  # -1, the last one, is missing
        chosen = of_codes[codes]
        stray = np.flatnonzero((chosen < 0) & (codes >= 0))
        if stray.size and unknown == "refuse":
            known = ", ".join(map(repr, self.categories[:8])) + (", ..." if len(self.categories) > 8 else "")
            row = stray[0]
            raise ValueError(
                f"column {self.name!r}: expected one of {known}, got {texts[codes[row]]!r} at row {series.index[row]}"
            )
        features = (chosen[:, None] == np.arange(len(self.categories))).astype(np.float64)
        features[codes < 0] = np.nan
        return features

    def describe(self) -> dict[str, Any]:
        """The same as JSON can hold it; `of` is the reverse."""
        return {"name": self.name} | ({} if self.categories is None else {"categories": list(self.categories)})

    @staticmethod
    def of(described: Any) -> Column:
        """The column that `describe` tells of; ValueError where that is none."""
        if isinstance(described, Mapping) and {"name"} <= described.keys() <= {"name", "categories"}:
            name, categories = described["name"], described.get("categories")
            if isinstance(name, str) and categories is None:
                return Column(name)
            if isinstance(name, str) and isinstance(categories, list) and _different_texts(categories):
                return Column(name, tuple(categories))
        raise ValueError("columns: expected names, and the categories of each that has any, got others")


def _different_texts(values: list[Any]) -> bool:
    """Whether these are two texts or more, each another one."""
    return all(isinstance(each, str) for each in values) and len(set(values)) == len(values) > 1


def kind_of(series: Any) -> Kind:
    """What the values of a column are, by their type: numbers and truth values, or text.

    Raises
    ------
    TypeError
        Where they are neither, or both.

    Examples
    --------
    >>> kind_of(pandas().Series(["red", "blue"], name="colour")), kind_of(pandas().Series([True, False], name="old"))
    ('category', 'number')
    """
    types = pandas().api.types
    dtype = series.dtype
    if isinstance(dtype, (pandas().CategoricalDtype, pandas().StringDtype)):
        return "category"
    if types.is_bool_dtype(dtype) or (types.is_numeric_dtype(dtype) and not types.is_complex_dtype(dtype)):
        return "number"
    if types.is_object_dtype(dtype):
        values = [each for each in series.tolist() if not _is_missing(each)]
        texts = [isinstance(each, str) for each in values]
        if all(texts):
            return "category"
        other = values[texts.index(False)]
        if not any(texts) and all(isinstance(each, (numbers.Real, np.bool_)) for each in values):
            return "number"
        got = f"{other!r} beside text" if any(texts) else repr(other)
        raise TypeError(f"column {series.name!r}: expected numbers, or text, got {got}")
    raise TypeError(f"column {series.name!r}: expected numbers, truth values or text, got {dtype}")


def _is_missing(value: Any) -> bool:
    missing = pandas().isna(value)
    return isinstance(missing, (bool, np.bool_)) and bool(missing)


def numbers_of(name: str, series: Any) -> NDArray[np.float64]:
    """The values of a column as numbers, NaN where they are missing.

    Raises
    ------
    TypeError, ValueError
        Where one is no number, or infinite.

    Examples
    --------
    >>> numbers_of("old", pandas().Series([True, None, False]))
    array([ 1., nan,  0.])
    """
    types = pandas().api.types
    if not (types.is_bool_dtype(series.dtype) or types.is_numeric_dtype(series.dtype)) or types.is_complex_dtype(
        series.dtype
    ):
        for row, value in zip(series.index, series.tolist(), strict=True):
            if not _is_missing(value) and not isinstance(value, (numbers.Real, np.bool_)):
                raise TypeError(f"column {name!r}: expected a number, got {value!r} at row {row}")
    array: NDArray[np.float64] = series.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = np.flatnonzero(np.isinf(array))
    if infinite.size:
        row = int(infinite[0])
        raise ValueError(f"column {name!r}: expected finite numbers, got {array[row]} at row {series.index[row]}")
    return array


def texts_of(name: str, series: Any) -> tuple[NDArray[np.int64], list[str]]:
    """The values of a column as numbers of texts, -1 where they are missing, and the texts, each another one.

    Integers and truth values count by their text: 12 is the category "12".

    Raises
    ------
    TypeError
        Where one is neither text, integer nor truth value.

    Examples
    --------
    >>> texts_of("colour", pandas().Series(["red", None, "blue", "red"]))
    (array([ 0, -1,  1,  0]), ['red', 'blue'])
    """
    codes, values = pandas().factorize(series)
    texts = []
    for place, value in enumerate(np.asarray(values, object)):
        if not isinstance(value, (str, numbers.Integral, np.bool_)):
            row = int(np.flatnonzero(codes == place)[0])
            raise TypeError(f"column {name!r}: expected a category as text, got {value!r} at row {series.index[row]}")
        texts.append(str(value))
    known = {text: place for place, text in reversed(list(enumerate(texts)))}  # 1 and "1" are the same
    if len(known) < len(texts):
        order = list(dict.fromkeys(texts))
        places = np.array([order.index(text) for text in texts] + [-1])
        codes, texts = places[codes], order
    return np.asarray(codes, np.int64), texts
