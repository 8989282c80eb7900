"""Numbers that losses, optimizers and schedules are told, against the rows of the core's tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mlpc.arguments import real_number

__all__ = ["checked", "checked_all"]

OPEN_LEAST, OPEN_MOST = 1, 2


def checked(row: tuple[str, float, float, float, int], value: Any) -> float:
    """A setting as a float, where its row (name, initial, least, most, open) allows it.

    Raises
    ------
    TypeError, ValueError
        Where it is no finite number in that range.

    Examples
    --------
    >>> checked(("momentum", 0.0, 0.0, 1.0, 2), 0.9)
    0.9
    """
    name, _, least, most, is_open = row
    number = real_number(name, value, -math.inf)
    above = number > least if is_open & OPEN_LEAST else number >= least
    below = number < most if is_open & OPEN_MOST else number <= most
    if above and below:
        return number
    if most == math.inf:
        expected = f"a number {'>' if is_open & OPEN_LEAST else '>='} {least:g}"
    else:
        expected = f"a number in {'(' if is_open & OPEN_LEAST else '['}{least:g}, {most:g}"
        expected += ")" if is_open & OPEN_MOST else "]"
    raise ValueError(f"{name}: expected {expected}, got {value!r}")


def checked_all(rows: Sequence[tuple[str, float, float, float, int]], values: dict[str, Any]) -> tuple[float, ...]:
    """Settings in the order of their rows.

    Examples
    --------
    >>> checked_all([("a", 0.0, 0.0, 1.0, 0), ("b", 0.0, 0.0, 1.0, 0)], {"b": 1, "a": 0.5})
    (0.5, 1.0)
    """
    return tuple(checked(row, values[row[0]]) for row in rows)
