"""Validation data: given, or split off."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from mlpc import _mlpc
from mlpc.arguments import Array, real_array, real_number
from mlpc.columns import Columns
from mlpc.csr import Input, InputLike
from mlpc.loss import Loss
from mlpc.network import Network
from mlpc.samples import checked_samples
from mlpc.splits import stratified_split

__all__ = ["Part", "ValidationData", "checked_part", "split_off"]

ValidationData: TypeAlias = tuple[InputLike, ArrayLike] | tuple[InputLike, ArrayLike, ArrayLike | None]
"""x, y, and where there are any, the weights of the rows."""


class Part(NamedTuple):
    """Samples as they come: x, y, and a weight of each row or None."""

    x: Input
    y: Array
    weights: Array | None


def checked_part(
    net: Network, samples: Any, criterion: Loss, spec: _mlpc.Loss, scale: float | None, columns: Columns
) -> tuple[Part, Any]:
    """Validation data, x as `checked_samples` gives it, and what the loss is computed of.

    Raises
    ------
    TypeError, ValueError
        Where it is no (x, y) or (x, y, sample_weight) of this network, or x has other columns.
    """
    if not isinstance(samples, (tuple, list)) or len(samples) not in (2, 3):
        found = f"{len(samples)} of them" if isinstance(samples, (tuple, list)) else type(samples).__name__
        raise TypeError(f"validation_data: expected a pair (x, y), or (x, y, sample_weight), got {found}")
    try:
        columns.check("x", samples[0])
        y = real_array("y", samples[1])
        weights = real_array("sample_weight", samples[2]) if len(samples) == 3 and samples[2] is not None else None
        x, objective = checked_samples(net, samples[0], y, criterion, spec, weights, scale)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from None
    return Part(x, y, weights), objective


def split_off(net: Network, part: Part, share: Any, criterion: Loss) -> tuple[Part, Part]:
    """Two parts of checked samples, the second one with that share of the rows, rounded to whole ones.

    They are drawn by the network's seed: of as many rows always the same ones.  Every class has its share of both parts
    where y holds labels.

    Raises
    ------
    TypeError, ValueError
        Where `share` is no number between 0 and 1, or so many rows that none are left, or none.
    """
    share, n = real_number("validation_split", share), len(part.y)
    count = round(share * n)
    if not 0 < share < 1 or not 0 < count < n:
        raise ValueError(
            f"validation_split: expected a share in (0, 1) that leaves rows on both sides, got {share:g} of {n} rows"
        )
    single = part.y.size == n and criterion.classifies
    labels = part.y.reshape(n) if single else np.zeros(n, np.int64)
    train, held = stratified_split(labels, count, seed=net.seed)
    return _rows(part, train), _rows(part, held)


def _rows(part: Part, rows: Array) -> Part:
    return Part(part.x[rows], part.y[rows], None if part.weights is None else part.weights[rows])
