"""Weights of classes, for losses that decide between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from mlpc import _mlpc
from mlpc.arguments import Array, real_array, real_number

__all__ = ["ClassWeight", "class_weights"]

ClassWeight: TypeAlias = ArrayLike | Mapping[int, float] | Literal["balanced"]
"""What `class_weight` can be: see `class_weights`."""


def class_weights(class_weight: ClassWeight, y: Array, n_classes: int) -> Array:
    """Weights of classes as an array: of a dict, whose other classes weigh 1, or of "balanced", n / (k count).

    Parameters
    ----------
    class_weight : array-like, shape (k,), dict of int to float, or "balanced"
    y : array, (n,)
        Labels, which "balanced" counts: King and Zeng, "Logistic Regression in Rare Events Data", 2001.
    n_classes : int
        k.

    Raises
    ------
    TypeError, ValueError
        Where a class is none, or "balanced" finds a class without rows, or in y what is no label.

    Examples
    --------
    >>> import numpy as np
    >>> class_weights("balanced", np.array([0, 0, 0, 1]), 2).round(3)
    array([0.667, 2.   ])
    >>> class_weights({1: 5.0}, np.array([0, 1]), 2)
    array([1., 5.])
    """
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(f"class_weight: expected weights, a dict or 'balanced', got {class_weight!r}")
        return _balanced(y, n_classes)
    if isinstance(class_weight, Mapping):
        return _of_mapping(class_weight, n_classes)
    return real_array("class_weight", class_weight)


def _balanced(y: Array, n_classes: int) -> Array:
    _mlpc.Objective(y, ("cross_entropy", "mean", None, None), None, "float64", n_classes)  # refuses what is no target
    if y.ndim != 1:
        raise ValueError(f"class_weight: expected labels to balance, got targets of shape {y.shape}")
    counts = np.bincount(y.astype(np.int64), minlength=n_classes)
    if not counts.all():
        raise ValueError(f"class_weight: expected rows of every class, got none of class {int(counts.argmin())}")
    return len(y) / (n_classes * counts)


def _of_mapping(class_weight: Mapping[int, float], n_classes: int) -> Array:
    weights = np.ones(n_classes)
    for label, weight in class_weight.items():
        if isinstance(label, bool) or not isinstance(label, (int, np.integer)) or not 0 <= label < n_classes:
            raise ValueError(f"class_weight: expected classes in 0..{n_classes - 1}, got {label!r}")
        weights[label] = real_number(f"class_weight[{label}]", weight)
    return weights
