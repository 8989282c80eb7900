"""Labels: what the classes of a network are called outside of it."""

from __future__ import annotations

import math
import reprlib
from typing import Any, TypeAlias

import numpy as np

from mlpc.arguments import any_array, is_several, whole_number

__all__ = ["Labels", "checked_labels"]

Labels: TypeAlias = tuple[str, ...] | tuple[int, ...] | tuple[float, ...]

_LEAST, _MOST = -(2**63), 2**63 - 1  # so that an array of them has a dtype


def checked_labels(labels: Any, outputs: int) -> Labels | None:
    """One label for each class of a network with so many outputs, or None; a single output has two classes, 0 and 1.

    Raises
    ------
    TypeError, ValueError
        Where `labels` is neither: they are texts, integers or finite floats, all of one of these types, and differ.

    Examples
    --------
    >>> checked_labels(["cat", "dog"], 2)
    ('cat', 'dog')
    >>> checked_labels(np.array([-1, 1]), 1)
    (-1, 1)
    """
    if labels is None:
        return None
    if not is_several(labels) or isinstance(labels, (set, frozenset)):  # sets have no order
        raise TypeError(f"labels: expected None or a list, one for each class, got {reprlib.repr(labels)}")
    given = any_array("labels", labels) if hasattr(labels, "mask") else labels
    each = [one.item() if isinstance(one, (np.generic, np.ndarray)) and one.size == 1 else one for one in given]
    classes = max(outputs, 2)
    if len(each) != classes:
        raise ValueError(f"labels: expected {classes}, one for each class, got {len(each)}")
    kinds = {str if isinstance(one, str) else type(one) for one in each}
    if len(kinds) != 1 or not kinds <= {str, int, float}:
        raise TypeError(f"labels: expected texts, integers or floats, all of one type, got {reprlib.repr(each)}")
    for place, one in enumerate(each):
        if isinstance(one, int):
            whole_number(f"labels[{place}]", one, _LEAST, _MOST)
        if isinstance(one, float) and not math.isfinite(one):
            raise ValueError(f"labels[{place}]: expected a finite number, got {one}")
    if len(set(each)) != len(each):
        raise ValueError(f"labels: expected labels that differ, got {reprlib.repr(each)}")
    return tuple(str(one) if isinstance(one, str) else one for one in each)
