"""A table made ready for a training: which columns and rows take part, their numbers, and the constants of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpc.arguments import Array, is_several
from mlpc.splits import stratified_split
from mlpc.standardizing import standardize
from mlpc.tables.column import Column, numbers_of
from mlpc.tables.encoding import Encoding, Missing, check_missing, columns_of
from mlpc.tables.target import Target, Task, target_of
from mlpc.warnings import ConstantColumnWarning, warn

__all__ = ["Prepared", "names_in", "prepare", "split_off", "weights_of"]


@dataclass(frozen=True, eq=False)
class Prepared:
    """Rows as numbers, in the terms of the table.

    Attributes
    ----------
    rows : ndarray of int64
        Which rows of the table these are.
    x, y : ndarray
    weights : ndarray or None
    """

    encoding: Encoding
    target: Target
    rows: NDArray[np.int64]
    x: NDArray[np.float64]
    y: Array
    weights: NDArray[np.float64] | None

    def part(self, rows: NDArray[np.int64]) -> Prepared:
        """Some of the rows."""
        weights = None if self.weights is None else self.weights[rows]
        return replace(self, rows=self.rows[rows], x=self.x[rows], y=self.y[rows], weights=weights)


def names_in(name: str, names: Any, frame: Any) -> list[str]:
    """Names of columns, all of which the table has.

    Raises
    ------
    TypeError, ValueError
        Where they are none.
    """
    if not is_several(names) or not all(isinstance(each, str) for each in names):
        raise TypeError(f"{name}: expected names of columns, got {names!r}")
    missing = [each for each in names if each not in frame.columns]
    if missing:
        there = ", ".join(map(repr, frame.columns[:20])) + (", ..." if len(frame.columns) > 20 else "")
        raise ValueError(f"{name}: expected columns of the table, {there}, got {missing[0]!r}")
    return list(names)


def prepare(
    frame: Any,
    target: str,
    *,
    task: Task | None,
    missing: Missing,
    categories: Sequence[str],
    without: Sequence[str],
    most_categories: int,
    sample_weight: str | None,
) -> Prepared:
    """What is learnt from a table: see `TableModel`, whose arguments these are.

    Raises
    ------
    TypeError, ValueError
        Where the table cannot be learnt from.
    """
    special = [target] if sample_weight is None else [target, sample_weight]
    names_in("target", [target], frame)
    names_in("sample_weight", special[1:], frame)
    if sample_weight == target:
        raise ValueError(f"sample_weight: expected another column than the target, got {target!r}")
    left_out = {*special, *names_in("without", without, frame)}
    names = [name for name in frame.columns if name not in left_out]
    if not len(frame):
        raise ValueError("table: expected rows, got none")
    absent = {name: frame[name].isna().to_numpy() for name in [*names, *special]}
    lacking = np.any([*absent.values()], axis=0)
    if missing == "refuse":
        check_missing(absent)
    if missing == "mean":
        check_missing({name: absent[name] for name in special})
    rows = np.flatnonzero(~lacking) if missing == "drop" else np.arange(len(frame))
    if not len(rows):
        raise ValueError("table: expected rows without missing values, got none: each lacks one")
    frame = frame.iloc[rows]
    columns = columns_of(frame, names, names_in("categories", categories, frame), most_categories)
    varying = [column for column in columns if _varies(column, frame[column.name])]
    if not varying:
        raise ValueError("table: expected a column beside the target whose values differ, got none")
    means = _means(Encoding(tuple(varying)).features_of(frame)) if missing == "mean" else None
    encoding = Encoding(tuple(varying), missing, means)
    goal = target_of(frame[target], task, most_categories)
    weights = None if sample_weight is None else weights_of(frame[sample_weight])
    return Prepared(encoding, goal, rows, encoding.encode(frame), goal.encode(frame), weights)


def weights_of(series: Any) -> NDArray[np.float64]:
    """The weights of rows; ValueError where one is none."""
    weights = numbers_of(series.name, series)
    if (weights < 0).any():
        row = int((weights < 0).argmax())
        raise ValueError(
            f"column {series.name!r}: expected weights >= 0, got {weights[row]} at row {series.index[row]}"
        )
    return weights


def _means(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each feature, where there is a value; summed in our own order."""
    return np.array([standardize(feature[~np.isnan(feature)])[0] for feature in x.T])


def _varies(column: Column, series: Any) -> bool:
    """Whether a column says anything: one that does not has weights that nothing has trained."""
    if column.categories is not None:
        value, constant = column.categories[0], len(column.categories) < 2
    else:
        values = numbers_of(column.name, series)
        least, most = float(np.nanmin(values)), float(np.nanmax(values))
        value, constant = f"{least:g}", least == most
    if constant:
        warn(
            f"column {column.name!r} is {value} in every row, and left out: it says nothing",
            ConstantColumnWarning,
        )
    return not constant


def split_off(data: Prepared, seed: int, share: float) -> tuple[Prepared, Prepared]:
    """The rows that `MLP.fit` would split off, here so that no constant is made of them."""
    n = len(data.rows)
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < round(share * n) < n:
        raise ValueError(
            f"validation_split: expected a share in (0, 1) that leaves rows on both sides, got {share!r} of {n} rows"
        )
    labels = np.zeros(n, np.int64) if data.target.labels is None else data.y
    train, held = stratified_split(labels, round(share * n), seed=seed)
    return data.part(train), data.part(held)
